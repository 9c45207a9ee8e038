"""The document service's parts on the real PostgreSQL, without Kafka: what it sends is read in its outbox."""

import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import orjson
import pytest

from services.document.content import FileContent
from services.document.domain.settlement import Settled
from services.document.handlers import BY_TYPE
from services.document.repository import Collection
from shared.contracts.access_decisions import ConsentChanged, DeletionAnnounced
from shared.contracts.common import FurtherAct
from shared.contracts.envelope import Envelope, Message
from shared.contracts.http_document import DEPOSIT_HEADER, DepositMetadata, DepositView, to_header
from shared.contracts.topics import registry
from shared.database import Transaction
from shared.database.record_keys import RecordKeys
from shared.messaging import Outbox, keep_days, prepare_tables
from tests.support.documents import HOLDER, NOW, Service, contents_of, decision, key_provider, metadata, sample, token
from tests.support.system import PARTITIONS, System, fresh_database, opened


def announced(record: UUID, round: int = 1) -> Message[DeletionAnnounced]:  # noqa: A002 - the word of the message
    body = DeletionAnnounced(because="request", latest=NOW, round=round)
    envelope = Envelope(uuid4(), body.type_name, "access_control", NOW, uuid4())
    return Message(envelope, str(record), body, "access.decisions", 0, 0)


def wished(record: UUID, state: str = "masked") -> Message[ConsentChanged]:
    """The holder wants new documents masked, or not any more (AR-025)."""
    body = ConsentChanged(act=FurtherAct.MASK_BY_DEFAULT, actor=HOLDER, state=state, rights_version=2)
    envelope = Envelope(uuid4(), body.type_name, "access_control", NOW, uuid4())
    return Message(envelope, str(record), body, "access.decisions", 0, 0)


class MovedClock:
    """The database's clock, moved."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    async def __call__(self, tx: Transaction) -> datetime:
        return await tx.clock() + self.ahead


@dataclass
class Room(Service):
    """The parts, and short ways to use them."""

    client: httpx2.AsyncClient | None = None

    async def post(self, content: bytes, stated: DepositMetadata, **headers: str) -> httpx2.Response:
        sent = {DEPOSIT_HEADER: to_header(stated)} | token() | headers
        return await self.client.post("/deposits", content=content, headers=sent)

    async def staged(self, record: UUID, seed: int = 0, content: bytes | None = None, **changes: Any) -> UUID:
        content = content or sample(seed)
        answer = await self.post(content, metadata(content, record, **changes))
        assert answer.status_code == 202, answer.text
        return DepositView.model_validate_json(answer.content).deposit

    async def decide(self, *messages: Message[Any]) -> list[Any]:
        """Handle a batch as the lane does; gives what was emitted."""
        async with self.database.transaction() as tx:
            return await self.decide_in(tx, *messages)

    async def decide_in(self, tx: Transaction, *messages: Message[Any]) -> list[Any]:
        states = dict(await self.decisions.load(tx, messages))
        now = await tx.clock()
        changes: list[Settled] = []
        emits: list[Any] = []
        for message in messages:
            effects = BY_TYPE[type(message.body)](message, states[message.key], now)
            states[message.key] = effects.state
            changes += effects.changes
            emits += effects.emits
        await self.decisions.save(tx, changes)
        return emits

    async def stored(self, record: UUID, seed: int = 0, **changes: Any) -> UUID:
        deposit = await self.staged(record, seed, **changes)
        await self.decide(decision(deposit, record))
        return deposit

    async def delete(self, *records: UUID) -> None:
        """access_control announces that these records are deleted; the lane destroys what is kept of them."""
        await self.decide(*(announced(record) for record in records))

    async def rows(self, sql: str, *arguments: object) -> Sequence[Any]:
        async with self.database.transaction() as tx:
            return await tx.fetch(sql, *arguments)

    async def sent(self, topic: str, record: UUID) -> list[dict[str, Any]]:
        rows = await self.rows(
            "SELECT payload FROM outbox WHERE topic = $1 AND key = $2 ORDER BY number", topic, str(record)
        )
        return [orjson.loads(row["payload"]) for row in rows]

    async def ask(self, path: str, **body: Any) -> httpx2.Response:
        return await self.client.post(path, json=body, headers=token())

    def contents(self) -> list[UUID]:
        """Names of all contents that live in the store."""
        return contents_of(self.content)

    def files(self) -> list[Any]:
        return [path for path in self.content._folder.rglob("*") if path.is_file()]


@pytest.fixture
async def room(system: System, tmp_path) -> AsyncIterator[Room]:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(fresh_database(system, service="document"))
        yield await stack.enter_async_context(furnished(url, tmp_path))


@asynccontextmanager
async def furnished(url: str, folder) -> AsyncIterator[Room]:
    async with opened(url, pool=8) as database:
        outbox = Outbox("document", registry((), PARTITIONS), lambda _places: None)
        keys = RecordKeys(key_provider(folder / "keys"))
        room = Room(database, FileContent(folder / "content"), keys, outbox)
        async with database.transaction() as tx:
            await keep_days(tx)
            # without its rows a turn on a record would lock nothing
            await prepare_tables(tx, partitions=PARTITIONS, inputs=(), outputs=())
        transport = httpx2.ASGITransport(room.app())
        async with httpx2.AsyncClient(transport=transport, base_url="http://document") as client:
            room.client = client
            yield room
        await room.content.close()


@pytest.fixture
def record() -> UUID:
    return uuid4()


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


def collection(room, **ages):
    limits = {"refused_s": 3600.0, "orphan_s": 3600.0, "consulted_s": 3600.0} | ages
    return Collection(room.database, room.content, **limits)


async def whole_turn(work):
    for _ in range(256):
        while await work.turn():
            pass


def grow_old(room):
    past = time.time() - 7200
    for path in room.files():
        os.utime(path, (past, past))
