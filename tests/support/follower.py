"""A service that follows events, on a real database and without a broker: what Kafka would hand it is made here."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from aiokafka import ConsumerRecord

from shared.contracts.common import Body
from shared.contracts.envelope import Envelope, to_headers
from shared.contracts.topics import Topic, registry
from shared.database import Database
from shared.messaging import Consumer, Outbox, Sealed, inputs, keep_days, outputs, partition_of, prepare_tables
from shared.messaging._batch import BatchHandler, Outcome
from shared.security import FileKeyProvider, new_key
from tests.support.system import INSURERS, PARTITIONS, System, fresh_database, opened

NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


def key_provider(folder: Path) -> FileKeyProvider:
    """One fresh key-encryption key."""
    folder.mkdir(exist_ok=True)
    (folder / "kek-1.key").write_text(new_key().hex())
    (folder / "kek-1.key").chmod(0o600)
    return FileKeyProvider(folder, "kek-1")


@dataclass
class Follower:
    """A service's batches on its own database."""

    service: str
    database: Database
    topics: dict[str, Topic]
    outbox: Outbox
    numbers: Counter[tuple[str, int]] = field(default_factory=Counter)
    statements: list[int] = field(default_factory=list)
    _handler: BatchHandler[Any, Any] | None = None

    async def follow(self, consumer: Consumer[Any, Any]) -> None:
        """Begin to handle batches as this consumer would."""
        async with self.database.transaction() as tx:
            await keep_days(tx)
            await prepare_tables(
                tx,
                partitions=PARTITIONS,
                inputs=inputs([consumer], self.topics),
                outputs=outputs(self.service, self.topics),
            )
        self._handler = BatchHandler(
            consumer,
            database=self.database,
            outbox=self.outbox,
            topics=self.topics,
            seal=lambda data, _row: Sealed("kek-1", b"wrapped", data),
        )
        self.database.on_statements = self.statements.append

    def record(self, topic: str, record: UUID, body: Body | bytes, **attributes: Any) -> ConsumerRecord:
        """The next message of a topic, as Kafka gives it; `attributes` replace those of the envelope."""
        partition = partition_of(str(record), PARTITIONS)
        self.numbers[topic, partition] += 1
        number = self.numbers[topic, partition]
        type_name = body.type_name if isinstance(body, Body) else "carnet.test.unknown.v1"
        payload = body if isinstance(body, bytes) else body.model_dump_json(exclude_none=True).encode()
        identity = uuid4()
        given = {
            "id": identity,
            "type": type_name,
            "source": self.topics[topic].writers[0],
            "time": NOW,
            "correlation": identity,
            "number": number,
        }
        headers = to_headers(Envelope(**(given | attributes)))
        return ConsumerRecord(
            topic, partition, number - 1, 0, 0, str(record).encode(), payload, None, len(payload), 0, tuple(headers)
        )

    async def take(self, *records: ConsumerRecord) -> Outcome:
        """Handle one batch."""
        assert self._handler is not None
        return await self._handler.handle(records)

    async def rows(self, sql: str, *arguments: object) -> list[Any]:
        """What stands in the database."""
        async with self.database.transaction() as tx:
            return await tx.fetch(sql, *arguments)


@asynccontextmanager
async def following(system: System, service: str) -> AsyncIterator[Follower]:
    """A follower with a fresh database of the service."""
    async with fresh_database(system, service=service) as url, opened(url) as database:
        topics = registry(INSURERS, PARTITIONS)
        yield Follower(service, database, topics, Outbox(service, topics, lambda _places: None))
