"""The service's own parts on a real database; lines are handed to a lane as Kafka would, or sent through Kafka."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from aiokafka import ConsumerRecord

from services.history_ingestion.__main__ import compose
from services.history_ingestion.settings import Settings
from shared.contracts.access_decisions import RecordOpened
from shared.contracts.common import Act, Actor, ActorKind, Body, Owner, Scope
from shared.contracts.envelope import Envelope, to_headers
from shared.contracts.insurance import LineReceipt, LineReceipts
from shared.contracts.topics import ACCESS_DECISIONS
from shared.messaging import partition_of
from shared.messaging._batch import BatchHandler, Outcome
from shared.runtime import Parts, Runtime
from shared.security import Permit, PermitSigner, ServiceIdentity, new_key, new_private_jwk, public_jwks
from shared.terminology.ins import TEST_NIR
from tests.support.history import INSURER, TOPIC, nir, record_of
from tests.support.parts import lane, prepared
from tests.support.system import PARTITIONS, System, fresh_database

ACTOR = Actor(kind=ActorKind.PROFESSIONAL, number="810000000001", role="G15_10", authenticated=True)


@dataclass
class History:
    """The service without Kafka: batches go straight to its lanes."""

    runtime: Runtime[Settings]
    parts: Parts
    signer: PermitSigner
    gateway: ServiceIdentity
    stranger: ServiceIdentity
    offset: int = 0

    def lane(self, name: str) -> BatchHandler[Any, Any]:
        return lane(self.runtime, self.parts, name)

    def records(self, bodies: Sequence[Body | bytes], partition: int = 0) -> list[ConsumerRecord]:
        """Lines as they come from the insurer's topic, each at an offset of its own."""
        return [self._line(body, partition) for body in bodies]

    def _line(self, body: Body | bytes, partition: int) -> ConsumerRecord:
        self.offset += 1
        value = body if isinstance(body, bytes) else body.model_dump_json().encode()
        identity = uuid4()
        kind = "carnet.insurance.reimbursed-care.v1"
        headers = to_headers(Envelope(identity, kind, "insurer-amo-test", datetime.now(UTC), identity))
        return raw(TOPIC, partition, self.offset, "k", value, headers)

    async def take(self, bodies: Sequence[Body | bytes], partition: int = 0) -> Outcome:
        return await self.lane(INSURER).handle(self.records(bodies, partition))

    async def says(self, person: int, body: Body) -> None:
        """access_control says something of a record."""
        await self.lane("decisions").handle([await self.said(person, body)])

    async def said(self, person: int, body: Body, after: int = 0) -> ConsumerRecord:
        """What access_control says next of a record, as it comes from its topic, after so many others there."""
        key = str(record_of(person))
        place = partition_of(key, PARTITIONS)
        rows = await self.rows(
            "SELECT last_number FROM progress WHERE topic = $1 AND partition = $2", "access.decisions", place
        )
        number = rows[0]["last_number"] + 1 + after
        headers = to_headers(
            Envelope(uuid4(), body.type_name, "access_control", datetime.now(UTC), uuid4(), None, number)
        )
        return raw(ACCESS_DECISIONS, place, number, key, body.model_dump_json().encode(), headers)

    async def open(self, *persons: int) -> None:
        """Records that are open and indexed."""
        for person in persons:
            assert (await self.put(person)).status_code == 200
            await self.says(person, RecordOpened(actor=ACTOR))

    async def put(self, person: int, record: UUID | None = None, identity: ServiceIdentity | None = None, **changes):
        body = {"matricule": nir(person), "oid": TEST_NIR} | changes
        return await self.call("PUT", f"/persons/{record or record_of(person)}", body, identity)

    async def read(self, person: int, **changes):
        return await self.call("POST", "/read", {"permit": self.permit(person, **changes)})

    def permit(self, person: int, *, age_s: float = 0.0, owner: Owner = Owner.HISTORY, **changes) -> str:
        issued = datetime.now(UTC) - timedelta(seconds=age_s)
        body = {
            "id": uuid4(),
            "record": record_of(person),
            "actor": ACTOR,
            "owner": owner,
            "act": Act.CONSULT,
            "scope": Scope(),
            "issued": issued,
            "expires": issued + timedelta(seconds=5),
        }
        return self.signer.sign(Permit(**(body | changes)))

    async def call(self, method: str, path: str, body: object, identity: ServiceIdentity | None = None):
        token = (identity or self.gateway).token("history_ingestion")
        transport = httpx2.ASGITransport(app=self.parts.api)
        async with httpx2.AsyncClient(transport=transport, base_url="http://history") as client:
            return await client.request(method, path, json=body, headers={"authorization": f"Bearer {token}"})

    async def rows(self, sql: str, *arguments: object):
        async with self.runtime.database.transaction() as tx:
            return await tx.fetch(sql, *arguments)

    async def sent(self, topic: str) -> list[dict[str, Any]]:
        rows = await self.rows("SELECT payload FROM outbox WHERE topic = $1 ORDER BY partition, number", topic)
        return [json.loads(row["payload"]) for row in rows]

    async def receipts(self) -> list[LineReceipt]:
        """Receipts, in the order of the lines they answer."""
        sent = [LineReceipts.model_validate(one) for one in await self.sent(f"insurance.receipts.{INSURER}")]
        found = [(one.partition, receipt) for one in sent for receipt in one.receipts]
        return [receipt for _, receipt in sorted(found, key=lambda item: (item[0], item[1].offset))]

    async def shown(self, person: int) -> dict[str, list[dict[str, Any]]]:
        """The lines that a permitted read shows, by section."""
        answer = await self.read(person)
        assert answer.status_code == 200, answer.text
        return {section["section"]: section["lines"] for section in answer.json()["sections"]}


def raw(topic: str, partition: int, offset: int, key: str, value: bytes, headers: Sequence[tuple[str, bytes]]):
    milliseconds = int(datetime.now(UTC).timestamp() * 1000)
    return ConsumerRecord(topic, partition, offset, milliseconds, 0, key.encode(), value, None, 0, 0, tuple(headers))


def environment(folder: Path, system: System, url: str, prefix: str = "") -> tuple[Settings, dict[str, Any]]:
    """Settings with keys of their own, and the private keys of who calls."""
    (folder / "kek-1.key").write_text(new_key().hex())
    (folder / "hash.key").write_text(new_key().hex())
    (folder / "kafka").write_text(system.password)
    private = {name: new_private_jwk(name) for name in ("access_control", "gateway", "document", "history_ingestion")}
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
        service_jwks_file=folder / "jwks.json",
    )
    return settings, private


@asynccontextmanager
async def composed(folder: Path, system: System, url: str, prefix: str = "") -> AsyncIterator[History]:
    settings, private = environment(folder, system, url, prefix)
    runtime = Runtime("history_ingestion", settings)
    parts = compose(runtime)
    async with prepared(runtime, parts):
        yield History(
            runtime,
            parts,
            PermitSigner(private["access_control"]),
            ServiceIdentity("gateway", private["gateway"]),
            ServiceIdentity("document", private["document"]),
        )


@pytest.fixture
async def history(system: System, tmp_path: Path) -> AsyncIterator[History]:
    async with fresh_database(system, service="history_ingestion") as url, composed(tmp_path, system, url) as one:
        yield one
