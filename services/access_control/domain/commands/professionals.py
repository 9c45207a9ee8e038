"""What the holder decides about one professional: authorise, revoke, block, unblock, administrators.

An administrator is an already authorised professional: what ends the authorisation ends that, too (AR-028).
"""

from dataclasses import replace
from typing import Final

from services.access_control.domain.branches.people import excluded, in_team, is_health_professional, unidentified
from services.access_control.domain.commands.rule import AnyAct, Asked, Command, Rule, always
from services.access_control.domain.commands.who import (
    by_legal_representative,
    holders_side,
    in_use,
    in_use_or_held,
    not_a_collector,
)
from services.access_control.domain.record import Record, Right, Standing
from services.access_control.domain.relations import DelegationState
from shared.contracts.common import Act, ActorKind, FurtherAct
from shared.contracts.further_reasons import Code, FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import AdministratorRole


def _standing(asked: Asked) -> Standing:
    return asked.record.standing(asked.professional, asked.now)


def _blocked(asked: Asked) -> Code | None:
    """AR-018: a block has to be ended before anything is given."""
    return Reason.BLOCKED if _standing(asked) is Standing.BLOCKED else None


def _authorise(asked: Asked) -> Record:
    """An administrator stays one where the authorisation is renewed before it ended."""
    known = asked.record.rights.get(asked.professional)
    kept = known.administrator if known is not None and _standing(asked) is Standing.VALID else None
    right = Right(until=asked.command.until, administrator=kept, by_representative=by_legal_representative(asked))
    return asked.record.with_right(asked.professional, right)


def shortens(record: Record, command: Command) -> bool:
    """True where an authorisation would end earlier than it does."""
    right = record.rights.get(command.professional or "")
    if right is None or right.blocked or command.until is None:
        return False
    return right.until is None or command.until < right.until


def _may_collect(asked: Asked) -> Code | None:
    """A member of the care team who is a health professional (CSP R.1111-46, AR-011)."""
    if asked.actor.kind is not ActorKind.PROFESSIONAL:
        return Reason.NOT_HOLDER
    if code := not_a_collector(asked):
        return code
    if not is_health_professional(asked.actor):
        return FurtherReason.NOT_HEALTH_PROFESSIONAL
    treats = asked.record.treating is not None and asked.actor.number == asked.record.treating
    return None if treats or in_team(asked.record, asked.actor, asked.now) else FurtherReason.NOT_IN_TEAM


def _cannot_collect(asked: Asked) -> Code | None:
    return _blocked(asked) or ended(asked)


def ended(asked: Asked) -> Code | None:
    """An end that has passed already gives nothing."""
    until = asked.command.until
    return FurtherReason.END_IN_THE_PAST if until is not None and until <= asked.now else None


def _authorise_for(asked: Asked) -> Record:
    """The colleague may read and feed. Who is authorised already stays so: a collector shortens nothing."""
    if _standing(asked) is Standing.VALID:
        return asked.record
    command = asked.command
    right = Right(until=command.until, collector=command.actor.number, why=command.reason_code)
    return asked.record.with_right(asked.professional, right)


def _may_block(asked: Asked) -> Code | None:
    """The holder's side, or an administrator (AR-028)."""
    actor = asked.actor
    if actor.kind is not ActorKind.PROFESSIONAL:
        return holders_side(asked)
    if actor.number is None or not asked.record.is_administrator(actor.number, asked.now):
        return FurtherReason.NOT_ADMINISTRATOR
    return unidentified(actor) or excluded(actor, asked.policy)


def _not_blockable(asked: Asked) -> Code | None:
    """AR-019: never the médecin traitant, be it by the holder or by an administrator."""
    return Reason.NOT_BLOCKABLE if asked.command.professional == asked.record.treating else None


def _block(asked: Asked) -> Record:
    """Block; authorisation, sessions and delegations that he had are gone with it."""
    record, blocked = _without_delegate(asked), Right(blocked=True)
    if record.rights.get(asked.professional) == blocked:
        return record
    sessions = {key: until for key, until in record.sessions.items() if key[0] != asked.professional}
    return replace(record, sessions=sessions).with_right(asked.professional, blocked)


def _without_delegate(asked: Asked) -> Record:
    """The record on which the professional acts for nobody; the same object where he did not."""
    record = asked.record
    his = {
        key: replace(one, state=DelegationState.EXPIRED)
        for key, one in record.delegations.items()
        if one.professional == asked.professional and one.is_alive
    }
    if not his or not asked.policy.block_ends_delegations:
        return record
    return replace(record, delegations={**record.delegations, **his})


def _revoke(asked: Asked) -> Record:
    """End an authorisation and its sessions; a block stays a block."""
    right = asked.record.rights.get(asked.professional)
    if right is not None and right.blocked:
        return asked.record
    sessions = {key: until for key, until in asked.record.sessions.items() if key[0] != asked.professional}
    if right is None and len(sessions) == len(asked.record.sessions):
        return asked.record
    return replace(asked.record, sessions=sessions).with_right(asked.professional, None)


def _unblock(asked: Asked) -> Record:
    """End a block; the authorisation that it had beaten does not come back (AR-020)."""
    right = asked.record.rights.get(asked.professional)
    return asked.record.with_right(asked.professional, None) if right is not None and right.blocked else asked.record


def _not_nameable(asked: Asked) -> Code | None:
    if asked.command.role is AdministratorRole.DOCTOR:
        return FurtherReason.NOT_NAMEABLE  # AR-066
    if code := _blocked(asked):
        return code
    return None if _standing(asked) is Standing.VALID else Reason.NOT_AUTHORISED


def _name(asked: Asked) -> Record:
    right = asked.record.rights[asked.professional]
    named = replace(
        right,
        administrator=asked.command.role,
        by_representative=right.by_representative or by_legal_representative(asked),
    )
    return asked.record if named == right else asked.record.with_right(asked.professional, named)


def _remove(asked: Asked) -> Record:
    right = asked.record.rights.get(asked.professional)
    if right is None or right.administrator is None:
        return asked.record
    return asked.record.with_right(asked.professional, replace(right, administrator=None))


RULES: Final[dict[AnyAct, Rule]] = {
    Act.AUTHORISE: Rule(holders_side, in_use, _authorise, _blocked, shortens),
    FurtherAct.AUTHORISE_FOR: Rule(_may_collect, in_use, _authorise_for, _cannot_collect),
    Act.BLOCK: Rule(_may_block, in_use_or_held, _block, _not_blockable, always),
    Act.REVOKE: Rule(holders_side, in_use_or_held, _revoke, restricts=always),
    Act.UNBLOCK: Rule(holders_side, in_use, _unblock),
    FurtherAct.NAME_ADMINISTRATOR: Rule(holders_side, in_use, _name, _not_nameable),
    FurtherAct.REMOVE_ADMINISTRATOR: Rule(holders_side, in_use_or_held, _remove, restricts=always),
}
