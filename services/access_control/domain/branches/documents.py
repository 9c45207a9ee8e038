"""Branch D, an act on a document that stands in the record (domain rules, 4.9): who may do it, and to which documents.

What is decided is a sight: the act may be done to what it shows. Whether there is such a document, and whether its
flags and state let it be done, its owner says, which alone knows it. Only normal accesses: in an emergency nobody acts
on documents.
"""

from typing import Final

from services.access_control.domain.branches import deposits, no_read, professionals
from services.access_control.domain.branches.people import (
    is_blocked,
    is_treating,
    not_delegated_for,
    not_on_holders_side,
    not_secret,
    opinion_missing,
    unidentified,
)
from services.access_control.domain.cases import Acting, ActOnDocument, Consultation, Reading
from services.access_control.domain.record import no_consultation, no_deposit
from services.access_control.domain.steps import Branch, Grant, Step, run
from services.access_control.domain.verdict import Sight, Verdict, deny, permit
from shared.contracts.common import AccessMode, Actor, ActorKind, FurtherAct, Owner
from shared.contracts.further_reasons import Code, FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import DelegationScope

TAKE_AWAY: Final = frozenset({FurtherAct.MASK, FurtherAct.WITHHOLD, FurtherAct.HIDE, FurtherAct.DELETE})
"""Acts that may take a document from somebody's sight."""
_AT_REQUEST: Final = frozenset({FurtherAct.MASK, FurtherAct.UNMASK, FurtherAct.REVEAL})
"""What a professional does only where the holder asks for it."""
_THE_AUTHORS: Final = frozenset({FurtherAct.WITHHOLD, FurtherAct.ANNOUNCE})
"""What nobody on the holder's side does: it is about what the holder does not see."""
_THE_MINORS: Final = frozenset({FurtherAct.HIDE, FurtherAct.REVEAL})
"""What representatives never do: it is about what they do not see."""
_READERS: Final = frozenset({FurtherAct.MASK, FurtherAct.ANNOUNCE, FurtherAct.ARCHIVE, FurtherAct.UNARCHIVE})
"""What a professional may do to whatever he may read; everything else to his own documents alone."""
_NEEDED: Final = {
    FurtherAct.MASK: DelegationScope.RIGHTS,
    FurtherAct.UNMASK: DelegationScope.RIGHTS,
    FurtherAct.ARCHIVE: DelegationScope.DEPOSIT,
    FurtherAct.UNARCHIVE: DelegationScope.DEPOSIT,
    FurtherAct.DELETE: DelegationScope.DEPOSIT,
}
"""What a delegation has to cover."""
_THEIRS: Final = Sight(masked=True)
_THEIR_OWN: Final = Sight(masked=True, holders=True)
_ALL: Final = Sight(masked=True, withheld=True)


def _state(case: Acting) -> Code | None:
    return no_consultation(case.record)


def _holders_state(case: Acting) -> Code | None:
    """A mask only restricts: it is set while the record is held, too (4.8)."""
    return (no_deposit if case.asked.act is FurtherAct.MASK else no_consultation)(case.record)


def _secret(case: Acting) -> Code | None:
    return not_secret(case.record, case.actor, case.now)


def _authenticated(case: Acting) -> Code | None:
    return None if case.actor.authenticated else Reason.NOT_AUTHENTICATED


def _relation(case: Acting) -> Code | None:
    return not_on_holders_side(case.record, case.actor, case.now)


def _not_theirs(case: Acting) -> Code | None:
    """Withholding is the authors' (AR-029); hiding is the minor's alone, who reveals what is hidden of age, too."""
    act, represents = case.asked.act, case.actor.kind is ActorKind.REPRESENTATIVE
    if act in _THE_AUTHORS:
        return FurtherReason.NOT_THE_AUTHOR
    if act in _THE_MINORS and represents:
        return Reason.NOT_HOLDER
    return FurtherReason.NOT_A_MINOR if act is FurtherAct.HIDE and case.record.is_of_age(case.now) else None


def _scope(case: Acting) -> Code | None:
    needed = _NEEDED.get(case.asked.act)
    return not_delegated_for(case.record, case.actor, needed) if needed is not None else None


def _opinion(case: Acting) -> Code | None:
    return opinion_missing(case.record, case.actor, case.asked.opinion)


def _of_the_holders_side(case: Acting) -> Verdict:
    """All that they see; archived and deleted is only what they deposited themselves (AR-052, AR-068)."""
    code = Reason.HOLDER if case.actor.kind is ActorKind.PATIENT else FurtherReason.REPRESENTATIVE
    own = _NEEDED.get(case.asked.act) is DelegationScope.DEPOSIT
    return permit(code, _THEIR_OWN if own else _THEIRS)


def _through_an_app(case: Acting) -> Verdict:
    """No scope of an app covers it (AR-067)."""
    del case
    return deny(Reason.NOT_HOLDER)


def _person(case: Acting) -> Code | None:
    return unidentified(case.actor)


def _block(case: Acting) -> Code | None:
    return Reason.BLOCKED if is_blocked(case.record, case.actor) else None


def _request(case: Acting) -> Code | None:
    unasked = case.asked.act in _AT_REQUEST and not case.asked.at_request
    return FurtherReason.REQUEST_NOT_RECORDED if unasked else None


def _of_a_professional(case: Acting) -> Verdict:
    """What a reader may do, to what he reads, which to the médecin traitant is all; else to own documents.

    Unmasking is the médecin traitant's alone, beside the author's (AR-024).
    """
    act = case.asked.act
    if act is FurtherAct.UNMASK and is_treating(case.record, case.actor):
        return permit(Reason.TREATING_DOCTOR, _ALL)
    if act in _READERS and (read := _reading(case)).permitted:
        return read
    return permit(FurtherReason.AUTHOR, _own(case.actor))


