"""One small service, the adder, on the real broker and database, as often as a test wants it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

import pytest
from aiokafka import TopicPartition

from shared.contracts.common import Body
from shared.contracts.envelope import Envelope, from_headers, number_of, to_headers
from shared.contracts.topics import Topic
from shared.database import Database
from shared.messaging import (
    Consumer,
    Engine,
    Kafka,
    Outbox,
    Precedence,
    Sealed,
    inputs,
    keep_days,
    outputs,
    prepare_tables,
)
from shared.messaging._kafka import partition_of
from tests.support import counting
from tests.support.system import System, fresh_database, opened


def seal(data: bytes, _row: UUID) -> Sealed:
    return Sealed("kek-test", b"wrapped", data)


@dataclass
class Adder:
    """The adder's broker address, database and topics; `running` starts one more process's worth of it."""

    system: System
    kafka: Kafka
    url: str
    topics: dict[str, Topic]
    database: Database
    sent: dict[UUID, list[int]] = field(default_factory=dict)

    @asynccontextmanager
    async def running(
        self,
        *consumers: Consumer[int, counting.Step],
        database: Callable[[Database], Database] = lambda one: one,
        precedence: Precedence | None = None,
    ) -> AsyncIterator[Engine]:
        lanes = consumers or (adding(),)
        async with opened(self.url) as pool, opened(self.url, durable=False, pool=2) as relay_pool:
            engine: Engine | None = None

            def wake(places: object) -> None:
                assert engine is not None
                engine.relay.wake(places)

            outbox = Outbox("adder", self.topics, wake)
            async with pool.transaction() as tx:
                await keep_days(tx)
                await prepare_tables(
                    tx,
                    partitions=counting.PARTITIONS,
                    inputs=inputs(lanes, self.topics),
                    outputs=outputs("adder", self.topics),
                )
            engine = Engine(
                "adder",
                kafka=self.kafka,
                topics=self.topics,
                database=database(pool),
                relay_database=relay_pool,
                consumers=lanes,
                outbox=outbox,
                seal=seal,
                max_batch=100,
                precedence=precedence,
            )
            await engine.start()
            try:
                yield engine
            finally:
                await engine.stop()

    async def feed(self, topic: str, bodies: Sequence[tuple[UUID, Body | bytes]], *, number_from: int = 1) -> None:
        """Send messages as their writing service would: numbered per partition where the topic is."""
        producer = self.kafka.producer()
        await producer.start()
        numbers: dict[int, int] = {}
        futures = []
        for record, body in bodies:
            partition = partition_of(str(record), counting.PARTITIONS)
            numbers[partition] = numbers.get(partition, number_from - 1) + 1
            number = numbers[partition] if self.topics[topic].numbered else None
            futures.append(await self._send(producer, topic, record, partition, body, number))
        await asyncio.gather(*futures)
        await producer.stop()

    async def _send(self, producer, topic, record, partition, body, number, identity=None):
        # the same message, sent again, has the same id
        identity = identity or (uuid5(NAMESPACE_OID, f"{topic}/{partition}/{number}") if number else uuid4())
        kind = body.type_name if isinstance(body, Body) else "test.add.v1"
        value = body.model_dump_json().encode() if isinstance(body, Body) else body
        headers = to_headers(Envelope(identity, kind, "feeder", datetime.now(UTC), identity, None, number))
        return await producer.send(self.kafka.prefix + topic, value, str(record).encode(), partition, headers=headers)

    async def totals(self) -> dict[UUID, int]:
        async with self.database.transaction() as tx:
            return {row["record"]: row["sum"] for row in await tx.fetch("SELECT record, sum FROM total")}

    async def rows(self, sql: str, *arguments: object):
        async with self.database.transaction() as tx:
            return await tx.fetch(sql, *arguments)

    async def read_out(self) -> dict[int, list[tuple[int, int]]]:
        """What stands in the output topic: (number, sum) by partition, first occurrences, in order."""
        reader = self.kafka.reader()
        await reader.start()
        places = [TopicPartition(self.kafka.prefix + "test.out", one) for one in range(counting.PARTITIONS)]
        end = await reader.end_offsets(places)
        reader.assign(places)
        await reader.seek_to_beginning(*places)
        seen: dict[int, dict[int, int]] = {place.partition: {} for place in places}
        while any([await reader.position(place) < end[place] for place in places]):
            for place, records in (await reader.getmany(timeout_ms=200)).items():
                for record in records:
                    number = number_of(record.headers)
                    assert from_headers(record.headers).source == "adder"
                    seen[place.partition].setdefault(number, counting.Added.model_validate_json(record.value).sum)
        await reader.stop()
        return {partition: list(numbers.items()) for partition, numbers in seen.items()}


def adding(name: str = "adding", **changes) -> Consumer[int, counting.Step]:
    totals = counting.Totals()
    settings = {"topics": ("test.in",), "handlers": {counting.Add: counting.add}, "store": totals, "gather_s": 0.0}
    return Consumer(name, **(settings | changes))


@pytest.fixture
async def adder(system: System, prefix: str) -> AsyncIterator[Adder]:
    topics = {topic.name: topic for topic in counting.TOPICS}
    system.admin().ensure_topics({prefix + name: system.behind(prefix, topic) for name, topic in topics.items()})
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(fresh_database(system, counting.SQL))
        database = await stack.enter_async_context(opened(url))
        yield Adder(system, system.kafka(prefix), url, topics, database)
