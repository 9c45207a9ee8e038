"""What the service does with a message: the insurers' lines, and the life of records. Pure functions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from services.history_ingestion.domain.lines import Known, fault_of, judge
from services.history_ingestion.domain.window import today_in_paris, window_start
from shared.contracts.access_decisions import (
    ConsentChanged,
    DeletionAnnounced,
    FunctionsKnown,
    RecordClosed,
    RecordMerged,
    RecordOpened,
    RecordReopened,
)
from shared.contracts.common import FurtherAct
from shared.contracts.envelope import Message, derived_id
from shared.contracts.history_events import HistoryUpdated, RecordDestroyed
from shared.contracts.insurance import BackfillRequested, LineFate, LineReceipt, LineReceipts, ReimbursedCare
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import Function
from shared.contracts.topics import BACKFILL_REQUESTS, RECEIPTS, of_insurer
from shared.messaging import Effects, Emit, Failed, Handlers, Unreadable
from shared.terminology.ins import Ins


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody with an open record who does not do without the history."""

    record: UUID
    fed: bool
    """True where the record had lines before."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Messages of one place that are handled with this batch; where they come again from there, they are dropped."""

    topic: str
    partition: int
    first_offset: int
    last_offset: int
    messages: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch of one insurer's lines begins with, and what came since: one state for the whole batch."""

    lines: Mapping[str, Known]
    """By the insurer's line id."""
    holders: Mapping[tuple[str, str], Holder]
    """By OID and number of the INS; only persons with an open record who want the history."""
    last: UUID
    """The message that closes the batch: with it the receipts leave."""
    repeats: frozenset[UUID] = frozenset()
    """Messages that an earlier batch handled."""
    taken: tuple[Taken, ...] = ()
    """All messages of the batch but the repeats."""
    changed: Mapping[str, Known] = field(default_factory=dict)
    """Lines that are known otherwise since the batch began."""
    told: frozenset[UUID] = frozenset()
    """Records whose update was told already: one message per record and batch."""
    receipts: tuple[tuple[int, LineReceipt], ...] = ()
    """The fates so far, with the partition of their lines."""

    def after(
        self, partition: int, receipt: LineReceipt, changed: Mapping[str, Known], told: frozenset[UUID]
    ) -> "Batch":
        """The batch after one more line. Written out: `dataclasses.replace` costs more than all else of a line."""
        receipts = (*self.receipts, (partition, receipt))
        return Batch(self.lines, self.holders, self.last, self.repeats, self.taken, changed, told, receipts)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a line from now on; with content where it is kept, with `remove` where it no longer is."""

    known: Known
    care_date: date
    section: str
    raised: bool
    """True where the version that came is a new one."""
    content: bytes | None = None
    remove: bool = False


@dataclass(frozen=True, slots=True)
class Fed:
    """A record got its first line."""

    record: UUID


LineChange = Taken | Kept | Fed
LineEffects = Effects[Batch, LineChange]


def line_handlers(insurer: str, oids: frozenset[str]) -> Handlers[Batch, LineChange]:
    """Handlers of one insurer's lines.

    Args:
        insurer: its code, as it stands in its topics' names.
        oids: the kinds of INS accepted in this environment.
    """
    topic = of_insurer(RECEIPTS, insurer)

    def reimbursed(message: Message[ReimbursedCare], batch: Batch, now: datetime) -> LineEffects:
        line, today = message.body, today_in_paris(now)
        fault = fault_of(line, today, oids)
        if fault is not None:
            return Effects(_answered(batch, message, LineFate.REJECTED, fault, line))
        known = batch.changed.get(line.line) or batch.lines[line.line]
        holder = batch.holders.get((line.oid, line.matricule))
        verdict = judge(line, known, today, holder.record if holder else None)
        if verdict.known is known:
            return Effects(_answered(batch, message, verdict.fate, verdict.reason, line))
        kept = Kept(
            verdict.known,
            line.care_date,
            line.section,
            raised=verdict.known.version > known.version,
            content=_content(line) if verdict.keep else None,
            remove=verdict.remove,
        )
        touched = dict.fromkeys(record for record in (known.record, verdict.known.record) if record)
        news = [record for record in touched if record not in batch.told]
        first = holder.record if holder and verdict.keep and not holder.fed and holder.record in news else None
        receipt = _receipt(message, verdict.fate, verdict.reason, line)
        changed = {**batch.changed, line.line: verdict.known}
        told = batch.told.union(news) if news else batch.told
        return Effects(
            batch.after(message.partition, receipt, changed, told),
            (kept, Fed(first)) if first else (kept,),
            tuple(Emit(HistoryUpdated(insurer=insurer, first=record == first), key=str(record)) for record in news),
        )

    def unreadable(message: Message[Unreadable], batch: Batch, _now: datetime) -> LineEffects:
        return Effects(_answered(batch, message, LineFate.REJECTED, message.body.reason))

    def failed(message: Message[Failed], batch: Batch, _now: datetime) -> LineEffects:
        original = message.body.original
        line = original if isinstance(original, ReimbursedCare) else None
        return Effects(_answered(batch, message, LineFate.REJECTED, Reason.INTERNAL_ERROR, line))

    return {
        ReimbursedCare: _in_a_batch(reimbursed, topic),
        Unreadable: _in_a_batch(unreadable, topic),
        Failed: _in_a_batch(failed, topic),
    }


LineHandler = Callable[[Message[Any], Batch, datetime], LineEffects]


def _in_a_batch(handler: LineHandler, topic: str) -> LineHandler:
    """Drop repeats; with the last message of the batch send the receipts of all, one message per partition."""

    def handled(message: Message[Any], batch: Batch, now: datetime) -> LineEffects:
        effects: LineEffects = Effects(batch) if message.id in batch.repeats else handler(message, batch, now)
        if message.id != batch.last:
            return effects
        return Effects(
            effects.state,
            (*effects.changes, *batch.taken),
            (*effects.emits, *_receipts(effects.state.receipts, topic)),
        )

    return handled


def _answered(
    batch: Batch, message: Message[Any], fate: LineFate, reason: Reason | None, line: ReimbursedCare | None = None
) -> Batch:
    """The batch after a line that changes nothing but its receipt."""
    return batch.after(message.partition, _receipt(message, fate, reason, line), batch.changed, batch.told)


def _receipt(message: Message[Any], fate: LineFate, reason: Reason | None, line: ReimbursedCare | None) -> LineReceipt:
    if line is None:
        return LineReceipt(offset=message.offset, fate=fate, reason=reason)
    return LineReceipt(offset=message.offset, line=line.line, version=line.version, fate=fate, reason=reason)


def _receipts(receipts: Sequence[tuple[int, LineReceipt]], topic: str) -> Iterator[Emit]:
    places: dict[int, list[LineReceipt]] = {}
    for partition, receipt in receipts:
        places.setdefault(partition, []).append(receipt)
    for partition, answers in places.items():
        body = LineReceipts.model_construct(partition=partition, receipts=tuple(answers))
        yield Emit(body, topic=topic, key=str(partition))


def _content(line: ReimbursedCare) -> bytes:
    """What describes the care; it is stored encrypted under the record's key."""
    return orjson.dumps(
        {
            "code_system": line.code_system,
            "code": line.code,
            "label": line.label,
            "quantity": line.quantity,
            "performer": line.performer,
            "prescriber": line.prescriber,
        }
    )


