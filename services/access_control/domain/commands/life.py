"""Life of a record: activate, close, reopen, suspend, object, death, deletion; médecin traitant; end of a hold."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from services.access_control.domain.commands.rule import AnyAct, Asked, Rule, always
from services.access_control.domain.commands.who import (
    authority,
    holders_side,
    holders_side_or_counsellor,
    in_use,
    insurer,
    operator,
    there,
)
from services.access_control.domain.deletion import Because
from services.access_control.domain.policy import Policy
from services.access_control.domain.record import Record, State, no_consultation
from shared.contracts.common import Act, FurtherAct
from shared.contracts.further_reasons import Code, FurtherReason
from shared.contracts.reasons import Reason


def objection_ends(record: Record, policy: Policy) -> datetime | None:
    """The end of the six weeks in which the holder may object (AR-057); None where the suspension's day is unknown."""
    return record.suspended_at + policy.objection if record.suspended_at is not None else None


def _alive(record: Record) -> Code | None:
    return there(record) or (FurtherReason.RECORD_DECEASED if record.deceased else None)


def _closable(record: Record) -> Code | None:
    """Open, held or suspended (4.8)."""
    return _alive(record) or (Reason.RECORD_CLOSED if record.state is State.CLOSED else None)


def _reopenable(record: Record) -> Code | None:
    return no_consultation(replace(record, state=State.OPEN) if record.state is State.CLOSED else record)


def _deletable(record: Record) -> Code | None:
    """Open, suspended or closed, not held (4.8); asked for again, it goes on."""
    if record.deletion_due is not None:
        return None
    return _alive(record) or (Reason.RECORD_HELD if record.held else None)


def _suspended(record: Record) -> Code | None:
    return _alive(record) or (None if record.suspended else FurtherReason.NOT_SUSPENDED)


def _activate(asked: Asked) -> Record:
    return asked.record if asked.record.activated else replace(asked.record, activated=True)


def _close(asked: Asked) -> Record:
    if asked.record.state is State.CLOSED:
        return asked.record
    return replace(asked.record, state=State.CLOSED, closed_at=asked.now)


def _reopen(asked: Asked) -> Record:
    if asked.record.state is State.OPEN:
        return asked.record
    return replace(asked.record, state=State.OPEN, closed_at=None, foreseen_at=None)


def _suspend(asked: Asked) -> Record:
    if asked.record.suspended:
        return asked.record
    return replace(asked.record, suspended=True, suspended_at=asked.now, objected=False)


def _objection_late(asked: Asked) -> Code | None:
    end = objection_ends(asked.record, asked.policy)
    return FurtherReason.OBJECTION_TOO_LATE if end is not None and end <= asked.now else None


def _object(asked: Asked) -> Record:
    """An objection leaves the record suspended until somebody resolves it."""
    return asked.record if asked.record.objected else replace(asked.record, objected=True)


def _lift(asked: Asked) -> Record:
    return replace(asked.record, suspended=False, suspended_at=None, objected=False)


def _contested(asked: Asked) -> Code | None:
    end = objection_ends(asked.record, asked.policy)
    over = end is not None and end <= asked.now
    return None if over and not asked.record.objected else FurtherReason.OBJECTION_OPEN


def _decease(asked: Asked) -> Record:
    dead = not asked.command.undone
    return asked.record if asked.record.deceased is dead else replace(asked.record, deceased=dead)


def _request_deletion(asked: Asked) -> Record:
    if asked.record.deletion_due is not None:
        return asked.record
    return _deleted(asked, Because.REQUEST)


def _deleted(asked: Asked, because: Because) -> Record:
    return replace(asked.record, deletion_due=asked.now + asked.policy.deletion, deleted_because=because)


def archive_ends(record: Record, policy: Policy) -> datetime | None:
    """When a closed record may be deleted at the earliest; None for one that is not closed.

    Never before its holder had the time to reopen it, however late he was told.
    """
    if record.closed_at is None:
        return None
    ends = _years_after(record.closed_at, policy.archive_years)
    return ends if record.foreseen_at is None else max(ends, record.foreseen_at + policy.archive_notice)


def _years_after(moment: datetime, years: int) -> datetime:
    """The same day so many years later; 1 March where that year has no 29 February."""
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:
        return moment.replace(year=moment.year + years, month=3, day=1)


def _archived(record: Record) -> Code | None:
    """Closed, be it suspended too or its holder dead; not held."""
    if code := there(record):
        return code
    if record.state is not State.CLOSED:
        return FurtherReason.NOT_DUE
    return Reason.RECORD_HELD if record.held else None


def _not_foreseeable(asked: Asked) -> Code | None:
    ends = archive_ends(asked.record, asked.policy)
    told = asked.record.foreseen_at is not None
    due = ends is not None and ends - asked.policy.archive_notice <= asked.now
    return None if due and not told else FurtherReason.NOT_DUE


def _foresee(asked: Asked) -> Record:
    return replace(asked.record, foreseen_at=asked.now)


def _not_over(asked: Asked) -> Code | None:
    ends = archive_ends(asked.record, asked.policy)
    told = asked.record.foreseen_at is not None
    return None if told and ends is not None and ends <= asked.now else FurtherReason.NOT_DUE


def _delete_archived(asked: Asked) -> Record:
    return _deleted(asked, Because.ARCHIVE)


def _declare(asked: Asked) -> Record:
    """A change of médecin traitant ends the former one's rights at once (AR-066); taken in every state."""
    declared = asked.command.professional
    return asked.record if asked.record.treating == declared else replace(asked.record, treating=declared)


def _release(asked: Asked) -> Record:
    return replace(asked.record, held=False) if asked.record.held else asked.record


RULES: Final[dict[AnyAct, Rule]] = {
    FurtherAct.ACTIVATE: Rule(holders_side, in_use, _activate),
    Act.CLOSE: Rule(holders_side_or_counsellor, _closable, _close, restricts=always),
    Act.REOPEN: Rule(holders_side, _reopenable, _reopen),
    FurtherAct.SUSPEND: Rule(authority, _alive, _suspend, restricts=always, versioned=False),
    FurtherAct.OBJECT: Rule(holders_side, _suspended, _object, _objection_late),
    FurtherAct.LIFT: Rule(authority, _suspended, _lift, versioned=False),
    FurtherAct.CLOSE_UNCONTESTED: Rule(authority, _suspended, _close, _contested, always, versioned=False),
    FurtherAct.DECEASE: Rule(authority, there, _decease, restricts=always, versioned=False),
    FurtherAct.REQUEST_DELETION: Rule(holders_side, _deletable, _request_deletion, restricts=always),
    FurtherAct.FORESEE_DELETION: Rule(operator, _archived, _foresee, _not_foreseeable, versioned=False, raises=False),
    FurtherAct.DELETE_ARCHIVED: Rule(operator, _archived, _delete_archived, _not_over, always, versioned=False),
    Act.DECLARE: Rule(insurer, there, _declare, restricts=always, versioned=False),
    Act.RELEASE: Rule(operator, there, _release, versioned=False, raises=False),
}
