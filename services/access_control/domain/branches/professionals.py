"""Branch E, a consultation by a professional.

State (E1), person with one active exercise (E2), sector exercised (E3), block (E4), relation (E5), matrix (E6),
flags (E7).
"""

from typing import Final

from services.access_control.domain.branches import emergency
from services.access_control.domain.branches.holder import ALWAYS, state
from services.access_control.domain.branches.people import (
    DOCTOR,
    excluded,
    in_team,
    is_blocked,
    is_occupational,
    is_treating,
    suspended,
    team_of,
    unidentified,
)
from services.access_control.domain.cases import Consultation
from services.access_control.domain.record import Record, Standing
from services.access_control.domain.relations import Right
from services.access_control.domain.steps import Branch, Grant, Step
from services.access_control.domain.verdict import Sight, Verdict, deny, permit
from shared.contracts.common import AccessMode, Actor, Capacity, Owner
from shared.contracts.further_reasons import Code, FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import Function, SpokenConsent
from shared.terminology import profession_group

REIMBURSEMENTS: Final = "REMB"
"""Type of the reimbursement data (données de remboursement): what the matrix asks for before the history is shown."""
_DOCTORS_COLUMN: Final = "medecin"
_RELATIONS: Final = frozenset(
    {
        Reason.TREATING_DOCTOR,
        Reason.AUTHORISED,
        FurtherReason.ADMINISTRATOR,
        FurtherReason.COLLECTED,
        FurtherReason.SESSION_CONSENT,
        FurtherReason.CARE_TEAM,
        FurtherReason.BREAK_GLASS,
        FurtherReason.REGULATION,
        FurtherReason.OPEN_BY_LAW,
        FurtherReason.SPOKEN_CONSENT,
        FurtherReason.TRUSTED_CONSENT,
        FurtherReason.VITAL_RISK,
    }
)
"""What `_relation` says of who may go on to the matrix."""
_SEES_ALL: Final = frozenset({Reason.TREATING_DOCTOR, FurtherReason.ADMINISTRATOR})
_SPOKEN: Final = {
    SpokenConsent.HOLDER: FurtherReason.SPOKEN_CONSENT,
    SpokenConsent.TRUSTED_PERSON: FurtherReason.TRUSTED_CONSENT,
    SpokenConsent.VITAL_RISK: FurtherReason.VITAL_RISK,
}
_ALL: Final = Sight(masked=True, withheld=True)
"""All information, masked or not, whatever the matrix says (CSP L.1111-16, AR-022; administrators, AR-028)."""
_HISTORY: Final = Sight(frozenset({REIMBURSEMENTS}))


def _person(case: Consultation) -> Code | None:
    return unidentified(case.actor)


def _excluded(case: Consultation) -> Code | None:
    """By the operator, or by the sector exercised."""
    return suspended(case.record, case.actor) or excluded(case.actor, case.policy)


def _block(case: Consultation) -> Code | None:
    """In every mode (AR-018, AR-040); the médecin traitant is exempt (AR-019)."""
    return Reason.BLOCKED if is_blocked(case.record, case.actor) else None


def _related(case: Consultation) -> Code | None:
    code = case.relation = _relation(case)
    return None if code in _RELATIONS else code


def _relation(case: Consultation) -> Code:
    """By right, else in an emergency mode, else by authorisation, session, team, or a rule of the law's own."""
    record, actor, now = case.record, case.actor, case.now
    if is_treating(record, actor):
        return Reason.TREATING_DOCTOR
    if case.asked.mode is not AccessMode.NORMAL:
        return emergency.relation(case)
    number = actor.number or ""
    standing = record.standing(number, now)
    if standing is Standing.VALID:
        return _authorised(record.rights[number])
    if record.has_session(number, actor.structure, now):
        return FurtherReason.SESSION_CONSENT
    if record.teams and not is_occupational(actor) and in_team(record, actor, now):
        return FurtherReason.CARE_TEAM
    return _special(case) or _no_relation(record, actor, standing)


