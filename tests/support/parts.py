"""A service's own parts on a real database: prepared as a process does it, a lane by itself, a whole replica."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from shared.messaging import Engine, inputs, keep_days, outputs, prepare_tables
from shared.messaging._batch import BatchHandler
from shared.runtime import Parts, Runtime


@asynccontextmanager
async def prepared(runtime: Runtime[Any], parts: Parts) -> AsyncIterator[None]:
    """The service's database, open and with the rows that batches lock."""
    await runtime.database.open()
    try:
        async with runtime.database.transaction() as tx:
            await keep_days(tx)
            await prepare_tables(
                tx,
                partitions=runtime.settings.partitions,
                inputs=inputs(parts.consumers, runtime.topics),
                outputs=outputs(runtime.name, runtime.topics),
            )
        yield
    finally:
        await runtime.database.close()


def lane(runtime: Runtime[Any], parts: Parts, name: str) -> BatchHandler[Any, Any]:
    """One lane without Kafka: batches are handed to it."""
    consumer = next(one for one in parts.consumers if one.name == name)
    return BatchHandler(
        consumer, database=runtime.database, outbox=runtime.outbox, topics=runtime.topics, seal=runtime.seal
    )


@asynccontextmanager
async def replica(runtime: Runtime[Any], parts: Parts) -> AsyncIterator[Engine]:
    """All lanes and the relay on the real broker, as one process runs them."""
    relay_database = runtime.relay_database()
    await relay_database.open()
    engine = Engine(
        runtime.name,
        kafka=runtime.kafka,
        topics=runtime.topics,
        database=runtime.database,
        relay_database=relay_database,
        consumers=parts.consumers,
        outbox=runtime.outbox,
        seal=runtime.seal,
        max_batch=runtime.settings.max_batch,
    )
    runtime.relay_wake = engine.relay.wake
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()
        await relay_database.close()
