"""What the world is told of a command that changed something."""

from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID

from services.access_control.domain.commands import consents
from services.access_control.domain.commands.life import archive_ends, objection_ends
from services.access_control.domain.commands.rule import AnyAct, Command
from services.access_control.domain.deletion import Deletion
from services.access_control.domain.policy import Policy
from services.access_control.domain.record import Record
from services.access_control.domain.rights import Changed
from services.access_control.domain.timers import CLOCK
from shared.contracts.access_decisions import (
    ConsentChanged,
    DeletionForeseen,
    DeletionRequested,
    LifeChanged,
    RecordClosed,
    RecordReleased,
    RecordReopened,
    RightsChanged,
)
from shared.contracts.access_extracts import ExtractChanged
from shared.contracts.access_oversight import CaseOpened
from shared.contracts.common import Act, Body, FurtherAct

_OF_THE_RECORD: Final[dict[AnyAct, type[RecordClosed | RecordReopened | RecordReleased]]] = {
    Act.CLOSE: RecordClosed,
    FurtherAct.CLOSE_UNCONTESTED: RecordClosed,
    Act.REOPEN: RecordReopened,
    Act.RELEASE: RecordReleased,
}
_LIFE: Final = frozenset(
    {
        FurtherAct.ACTIVATE,
        FurtherAct.SUSPEND,
        FurtherAct.OBJECT,
        FurtherAct.LIFT,
        FurtherAct.DECEASE,
        FurtherAct.COME_OF_AGE,
    }
)


def events_of(command: Command, changed: Changed, now: datetime, policy: Policy) -> tuple[Body, ...]:
    """The events of a command, none where nothing changed."""
    if not changed.happened:
        return ()
    begun = deletion_of(changed, now)
    announced = (begun.told(),) if begun is not None else ()
    if command.act is FurtherAct.DELETE_ARCHIVED:
        return announced
    return (_event(command, changed, now, policy), *announced)


def deletion_of(changed: Changed, now: datetime) -> Deletion | None:
    """The deletion that a command began; None where it began none."""
    record = changed.record
    if not changed.happened or record.deletion_due is None or record.deleted_because is None:
        return None
    return Deletion(record.deleted_because, record.deletion_due, now)


def _event(command: Command, changed: Changed, now: datetime, policy: Policy) -> Body:
    act = command.act
    if (told := _OF_THE_RECORD.get(act)) is not None:
        return told(actor=command.actor)
    if act is FurtherAct.REQUEST_DELETION:
        return DeletionRequested(actor=command.actor, latest=changed.record.deletion_due or now)
    if (case := _OF_A_CASE.get(act)) is not None:
        return case(command, changed.record, now)
    if act is FurtherAct.FORESEE_DELETION:
        return DeletionForeseen(at=archive_ends(changed.record, policy) or now)
    if isinstance(act, Act):
        return _rights_changed(act, command, changed)
    return _life_changed(command, changed, policy) if act in _LIFE else _consent_changed(act, command, changed, now)


def _case_opened(command: Command, record: Record, _now: datetime) -> Body:
    case = record.oversight.cases[command.case] if command.case is not None else None
    if command.case is None or case is None:
        raise ValueError("a case that was not opened now is not told")
    return CaseOpened(
        actor=command.actor,
        case=command.case,
        request=case.request,
        professional=case.professional,
        structure=case.structure,
        due=case.due,
        opinion=command.opinion,
    )


def _extract_changed(command: Command, record: Record, now: datetime) -> Body:
    if command.case is None:
        raise ValueError("a case without an id is not told")
    extract = record.oversight.extracts[command.case]
    return ExtractChanged(
        act=command.act.value,
        actor=command.actor,
        case=command.case,
        kind=extract.applied.kind.value,
        purpose=extract.applied.purpose.value,
        state=extract.state(now),
        until=extract.approved_until,
    )


def _rights_changed(act: Act, command: Command, changed: Changed) -> RightsChanged:
    return RightsChanged(
        act=act,
        actor=command.actor,
        professional=command.professional,
        until=command.until,
        rights_version=changed.record.rights_version,
        in_force_at=changed.in_force_at,
        opinion=command.opinion,
    )


def _life_changed(command: Command, changed: Changed, policy: Policy) -> LifeChanged:
    suspended, of_age = command.act is FurtherAct.SUSPEND, command.act is FurtherAct.COME_OF_AGE
    return LifeChanged(
        act=command.act.value,
        actor=command.actor,
        until=objection_ends(changed.record, policy) if suspended else None,
        undone=command.undone,
        rights_version=changed.record.rights_version,
        in_force_at=changed.in_force_at,
        delegations=representations(changed.before) if of_age and changed.before is not None else (),
    )


def foreseen_majority(record: Record) -> LifeChanged:
    """What is told before a minor comes of age: to him, and to who represents him (AR-045)."""
    act, ending = FurtherAct.FORESEE_MAJORITY.value, representations(record)
    return LifeChanged(act=act, actor=CLOCK, rights_version=record.rights_version, delegations=ending)


def representations(record: Record) -> tuple[UUID, ...]:
    """The legal representations that end when the holder comes of age."""
    return tuple(UUID(key) for key, one in sorted(record.delegations.items()) if one.represents)


def _consent_changed(act: FurtherAct, command: Command, changed: Changed, now: datetime) -> ConsentChanged:
    delegation = str(command.delegation) if command.delegation is not None else None
    state = changed.record.delegations[delegation].state_at(now) if delegation is not None else None
    scopes = (*command.scopes, *command.app_scopes, *command.functions)
    return ConsentChanged(
        act=act.value,
        actor=command.actor,
        professional=_professional(act, command),
        subject=command.team or delegation or command.app,
        state=_CHOSEN[act](command) if act in _CHOSEN else state.value if state is not None else None,
        scopes=tuple(sorted(scope.value for scope in scopes)),
        wishes=command.wishes,
        until=_until(command, changed.record),
        rights_version=changed.record.rights_version,
        in_force_at=changed.in_force_at,
        opinion=command.opinion,
    )


def _opposition(command: Command) -> str:
    return "opposed" if command.opposed else "not_opposed"


def _default(command: Command) -> str:
    return "masked" if command.masked else "not_masked"


def _professional(act: FurtherAct, command: Command) -> str | None:
    if act is FurtherAct.CONSENT_SESSION and command.professional is None:
        return command.actor.number
    return command.professional


def _until(command: Command, record: Record) -> datetime | None:
    """The end as it was set, which the settings may have brought forward."""
    match command.act:
        case FurtherAct.CONSENT_TEAM:
            return record.teams[command.team or ""].until
        case FurtherAct.CONFIRM_EMERGENCY:
            return record.oversight.confirmations[command.professional or ""].until
        case FurtherAct.CONSENT_SESSION:
            return record.sessions[consents.session_key(command)]
        case _:
            return command.until


_CHOSEN: Final[dict[AnyAct, Callable[[Command], str]]] = {
    FurtherAct.OPPOSE_HEIRS: _opposition,
    FurtherAct.MASK_BY_DEFAULT: _default,
}
"""Choices between two states."""
_OF_A_CASE: Final[dict[AnyAct, Callable[[Command, Record, datetime], Body]]] = {
    FurtherAct.CONTEST: _case_opened,
    FurtherAct.REQUEST_EXTRACT: _extract_changed,
    FurtherAct.ANSWER_EXTRACT: _extract_changed,
}
