"""The messaging of one process: its lanes, its relay, its producer, and what can be told of them."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker

from shared.contracts.topics import Topic
from shared.database import Database
from shared.errors import OperatorError
from shared.messaging._batch import BatchHandler
from shared.messaging._kafka import LOOK_EVERY_S, METADATA_MAX_AGE_MS, Kafka, started, stopped
from shared.messaging._lane import Lane
from shared.messaging._passed_over import PassedOver
from shared.messaging.effects import Consumer
from shared.messaging.outbox import Outbox, Place
from shared.messaging.parked import Seal
from shared.messaging.precedence import Precedence
from shared.messaging.relay import Relay
from shared.observability import logger

GRACEFUL_S = 25.0
"""Longer than the longest transaction, so that a batch under way is finished and not repeated."""
TOPIC_TIMEOUT_S = 5.0
COMMIT_SWEEP_S = 1.0
RELAY_STOP_S = 5.0
PATIENCE_S = 30.0
START_TIMEOUT_S = 60.0

_log = logger("carnet.messaging")


class TopicMissingError(OperatorError):
    """A topic is not there, has another number of partitions, or this principal may not see it."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What dashboards watch, summed since the start of the process."""

    handled: Counter[tuple[str, str, str]]
    lag: dict[str, int]
    outbox_pending: int
    oldest_unsent_s: float
    oldest_gap_s: float
    progress_age_s: dict[str, float]
    """Time since the relay and each lane last came around, by name; an idle lane's is near 0."""


class Engine:
    """Runs the consumers and the relay of one service with a database."""

    def __init__(
        self,
        service: str,
        *,
        kafka: Kafka,
        topics: Mapping[str, Topic],
        database: Database,
        relay_database: Database,
        consumers: Sequence[Consumer[Any, Any]],
        outbox: Outbox,
        seal: Seal,
        max_batch: int,
        precedence: Precedence | None = None,
    ) -> None:
        self._kafka = kafka
        self._topics = topics
        self.relay = Relay(service, relay_database, kafka, outputs(service, topics))
        shared = precedence or Precedence()
        self.lanes = [
            Lane(
                consumer,
                BatchHandler(consumer, database=database, outbox=outbox, topics=topics, seal=seal),
                service=service,
                kafka=kafka,
                max_batch=max_batch,
                precedence=shared,
                passed_over=PassedOver(consumer, topics),
            )
            for consumer in consumers
        ]
        self._broker: KafkaBroker | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start relay and lanes.

        Raises:
            KafkaError, OSError, TimeoutError: the broker is not there or refuses; may be called again.
        """
        broker = KafkaBroker(
            self._kafka.bootstrap,
            security=self._kafka.security(),
            consumer_only=True,
            allow_auto_create_topics=False,
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
            graceful_timeout=GRACEFUL_S,
            logger=None,
            apply_types=False,  # a handler is given the message as it is: injection costs a thread each time
        )
        for lane in self.lanes:
            lane.subscribe(broker)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await broker.start()
        except BaseException:
            await broker.stop()
            raise
        self._broker = broker
        self._tasks = [asyncio.create_task(self.relay.run()), asyncio.create_task(self._commit_lazily())]
        self._tasks.append(asyncio.create_task(self._look_ahead()))

    async def stop(self) -> None:
        """Finish the batches under way, commit, stop sending."""
        for lane in self.lanes:
            await lane.commit()
        if self._broker is not None:
            try:
                async with asyncio.timeout(GRACEFUL_S + 2):
                    await self._broker.stop()
            except (KafkaError, OSError, TimeoutError) as error:
                _log.warning("consumers_stop_failed", exc_info=error)
        self.relay.stop()
        if self._tasks:
            await asyncio.wait(self._tasks[:1], timeout=RELAY_STOP_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.relay.close()

    async def _commit_lazily(self) -> None:
        while True:
            await asyncio.sleep(COMMIT_SWEEP_S)
            for lane in self.lanes:
                await lane.commit()

    async def _look_ahead(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for lane in self.lanes:
                await lane.look_ahead()

    def failure(self) -> BaseException | None:
        """What ended a background task that should never end, if one did."""
        for task in self._tasks:
            if task.done():
                ended = None if task.cancelled() else task.exception()
                return ended or RuntimeError("a task of messaging ended by itself, which it never should")
        return None

    def not_ready(self) -> str | None:
        """Why this process is not ready, or None where it is."""
        for lane in self.lanes:
            if lane.kafka_consumer is None:
                return f"the consumer {lane.name} is not connected"
            if not lane.healthy:
                return f"the consumer {lane.name} is stopped by a fault; see the log"
        return None

    def stuck(self, patience_s: float = PATIENCE_S) -> str | None:
        """What has made no progress for so long, in seconds, or None."""
        if self._tasks and time.monotonic() - self.relay.progressed_at > patience_s:
            return "relay"
        for lane in self.lanes:
            if lane.stuck(patience_s):
                return lane.name
        return None

    def figures(self) -> Figures:
        """Sums and states of this moment."""
        now = time.monotonic()
        handled: Counter[tuple[str, str, str]] = Counter()
        lag: Counter[str] = Counter()
        for lane in self.lanes:
            handled += lane.counts
            lag.update(lane.lag())
        return Figures(
            handled=handled,
            lag=dict(lag),
            outbox_pending=self.relay.pending,
            oldest_unsent_s=self.relay.oldest_unsent_s,
            oldest_gap_s=max((lane.gaps.oldest_age_s for lane in self.lanes), default=0.0),
            progress_age_s={"relay": now - self.relay.progressed_at}
            | {lane.consumer.name: now - lane.progressed_at for lane in self.lanes},
        )


def outputs(service: str, topics: Mapping[str, Topic]) -> list[Place]:
    """The places of all numbered topics that a service writes."""
    return [
        (topic.name, partition)
        for topic in topics.values()
        if topic.numbered and service in topic.writers
        for partition in range(topic.partitions)
    ]


def inputs(consumers: Sequence[Consumer[Any, Any]], topics: Mapping[str, Topic]) -> list[Place]:
    """The places that these consumers read."""
    names = {name for consumer in consumers for name in consumer.topics}
    return [(name, partition) for name in names for partition in range(topics[name].partitions)]


async def check_topics(kafka: Kafka, topics: Sequence[Topic]) -> None:
    """See that each topic is there with the partitions that the registry says.

    Raises:
        TopicMissingError: one is not; the text says which and what to do.
        KafkaError, OSError, TimeoutError: the broker is not there or refuses the credentials.
    """
    producer = await started(kafka.producer())
    try:
        for topic in topics:
            try:
                async with asyncio.timeout(TOPIC_TIMEOUT_S):
                    found = await producer.partitions_for(kafka.prefix + topic.name)
            except (KafkaError, TimeoutError) as error:
                raise TopicMissingError(
                    f"the topic {topic.name} is missing or may not be seen by {kafka.username} "
                    f"({type(error).__name__}): create topics and ACLs first (`carnet up` does)",
                ) from error
            if len(found) != topic.partitions:
                raise TopicMissingError(
                    f"the topic {topic.name} has {len(found)} partitions and {topic.partitions} are expected: "
                    "the number can't change once records exist; set CARNET_PARTITIONS back",
                )
    finally:
        await stopped(producer)
