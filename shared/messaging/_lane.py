"""One lane at work: FastStream fetches batches, the batch handler does them, offsets follow lazily.

Offsets are hints: what a crash repeats is dropped by number. A transient fault stops the line: the same records are
tried again, before any other, until they are done.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, OffsetAndMetadata, TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.subscriber.usecase import BatchSubscriber

from shared.database import is_transient
from shared.messaging._batch import BatchHandler
from shared.messaging._failures import Failures, StoppedLineError
from shared.messaging._gaps import Gaps
from shared.messaging._kafka import Kafka, cancellation_is_ours, unfetched
from shared.messaging._passed_over import PassedOver
from shared.messaging.effects import Consumer, Failed
from shared.messaging.outbox import Place
from shared.messaging.precedence import Precedence
from shared.observability import BATCH_FAILURES, BATCH_SECONDS, BATCH_SIZE, PARKED_TOTAL, logger

POLL_MS = 500
"""An empty fetch returns after this time; one with messages at once."""
FETCH_BACK_OFF_S = 0.5
HOLD_S = 0.25
"""What nothing is done with is noted together with what follows it, at the latest after this time: a transaction of
its own costs as much as one that does something, and whoever waits for the next message waits for it, too."""
COMMIT_TIMEOUT_S = 5.0
BACK_OFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)

_log = logger("carnet.messaging")


class Lane:
    """Runs one `Consumer`."""

    def __init__(
        self,
        consumer: Consumer[Any, Any],
        handler: BatchHandler[Any, Any],
        *,
        service: str,
        kafka: Kafka,
        max_batch: int,
        precedence: Precedence,
        passed_over: PassedOver,
    ) -> None:
        self.consumer = consumer
        self.name = f"{service}.{consumer.name}"
        self._service = service
        self._size = BATCH_SIZE.labels(service, consumer.name)
        self._seconds = BATCH_SECONDS.labels(service, consumer.name)
        self._handler = handler
        self._kafka = kafka
        self._max_batch = consumer.max_batch or max_batch
        self._precedence = precedence
        self._passed_over = passed_over
        self._session_timeout_ms = int(kafka.session_timeout_s * 1000)
        self._subscriber: BatchSubscriber | None = None
        self._done: dict[Place, int] = {}
        self._committed: dict[TopicPartition, OffsetAndMetadata] = {}
        self._failures = Failures()
        self.gaps = Gaps(kafka)
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.batches = 0
        self.healthy = True
        """False while a fault of the database or too many failures stop the line."""
        self.progressed_at = time.monotonic()
        """When something was last done about messages, or none waited."""
        self.around_at = time.monotonic()
        """When the lane last came around: fetched something or nothing, or ended an attempt at a batch."""
        self._begun: dict[Place, int] = {}
        self._unfetched = 0
        self._looked_after = 0

    def subscribe(self, broker: KafkaBroker) -> None:
        """Register with the broker; fetching begins when the broker starts."""
        subscriber = broker.subscriber(
            *(self._kafka.prefix + topic for topic in self.consumer.topics),
            batch=True,
            max_records=self._max_batch,
            batch_timeout_ms=POLL_MS,
            group_id=self._kafka.prefix + self.name,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            parser=self._parse,
            decoder=_undecoded,
            listener=_Listener(self),
            fetch_max_wait_ms=POLL_MS,
            session_timeout_ms=self._session_timeout_ms,
            heartbeat_interval_ms=max(300, self._session_timeout_ms // 4),
            max_poll_interval_ms=300_000,
            no_reply=True,
        )
        subscriber.__class__ = _Prompt
        cast("_Prompt", subscriber).lane = self
        subscriber(self._take)
        self._subscriber = subscriber

    @property
    def kafka_consumer(self) -> AIOKafkaConsumer | None:
        """The client underneath, None before the start."""
        return self._subscriber.consumer if self._subscriber is not None else None

    def lag(self) -> dict[str, int]:
        """Messages waiting, by topic, as far as this process's partitions tell."""
        client = self.kafka_consumer
        waiting: dict[str, int] = dict.fromkeys(self.consumer.topics, 0)
        if client is None:
            return waiting
        for partition in client.assignment():
            end = client.highwater(partition)
            place = self._kafka.place(partition)
            done = self._done.get(place, self._begun.get(place))
            if end is not None and done is not None:
                waiting[place[0]] += max(0, end - done - 1)
        return waiting

    def stuck(self, patience_s: float) -> bool:
        """True where it does not come around, or messages wait and nothing is done about them; asked each second."""
        now = time.monotonic()
        if self.kafka_consumer is None:
            self.around_at = now  # it was not started, or was stopped
        if not self._unfetched and not any(self.lag().values()):
            self.progressed_at = now  # nothing waits: the patience begins with the next message
        return now - min(self.around_at, self.progressed_at) >= patience_s

    def came_around(self, fetched: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> None:
        """Take note of a fetch, of messages or of nothing."""
        self.around_at = time.monotonic()
        if fetched:
            self.progressed_at, self._unfetched = self.around_at, 0
        for partition, records in fetched.items():
            self._begun.setdefault(self._kafka.place(partition), records[0].offset - 1)

    async def fetch(
        self, client: AIOKafkaConsumer, timeout_ms: float, at_most: int | None
    ) -> tuple[ConsumerRecord, ...]:
        """Whatever is there, at once; nothing after a while, or after a fault of Kafka."""
        try:
            with cancellation_is_ours():
                fetched = await client.getmany(timeout_ms=timeout_ms, max_records=at_most)
        except (KafkaError, OSError) as error:
            _log.warning("fetch_failed", exc_info=error)
            await asyncio.sleep(FETCH_BACK_OFF_S)
            self.came_around({})
            return ()
        self.came_around(fetched)
        return tuple(chain.from_iterable(fetched.values()))

    async def look_ahead(self) -> None:
        """Where no batch came since the last look, ask the broker whether there was one; unknown is none."""
        client = self.kafka_consumer
        if client is None or self.batches != self._looked_after:
            self._looked_after, self._unfetched = self.batches, 0
            return
        self._unfetched = await unfetched(client)

    async def _parse(self, records: tuple[ConsumerRecord, ...]) -> KafkaMessage:
        """Hand the raw records on: headers are read one record at a time, where a fault hurts one only."""
        return KafkaMessage(body=b"", raw_message=self._plain(records), consumer=cast("Any", self.kafka_consumer))

    def _plain(self, records: tuple[ConsumerRecord, ...]) -> tuple[ConsumerRecord, ...]:
        """Records with the plain names of their topics."""
        if not self._kafka.prefix:
            return records
        return tuple(replace(one, topic=one.topic.removeprefix(self._kafka.prefix)) for one in records)

    async def _take(self, records: tuple[ConsumerRecord, ...]) -> None:
        client = self.kafka_consumer
        if client is not None and self._passed_over.everyone(records):
            records += await self._until_wanted(client, self._most() - len(records))
        # what comes meanwhile gathers at the broker: fetched ahead, its first message would be a batch of its own
        gathers = self.consumer.gather_s > 0 and len(records) < self._max_batch // 2
        if self.consumer.waited_for:
            self._precedence.claim()
        with _held_back(client if gathers else None):
            await self._take_at_leisure(list(records), self.consumer.gather_s if gathers else 0.0)

    async def _until_wanted(self, client: AIOKafkaConsumer, room: int) -> tuple[ConsumerRecord, ...]:
        """What follows messages that nothing is done with, up to the first ones that something is done with."""
        until = time.monotonic() + HOLD_S
        found: tuple[ConsumerRecord, ...] = ()
        while len(found) < room and (left := until - time.monotonic()) > 0:
            with _held_back(client):
                await asyncio.sleep(min(left, self.consumer.gather_s))
            fetched = self._plain(await self.fetch(client, int(left * 1000), room - len(found)))
            found += fetched
            if not self._passed_over.everyone(fetched):
                break
        return found

    async def _take_at_leisure(self, records: list[ConsumerRecord], gather_s: float) -> None:
        """Do a batch, and end so long after the beginning at the earliest."""
        started = time.monotonic()
        await self._until_done(records)
        self.progressed_at = self.around_at = time.monotonic()
        self.batches += 1
        reached = {(record.topic, record.partition): record.offset for record in records}
        self._done |= {place: offset for place, offset in reached.items() if place not in self.gaps}
        client = self.kafka_consumer
        if client is None:
            return
        pause = await self.gaps.look_again(client)
        took = time.monotonic() - started
        pause = max(pause, gather_s - took, self._give_way(len(records), took))
        if pause > 0:
            await asyncio.sleep(pause)

    def _give_way(self, messages: int, took_s: float) -> float:
        """Seconds to rest before the next batch, which is smaller too while someone waits for another lane."""
        if self.consumer.waited_for or self._subscriber is None:
            return 0.0
        self._subscriber.max_records = self._most()
        return self._precedence.rest_s(messages, took_s)

    def _most(self) -> int:
        """Messages at most in the next batch."""
        return self._max_batch if self.consumer.waited_for else self._precedence.most(self._max_batch)

    async def _until_done(self, records: list[ConsumerRecord]) -> None:
        attempt = 0
        while True:
            try:
                self._failures.expect_few()
                with self._seconds.time():
                    outcome = await self._handler.handle(records)
            except Exception as error:  # noqa: BLE001 - whatever it is, these records are not skipped
                if not is_transient(error) and not isinstance(error, StoppedLineError):
                    # a fault of the statements themselves: it can't be parked away, and must not be skipped
                    _log.error("batch_failed", loop=self.name, exc_info=error)
                self.healthy = False
                BATCH_FAILURES.labels(self._service, self.consumer.name, _kind(error)).inc()
                self.progressed_at = self.around_at = time.monotonic()
                pause = BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)]
                if attempt in {0, 3} or attempt % 10 == 0:
                    _log.warning("line_stopped", loop=self.name, attempt=attempt, exc_info=error)
                attempt += 1
                await asyncio.sleep(pause)
            else:
                self.healthy = True
                self.counts += outcome.counts
                self._size.observe(len(records))
                for (topic, reason), count in outcome.parked.items():
                    PARKED_TOTAL.labels(self._service, topic, reason).inc(count)
                if Failed not in self.consumer.handlers:  # which answers each failure, and goes on
                    self._failures.note(outcome.results)
                self.gaps.note(outcome.last, outcome.gaps)
                return

    async def commit(self) -> None:
        """Commit how far this lane is, as a hint for the next start; a failure costs only repeats."""
        client = self.kafka_consumer
        if client is None or not self._done:
            return
        assigned = client.assignment()
        offsets = {
            self._kafka.partition(*place): OffsetAndMetadata(offset + 1, "")
            for place, offset in self._done.items()
            if self._kafka.partition(*place) in assigned
        }
        if not offsets or offsets == self._committed:
            return
        try:
            with cancellation_is_ours():
                async with asyncio.timeout(COMMIT_TIMEOUT_S):
                    await client.commit(offsets)
            self._committed = offsets
        except (KafkaError, OSError, TimeoutError) as error:
            _log.info("commit_skipped", loop=self.name, exc_info=error)

    def assigned_anew(self) -> None:
        """Forget what belongs to an earlier assignment."""
        self.gaps.clear()
        self._done.clear()
        self._begun.clear()
        self._committed = {}
        self.progressed_at = self.around_at = time.monotonic()