@dataclass(frozen=True, slots=True)
class Person:
    """A record as this service knows it."""

    state: str | None
    """`open`, `closed`, or None before access_control said anything."""
    ins: Ins | None
    """The holder's INS, once the gateway indexed it."""
    told: int = 0
    """Number of the message that said so last: one before it, replayed late, says nothing any more."""
    wanted: bool = True
    """False while the holder does without the history: nothing comes in, what is there stays for the holder alone."""
    wanted_told: int = 0
    """Number of the message that said this last; its own, since of a life and a wish neither outdates the other."""
    missed: bool = False
    """Lines may have been missed since a wish could not be handled: asked for once it is known that they are wanted."""


@dataclass(frozen=True, slots=True)
class PersonChange:
    """A record is open or closed, or its holder wants the history or does without it, from now on."""

    record: UUID
    person: Person


@dataclass(frozen=True, slots=True)
class Destroyed:
    """A record of which nothing is kept any more."""

    record: UUID


@dataclass(frozen=True, slots=True)
class Unindexed:
    """A record to which no INS leads any more."""

    record: UUID


OPEN = "open"
CLOSED = "closed"
NOBODY = Person(None, None)
LifeEffects = Effects[Person, PersonChange | Destroyed | Unindexed]


def life_handlers(insurers: Sequence[str]) -> Handlers[Person, PersonChange | Destroyed | Unindexed]:
    """Handlers of the life of records: lines are kept for open ones only, and asked for when one opens.

    Where the holder does without the history they are neither kept nor asked for. Who wants it again is fed on from
    then: insurers are not asked for what came meanwhile. What can't be handled and may have ended the feeding ends it
    (design, invariant 9), until it is replayed or something later of its kind comes.
    """

    def opened(message: Message[RecordOpened | RecordReopened], person: Person, now: datetime) -> LifeEffects:
        asks = person.ins if person.state != OPEN and person.wanted else None
        return _lives(message, person, OPEN, backfill(insurers, asks, now, message.id) if asks else ())

    def closed(message: Message[RecordClosed], person: Person, _now: datetime) -> LifeEffects:
        return _lives(message, person, CLOSED)

    def deleted(message: Message[DeletionAnnounced], _person: Person, _now: datetime) -> LifeEffects:
        """Destroy the record's key, lines and index, and confirm; as often as it is announced (AR-055)."""
        return Effects(NOBODY, (Destroyed(message.record),), (RecordDestroyed(),))

    def merged(message: Message[RecordMerged], person: Person, _now: datetime) -> LifeEffects:
        """The person's other record is the one in use: no line finds this one any more."""
        return Effects(replace(person, ins=None), (Unindexed(message.record),))

    def consented(message: Message[ConsentChanged], person: Person, now: datetime) -> LifeEffects:
        """Note whether the holder does without the history; other consents are not ours."""
        body = message.body
        return wishes(message, person, body.scopes, now) if body.act == FurtherAct.OPT_OUT else Effects(person)

    def known(message: Message[FunctionsKnown], person: Person, now: datetime) -> LifeEffects:
        """Note an opt-out that was made before this service followed them."""
        return wishes(message, person, message.body.unwanted, now)

    def wishes(message: Message[Any], person: Person, unwanted: Sequence[str], now: datetime) -> LifeEffects:
        """Note a holder's choice of functions, unless a later one was handled before it; ask for what was missed."""
        wanted = Function.HISTORY not in unwanted
        asks = person.ins if person.missed and wanted and person.state == OPEN else None
        asked = backfill(insurers, asks, now, message.id) if asks else ()
        return _wishes(message, person, asked, wanted=wanted)

    return {
        RecordOpened: opened,
        RecordReopened: opened,
        RecordClosed: closed,
        ConsentChanged: consented,
        FunctionsKnown: known,
        RecordMerged: merged,
        DeletionAnnounced: deleted,
        Unreadable: _stopped,
        Failed: _stopped,
    }