def _reading(case: Acting) -> Verdict:
    """What this professional would be shown in the normal mode now."""
    asked = Reading(case.actor, Owner.DOCUMENT, AccessMode.NORMAL, case.now)
    look = Consultation(case.record, asked, case.actor, case.now, case.matrix, case.policy)
    return run(professionals.BRANCH, look)


def _own(actor: Actor) -> Sight:
    """No type but own ones: the depositor is a person or a structure (CSP R.1111-49)."""
    return Sight(frozenset(), own=actor.number, own_structure=actor.structure)


def _author(case: Acting) -> Code | None:
    """A person in person: under a certificate alone a structure's software could name any author (AR-016)."""
    if case.actor.kind is ActorKind.PROFESSIONAL:
        return unidentified(case.actor)
    return deposits.identified(case)


def _of_the_author(case: Acting) -> Verdict:
    """Own ones in the strict sense, not a colleague's: a structure's by its certificate, where he has left (AR-051)."""
    return permit(FurtherReason.AUTHOR, Sight(frozenset(), own=case.actor.number))


def _erases(case: Acting) -> Code | None:
    return None if case.asked.act is FurtherAct.DELETE else Reason.NO_BRANCH


def _operator(case: Acting) -> Code | None:
    return None if case.actor.authenticated and case.actor.number else Reason.NOT_AUTHENTICATED


def _case(case: Acting) -> Code | None:
    """The holder's case about the deposit of that very document, which another operator answered as justified.

    Of a case about anything else, on this record or a foreign one, nothing is said.
    """
    if case.asked.case is None:
        return FurtherReason.CASE_NEEDED
    found = case.record.oversight.cases.get(case.asked.case)
    if found is None or found.request != case.asked.document:
        return FurtherReason.CASE_UNKNOWN
    if not found.founded:
        return FurtherReason.CASE_NOT_APPROVED
    return FurtherReason.SAME_OPERATOR if found.answered_by in {None, case.actor.number} else None


def _erased(case: Acting) -> Verdict:
    del case
    return permit(Reason.OPERATOR_DUTY, _ALL)


_SECRET: Final[Step[Acting]] = Step("secret", ("AR-042",), _secret)
_IN_USE: Final[Step[Acting]] = Step("D1", ("AR-054", "AR-057"), _state)
HOLDER: Final[Branch[Acting]] = Branch(
    (
        Step("D1", ("AR-054", "AR-057"), _holders_state),
        _SECRET,
        Step("D2", ("AR-061",), _authenticated),
        Step("D3", ("AR-045", "AR-063"), _relation),
        Step("D4", ("AR-029", "AR-041", "AR-043"), _not_theirs),
        Step("D5", ("AR-061",), _scope),
        Step("D6", ("AR-063",), _opinion),
    ),
    Grant("D7", ("AR-021", "AR-024", "AR-052", "AR-068"), _of_the_holders_side),
)
PROFESSIONAL: Final[Branch[Acting]] = Branch(
    (
        _IN_USE,
        _SECRET,
        Step("D2", ("AR-016", "AR-017", "AR-072"), _person),
        Step("D3", ("AR-046", "AR-047", "AR-048", "AR-062"), deposits.barred),
        Step("D4", ("AR-018", "AR-019"), _block),
        Step("D5", ("AR-021", "AR-024", "AR-043"), _request),
    ),
    Grant("D6", ("AR-012", "AR-021", "AR-024", "AR-029"), _of_a_professional),
)
AUTHOR: Final[Branch[Acting]] = Branch(
    (
        _IN_USE,
        _SECRET,
        Step("D2", ("AR-002", "AR-016", "AR-017", "AR-072"), _author),
        Step("D3", ("AR-046", "AR-047", "AR-048", "AR-062"), deposits.barred),
    ),
    Grant("D6", ("AR-051", "AR-053"), _of_the_author),
)
"""Who deletes: neither block, relation nor consent is asked about, as for a deposit."""
OPERATOR: Final[Branch[Acting]] = Branch(
    (
        _IN_USE,
        _SECRET,
        Step("D2", ("AR-002",), _erases),
        Step("D3", ("AR-002",), _operator),
        Step("D4", ("AR-068",), _case),
    ),
    Grant("D6", ("AR-068",), _erased),
)
APP: Final[Branch[Acting]] = Branch((), Grant("app", ("AR-067",), _through_an_app))
EXCLUDED: Final[Branch[Acting]] = Branch((), Grant("excluded", ("AR-001", "AR-046"), no_read.excluded))
BY_CASE: Final[Branch[Acting]] = Branch((), Grant("F", ("AR-058", "AR-065", "AR-069"), no_read.by_case))


def branch_of(asked: ActOnDocument) -> Branch[Acting]:
    """The branch that decides on this act."""
    actor = asked.actor
    if actor.capacity in no_read.CAPACITIES:
        return BY_CASE
    match actor.kind:
        case ActorKind.PATIENT | ActorKind.REPRESENTATIVE:
            return HOLDER if actor.app is None else APP
        case ActorKind.PROFESSIONAL | ActorKind.STRUCTURE:
            return AUTHOR if asked.act is FurtherAct.DELETE else PROFESSIONAL
        case ActorKind.OPERATOR:
            return OPERATOR
        case ActorKind.INSURER:
            return EXCLUDED