class _Prompt(BatchSubscriber):
    """FastStream's batch subscriber without its sleep after an empty fetch, in which messages would wait unseen."""

    __slots__ = ()
    lane: Lane

    async def get_msg(self, consumer: AIOKafkaConsumer) -> tuple[ConsumerRecord, ...]:
        """Whatever is there, at once; nothing after a while."""
        return await self.lane.fetch(consumer, self.batch_timeout_ms, self.max_records)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    """Commits before partitions go, forgets when they come."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    async def on_partitions_revoked(self, revoked: object) -> None:
        if revoked:
            await self._lane.commit()

    async def on_partitions_assigned(self, assigned: object) -> None:
        del assigned
        self._lane.assigned_anew()


@contextmanager
def _held_back(client: AIOKafkaConsumer | None) -> Iterator[None]:
    """Leave at the broker what comes inside the block."""
    if client is not None:
        client.pause(*client.assignment())
    try:
        yield
    finally:
        if client is not None:
            client.resume(*client.paused())


def _kind(error: Exception) -> str:
    """What stops a line: a fault that passes, too many failures, or a fault of the statements themselves."""
    if isinstance(error, StoppedLineError):
        return "stopped"
    return "transient" if is_transient(error) else "fault"


async def _undecoded(message: KafkaMessage) -> tuple[ConsumerRecord, ...]:
    """The records as they are. Not the message: it keeps what this gives, and would be freed by the collector alone."""
    records: tuple[ConsumerRecord, ...] = message.raw_message
    return records
