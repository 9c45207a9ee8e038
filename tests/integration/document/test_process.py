"""The whole service as its own process on the real broker: a deposit comes in, decisions come, events leave."""

import asyncio
import contextlib
import json
import os
import sys
from datetime import UTC, datetime
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

import httpx2
import pytest
from aiokafka import TopicPartition

from deploy.processes import free_ports
from shared.contracts.access_decisions import Decided, Outcome
from shared.contracts.common import Act, Scope
from shared.contracts.document_changes import ActRefused, DocumentChanged
from shared.contracts.document_events import Deposited
from shared.contracts.envelope import Envelope, Message, from_headers, number_of, to_headers
from shared.contracts.http_document import DEPOSIT_HEADER, to_header
from shared.contracts.record_deposits import Deposit
from shared.messaging import partition_of
from shared.security import new_private_jwk, public_jwks
from tests.support import documents
from tests.support.documents import DOCTOR, OTHER, decision, metadata, ordered, permit, sample, signed, token
from tests.support.system import PARTITIONS, System, eventually, fresh_database

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]


class Running:
    """The process, the broker and a client."""

    def __init__(self, system: System, prefix: str, port: int) -> None:
        self.kafka = system.kafka(prefix)
        self.client = httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=token(), timeout=10)
        self.numbers: dict[int, int] = {}

    async def ready(self):
        with contextlib.suppress(httpx2.HTTPError):
            return (await self.client.get("/ready")).status_code == 200
        return False

    async def deposit(self, record: UUID, content: bytes, **changes) -> UUID:
        headers = {DEPOSIT_HEADER: to_header(metadata(content, record, **changes))}
        answer = await self.client.post("/deposits", content=content, headers=headers)
        assert answer.status_code == 202, answer.text
        return UUID(answer.json()["deposit"])

    async def state(self, deposit: UUID) -> str:
        return (await self.client.get(f"/deposits/{deposit}")).json()["state"]

    async def decided(self, record: UUID, *messages: Message[Decided]) -> None:
        producer = self.kafka.producer()
        await producer.start()
        partition = partition_of(str(record), PARTITIONS)
        for message in messages:
            deposit = message.envelope.correlation
            self.numbers[partition] = number = self.numbers.get(partition, 0) + 1
            identity = uuid5(NAMESPACE_OID, f"{partition}/{number}")
            now = datetime.now(UTC)
            envelope = Envelope(identity, message.body.type_name, "access_control", now, deposit, None, number)
            for _ in range(2):  # whatever comes twice happens once
                await producer.send_and_wait(
                    self.kafka.prefix + "access.decisions",
                    message.body.model_dump_json(exclude_none=True).encode(),
                    str(record).encode(),
                    partition,
                    headers=to_headers(envelope),
                )
        await producer.stop()

    async def written(self, topic: str, record: UUID):
        """What stands in a topic for a record: type, number, correlation and body, in order."""
        reader = self.kafka.reader()
        await reader.start()
        place = TopicPartition(self.kafka.prefix + topic, partition_of(str(record), PARTITIONS))
        reader.assign([place])
        await reader.seek_to_beginning(place)
        end = (await reader.end_offsets([place]))[place]
        found = {}
        while await reader.position(place) < end:
            for records in (await reader.getmany(timeout_ms=200)).values():
                for one in records:
                    envelope = from_headers(one.headers)
                    found[number_of(one.headers)] = (envelope.type, envelope.correlation, json.loads(one.value))
        await reader.stop()
        assert list(found) == list(range(1, len(found) + 1))
        return list(found.values())


