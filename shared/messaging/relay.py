"""The relay: sends what the outbox holds, in order, and heals a topic that was wiped or torn.

A cursor is (number, offset, epoch). One batch per partition is under way at a time, and a new producer is made after
any error. At its start, after every error and every few seconds it verifies that the topic holds the cursor's number
at the cursor's offset; while all is well it does so beside its sending, which would stand still for as long otherwise.
Where the topic does not, the cursor goes back to what the topic holds without a gap and the epoch rises, so that an
older relay's late word changes nothing.

What this process has just committed is handed over in memory, and where the cursors stand is remembered. Both only
spare reading: a cursor is sent from under the lock on its row and only where the row says what is remembered, and from
memory only the numbers that follow it without a gap. Otherwise the tables are read.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from shared.contracts.envelope import Envelope, to_headers
from shared.database import Database, is_transient
from shared.errors import OperatorError
from shared.messaging import _cursors
from shared.messaging._cursors import Cursor
from shared.messaging._handover import HandOver
from shared.messaging._kafka import SEND_BATCH_BYTES, Kafka, cancellation_is_ours, started, stopped
from shared.messaging._topic_check import TopicCheck
from shared.messaging.outbox import Place, Stored
from shared.observability import RELAY_REWINDS, RELAY_SENT, logger

SWEEP_S = 0.25
"""How often the relay looks for what a crash left unsent."""
TAKE_OVER_S = 1.0
"""What another process left unsent for this long is sent by this one."""
VERIFY_S = 5.0
SEND_TIMEOUT_S = 3.0
"""Fits, with the statements around it, into the 5 s of a transaction."""
ROWS_AT_ONCE = 500
BACK_OFF_S = 0.5
BUSY_PAUSE_S = 0.01
GATHER_S = 0.005
"""Least time between the beginnings of two sends at low rates: the cost is per send, however much it sends."""

_log = logger("carnet.relay")


class OutboxError(OperatorError):
    """What the outbox holds can't be sent; the process ends, since only an operator can mend it."""


class TornTopicError(Exception):
    """An acknowledgement does not fit what was sent before: the topic is not the one that was written to."""


