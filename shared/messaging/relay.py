"""The relay: sends what the outbox holds, in order, and heals a topic that was wiped or torn.

A cursor is (number, offset, epoch). One batch per partition is under way at a time, and a new producer is made after
any error. At its start, after every error and every few seconds it verifies that the topic holds the cursor's number
at the cursor's offset. Where it does not, the cursor goes back to what the topic holds without a gap and the epoch
rises, so that an older relay's late word changes nothing.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.contracts.envelope import Envelope, to_headers
from shared.database import Database, Transaction, is_transient
from shared.messaging._kafka import SEND_BATCH_BYTES, Kafka, cancellation_is_ours, started, stopped
from shared.messaging._topic_check import Cursor, TopicCheck
from shared.messaging.outbox import Place
from shared.observability import logger

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
"""Least time between the beginnings of two sends at low rates: each costs five statements, however much it sends."""

_log = logger("carnet.relay")


class TornTopicError(Exception):
    """An acknowledgement does not fit what was sent before: the topic is not the one that was written to."""


@dataclass(frozen=True, slots=True)
class _Sent:
    cursor: Cursor
    number: int
    offset: int
    sent_on: date


class Relay:
    """Sends the outbox of one service. Several processes may run one each; readers drop what comes twice."""

    def __init__(self, service: str, database: Database, kafka: Kafka, places: Iterable[Place]) -> None:
        self._service = service
        self._database = database
        self._kafka = kafka
        self._places = sorted(places)
        self._producer: AIOKafkaProducer | None = None
        self._check = TopicCheck(kafka)
        self._dirty: set[Place] = set()
        self._woken = asyncio.Event()
        self._stopping = False
        self._lagging: dict[Place, tuple[int, float]] = {}
        self._next_sweep = 0.0
        self._next_verify = 0.0
        self.progressed_at = time.monotonic()
        """When the relay last came around its loop; the watchdog looks at it."""
        self.pending = 0
        self.oldest_unsent_s = 0.0
        self.sent = 0
        self.healed = 0

    def wake(self, places: Iterable[Place]) -> None:
        """Tell that these places have something to send; called after the commit that stored it."""
        self._dirty.update(places)
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
        await stopped(self._producer)
        await self._check.close()

    async def _after_error(self, error: Exception) -> None:
        _log.warning("relay_error", exc_info=error)
        producer, self._producer = self._producer, None
        self._next_verify = 0.0
        self._dirty.update(self._places)
        await stopped(producer)
        await self._check.close()
        await asyncio.sleep(BACK_OFF_S)

    async def _once(self) -> None:
        now = time.monotonic()
        if now >= self._next_verify:
            await self._verify()
            self._next_verify = time.monotonic() + VERIFY_S
        if now >= self._next_sweep:
            await self._sweep()
            self._next_sweep = time.monotonic() + SWEEP_S
        if not self._dirty:
            try:
                await asyncio.wait_for(self._woken.wait(), max(0.01, self._next_sweep - time.monotonic()))
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

    async def _sweep(self) -> None:
        """Find what nobody sends: left by a crash, or by a process that is frozen."""
        async with self._database.transaction() as tx:
            rows = await tx.fetch(
                """
                SELECT c.topic, c.partition, c.number, o.last - c.number AS pending
                FROM relay_cursor c JOIN outbox_counter o USING (topic, partition) WHERE o.last > c.number
                """,
            )
        now = time.monotonic()
        lagging: dict[Place, tuple[int, float]] = {}
        for row in rows:
            place = (row["topic"], row["partition"])
            number, since = self._lagging.get(place, (row["number"], now))
            lagging[place] = (row["number"], since if number == row["number"] else now)
            if now - lagging[place][1] >= TAKE_OVER_S:
                self._dirty.add(place)
        self._lagging = lagging
        self.pending = sum(row["pending"] for row in rows)
        self.oldest_unsent_s = max((now - since for _, since in lagging.values()), default=0.0)

    async def _send(self, places: list[Place]) -> set[Place]:
        """Send one batch for each of these places; gives the places that have more."""
        producer = await self._ready_producer()  # before the transaction: connecting may take longer than one may
        async with self._database.transaction() as tx:
            cursors = await _take(tx, places)
            busy = set(places) - cursors.keys()  # another relay is at work there and may have looked too early
            rows = await _pending(tx, cursors) if cursors else []
            if not rows:
                return busy
            by_place: dict[Place, list[Any]] = {}
            for row in rows:
                by_place.setdefault((row["topic"], row["partition"]), []).append(row)
            tasks = [self._send_place(producer, cursors[place], waiting) for place, waiting in by_place.items()]
            async with asyncio.timeout(SEND_TIMEOUT_S):
                sent = await asyncio.gather(*tasks)
            await _move(tx, sent)
        self.sent += sum(item.number - item.cursor.number for item in sent)
        more = {item.cursor.place for item in sent if item.number < by_place[item.cursor.place][-1]["number"]}
        return busy | more | {place for place, waiting in by_place.items() if len(waiting) == ROWS_AT_ONCE}

    async def _send_place(self, producer: AIOKafkaProducer, cursor: Cursor, rows: list[Any]) -> _Sent:
        topic, partition = cursor.place
        builder = producer.create_batch()
        last = None
        expected = cursor.number
        for row in rows:
            expected += 1
            if row["number"] != expected:
                raise RuntimeError(f"the outbox of {topic}/{partition} has no number {expected}: it can't be sent on")
            appended = builder.append(
                key=row["key"].encode(),
                value=row["payload"],
                timestamp=int(row["created_at"].timestamp() * 1000),
                headers=to_headers(self._envelope(row)),
            )
            if appended is None:
                break
            last = row
        if last is None:
            raise RuntimeError(f"a message of {topic}/{partition} does not fit into {SEND_BATCH_BYTES} bytes")
        acknowledged = await producer.send_batch(builder, self._kafka.prefix + topic, partition=partition)
        base = (await acknowledged).offset
        if base <= cursor.offset:
            raise TornTopicError
        count = last["number"] - cursor.number
        return _Sent(cursor, last["number"], base + count - 1, last["created_on"])

    def _envelope(self, row: Any) -> Envelope:
        cause: UUID | None = row["cause"]
        return Envelope(
            id=row["message_id"],
            type=row["type"],
            source=self._service,
            time=row["created_at"],
            correlation=row["correlation"],
            cause=cause,
            number=row["number"],
        )

    async def _ready_producer(self) -> AIOKafkaProducer:
        if self._producer is None:
            self._producer = await started(self._kafka.producer())
        return self._producer

    async def _verify(self) -> None:
        """Compare every cursor with its topic; where they differ, go back to what the topic holds."""
        async with self._database.transaction() as tx:
            rows = await tx.fetch('SELECT topic, partition, number, "offset", epoch, sent_on FROM relay_cursor')
        written = set(self._places)
        cursors = [cursor for cursor in map(_cursor, rows) if cursor.place in written]
        for torn in await self._check.torn(cursors):
            number, offset = await self._check.contiguous_prefix(torn.place)
            async with self._database.transaction() as tx:
                status = await tx.execute(
                    """
                    UPDATE relay_cursor
                    SET number = $3, "offset" = $4, epoch = epoch + 1, sent_on = '2000-01-01'
                    WHERE topic = $1 AND partition = $2 AND epoch = $5
                    """,
                    *torn.place,
                    number,
                    offset,
                    torn.epoch,
                )
            if status == "UPDATE 1":
                self.healed += 1
                _log.warning("topic_torn", topic=torn.place[0], partition=torn.place[1], number=number)
            self._dirty.add(torn.place)


def _cursor(row: Any) -> Cursor:
    return Cursor((row["topic"], row["partition"]), row["number"], row["offset"], row["epoch"], row["sent_on"])


async def _take(tx: Transaction, places: list[Place]) -> dict[Place, Cursor]:
    """Lock the cursors of places that nobody else is sending."""
    rows = await tx.fetch(
        """
        SELECT c.topic, c.partition, c.number, c."offset", c.epoch, c.sent_on
        FROM relay_cursor c JOIN unnest($1::text[], $2::int[]) AS w (topic, partition) USING (topic, partition)
        FOR UPDATE OF c SKIP LOCKED
        """,
        [topic for topic, _ in places],
        [partition for _, partition in places],
    )
    cursors = map(_cursor, rows)
    return {cursor.place: cursor for cursor in cursors}


async def _pending(tx: Transaction, cursors: dict[Place, Cursor]) -> list[Any]:
    """What stands in the outbox behind these cursors, in order; the day before the last sent bounds the search."""
    return await tx.fetch(
        """
        SELECT o.topic, o.partition, o.number, o.created_on, o.message_id, o.type, o.key, o.correlation, o.cause,
               o.created_at, o.payload
        FROM unnest($1::text[], $2::int[], $3::bigint[], $4::date[]) AS c (topic, partition, number, sent_on)
        CROSS JOIN LATERAL (
            SELECT * FROM outbox
            WHERE topic = c.topic AND partition = c.partition AND number > c.number AND created_on >= c.sent_on - 1
            ORDER BY number LIMIT $5
        ) o
        ORDER BY o.topic, o.partition, o.number
        """,
        [cursor.place[0] for cursor in cursors.values()],
        [cursor.place[1] for cursor in cursors.values()],
        [cursor.number for cursor in cursors.values()],
        [cursor.sent_on for cursor in cursors.values()],
        ROWS_AT_ONCE,
    )


async def _move(tx: Transaction, sent: list[_Sent]) -> None:
    """Move cursors on; a cursor that went back to heal meanwhile has another epoch and stays."""
    await tx.execute(
        """
        UPDATE relay_cursor c SET number = s.number, "offset" = s."offset", sent_on = s.sent_on
        FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::int[], $6::date[])
             AS s (topic, partition, number, "offset", epoch, sent_on)
        WHERE c.topic = s.topic AND c.partition = s.partition AND c.epoch = s.epoch AND c.number < s.number
        """,
        [item.cursor.place[0] for item in sent],
        [item.cursor.place[1] for item in sent],
        [item.number for item in sent],
        [item.offset for item in sent],
        [item.cursor.epoch for item in sent],
        [item.sent_on for item in sent],
    )