def _no_relation(record: Record, actor: Actor, standing: Standing) -> Code:
    """What is told where nothing holds: that something has ended, or that there never was anything."""
    if standing is Standing.EXPIRED:
        return Reason.AUTHORISATION_EXPIRED
    return FurtherReason.TEAM_CONSENT_ENDED if team_of(record, actor) else Reason.NOT_AUTHORISED


def _authorised(right: Right) -> Code:
    if right.administrator is not None:
        return FurtherReason.ADMINISTRATOR
    return FurtherReason.COLLECTED if right.collector is not None else Reason.AUTHORISED


def _special(case: Consultation) -> Code | None:
    """Doctors of PMI (AR-050) and of firefighters (AR-064); a home's coordinating doctor needs what anybody needs."""
    if case.actor.capacity is None or case.actor.role != DOCTOR or is_occupational(case.actor):
        return None
    match case.actor.capacity:
        case Capacity.PMI_DOCTOR if not case.policy.pmi_needs_consent:
            return FurtherReason.OPEN_BY_LAW
        case Capacity.FIREFIGHTER_DOCTOR:
            answer = case.asked.consent
            return _SPOKEN[answer] if answer is not None else FurtherReason.SPOKEN_CONSENT_MISSING
        case _:
            return None


def _within_the_matrix(case: Consultation) -> Verdict:
    """E6 and E7, by what the owner shows. Matrix and mask are skipped for médecin traitant and administrators."""
    code, owner = case.relation or Reason.NOT_AUTHORISED, case.asked.owner
    if owner is Owner.HISTORY and Function.HISTORY in case.record.opted_out:
        return deny(FurtherReason.OPTED_OUT)
    if code in _SEES_ALL or (
        code in emergency.EMERGENCIES and case.record.is_administrator(case.actor.number or "", case.now)
    ):
        return permit(code, _ALL)
    match owner:
        case Owner.DOCUMENT:
            return permit(code, _documents(case, code))
        case Owner.HISTORY:
            return permit(code, _HISTORY) if REIMBURSEMENTS in _types(case) else deny(Reason.MATRIX_DENIES)
        case Owner.AUDIT:
            return deny(Reason.NO_BRANCH)  # traces: the holder's side, médecin traitant, administrators (AR-059)


def _documents(case: Consultation, code: Code) -> Sight:
    """Own documents pass matrix and mask: the depositor is a person or a structure (CSP R.1111-49, AR-021)."""
    masked = code in emergency.EMERGENCIES and case.record.wishes.masked  # AR-035
    actor = case.actor
    return Sight(_types(case), masked=masked, withheld=True, own=actor.number, own_structure=actor.structure)


def column(actor: Actor) -> str | None:
    """The actor's column of the matrix (AR-012); None where it has none, which means no access.

    Whoever exercises in occupational medicine reads the doctors' one until it has its own (AR-047).
    """
    return _DOCTORS_COLUMN if is_occupational(actor) else profession_group(actor.role or "")


def _types(case: Consultation) -> frozenset[str]:
    return case.matrix.types_for(column(case.actor))


STEPS: Final[tuple[Step[Consultation], ...]] = (
    Step("E1", ("AR-054", "AR-057"), state),
    Step("E2", ("AR-016", "AR-017", "AR-072"), _person),
    Step("E3", ("AR-046", "AR-047", "AR-048", "AR-062"), _excluded),
    Step("E4", ("AR-018", "AR-019", "AR-040"), _block),
    Step(
        "E5",
        (
            *("AR-008", "AR-009", "AR-010", "AR-011", "AR-014", "AR-015", "AR-033", "AR-034", "AR-039"),
            *("AR-050", "AR-064", "AR-066"),
        ),
        _related,
    ),
)
BRANCH: Final = Branch(
    (*ALWAYS, *STEPS),
    Grant("E6/E7", ("AR-012", "AR-021", "AR-022", "AR-028", "AR-035", "AR-059"), _within_the_matrix),
)
