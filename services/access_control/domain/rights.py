"""What a command changes: rights of professionals, the médecin traitant, life and hold of a record.

A command of the holder names the version of the rights it was made on: one that was overtaken is a conflict, so that a
stale unblock which arrives late opens nothing. A change is in force for every later request at once; it is told to the
holder when the last permit given before it has run out.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from services.access_control.domain.record import Record, Right, Standing, State, no_consultation, no_deposit
from services.access_control.domain.verdict import Verdict, deny, permit
from shared.contracts.common import Act, Actor, ActorKind
from shared.contracts.reasons import Reason

_ALWAYS_RESTRICTING: Final = frozenset({Act.REVOKE, Act.BLOCK, Act.CLOSE, Act.DECLARE})


@dataclass(frozen=True, slots=True)
class Command:
    """A change that is asked for."""

    act: Act
    actor: Actor
    version: int | None = None
    """Version of the rights its author had read; None for acts that are not the holder's."""
    professional: str | None = None
    """Directory number of whom it is about; None for the record itself, or for no médecin traitant any more."""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """What came of a command."""

    verdict: Verdict
    record: Record
    """The record after it; unchanged where it was denied."""
    happened: bool = False
    """False where it was denied, or there was nothing to change."""
    in_force_at: datetime | None = None
    """For a permitted command: when the last permit that it takes away has run out."""


def change(record: Record, command: Command, now: datetime) -> Changed:
    """Decide on a command and apply it."""
    if reason := _refused(record, command, now):
        return Changed(deny(reason), record)
    after = _CHANGES[command.act](record, command)
    happened = after is not record
    if happened and command.act is not Act.RELEASE:
        after = replace(after, rights_version=record.rights_version + 1)
    last_permit = record.permits_until if restricts(record, command) else None
    verdict = permit(_PERMITTED.get(command.act, Reason.HOLDER))
    return Changed(verdict, after, happened, in_force_at=max(now, last_permit or now))


def restricts(record: Record, command: Command) -> bool:
    """True where a command may take access away: block, revoke, close, declare, or a new end that comes earlier."""
    if command.act is not Act.AUTHORISE:
        return command.act in _ALWAYS_RESTRICTING
    right = record.rights.get(command.professional or "")
    if right is None or right.blocked or command.until is None:
        return False
    return right.until is None or command.until < right.until


def _refused(record: Record, command: Command, now: datetime) -> Reason | None:
    if command.act is Act.DECLARE:
        return _not_there(record) if command.actor.kind is ActorKind.INSURER else Reason.NO_BRANCH
    if command.act is Act.RELEASE:
        return _not_there(record) if command.actor.kind is ActorKind.OPERATOR else Reason.NO_BRANCH
    return (
        _not_the_holder(command.actor)
        or _state_refuses(record, command.act)
        or (Reason.STALE_RIGHTS if command.version != record.rights_version else None)
        or _act_refuses(record, command, now)
    )


def _not_there(record: Record) -> Reason | None:
    return Reason.NO_RECORD if record.state is State.ABSENT else None


def _not_the_holder(actor: Actor) -> Reason | None:
    if actor.kind is not ActorKind.PATIENT:
        return Reason.NOT_HOLDER
    return None if actor.authenticated else Reason.NOT_AUTHENTICATED


def _state_refuses(record: Record, act: Act) -> Reason | None:
    """What the holder may do in each state (4.8): held, only restrict; suspended, close; closed, reopen."""
    if act is Act.CLOSE:
        return _not_there(record) or (Reason.RECORD_CLOSED if record.state is State.CLOSED else None)
    if act is Act.REOPEN:
        return no_consultation(replace(record, state=State.OPEN) if record.state is State.CLOSED else record)
    return no_deposit(record) if act in {Act.BLOCK, Act.REVOKE} else no_consultation(record)


def _act_refuses(record: Record, command: Command, now: datetime) -> Reason | None:
    if command.act is Act.BLOCK and command.professional == record.treating:
        return Reason.NOT_BLOCKABLE  # AR-019
    if command.act is Act.AUTHORISE and record.standing(command.professional or "", now) is Standing.BLOCKED:
        return Reason.BLOCKED  # AR-018: the block has to be ended first
    return None


def _authorise(record: Record, command: Command) -> Record:
    return record.with_right(command.professional or "", Right(until=command.until))


def _block(record: Record, command: Command) -> Record:
    """Block; an authorisation that he had is gone with it."""
    blocked = Right(blocked=True)
    if record.rights.get(command.professional or "") == blocked:
        return record
    return record.with_right(command.professional or "", blocked)


def _revoke(record: Record, command: Command) -> Record:
    """End an authorisation; a block stays a block."""
    right = record.rights.get(command.professional or "")
    return record if right is None or right.blocked else record.with_right(command.professional or "", None)


def _unblock(record: Record, command: Command) -> Record:
    """End a block; the authorisation that it had beaten does not come back (AR-020)."""
    right = record.rights.get(command.professional or "")
    return record.with_right(command.professional or "", None) if right is not None and right.blocked else record


def _close(record: Record, command: Command) -> Record:
    del command
    return replace(record, state=State.CLOSED)


def _reopen(record: Record, command: Command) -> Record:
    del command
    return record if record.state is State.OPEN else replace(record, state=State.OPEN)


def _declare(record: Record, command: Command) -> Record:
    """A change of médecin traitant ends the former one's rights at once (AR-066); taken in every state."""
    return record if record.treating == command.professional else replace(record, treating=command.professional)


def _release(record: Record, command: Command) -> Record:
    del command
    return replace(record, held=False) if record.held else record


_CHANGES: Final[dict[Act, Callable[[Record, Command], Record]]] = {
    Act.AUTHORISE: _authorise,
    Act.BLOCK: _block,
    Act.REVOKE: _revoke,
    Act.UNBLOCK: _unblock,
    Act.CLOSE: _close,
    Act.REOPEN: _reopen,
    Act.DECLARE: _declare,
    Act.RELEASE: _release,
}
_PERMITTED: Final = {Act.DECLARE: Reason.INSURANCE_DECLARATION, Act.RELEASE: Reason.OPERATOR_DUTY}
