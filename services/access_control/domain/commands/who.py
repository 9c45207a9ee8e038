"""Who may command: the holder's side, professionals who collect a consent, the insurance and the operator."""

from typing import Final

from services.access_control.domain.branches.people import (
    delegation_of,
    excluded,
    is_blocked,
    not_delegated,
    opinion_missing,
    unidentified,
)
from services.access_control.domain.commands.rule import AnyAct, Asked
from services.access_control.domain.record import Record, no_consultation, no_deposit, no_record
from services.access_control.domain.relations import Delegation
from shared.contracts.common import Act, ActorKind, Capacity, FurtherAct
from shared.contracts.further_reasons import Code, FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import DelegationKind, DelegationScope

AUTHORITIES: Final = frozenset({ActorKind.INSURER, ActorKind.OPERATOR})
_OF_PROFESSIONALS: Final[dict[AnyAct, Code]] = {
    Act.BLOCK: FurtherReason.ADMINISTRATOR,
    FurtherAct.END_TEAM: FurtherReason.CARE_TEAM,
    FurtherAct.CONFIRM_EMERGENCY: FurtherReason.COLLEAGUE,
}


def holders_side(asked: Asked) -> Code | None:
    """The holder, or who decides for him: a legal representative, the person in charge of a protection (AR-063)."""
    actor = asked.actor
    if actor.app is not None:
        return Reason.NOT_HOLDER  # no scope of an app covers decisions on rights
    if actor.kind is ActorKind.PATIENT:
        return None if actor.authenticated else Reason.NOT_AUTHENTICATED
    if actor.kind is not ActorKind.REPRESENTATIVE or actor.delegation is None:
        return Reason.NOT_HOLDER
    if not actor.authenticated:
        return Reason.NOT_AUTHENTICATED
    return _not_entitled(asked)


def _not_entitled(asked: Asked) -> Code | None:
    if code := not_delegated(asked.record, asked.actor, asked.now):
        return code
    delegation = delegation_of(asked.record, asked.actor)
    if delegation is None or DelegationScope.RIGHTS not in delegation.scopes:
        return FurtherReason.OUTSIDE_DELEGATION
    return opinion_missing(asked.record, asked.actor, asked.command.opinion)


def authority(asked: Asked) -> Code | None:
    """The insurance or the operator (AR-057); the acts are theirs, and give them no reading (AR-002)."""
    return None if asked.actor.kind in AUTHORITIES else Reason.NO_BRANCH


def insurer(asked: Asked) -> Code | None:
    """The insurance alone (AR-066)."""
    return None if asked.actor.kind is ActorKind.INSURER else Reason.NO_BRANCH


def operator(asked: Asked) -> Code | None:
    """The operator alone."""
    return None if asked.actor.kind is ActorKind.OPERATOR else Reason.NO_BRANCH


def holders_side_or_counsellor(asked: Asked) -> Code | None:
    """Also a counsellor of the insurance, who records an opposition of the person (AR-001, AR-073)."""
    actor = asked.actor
    if actor.kind is ActorKind.INSURER and actor.capacity is Capacity.COUNSELLOR:
        return None if actor.authenticated else Reason.NOT_AUTHENTICATED
    return holders_side(asked)


def not_a_collector(asked: Asked) -> Code | None:
    """Why a professional may collect nobody's consent: no person, excluded by sector, blocked."""
    if code := unidentified(asked.actor) or excluded(asked.actor, asked.policy):
        return code
    return Reason.BLOCKED if is_blocked(asked.record, asked.actor) else None


def by_legal_representative(asked: Asked) -> bool:
    """True where nothing of it is to be left at majority (AR-045)."""
    delegation: Delegation | None = None
    if asked.actor.kind is ActorKind.REPRESENTATIVE:
        delegation = delegation_of(asked.record, asked.actor)
    return delegation is not None and delegation.kind is DelegationKind.LEGAL_REPRESENTATION


def granted(asked: Asked) -> Code:
    """Why a command is permitted."""
    match asked.actor.kind:
        case ActorKind.PATIENT:
            return Reason.HOLDER
        case ActorKind.REPRESENTATIVE:
            answers = asked.command.act is FurtherAct.ANSWER
            return FurtherReason.INVITED if answers else FurtherReason.REPRESENTATIVE
        case ActorKind.INSURER:
            declared = asked.command.act is Act.DECLARE
            return Reason.INSURANCE_DECLARATION if declared else FurtherReason.INSURANCE_DUTY
        case ActorKind.OPERATOR:
            return Reason.OPERATOR_DUTY
        case ActorKind.PROFESSIONAL | ActorKind.STRUCTURE:
            return _OF_PROFESSIONALS.get(asked.command.act, FurtherReason.COLLECTED)


def there(record: Record) -> Code | None:
    """In every state of a record that exists and is not deleted."""
    return no_record(record)


def in_use(record: Record) -> Code | None:
    """Neither suspended, closed, held nor after death."""
    return no_consultation(record)


def in_use_or_held(record: Record) -> Code | None:
    """What only restricts is taken while the record is held, too (4.8)."""
    return no_deposit(record)
