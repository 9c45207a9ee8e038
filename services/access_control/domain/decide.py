"""May it be done? The branches of the decision, each with its steps in order; the first step that denies decides.

Branch A, the holder: state, then flags; never block, consent or matrix. Branch C, a deposit: state, identified,
excluded sector, consent for non-health professionals; never block, matrix or mask. Branch E, a consultation by a
professional: state (E1), person with one active exercise (E2), sector exercised (E3), block (E4), relation (E5), matrix
(E6), flags (E7). What no branch takes is denied.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.access_control.domain.matrix import Matrix
from services.access_control.domain.record import Record, Standing, no_consultation, no_deposit
from services.access_control.domain.verdict import Verdict, deny, permit
from shared.contracts.common import AccessMode, Actor, ActorKind, Owner, Scope
from shared.contracts.reasons import Reason
from shared.terminology import excluded_sector, profession_group, role

REIMBURSEMENTS: Final = "REMB"
"""Type of the reimbursement data (données de remboursement): what the matrix asks for before the history is shown."""
_HEALTH_PROFESSIONS: Final = frozenset({"health profession", "in training"})
_FEEDERS: Final = frozenset({ActorKind.PROFESSIONAL, ActorKind.STRUCTURE})


@dataclass(frozen=True, slots=True)
class Reading:
    """A consultation that is asked for."""

    actor: Actor
    owner: Owner
    mode: AccessMode
    deadline: datetime
    """After this moment nobody waits for the answer any more."""


def consult(record: Record, asked: Reading, now: datetime, matrix: Matrix) -> Verdict:
    """May this actor read at this moment, and what? `now` is the database's clock."""
    if now > asked.deadline:
        return deny(Reason.LATE)
    match asked.actor.kind:
        case ActorKind.PATIENT:
            return _holder_reads(record, asked)
        case ActorKind.PROFESSIONAL | ActorKind.STRUCTURE:
            return _professional_reads(record, asked, now, matrix)
        case ActorKind.INSURER:
            return deny(Reason.EXCLUDED_ACTOR)  # CSP L.1111-18, AR-046: even with consent
        case ActorKind.REPRESENTATIVE | ActorKind.OPERATOR:
            return deny(Reason.NO_BRANCH)


def deposit(record: Record, actor: Actor, now: datetime) -> Verdict:
    """May this actor feed the record (alimentation, CSP R.1111-47, AR-003)? Blocked ones may, too."""
    if reason := no_deposit(record):
        return deny(reason)
    if actor.kind is ActorKind.PATIENT:
        return permit(Reason.HOLDER) if actor.authenticated else deny(Reason.NOT_AUTHENTICATED)
    if actor.kind is ActorKind.INSURER:
        return deny(Reason.EXCLUDED_ACTOR)
    if actor.kind not in _FEEDERS:
        return deny(Reason.NO_BRANCH)
    return _professional_feeds(record, actor, now)


def needs_consent(actor: Actor) -> bool:
    """True for professionals of R94, R95 and R291 (CSP L.1111-17 III): they feed only with the holder's consent.

    So does whoever names a profession that is not known.
    """
    if actor.kind is not ActorKind.PROFESSIONAL or actor.role is None:
        return False
    known = role(actor.role)
    return known is None or known.kind not in _HEALTH_PROFESSIONS


def _holder_reads(record: Record, asked: Reading) -> Verdict:
    if reason := no_consultation(record):
        return deny(reason)
    if not asked.actor.authenticated:
        return deny(Reason.NOT_AUTHENTICATED)
    if asked.mode is not AccessMode.NORMAL:
        return deny(Reason.EMERGENCY_NOT_SERVED)
    # the holder sees what is masked to professionals, not what waits for its announcement (CSP R.1111-53)
    return permit(Reason.HOLDER, Scope(types=None, masked=True, withheld=False))


def _professional_reads(record: Record, asked: Reading, now: datetime, matrix: Matrix) -> Verdict:
    for step in _BEFORE_THE_MATRIX:
        if reason := step(record, asked, now):
            return deny(reason)
    if _is_treating(record, asked.actor):
        # all information, masked or not, whatever the matrix says (CSP L.1111-16, AR-022)
        return permit(Reason.TREATING_DOCTOR, Scope(types=None, masked=True, withheld=True))
    return _within_the_matrix(asked, matrix)


