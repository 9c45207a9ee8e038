"""Branch C, a deposit (alimentation, CSP R.1111-47, AR-003).

State, identified (a server's certificate suffices), excluded sector, consent for non-health professionals; never block,
matrix or mask. The holder's side deposits like it reads: relation, scope, agreement of an app. Nobody deposits advance
directives of a minor.
"""

from typing import Final

from services.access_control.domain.branches import apps
from services.access_control.domain.branches.holder import HOLDERS_SIDE
from services.access_control.domain.branches.people import (
    excluded,
    has_express_consent,
    in_team,
    is_blocked,
    is_health_professional,
    is_occupational,
    not_delegated_for,
    not_on_holders_side,
    not_secret,
    suspended,
)
from services.access_control.domain.cases import Acting, Feeding
from services.access_control.domain.record import no_deposit
from services.access_control.domain.steps import Branch, Grant, Step
from services.access_control.domain.verdict import Verdict, permit
from shared.contracts.common import AccessMode, Actor, ActorKind
from shared.contracts.further_reasons import Code, FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import AppScope, DelegationScope

DIRECTIVES: Final = "EXPPAT_3"
"""Type of advance directives (directives anticipées), which only adults write (CSP L.1111-11, AR-044)."""
_FEEDERS: Final = frozenset({ActorKind.PROFESSIONAL, ActorKind.STRUCTURE})


def needs_consent(actor: Actor) -> bool:
    """True for professionals of R94, R95 and R291 (CSP L.1111-17 III): they feed only with the holder's consent.

    So does whoever names a profession that is not known, and occupational medicine where it may feed (AR-047).
    """
    if actor.kind is not ActorKind.PROFESSIONAL or actor.role is None:
        return False
    return not is_health_professional(actor) or is_occupational(actor)


def needs_rights(actor: Actor) -> bool:
    """True where a deposit is decided on relations, and not on the record's state alone."""
    return needs_consent(actor) or actor.kind is ActorKind.REPRESENTATIVE or actor.app is not None


def _state(case: Feeding) -> Code | None:
    return no_deposit(case.record)


def _secret(case: Feeding) -> Code | None:
    return not_secret(case.record, case.actor, case.now)


def _person(case: Feeding) -> Code | None:
    return None if case.actor.authenticated else Reason.NOT_AUTHENTICATED


def _relation(case: Feeding) -> Code | None:
    return not_on_holders_side(case.record, case.actor, case.now)


def _scope(case: Feeding) -> Code | None:
    return not_delegated_for(case.record, case.actor, DelegationScope.DEPOSIT)


def _referenced(case: Feeding) -> Code | None:
    return apps.not_referenced(case.actor, case.policy, AppScope.DEPOSIT)


def _agreed(case: Feeding) -> Code | None:
    return apps.not_agreed(case.record, case.actor, case.now, AppScope.DEPOSIT)


def identified(case: Feeding | Acting) -> Code | None:
    """Why this is nobody who feeds: no professional and no structure, or without what tells which one."""
    actor = case.actor
    if actor.kind is ActorKind.INSURER:
        return Reason.EXCLUDED_ACTOR
    if actor.kind not in _FEEDERS:
        return FurtherReason.CASE_NEEDED
    if actor.number is None:
        return Reason.NOT_AUTHENTICATED
    return Reason.NO_ROLE if actor.kind is ActorKind.PROFESSIONAL and actor.role is None else None


def barred(case: Feeding | Acting) -> Code | None:
    """By the operator, or by the sector exercised."""
    return suspended(case.record, case.actor) or excluded(case.actor, case.policy)


def _opposed(case: Feeding) -> Code | None:
    """An opposition to bris de glace covers feeding in that mode, too (AR-033)."""
    opposed = case.mode is AccessMode.EMERGENCY and not case.record.wishes.break_glass
    return FurtherReason.EMERGENCY_OPPOSED if opposed else None


def _consent(case: Feeding) -> Code | None:
    """C4: an authorisation, a session or a team's initial consent covers access and feeding (CSP L.1111-17 III)."""
    actor, record = case.actor, case.record
    if not needs_consent(actor) or (not case.policy.feeding_needs_consent and not is_occupational(actor)):
        return None
    if is_blocked(record, actor):
        return Reason.CONSENT_NEEDED  # a blocked one's consent is gone
    consented = has_express_consent(record, actor, case.now) or (
        not is_occupational(actor) and in_team(record, actor, case.now)
    )
    return None if consented else Reason.CONSENT_NEEDED


def _of_a_minor(case: Feeding) -> Code | None:
    majority = case.record.majority
    if majority is None:
        return FurtherReason.MAJORITY_UNKNOWN
    return FurtherReason.DIRECTIVES_OF_A_MINOR if case.now < majority else None


def _holders_side(case: Feeding) -> Verdict:
    if case.actor.app is not None:
        return permit(FurtherReason.APP)
    return permit(Reason.HOLDER if case.actor.kind is ActorKind.PATIENT else FurtherReason.REPRESENTATIVE)


def _fed(case: Feeding) -> Verdict:
    consented = needs_consent(case.actor) and (case.policy.feeding_needs_consent or is_occupational(case.actor))
    return permit(Reason.AUTHORISED if consented else Reason.FEEDING_DUTY)


_FIRST: Final[tuple[Step[Feeding], ...]] = (
    Step("C1", ("AR-003", "AR-054", "AR-057"), _state),
    Step("secret", ("AR-042",), _secret),
)
_SIDE: Final[tuple[Step[Feeding], ...]] = (
    Step("A2", ("AR-061",), _person),
    Step("A3", ("AR-045", "AR-063"), _relation),
    Step("A4", ("AR-061",), _scope),
)
_GRANT: Final = Grant("A6", ("AR-061",), _holders_side)
HOLDER: Final = Branch((*_FIRST, *_SIDE), _GRANT)
APP: Final = Branch(
    (*_FIRST, Step("B1", ("AR-067",), _referenced), Step("B2", ("AR-067",), _agreed), *_SIDE),
    _GRANT,
)
FEEDER: Final = Branch(
    (
        *_FIRST,
        Step("C2", ("AR-002", "AR-016", "AR-046", "AR-072"), identified),
        Step("C3", ("AR-046", "AR-047", "AR-048", "AR-062"), barred),
        Step("C4", ("AR-033",), _opposed),
        Step("C5", ("AR-003",), _consent),
    ),
    Grant("C6", ("AR-003", "AR-004"), _fed),
)


_ADULT: Final = Step("directives", ("AR-044",), _of_a_minor)
OF_AN_ADULT: Final = {
    name: Branch((*branch.steps, _ADULT), branch.grant)
    for name, branch in (("holder", HOLDER), ("app", APP), ("feeder", FEEDER))
}
"""The same for what only an adult writes: other deposits are not asked about the holder's age."""


def branch_of(actor: Actor, type_code: str | None = None) -> Branch[Feeding]:
    """The branch that decides on this actor's deposit of such a document."""
    if type_code == DIRECTIVES:
        side = "holder" if actor.app is None else "app"
        return OF_AN_ADULT[side if actor.kind in HOLDERS_SIDE else "feeder"]
    if actor.kind not in HOLDERS_SIDE:
        return FEEDER
    return HOLDER if actor.app is None else APP
