"""One batch, one transaction: lock, drop what is done, load, fold, save, number what leaves, commit.

The order of statements is the protocol. The first locks the rows of the batch's partitions, so that two processes
that both believe they own a partition take turns; state is read only after it, in statements of their own, because
under READ COMMITTED a statement sees what was committed before it began.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic
from uuid import UUID

from aiokafka import ConsumerRecord

from shared.contracts.common import Body
from shared.contracts.envelope import Message, number_of, time_of
from shared.contracts.reasons import Reason
from shared.contracts.topics import ACCESS_DECISIONS, Topic
from shared.database import Action, Database, Transaction, action_of
from shared.messaging._decode import Fault, Read, read
from shared.messaging._passed_over import PassedOver
from shared.messaging.effects import C, Consumer, Failed, Raw, S, Unreadable
from shared.messaging.outbox import Outbox, Outgoing, Place, Reached
from shared.messaging.parked import ParkedRow, Seal, park
from shared.observability import logger

_log = logger("carnet.messaging")


@dataclass
class Outcome:
    """What came of a batch."""

    gaps: dict[Place, int] = field(default_factory=dict)
    """Places where numbers are missing, with the highest number that was therefore not applied."""
    last: dict[Place, int] = field(default_factory=dict)
    """The last number applied, by place."""
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Messages by topic, type and outcome (`done`, `dropped`, `ignored`, `parked`)."""
    parked: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Messages parked, by topic and reason."""
    results: dict[Place, list[bool]] = field(default_factory=dict)
    """By place, in order, for each message that a handler was given: False where it or `save` raised and it was parked.

    What was dropped, passed over or could not be read says nothing of the handlers, and is not in it.
    """


@dataclass
class _Folded(Generic[C]):
    changes: list[C] = field(default_factory=list)
    outgoing: list[Outgoing] = field(default_factory=list)
    parked: list[ParkedRow] = field(default_factory=list)
    results: dict[Place, list[bool]] = field(default_factory=dict)


class AgainError(Exception):
    """A parked message is not handled now; the text says why, without any of its values."""


class BatchHandler(Generic[S, C]):
    """Handles batches of one lane. Knows PostgreSQL and the lane's handlers; knows nothing of consumers and offsets."""

    def __init__(
        self,
        consumer: Consumer[S, C],
        *,
        database: Database,
        outbox: Outbox,
        topics: Mapping[str, Topic],
        seal: Seal,
    ) -> None:
        self._consumer = consumer
        self._database = database
        self._outbox = outbox
        self._topics = topics
        self._seal = seal
        self._handlers = consumer.handlers
        self._raw = Raw in consumer.handlers
        self._unreadable = Unreadable in consumer.handlers
        self._numbered = {name for name in consumer.topics if topics[name].numbered}
        special: set[type[Body]] = {Raw, Unreadable, Failed}
        self._wanted = {body.type_name: body for body in consumer.handlers if body not in special}
        self._passed_over = PassedOver(consumer, topics)

    async def handle(self, records: Sequence[ConsumerRecord]) -> Outcome:
        """Handle records, each partition's in order; halve the batch where `save` raises until the culprit is alone.

        Raises:
            Exception: a transient database fault (`shared.database.is_transient`): nothing was done, or all was;
                the same records are handed in again.
        """
        outcome = Outcome()
        pending = [list(records)]
        while pending:
            part = pending.pop()
            try:
                await self._attempt(part, outcome, condemned=None)
            except Exception as error:
                if action_of(error) is not Action.PARK:
                    raise
                if len(part) > 1:
                    middle = len(part) // 2
                    pending += [part[middle:], part[:middle]]
                    continue
                _log.error("message_failed", topic=part[0].topic, partition=part[0].partition, exc_info=error)
                fault = Fault(Reason.INTERNAL_ERROR, f"saving raised {type(error).__name__}")
                await self._attempt(part, outcome, condemned=fault)
        return outcome

    async def _attempt(self, records: list[ConsumerRecord], outcome: Outcome, *, condemned: Fault | None) -> None:
        counts: Counter[tuple[str, str, str]] = Counter()
        places = sorted({(record.topic, record.partition) for record in records})
        async with self.turn(places) as tx:
            progress, now = await _progress(tx, places)
            fresh, gaps = self._fresh(records, progress, counts)
            _compare_clocks(tx, records, now)
            reads = [self._read(record, number) for record, number in fresh]
            folded = await self._fold(tx, reads, now, condemned, counts)
            await self._consumer.store.save(tx, folded.changes)
            await park(tx, self._consumer.name, folded.parked, self._seal)
            last = {(record.topic, record.partition): record.offset for record, _ in fresh}
            reached = [Reached(place, progress[place], offset) for place, offset in last.items()]
            await self._outbox.append(tx, folded.outgoing, reached)
        outcome.last |= progress
        for place, number in gaps.items():
            outcome.gaps[place] = max(number, outcome.gaps.get(place, 0))
        outcome.counts += counts
        outcome.parked.update((row.record.topic, row.fault.reason.value) for row in folded.parked)
        for place, results in folded.results.items():
            outcome.results.setdefault(place, []).extend(results)

    @asynccontextmanager
    async def turn(self, places: list[Place]) -> AsyncIterator[Transaction]:
        """A transaction that has the turn on these inputs: whoever else handles something of them waits for its end."""
        turn = self._turn(places)
        async with self._database.transaction(turn) as tx:
            if not turn:
                await _lock_progress(tx, places)
            yield tx

    async def again(self, tx: Transaction, record: ConsumerRecord) -> list[Outgoing]:
        """Handle a parked message once more, in its turn; gives what it causes, which is not sent yet.

        Its number has passed and isn't asked. Nothing is parked, and no handler of `Failed` or `Unreadable` is called:
        they had their say when it was parked.

        Raises:
            AgainError: it still can't be read, or was handled otherwise.
            Exception: what its handler or `save` raises.
        """
        item = self._read(record, number_of(record.headers))
        if item.fault is not None:
            raise AgainError(f"it still can't be read ({item.fault.reason.value}): {item.fault.detail}")
        message = item.message
        if message is None:
            return []
        if message.id in set(await self._consumer.done(tx, [message])):
            raise AgainError("it was decided when it was parked, and a request has one decision: discard it")
        states = await self._consumer.store.load(tx, [message])
        state = states[self._consumer.state_key(message)]
        effects = self._handlers[type(message.body)](message, state, await tx.clock())
        await self._consumer.store.save(tx, effects.changes)
        return self._outbox.caused_by(message, effects.emits)

    def _turn(self, places: list[Place]) -> str:
        """The statement that locks the batch's partitions; none for an insurer's topic, whose partitions are its own.

        It needs no arguments, so that it costs no round trip: partitions are numbers.
        """
        if not all(self._topics[topic].record_keyed for topic, _ in places):
            return ""
        return _turn_on({partition for _, partition in places})

    def _fresh(
        self,
        records: list[ConsumerRecord],
        progress: dict[Place, int],
        counts: Counter[tuple[str, str, str]],
    ) -> tuple[list[tuple[ConsumerRecord, int | None]], dict[Place, int]]:
        """Records not handled before and not beyond a gap, with their numbers; moves `progress` to the last of them."""
        fresh: list[tuple[ConsumerRecord, int | None]] = []
        gaps: dict[Place, int] = {}
        for record in records:
            place = (record.topic, record.partition)
            number = number_of(record.headers) if record.topic in self._numbered else None
            if number is None:
                # without a place in a numbered topic it is read, found malformed, and parked
                fresh.append((record, None))
            elif number == progress[place] + 1:
                progress[place] = number
                fresh.append((record, number))
            elif number > progress[place]:
                gaps[place] = max(number, gaps.get(place, 0))
            else:
                counts[record.topic, "", "dropped"] += 1
        return fresh, gaps

    def _read(self, record: ConsumerRecord, number: int | None) -> Read:
        name = record.topic
        if self._passed_over.one(record):
            return Read(record, None)  # most of what followers see
        if number is None and name in self._numbered:
            return Read(record, None, Fault(Reason.MALFORMED, "the message has no number: expected ce_number"))
        return read(
            record,
            self._topics[name],
            self._wanted,
            raw=self._raw,
            unreadable=self._unreadable,
        )

    async def _fold(
        self,
        tx: Transaction,
        reads: list[Read],
        now: datetime,
        condemned: Fault | None,
        counts: Counter[tuple[str, str, str]],
    ) -> _Folded[C]:
        folded: _Folded[C] = _Folded()
        messages = [item.message for item in reads if item.message is not None]
        done: set[UUID] = set(await self._consumer.done(tx, messages)) if messages else set()
        states = dict(await self._consumer.store.load(tx, messages)) if messages else {}
        for item in reads:
            record, message, fault = item
            if fault is not None:
                folded.parked.append(ParkedRow(record, number_of(record.headers), fault))
            if message is None:
                counts[record.topic, "", "parked" if fault else "ignored"] += 1
                continue
            envelope = message.envelope
            if envelope.id in done:
                counts[record.topic, envelope.type, "dropped"] += 1
                continue
            if record.topic not in self._numbered:
                done.add(envelope.id)
            self._apply(item, states, now, folded, condemned)
            counts[record.topic, envelope.type, "done"] += 1
        return folded

    def _apply(
        self,
        item: Read,
        states: dict[str, S],
        now: datetime,
        folded: _Folded[C],
        condemned: Fault | None,
    ) -> None:
        message = item.message
        assert message is not None  # noqa: S101
        key = self._consumer.state_key(message)
        fault = condemned
        if fault is None:
            try:
                effects = self._handlers[type(message.body)](message, states[key], now)
                outgoing = self._outbox.caused_by(message, effects.emits)
            except Exception as error:  # noqa: BLE001 - a bug hurts one message only; it is parked and told
                _log.error(
                    "message_failed",
                    topic=message.topic,
                    partition=message.partition,
                    type=message.envelope.type,
                    correlation=str(message.envelope.correlation),
                    exc_info=error,
                )
                fault = Fault(Reason.INTERNAL_ERROR, f"its handler raised {type(error).__name__}")
        folded.results.setdefault((item.record.topic, item.record.partition), []).append(fault is None)
        if fault is not None:
            folded.parked.append(ParkedRow(item.record, message.envelope.number, fault))
            if Failed not in self._handlers:
                return
            failed: Message[Any] = Message(
                message.envelope,
                message.key,
                Failed.model_construct(original=message.body),
                message.topic,
                message.partition,
                message.offset,
            )
            effects = self._handlers[Failed](failed, states[key], now)
            outgoing = self._outbox.caused_by(failed, effects.emits)
        states[key] = effects.state
        folded.changes.extend(effects.changes)
        folded.outgoing.extend(outgoing)


