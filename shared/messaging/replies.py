"""Waiting for what a request causes: the gateway reads along, without a group, only to be woken up."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from shared.contracts.envelope import MalformedError, Message, from_headers
from shared.contracts.topics import Topic, message_types
from shared.messaging._kafka import Kafka, cancellation_is_ours, started, stopped
from shared.observability import logger

POLL_MS = 1000
BACK_OFF_S = 0.5
REST_S = 0.1
"""While nobody waits, a fetch in so many seconds is enough: the cost is per fetch, here and at the broker."""

_log = logger("carnet.messaging")


class Waiting:
    """One caller's wait for messages of one correlation, in one topic or all."""

    def __init__(self, topic: str | None = None) -> None:
        self.topic = topic
        self._queue: asyncio.Queue[Message[Any]] = asyncio.Queue()

    def put(self, message: Message[Any]) -> None:
        """Hand a message to the waiting caller."""
        self._queue.put_nowait(message)

    async def next(self, timeout_s: float | None = None) -> Message[Any]:
        """The next message of the correlation.

        Raises:
            TimeoutError: none came in time; the outcome is unknown.
        """
        async with asyncio.timeout(timeout_s):
            return await self._queue.get()


class Replies:
    """Reads topics from their end and hands each message to who waits for its correlation.

    The first topic is read as long as anybody waits. The others tell what follows from it: while nobody waits for one
    of them it rests, and whatever wakes the reader for who begins to wait then stands in the first.
    """

    def __init__(self, kafka: Kafka, topics: Mapping[str, Topic], names: tuple[str, ...]) -> None:
        self._kafka = kafka
        self._names = names
        self._models = {name: model for topic in names for name, model in message_types(topics[topic]).items()}
        self._waiting: dict[bytes, Waiting] = {}
        self._wanted = asyncio.Event()
        self._reader: AIOKafkaConsumer | None = None
        self._resting_until = float("-inf")
        self.ready = asyncio.Event()
        """Set while the reader stands at the end of all topics; before, a reply could be missed."""
        self.progressed_at = time.monotonic()

    @contextmanager
    def waiting(self, correlation: UUID, topic: str | None = None) -> Any:
        """Wait for messages of this correlation inside the block; begin before the request is sent.

        Who names the topic is not woken by what other topics tell.
        """
        key = str(correlation).encode()
        waiting = Waiting(topic)
        self._waiting[key] = waiting
        self._wanted.set()
        if topic != self._names[0]:
            self._end_rest()
        try:
            yield waiting
        finally:
            self._waiting.pop(key, None)

    async def run(self) -> None:
        """Read until cancelled; a fault of Kafka is waited out."""
        while True:
            try:
                with cancellation_is_ours():
                    await self._read()
            except (KafkaError, OSError, TimeoutError) as error:
                _log.warning("replies_error", exc_info=error)
            finally:
                self.ready.clear()
                await self._close()
            await asyncio.sleep(BACK_OFF_S)

    async def _read(self) -> None:
        reader = await started(self._kafka.tail())
        self._reader = reader
        reader.subscribe([self._kafka.prefix + name for name in self._names])
        while not reader.assignment():
            await reader.getmany(timeout_ms=50)
        await reader.seek_to_end()
        for partition in reader.assignment():
            await reader.position(partition)
        self.ready.set()
        while True:
            batches = await reader.getmany(timeout_ms=POLL_MS)
            self.progressed_at = time.monotonic()
            for records in batches.values():
                for record in records:
                    self._hand_over(record)
            if batches and not self._waiting:
                await self._rest(reader)
            else:
                self._let_rest(reader, {self._name(partition) for partition in batches})

    async def _rest(self, reader: AIOKafkaConsumer) -> None:
        """Fetch nothing for a while, or until somebody begins to wait: the reply to him is not written yet."""
        self._wanted.clear()
        reader.pause(*reader.assignment())
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(REST_S):
                    await self._wanted.wait()
        finally:
            self._end_rest()

    def _let_rest(self, reader: AIOKafkaConsumer, read: set[str]) -> None:
        """Fetch nothing for a while of topics that were read just now for nobody."""
        now = time.monotonic()
        if now < self._resting_until:
            return
        self._end_rest()
        waited_for = {waiting.topic for waiting in self._waiting.values()}
        idle = read.difference(waited_for, self._names[:1])
        if idle and None not in waited_for:
            reader.pause(*(place for place in reader.assignment() if self._name(place) in idle))
            self._resting_until = now + REST_S

    def _end_rest(self) -> None:
        self._resting_until = float("-inf")
        if self._reader is not None:
            self._reader.resume(*self._reader.paused())

    def _name(self, partition: TopicPartition) -> str:
        return self._kafka.place(partition)[0]

    def _hand_over(self, record: ConsumerRecord) -> None:
        if not self._waiting:
            return
        for name, value in record.headers:
            if name == "ce_correlationid":
                waiting = self._waiting.get(value)
                break
        else:
            return
        topic = record.topic.removeprefix(self._kafka.prefix)
        if waiting is None or waiting.topic not in {None, topic}:
            return
        try:
            envelope = from_headers(record.headers)
            model = self._models.get(envelope.type)
            if model is None:
                return
            body = model.model_validate_json(record.value or b"")
        except (MalformedError, ValueError):
            return  # its consumers park it; whoever waits runs into the time-out
        key = (record.key or b"").decode(errors="replace")
        waiting.put(Message(envelope, key, body, topic, record.partition, record.offset))

    async def _close(self) -> None:
        reader, self._reader = self._reader, None
        await stopped(reader)