@pytest.fixture
async def running(system: System, prefix: str, tmp_path):
    assert system.topics(prefix)
    documents.key_provider(tmp_path)
    own = new_private_jwk("document")
    (tmp_path / "own.json").write_text(json.dumps(own))
    (tmp_path / "all.json").write_text(json.dumps(public_jwks(documents.GATEWAY, documents.ACCESS, own)))
    (tmp_path / "kafka").write_text(system.password)
    port = free_ports(1)[0]
    async with fresh_database(system, service="document") as url:
        environment = {
            "CARNET_DATABASE_URL": url,
            "CARNET_KAFKA_BOOTSTRAP": system.bootstrap,
            "CARNET_KAFKA_USERNAME": "admin",
            "CARNET_KAFKA_PASSWORD_FILE": str(tmp_path / "kafka"),
            "CARNET_TOPIC_PREFIX": prefix,
            "CARNET_PARTITIONS": str(PARTITIONS),
            "CARNET_HTTP_PORT": str(port),
            "CARNET_KEYS_DIR": str(tmp_path),
            "CARNET_SERVICE_KEY_FILE": str(tmp_path / "own.json"),
            "CARNET_SERVICE_JWKS_FILE": str(tmp_path / "all.json"),
            "CARNET_CONTENT_DIR": str(tmp_path / "content"),
        }
        with (tmp_path / "log").open("wb") as log:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "services.document",
                env={**os.environ, **environment},
                stdout=log,
                stderr=log,
            )
        one = Running(system, prefix, port)
        try:
            await eventually(one.ready, 60)
            yield one
        finally:
            await one.client.aclose()
            child.terminate()
            try:
                await asyncio.wait_for(child.wait(), 30)
            except TimeoutError:
                child.kill()
                await child.wait()
        assert child.returncode == 0
        log = (tmp_path / "log").read_text()
        for secret in (documents.made.PATIENT.ins.number, documents.made.PATIENT.family, "Titre-du-canari"):
            assert secret not in log


async def test_a_deposit_flows_from_content_to_event(running):
    record = uuid4()
    one = await running.deposit(record, sample(), title="Titre-du-canari")
    two = await running.deposit(record, sample(1))
    asked = []

    async def both_asked():
        asked[:] = await running.written("record.deposits", record)
        return len(asked) == 2

    await eventually(both_asked)
    assert [(kind, correlation, body["deposit"]) for kind, correlation, body in asked] == [
        (Deposit.type_name, deposit, str(deposit)) for deposit in (one, two)
    ]
    await running.decided(
        record,
        decision(uuid4(), record, act=Act.CONSULT),
        decision(one, record),
        decision(two, record, Outcome.DENY),
    )

    async def settled():
        assert [await running.state(one), await running.state(two)] == ["stored", "refused"]

    await eventually(settled)
    read = await running.client.post(
        "/open", json={"permit": signed(permit(record, DOCTOR, Scope())), "document": str(one)}
    )
    assert read.content == sample()

    async def told():
        events = await running.written("document.events", record)
        assert [(kind.split(".")[2], correlation) for kind, correlation, _ in events][:2] == [
            ("deposited", one),
            ("refused", two),
        ]
        assert [kind.split(".")[2] for kind, _, _ in events[2:]] == ["consulted"]
        assert Deposited.model_validate(events[0][2]).document == one
        assert "canari" not in json.dumps([body for _, _, body in events])

    await eventually(told)
    mask, unknown = ordered(one, record, "mask"), ordered(two, record, "delete")
    await running.decided(record, mask, unknown)

    async def done():
        acts = (await running.written("document.events", record))[3:]
        assert len(acts) == 2
        changed, refused = acts
        assert changed[:2] == (DocumentChanged.type_name, mask.body.request)
        assert (changed[2]["request"], changed[2]["masked"], changed[2]["version"]) == (str(mask.body.request), True, 2)
        assert refused[:2] == (ActRefused.type_name, unknown.body.request)
        assert refused[2]["reason"] == "unknown_document"

    await eventually(done)
    other = permit(record, OTHER, Scope())
    found = await running.client.post("/search", json={"permit": signed(other)})
    assert found.json() == {"total": 0, "entries": []}