class Relay:
    """Sends the outbox of one service. Several processes may run one each; readers drop what comes twice."""

    def __init__(self, service: str, database: Database, kafka: Kafka, places: Iterable[Place]) -> None:
        self._service = service
        self._database = database
        self._kafka = kafka
        self._places = _cursors.checked(places)
        self._producer: AIOKafkaProducer | None = None
        self._check = TopicCheck(kafka)
        self._dirty: set[Place] = set()
        self._handed = HandOver()
        self._known: dict[Place, Cursor] = {}
        self._woken = asyncio.Event()
        self._stopping = False
        self._lagging: dict[Place, tuple[int, float]] = {}
        self._next_sweep = 0.0
        self._next_verify = 0.0
        self._verified = False
        self._look: asyncio.Task[None] | None = None
        self.progressed_at = time.monotonic()
        """When the relay last came around its loop; the watchdog looks at it."""
        self.pending = 0
        self.oldest_unsent_s = 0.0
        self.sent = 0
        self.healed = 0

    def wake(self, stored: Iterable[Stored]) -> None:
        """Hand over messages to send; called after the commit that stored them."""
        self._dirty |= self._handed.add(stored)
        self._woken.set()

    async def run(self) -> None:
        """Send until cancelled; faults of Kafka and PostgreSQL are waited out."""
        while not self._stopping:
            self.progressed_at = time.monotonic()
            try:
                with cancellation_is_ours():
                    await self._once()
            except (KafkaError, TornTopicError, OSError, TimeoutError) as error:
                await self._after_error(error)
            except Exception as error:
                if not is_transient(error):
                    raise
                await self._after_error(error)

    def stop(self) -> None:
        """Have `run` return after what it is sending now."""
        self._stopping = True
        self._woken.set()

    async def close(self) -> None:
        """Close what is open, once `run` has ended."""
        await self._stop_looking()
        await stopped(self._producer)
        await self._check.close()

    async def _after_error(self, error: Exception) -> None:
        _log.warning("relay_error", exc_info=error)
        producer, self._producer = self._producer, None
        self._verified = False
        await self._stop_looking()
        self._known.clear()
        self._handed.clear()
        self._dirty.update(self._places)
        await stopped(producer)
        await self._check.close()
        await asyncio.sleep(BACK_OFF_S)

    async def _once(self) -> None:
        await self._see_to_topics()
        if time.monotonic() >= self._next_sweep:
            await self._sweep()
            self._next_sweep = time.monotonic() + SWEEP_S
        if not self._dirty:
            try:
                async with asyncio.timeout(max(0.01, self._next_sweep - time.monotonic())):
                    await self._woken.wait()
            except TimeoutError:
                return
        self._woken.clear()
        places, self._dirty = self._dirty, set()
        if places:
            began = time.monotonic()
            more = await self._send(sorted(places))
            self._dirty |= more
            if more == places:
                await asyncio.sleep(BUSY_PAUSE_S)
            elif not more:
                await asyncio.sleep(max(0.0, GATHER_S - (time.monotonic() - began)))

    async def _see_to_topics(self) -> None:
        """Verify before anything is sent, at the start and after an error; later on now and then, beside the sending.

        Raises:
            KafkaError, OSError, TimeoutError: topics or cursors can't be read.
        """
        if not self._verified:
            await self._verify()
            self._verified, self._next_verify = True, time.monotonic() + VERIFY_S
        elif self._look is None and time.monotonic() >= self._next_verify:
            self._look = asyncio.create_task(self._verify_beside(), name="relay-look")
        elif self._look is not None and self._look.done():
            look, self._look = self._look, None
            self._next_verify = time.monotonic() + VERIFY_S
            look.result()

    async def _verify_beside(self) -> None:
        with cancellation_is_ours():
            await self._verify()

    async def _stop_looking(self) -> None:
        look, self._look = self._look, None
        if look is not None:
            look.cancel()
            await asyncio.gather(look, return_exceptions=True)

    async def _sweep(self) -> None:
        """Find what nobody sends: left by a crash, or by a process that is frozen."""
        unsent = await _cursors.unsent(self._database)
        now = time.monotonic()
        lagging: dict[Place, tuple[int, float]] = {}
        for place, number, _ in unsent:
            seen, since = self._lagging.get(place, (number, now))
            lagging[place] = (number, since if seen == number else now)
            if now - lagging[place][1] >= TAKE_OVER_S:
                self._dirty.add(place)
        self._lagging = lagging
        self.pending = sum(pending for _, _, pending in unsent)
        self.oldest_unsent_s = max((now - since for _, since in lagging.values()), default=0.0)

    async def _send(self, places: list[Place]) -> set[Place]:
        """Send one batch for each of these places; gives the places that have more."""
        producer = await self._ready_producer()  # before the transaction: connecting may take longer than one may
        known = self._followed(places)
        async with self._database.transaction(_cursors.taking(known.values()) if known else "") as tx:
            if known and tx.begun == f"SELECT {len(known)}":
                cursors = known
            else:
                cursors = await _cursors.take(tx, places)
                self._known |= cursors
            busy = set(places) - cursors.keys()  # another relay is at work there and may have looked too early
            waiting = {place: self._handed.behind(cursor) for place, cursor in cursors.items()}
            if unread := [cursors[place] for place, handed in waiting.items() if not handed]:
                waiting |= await _cursors.following(tx, unread, ROWS_AT_ONCE)
            waiting = {place: rows for place, rows in waiting.items() if rows}
            if not waiting:
                return busy
            async with asyncio.timeout(SEND_TIMEOUT_S):
                reached = await self._produce(producer, cursors, waiting)
            tx.with_commit(_cursors.moving(reached))
        for cursor in reached:
            self._known[cursor.place] = cursor
            self._handed.forget(cursor)
            count = cursor.number - cursors[cursor.place].number
            self.sent += count
            RELAY_SENT.labels(self._service, cursor.place[0]).inc(count)
        more = {cursor.place for cursor in reached if cursor.number < waiting[cursor.place][-1].number}
        return busy | more | {place for place, rows in waiting.items() if len(rows) == ROWS_AT_ONCE}

    def _followed(self, places: list[Place]) -> dict[Place, Cursor]:
        """The cursors as remembered, where what follows each of them was handed over; none if one lacks."""
        known = {place: self._known[place] for place in places if place in self._known}
        complete = len(known) == len(places) and all(map(self._handed.follows, known.values()))
        return known if complete else {}

    async def _produce(
        self, producer: AIOKafkaProducer, cursors: dict[Place, Cursor], waiting: dict[Place, list[Stored]]
    ) -> list[Cursor]:
        """Send what waits at each place as one batch, and wait until all replicas have it; gives where that leads."""
        acknowledged = []
        last = []
        for place, rows in waiting.items():
            builder = producer.create_batch()
            last.append(self._fill(builder, cursors[place], rows))
            topic, partition = place
            acknowledged.append(await producer.send_batch(builder, self._kafka.prefix + topic, partition=partition))
        reached = []
        for place, one, metadata in zip(waiting, last, await asyncio.gather(*acknowledged), strict=True):
            cursor = cursors[place]
            if metadata.offset <= cursor.offset:
                raise TornTopicError
            reached.append(
                replace(
                    cursor,
                    number=one.number,
                    offset=metadata.offset + one.number - cursor.number - 1,
                    sent_on=one.created_at.astimezone(UTC).date(),
                ),
            )
        return reached

    def _fill(self, builder: BatchBuilder, cursor: Cursor, rows: Sequence[Stored]) -> Stored:
        """Put in the messages behind a cursor, in order, as many as fit; gives the last of them."""
        topic, partition = cursor.place
        last = None
        for expected, row in enumerate(rows, cursor.number + 1):
            if row.number != expected:
                raise OutboxError(
                    f"the outbox of {topic}/{partition} has no number {expected}, so nothing behind it can be sent: "
                    "restore the row from a backup of this database",
                )
            appended = builder.append(
                key=row.message.key.encode(),
                value=row.message.payload,
                timestamp=int(row.created_at.timestamp() * 1000),
                headers=to_headers(self._envelope(row)),
            )
            if appended is None:
                break
            last = row
        if last is None:
            raise OutboxError(
                f"the message behind number {cursor.number} of {topic}/{partition} does not fit into "
                f"{SEND_BATCH_BYTES} bytes, so nothing behind it can be sent: raise SEND_BATCH_BYTES in a release",
            )
        return last

    def _envelope(self, row: Stored) -> Envelope:
        return Envelope(
            id=row.message.id,
            type=row.message.type,
            source=self._service,
            time=row.created_at,
            correlation=row.message.correlation,
            cause=row.message.cause,
            number=row.number,
        )

    async def _ready_producer(self) -> AIOKafkaProducer:
        if self._producer is None:
            self._producer = await started(self._kafka.producer())
        return self._producer

    async def _verify(self) -> None:
        """Compare every cursor with its topic; where they differ, go back to what the topic holds."""
        cursors = await _cursors.all_cursors(self._database)
        written = set(self._places)
        for torn in await self._check.torn([cursor for cursor in cursors if cursor.place in written]):
            number, offset = await self._check.contiguous_prefix(torn.place)
            async with self._database.transaction() as tx:
                healed = await _cursors.go_back(tx, torn, number, offset)
            if healed:
                self.healed += 1
                RELAY_REWINDS.labels(self._service, torn.place[0]).inc()
                _log.warning("topic_torn", topic=torn.place[0], partition=torn.place[1], number=number)
            self._dirty.add(torn.place)
