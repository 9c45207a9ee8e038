"""Sending without a database: the gateway's requests and every process's statistics."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.contracts.common import Body
from shared.contracts.envelope import Envelope, to_headers
from shared.messaging._kafka import Kafka, partition_of
from shared.observability import logger

SEND_TIMEOUT_S = 3.0
IN_FLIGHT = 2000
"""Bounded: unbounded sends stall the loop when the broker returns."""

_log = logger("carnet.messaging")


class UnsentError(Exception):
    """Kafka did not confirm in time: whether the message is there is unknown; a repeat is safe."""


class Producer:
    """An idempotent producer, made anew after an error."""

    def __init__(self, service: str, kafka: Kafka) -> None:
        self._service = service
        self._kafka = kafka
        self._producer: AIOKafkaProducer | None = None
        self._making = asyncio.Lock()
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
            UnsentError: not confirmed in time.
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
            except (KafkaError, OSError, TimeoutError) as error:
                await self._drop(producer)
                raise UnsentError(f"Kafka did not confirm within {SEND_TIMEOUT_S} s; send it again") from error
        return identity

    async def _ready(self) -> AIOKafkaProducer:
        async with self._making:
            if self._producer is None:
                producer = self._kafka.producer()
                await producer.start()
                self._producer = producer
            return self._producer

    async def _drop(self, producer: Any) -> None:
        if self._producer is None or producer is not self._producer:
            return
        dropped, self._producer = self._producer, None
        try:
            await asyncio.wait_for(dropped.stop(), SEND_TIMEOUT_S)
        except (KafkaError, OSError, TimeoutError) as error:
            _log.warning("producer_close_failed", exc_info=error)

    async def start(self) -> None:
        """Connect now rather than at the first send."""
        await self._ready()

    async def stop(self) -> None:
        """Close."""
        await self._drop(self._producer)
