"""How a process reaches Kafka: one place for addresses, credentials, time-outs and the partitioner."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from confluent_kafka import murmur2
from faststream.security import BaseSecurity, SASLScram512

from shared.errors import secret_in
from shared.observability import logger
from shared.settings import KafkaSettings

METADATA_MAX_AGE_MS = 5_000
"""Consumers notice a wiped and re-created topic only when their metadata is renewed; the default is five minutes."""
REQUEST_TIMEOUT_MS = 10_000
MAX_MESSAGE_BYTES = 900_000
"""Below the broker's limit of 1 MiB with room for headers; the outbox refuses more."""
SEND_BATCH_BYTES = 512 * 1024
START_TIMEOUT_S = 15.0
"""Connecting and proving who one is takes seconds on a loaded machine whose broker has just come back."""
STOP_TIMEOUT_S = 3.0
LOOK_MS = 20
"""How long the broker holds the fetch of who looks at what is there, where nothing is; the default is half a second."""
LOOK_TIMEOUT_S = 2.0
LOOK_EVERY_S = 5.0
"""How often a consumer that fetched nothing is asked whether there was something."""

_log = logger("carnet.messaging")


Client = TypeVar("Client", AIOKafkaConsumer, AIOKafkaProducer)


@contextmanager
def cancellation_is_ours() -> Iterator[None]:
    """Tell our own cancellation from a client's.

    A client that breaks or closes cancels futures of its own. Whoever waits for one sees a cancellation that nobody
    asked for: it would end a task that should never end, and leave no trace. And `wait_for` of Python 3.11 forgets our
    own cancellation where what it waits for ends at the same moment: the task would go on for ever.

    Raises:
        ConnectionAbortedError: in place of a cancellation that is not the task's own.
        CancelledError: our own, also where it came inside and was forgotten.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    try:
        yield
    except asyncio.CancelledError as error:
        if task is None or task.cancelling():
            raise
        raise ConnectionAbortedError("the Kafka client gave up what was waited for") from error
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError


async def started(client: Client) -> Client:
    """Start a client; one that can't be started is closed, so that an outage leaves nothing behind.

    Raises:
        KafkaError, OSError, TimeoutError: the broker is not there, or refuses.
    """
    try:
        with cancellation_is_ours():
            async with asyncio.timeout(START_TIMEOUT_S):
                await client.start()
    except BaseException:
        await stopped(client)
        raise
    return client


async def stopped(client: AIOKafkaConsumer | AIOKafkaProducer | None) -> None:
    """Close a client, which is given up either way."""
    if client is None:
        return
    try:
        with cancellation_is_ours():
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await client.stop()
    except (KafkaError, OSError, TimeoutError) as error:
        _log.info("client_close_failed", exc_info=error)


async def unfetched(client: AIOKafkaConsumer) -> int:
    """How many messages stand behind what a consumer has fetched, by the broker's own word.

    A client that has gone deaf would never tell: it knows ends from what it fetches. What comes just now counts, too.
    0 where the broker does not answer: then nothing is known, and it is not the client's fault.
    """
    assigned = client.assignment()
    if not assigned:
        return 0
    reached: dict[TopicPartition, int] = {}
    try:
        with cancellation_is_ours():
            async with asyncio.timeout(LOOK_TIMEOUT_S):
                ends = await client.end_offsets(assigned)
            with suppress(TimeoutError):  # the broker answers, and still the client does not know where to begin
                async with asyncio.timeout(LOOK_TIMEOUT_S):
                    for partition in ends:
                        reached[partition] = await client.position(partition)
    except (KafkaError, OSError, TimeoutError):
        return 0
    return sum(max(0, end - reached.get(partition, 0)) for partition, end in ends.items())


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key, as every Kafka client's default partitioner computes it.

    By librdkafka's hash: aiokafka's own is written in Python and costs as much as reading the whole message.
    """
    return murmur2(key.encode(), partitions)


@dataclass(frozen=True)
class Kafka:
    """A broker's address and this process's credentials."""

    bootstrap: str
    username: str
    password: str | None
    ca_file: str | None
    session_timeout_s: float = 6.0
    prefix: str = ""
    """Stands before topics and groups in the broker and nowhere else: tables and messages know the plain names."""

    def partition(self, topic: str, partition: int) -> TopicPartition:
        """A place as the broker names it."""
        return TopicPartition(self.prefix + topic, partition)

    def place(self, partition: TopicPartition) -> tuple[str, int]:
        """A place as the registry names it."""
        return partition.topic.removeprefix(self.prefix), partition.partition

    @classmethod
    def of(cls, settings: KafkaSettings, principal: str) -> "Kafka":
        """From settings; the password is read from its file now."""
        password = secret_in(settings.kafka_password_file, "CARNET_KAFKA_PASSWORD_FILE")
        return cls(
            bootstrap=settings.kafka_bootstrap,
            username=settings.kafka_username or principal,
            password=password,
            ca_file=str(settings.kafka_ca_file) if settings.kafka_ca_file else None,
            session_timeout_s=settings.kafka_session_timeout_s,
            prefix=settings.topic_prefix,
        )

    def _tls(self) -> ssl.SSLContext | None:
        return ssl.create_default_context(cafile=self.ca_file) if self.ca_file else None

    def security(self) -> BaseSecurity | None:
        """For FastStream."""
        if self.password is None:
            return None
        return SASLScram512(
            username=self.username,
            password=self.password,
            ssl_context=self._tls(),
            use_ssl=self.ca_file is not None,
        )

    def _arguments(self) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "metadata_max_age_ms": METADATA_MAX_AGE_MS,
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
        }
        if self.password is not None:
            arguments |= {
                "security_protocol": "SASL_SSL" if self.ca_file else "SASL_PLAINTEXT",
                "sasl_mechanism": "SCRAM-SHA-512",
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
                "ssl_context": self._tls(),
            }
        return arguments

    def producer(self) -> AIOKafkaProducer:
        """An idempotent producer that waits for all replicas and sends at once."""
        return AIOKafkaProducer(
            **self._arguments(),
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=SEND_BATCH_BYTES,
            max_request_size=2 * 1024 * 1024,
        )

    def reader(self) -> AIOKafkaConsumer:
        """A consumer without a group, to look at what a topic holds."""
        return AIOKafkaConsumer(
            **self._arguments(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
            fetch_max_wait_ms=LOOK_MS,
        )

    def tail(self) -> AIOKafkaConsumer:
        """A consumer without a group, for who seeks the end when he begins.

        A place that is new to it later, as of a topic that was wiped, it reads from its beginning: somebody may wait
        for what was written before it was noticed.
        """
        return AIOKafkaConsumer(
            **self._arguments(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
