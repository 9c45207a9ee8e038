"""Sending without a database: the gateway's requests and every process's statistics."""

import asyncio
import time
from datetime import UTC, datetime
from uuid import UUID, uuid4

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from shared.contracts.common import Body
from shared.contracts.envelope import Envelope, to_headers
from shared.messaging._kafka import Kafka, cancellation_is_ours, partition_of, started, stopped

SEND_TIMEOUT_S = 3.0
SILENCE_S = 6.0
"""A producer that has confirmed nothing for so long while sends timed out is given up for a new one."""
IN_FLIGHT = 2000
"""Bounded: unbounded sends stall the loop when the broker returns."""


class UnsentError(Exception):
    """Kafka did not confirm in time: whether the message is there is unknown; a repeat is safe."""


class Producer:
    """An idempotent producer, made anew after an error. All senders share one, and one attempt to make it."""

    def __init__(self, service: str, kafka: Kafka) -> None:
        self._service = service
        self._kafka = kafka
        self._producer: AIOKafkaProducer | None = None
        self._starting: asyncio.Task[AIOKafkaProducer] | None = None
        self._confirmed_at = 0.0
        self._slots = asyncio.Semaphore(IN_FLIGHT)

    async def send(
        self,
        topic: str,
        body: Body,
        *,
        key: str,
        partitions: int,
        identity: UUID | None = None,
        correlation: UUID | None = None,
    ) -> UUID:
        """Send one message and wait until all replicas have it; gives its id.

        Raises:
            UnsentError: not confirmed in time, or not allowed; the text says which.
        """
        identity = identity or uuid4()
        envelope = Envelope(
            id=identity,
            type=body.type_name,
            source=self._service,
            time=datetime.now(UTC),
            correlation=correlation or identity,
        )
        async with self._slots:
            producer: AIOKafkaProducer | None = None
            try:
                with cancellation_is_ours():
                    async with asyncio.timeout(SEND_TIMEOUT_S):
                        producer = await self._ready()
                        future = await producer.send(
                            self._kafka.prefix + topic,
                            body.model_dump_json(exclude_none=True).encode(),
                            key=key.encode(),
                            partition=partition_of(key, partitions),
                            headers=to_headers(envelope),
                        )
                        await future
            except TopicAuthorizationFailedError as error:
                raise UnsentError(
                    f"the principal {self._kafka.username} may not write {topic}: compare the registry's writers "
                    "with the broker's ACLs",
                ) from error
            except TimeoutError as error:
                if time.monotonic() - self._confirmed_at > SILENCE_S:
                    await self._drop(producer)
                raise UnsentError(f"Kafka did not confirm within {SEND_TIMEOUT_S} s; send it again") from error
            except (KafkaError, OSError) as error:
                await self._drop(producer)
                raise UnsentError(f"Kafka refused or is away ({type(error).__name__}); send it again") from error
        self._confirmed_at = time.monotonic()
        return identity

    async def _ready(self) -> AIOKafkaProducer:
        """The producer; while it is being made, all who need it wait for the one attempt, which outlives them."""
        if self._producer is not None:
            return self._producer
        if self._starting is None:
            self._starting = asyncio.create_task(self._make())
        return await asyncio.shield(self._starting)

    async def _make(self) -> AIOKafkaProducer:
        try:
            self._producer = await started(self._kafka.producer())
            self._confirmed_at = time.monotonic()
        finally:
            self._starting = None
        return self._producer

    async def _drop(self, producer: AIOKafkaProducer | None) -> None:
        if producer is not None and producer is self._producer:
            self._producer = None
            await stopped(producer)

    async def start(self) -> None:
        """Connect now rather than at the first send."""
        await self._ready()

    async def stop(self) -> None:
        """Close."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        await self._drop(self._producer)
