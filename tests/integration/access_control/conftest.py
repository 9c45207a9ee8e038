"""The service's own parts on a real database; messages are handed to a lane as Kafka would, or sent through Kafka."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from aiokafka import ConsumerRecord

from services.access_control.__main__ import compose
from services.access_control.settings import Settings
from shared.contracts.common import Actor, Body, Owner
from shared.contracts.envelope import Envelope, to_headers
from shared.contracts.record_requests import Consult
from shared.contracts.topics import AUDIT_EVENTS, RECORD_DEPOSITS, RECORD_REQUESTS
from shared.messaging import partition_of
from shared.messaging._batch import BatchHandler, Outcome
from shared.runtime import Parts, Runtime
from shared.security import PermitVerifier, ServiceIdentity, new_key, new_private_jwk, public_jwks
from shared.terminology.ins import TEST_NIR
from tests.support.parts import lane, prepared
from tests.support.system import PARTITIONS, System, fresh_database
from tests.unit.access_control.cast import HOLDER

TOPICS = {"requests": RECORD_REQUESTS, "deposits": RECORD_DEPOSITS, "confirmations": AUDIT_EVENTS}
TRAITS = {
    "family_name": "CANARI-DURAND",
    "given_names": ["Zéphyrine"],
    "sex": "female",
    "birth_date": "1961-03-02",
    "birth_place": "63113",
}


def matricule(person: int) -> str:
    """The number of a test person, with its key."""
    body = 2_610_363_000_000 + person
    return f"{body}{97 - body % 97:02d}"


@dataclass
class Service:
    """access_control without Kafka: batches go straight to its lanes, calls straight to its routes."""

    runtime: Runtime[Settings]
    parts: Parts
    permits: PermitVerifier
    callers: dict[str, ServiceIdentity]
    handled: dict[str, BatchHandler[Any, Any]] = field(default_factory=dict)
    numbers: Counter[tuple[str, int]] = field(default_factory=Counter)
    offset: int = 0

    def lane(self, name: str) -> BatchHandler[Any, Any]:
        if name not in self.handled:
            self.handled[name] = lane(self.runtime, self.parts, name)
        return self.handled[name]

    def message(self, record: UUID, body: Body | bytes, lane: str = "requests", **attributes: Any) -> ConsumerRecord:
        """The next message of a lane's topic, as Kafka gives it."""
        partition = partition_of(str(record), PARTITIONS)
        self.offset += 1
        number = None
        if lane != "requests":
            self.numbers[lane, partition] += 1
            number = self.numbers[lane, partition]
        identity = attributes.pop("identity", None) or uuid4()
        kind = attributes.pop("kind", None) or body.type_name
        headers = to_headers(Envelope(identity, kind, "gateway", datetime.now(UTC), identity, None, number))
        value = body if isinstance(body, bytes) else body.model_dump_json().encode()
        return ConsumerRecord(
            TOPICS[lane], partition, self.offset, 0, 0, str(record).encode(), value, None, 0, 0, tuple(headers)
        )

    async def take(self, *records: ConsumerRecord, lane: str = "requests") -> Outcome:
        return await self.lane(lane).handle(records)

    async def ask(self, record: UUID, body: Body) -> dict[str, Any]:
        """One request in a batch of its own; gives its decision."""
        await self.take(self.message(record, body))
        return [one for one in await self.told(record) if "request" in one and "act" in one][-1]

    async def consult(self, record: UUID, actor: Actor) -> dict[str, Any]:
        return await self.ask(record, consult(actor))

    async def told(self, record: UUID | None = None) -> list[dict[str, Any]]:
        """What stands in the outbox, in order, of one record or of all."""
        rows = await self.rows(
            "SELECT payload FROM outbox WHERE $1::text IS NULL OR key = $1 ORDER BY partition, number",
            str(record) if record else None,
        )
        return [json.loads(row["payload"]) for row in rows]

    async def opened(self, person: int = 1, **changes: Any) -> UUID:
        answer = await self.open(person, **changes)
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["record"])

    async def open(self, person: int = 1, actor: Actor = HOLDER, **changes: Any) -> httpx2.Response:
        body = {"ins": ins(person), "traits": TRAITS, "actor": actor.model_dump(mode="json")}
        return await self.call("POST", "/records", body | changes)

    async def found(self, person: int) -> str | None:
        """The record that a person's INS leads to."""
        answer = await self.call("POST", "/records/lookup", {"persons": [ins(person)]})
        found: str | None = answer.json()["found"][0]["record"]
        return found

    async def call(
        self, method: str, path: str, body: object = None, caller: str | None = "gateway"
    ) -> httpx2.Response:
        headers = {"authorization": f"Bearer {self.callers[caller].token('access_control')}"} if caller else {}
        transport = httpx2.ASGITransport(app=self.parts.api)
        async with httpx2.AsyncClient(transport=transport, base_url="http://access") as client:
            return await client.request(method, path, json=body, headers=headers)

    async def rows(self, sql: str, *arguments: object) -> list[Any]:
        async with self.runtime.database.transaction() as tx:
            return await tx.fetch(sql, *arguments)


def ins(person: int) -> dict[str, str]:
    return {"matricule": matricule(person), "oid": TEST_NIR}


def consult(actor: Actor, seconds: float = 10.0) -> Consult:
    return Consult(actor=actor, owner=Owner.DOCUMENT, deadline=datetime.now(UTC) + timedelta(seconds=seconds))


@asynccontextmanager
async def composed(folder: Path, system: System, url: str, prefix: str = "") -> AsyncIterator[Service]:
    """The service's parts, with keys of their own."""
    (folder / "kek-1.key").write_text(new_key().hex())
    (folder / "hash.key").write_text(new_key().hex())
    (folder / "kafka").write_text(system.password)
    private = {name: new_private_jwk(name) for name in ("access_control.permits-1", "gateway", "document")}
    (folder / "permits.jwk").write_text(json.dumps(private["access_control.permits-1"]))
    (folder / "jwks.json").write_text(json.dumps(public_jwks(*private.values())))
    settings = Settings(
        database_url=url,
        kafka_bootstrap=system.bootstrap,
        kafka_username="admin",
        kafka_password_file=folder / "kafka",
        kafka_session_timeout_s=2.0,
        topic_prefix=prefix,
        partitions=PARTITIONS,
        keys_dir=folder,
        hash_key_file=folder / "hash.key",
        permit_key_file=folder / "permits.jwk",
        service_jwks_file=folder / "jwks.json",
    )
    runtime = Runtime("access_control", settings)
    parts = compose(runtime)
    async with prepared(runtime, parts):
        await next(loop for loop in parts.loops if loop.name == "matrix").call()
        callers = {name: ServiceIdentity(name, private[name]) for name in ("gateway", "document")}
        yield Service(runtime, parts, PermitVerifier(public_jwks(*private.values()), Owner.DOCUMENT), callers)


@pytest.fixture
async def service(system: System, tmp_path: Path) -> AsyncIterator[Service]:
    async with fresh_database(system, service="access_control") as url, composed(tmp_path, system, url) as one:
        yield one