def _state(record: Record, asked: Reading, now: datetime) -> Reason | None:
    """E1."""
    del asked, now
    return no_consultation(record)


def _person(record: Record, asked: Reading, now: datetime) -> Reason | None:
    """E2: a person, not a certificate (AR-016), who acts in one known profession and sector (AR-072)."""
    del record, now
    actor = asked.actor
    if actor.kind is not ActorKind.PROFESSIONAL or not actor.authenticated or actor.number is None:
        return Reason.NOT_AUTHENTICATED
    if actor.role is None or actor.sector is None or role(actor.role) is None:
        return Reason.NO_ROLE
    return None


def _sector(record: Record, asked: Reading, now: datetime) -> Reason | None:
    """E3: the sector exercised excludes, never the specialty (AR-046, AR-047)."""
    del record, now
    return _excluded(asked.actor)


def _block(record: Record, asked: Reading, now: datetime) -> Reason | None:
    """E4: a blocked professional never reads, in any mode (AR-018, AR-040); the médecin traitant is exempt (AR-019)."""
    if _is_treating(record, asked.actor):
        return None
    return Reason.BLOCKED if _standing(record, asked.actor, now) is Standing.BLOCKED else None


def _relation(record: Record, asked: Reading, now: datetime) -> Reason | None:
    """E5: by right, else in a mode that is served, else by an authorisation that holds now."""
    if asked.mode is not AccessMode.NORMAL:
        return Reason.EMERGENCY_NOT_SERVED
    if _is_treating(record, asked.actor):
        return None
    match _standing(record, asked.actor, now):
        case Standing.VALID:
            return None
        case Standing.EXPIRED:
            return Reason.AUTHORISATION_EXPIRED
        case Standing.BLOCKED:
            return Reason.BLOCKED
        case Standing.NONE:
            return Reason.NOT_AUTHORISED


Step = Callable[[Record, Reading, datetime], Reason | None]
_BEFORE_THE_MATRIX: Final[tuple[Step, ...]] = (_state, _person, _sector, _block, _relation)


def _within_the_matrix(asked: Reading, matrix: Matrix) -> Verdict:
    """E6 and E7 for an authorised professional, by what the owner shows."""
    actor = asked.actor
    types = matrix.types_for(profession_group(actor.role or ""))
    match asked.owner:
        case Owner.DOCUMENT:
            # own documents pass matrix and mask; the depositor is a person or a structure (CSP R.1111-49)
            scope = Scope(types=types, masked=False, withheld=True, own=actor.number, own_structure=actor.structure)
            return permit(Reason.AUTHORISED, scope)
        case Owner.HISTORY:
            if REIMBURSEMENTS not in types:
                return deny(Reason.MATRIX_DENIES)
            return permit(Reason.AUTHORISED, Scope(types=frozenset({REIMBURSEMENTS})))
        case Owner.AUDIT:
            return deny(Reason.NO_BRANCH)  # traces: the holder and the médecin traitant (CSP R.1111-43, AR-059)


def _professional_feeds(record: Record, actor: Actor, now: datetime) -> Verdict:
    if actor.number is None:
        return deny(Reason.NOT_AUTHENTICATED)
    if actor.kind is ActorKind.PROFESSIONAL and actor.role is None:
        return deny(Reason.NO_ROLE)
    if reason := _excluded(actor):
        return deny(reason)
    if not needs_consent(actor):
        return permit(Reason.FEEDING_DUTY)
    if _standing(record, actor, now) is Standing.VALID:
        return permit(Reason.AUTHORISED)
    return deny(Reason.CONSENT_NEEDED)


def _excluded(actor: Actor) -> Reason | None:
    return Reason.EXCLUDED_SECTOR if actor.sector is not None and excluded_sector(actor.sector) else None


def _is_treating(record: Record, actor: Actor) -> bool:
    return actor.number is not None and actor.number == record.treating


def _standing(record: Record, actor: Actor, now: datetime) -> Standing:
    return record.standing(actor.number, now) if actor.number is not None else Standing.NONE