def _stopped(message: Message[Unreadable | Failed], person: Person, _now: datetime) -> LifeEffects:
    """Take no more lines where a message that can't be handled may have ended the feeding; it is parked beside."""
    original = message.body.original if isinstance(message.body, Failed) else None
    match message.envelope.type:
        case RecordClosed.type_name | DeletionAnnounced.type_name:
            return _lives(message, person, CLOSED)
        case RecordMerged.type_name:
            return Effects(replace(person, ins=None), (Unindexed(message.record),))
        case ConsentChanged.type_name if original is not None and original.act != FurtherAct.OPT_OUT:
            return Effects(person)
        case ConsentChanged.type_name | FunctionsKnown.type_name:
            return _wishes(message, person, wanted=False, missed=person.missed or person.wanted)
        case _:
            return Effects(person)  # what opens opens nothing, and of others nothing follows here


def _lives(message: Message[Any], person: Person, state: str, asked: tuple[Emit, ...] = ()) -> LifeEffects:
    """What a message of a record's life does, unless a later one was handled before it: a replay reopens nothing."""
    number = message.envelope.number or 0
    if number < person.told:
        return Effects(person)
    lives = replace(person, state=state, told=number)
    return Effects(lives, (PersonChange(message.record, lives),), asked)


def _wishes(
    message: Message[Any], person: Person, asked: tuple[Emit, ...] = (), *, wanted: bool, missed: bool = False
) -> LifeEffects:
    """What a holder's choice of functions does, unless a later one was handled before it."""
    number = message.envelope.number or 0
    if number < person.wanted_told:
        return Effects(person)
    wishes = replace(person, wanted=wanted, wanted_told=number, missed=missed)
    return Effects(wishes, (PersonChange(message.record, wishes),), asked)


def backfill(insurers: Sequence[str], ins: Ins, now: datetime, cause: UUID) -> tuple[Emit, ...]:
    """Ask every insurer for the person's window of care. The record's id is not told: the key is the request's."""
    since = window_start(today_in_paris(now))
    emits = []
    for ordinal, insurer in enumerate(insurers):
        request = derived_id(cause, "backfill", ordinal)
        body = BackfillRequested(request=request, matricule=ins.number, oid=ins.oid, since=since)
        emits.append(Emit(body, topic=of_insurer(BACKFILL_REQUESTS, insurer), key=str(request)))
    return tuple(emits)