async def lock_partitions(tx: Transaction, partitions: set[int]) -> None:
    """Take the turn on these record partitions, in sorted order; held until the transaction ends."""
    await tx.execute(_turn_on(partitions))


def _turn_on(partitions: set[int]) -> str:
    numbers = ",".join(str(int(partition)) for partition in partitions)
    return f"SELECT FROM partition_lock WHERE partition = ANY('{{{numbers}}}'::int[]) ORDER BY partition FOR UPDATE"


async def _lock_progress(tx: Transaction, places: list[Place]) -> None:
    """Take the turn on inputs that have partitions of their own."""
    await tx.execute(
        "SELECT FROM progress JOIN unnest($1::text[], $2::int[]) AS w (topic, partition) USING (topic, partition) "
        "ORDER BY topic, partition FOR UPDATE OF progress",
        [topic for topic, _ in places],
        [partition for _, partition in places],
    )


def _compare_clocks(tx: Transaction, records: Sequence[ConsumerRecord], now: datetime) -> None:
    """See by the last decision how far this database's clock is behind: for permits, which live by access_control's."""
    last = next((one for one in reversed(records) if one.topic == ACCESS_DECISIONS), None)
    written = time_of(last.headers) if last is not None else None
    if written is not None:
        tx.behind.seen(written - now)


async def _progress(tx: Transaction, places: list[Place]) -> tuple[dict[Place, int], datetime]:
    rows = await tx.fetch(
        """
        SELECT topic, partition, coalesce(last_number, 0) AS last, clock_timestamp() AS now
        FROM unnest($1::text[], $2::int[]) AS w (topic, partition) LEFT JOIN progress USING (topic, partition)
        """,
        [topic for topic, _ in places],
        [partition for _, partition in places],
    )
    return {(row["topic"], row["partition"]): row["last"] for row in rows}, rows[0]["now"]
