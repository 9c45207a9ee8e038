import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from deploy.proof import made
from services.document.domain.settlement import Status
from services.document.repository import Staging
from shared.contracts.access_decisions import Outcome
from shared.contracts.common import Actor, ActorKind
from shared.contracts.http_document import DEPOSIT_HEADER, DepositView
from shared.contracts.reasons import Reason
from shared.observability import REGISTRY
from shared.security import ServiceIdentity
from tests.support.documents import DOCTOR, GATEWAY, HOLDER, OTHER, decision, metadata, sample, token

pytestmark = pytest.mark.kafka

TITLE = "Titre-du-canari"


async def view_of(room, deposit):
    answer = await room.client.get(f"/deposits/{deposit}", headers=token())
    assert answer.status_code == 200
    return DepositView.model_validate_json(answer.content)


async def test_a_deposit_is_staged_with_its_content_and_asks_for_a_decision(room, record):
    deposit = await room.staged(record, title=TITLE)
    view = await view_of(room, deposit)
    assert (view.state, view.record, view.submitter) == ("staged", record, f"professional:{made.AUTHOR.number}")
    (request,) = await room.sent("record.deposits", record)
    assert request["deposit"] == str(deposit)
    assert request["actor"]["number"] == made.AUTHOR.number
    assert (request["replaces"], request["mode"]) == (False, "normal")
    (sent,) = await room.rows("SELECT correlation, cause FROM outbox")
    assert sent["correlation"] == deposit
    assert len(room.contents()) == 1
    assert not await room.sent("document.events", record)


async def test_a_deposit_writes_one_line_into_the_log(room, record):
    content, correlation = sample(), str(uuid4())
    with capture_logs([merge_contextvars]) as lines:
        await room.post(content, metadata(content, record), **{"x-correlation-id": correlation})
    (line,) = lines
    assert (line["event"], line["route"], line["status"]) == ("request_answered", "/deposits", 202)
    assert line["correlation"] == correlation


async def test_nothing_stored_or_sent_shows_patient_title_or_content(room, record):
    content = sample()
    deposit = await room.staged(record, content=content, title=TITLE, description="Description-du-canari")
    await room.decide(decision(deposit, record))
    dump = ""
    for table in ("document", "outbox", "record_key", "refusal", "consulted"):
        dump += "".join(str(row) for row in await room.rows(f"SELECT t::text FROM {table} AS t"))
        dump += "".join(
            bytes(value).decode("latin-1")
            for row in await room.rows(f"SELECT * FROM {table}")
            for value in row.values()
            if isinstance(value, bytes)
        )
    kept = room.files()[0].read_bytes().decode("latin-1")
    for secret in (made.PATIENT.ins.number, TITLE, "canari", made.PATIENT.family, "ClinicalDocument"):
        assert secret not in dump
        assert secret not in kept
        assert secret.encode().hex() not in dump


async def test_a_repeat_gives_the_first_deposit_and_keeps_one_content(room, record):
    first = await room.staged(record)
    assert await room.staged(record) == first
    await room.decide(decision(first, record))
    content = sample()
    answer = await room.post(content, metadata(content, record))
    view = DepositView.model_validate_json(answer.content)
    assert (answer.status_code, view.deposit, view.state, view.document) == (202, first, "stored", first)
    assert len(room.contents()) == 1
    assert len(await room.sent("record.deposits", record)) == 1


async def test_a_repeat_of_a_refused_deposit_gives_the_refusal(room, record):
    first = await room.staged(record)
    await room.decide(decision(first, record, Outcome.DENY))
    content = sample()
    view = DepositView.model_validate_json((await room.post(content, metadata(content, record))).content)
    assert (view.deposit, view.state, view.reason) == (first, "refused", Reason.DENIED)
    assert view.because == (Reason.RECORD_CLOSED,)
    assert view.document is None


async def test_many_repeats_at_once_are_one_deposit(room, record):
    found = await asyncio.gather(*(room.staged(record) for _ in range(12)))
    assert len(set(found)) == 1
    assert len(await room.rows("SELECT FROM document")) == 1
    assert len(await room.sent("record.deposits", record)) == 1
    assert len(room.contents()) == 1


async def test_one_unique_id_with_another_content_is_a_conflict(room, record):
    content = sample()
    await room.staged(record, content=content)
    other = content.replace(b"</ClinicalDocument>", b"<!-- changed --></ClinicalDocument>")
    answer = await room.post(other, metadata(content, record))
    assert (answer.status_code, answer.json()["code"]) == (409, "unique_id_used")
    assert len(room.contents()) == 1


async def test_the_same_document_may_go_to_two_records_and_from_two_depositors(room, record):
    first = await room.staged(record)
    assert len({first, await room.staged(uuid4()), await room.staged(record, actor=OTHER)}) == 3


async def test_a_document_to_replace_may_be_named_by_its_id(room, record):
    first = await room.stored(record)
    await room.staged(record, 1, replaces_document=first)
    assert (await room.sent("record.deposits", record))[1]["replaces"] is True
    (row,) = await room.rows("SELECT replaces FROM document WHERE replaces IS NOT NULL")
    assert row["replaces"] == metadata(sample()).unique_id
    for wrong, where in ((uuid4(), record), (first, uuid4())):
        wrongly = await room.staged(where, 2, replaces_document=wrong)
        (event,) = await room.decide(decision(wrongly, where))
        assert event.reason is Reason.UNKNOWN_TARGET


@pytest.mark.parametrize(
    ("status", "code", "content", "changes"),
    [
        (422, "wrong_patient", None, {"patient": {"oid": made.TEST_OID, "number": "277076322082910"}}),
        (422, "not_xml", sample()[:-30], {}),
        (415, "unknown_format", b"\x7fELF-something", {}),
        (413, "too_large", b"x" * (10 * 1024 * 1024 + 1), {}),
        (422, "forbidden_pair", None, {"confidentiality": {"N", "MASQUE_PS", "INVISIBLE_PATIENT"}}),
    ],
)
async def test_a_broken_deposit_leaves_nothing(room, record, status, code, content, changes):
    answer = await room.post(content or sample(), metadata(sample(), record, **changes))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert made.PATIENT.ins.number not in answer.text
    assert not room.contents()
    assert not await room.rows("SELECT FROM document")


async def test_metadata_missing_or_broken_are_told(room):
    missing = await room.client.post("/deposits", content=sample(), headers=token())
    assert (missing.status_code, missing.json()["code"]) == (400, "no_metadata")
    broken = await room.client.post("/deposits", content=sample(), headers=token() | {DEPOSIT_HEADER: "e30="})
    assert (broken.status_code, broken.json()["code"]) == (422, "invalid_metadata")
    assert "unique_id" in broken.json()["detail"]


async def test_only_the_gateway_may_call(room, record):
    content = sample()
    headers = {"authorization": f"Bearer {ServiceIdentity('gateway', GATEWAY).token('audit')}"}
    assert (await room.post(content, metadata(content, record), **headers)).status_code == 401
    for path in ("/search", "/open", "/deposits"):
        assert (await room.client.post(path)).status_code == 401
    assert (await room.client.get(f"/deposits/{uuid4()}")).status_code == 401


async def test_an_unknown_deposit_is_not_found(room):
    assert (await room.client.get(f"/deposits/{uuid4()}", headers=token())).status_code == 404


async def test_a_failing_transaction_leaves_only_a_content_without_a_row(room, record, monkeypatch):
    async def broken(self, *_):
        raise asyncpg.InterfaceError("gone")

    content = sample()
    with monkeypatch.context() as patch:
        patch.setattr(Staging, "stage", broken)
        answer = await room.post(content, metadata(content, record))
    assert answer.status_code >= 500
    assert len(room.contents()) == 1
    assert not await room.rows("SELECT FROM document")
    assert await room.staged(record)


async def test_a_holder_deposits_a_plain_file_and_is_known_without_a_number(room, record):
    pdf = b"%PDF-1.4\n1 0 obj <<>> endobj\n%%EOF\n"
    deposit = await room.staged(
        record,
        content=pdf,
        actor=HOLDER,
        unique_id="1.2.9",
        type_code="EXPPAT_1",
        content_type="application/pdf",
    )
    (row,) = await room.rows("SELECT submitter, owners, content_type, class_code FROM document WHERE id = $1", deposit)
    assert tuple(row) == ("patient:", [], "application/pdf", "90")


async def test_every_state_has_its_view(room, record):
    deposit = await room.staged(record)
    expected = {"staged": "staged", "refused": "refused", "held": "held"}
    expected |= dict.fromkeys(("current", "superseded", "archived", "deleted"), "stored")
    for status in Status:
        await room.rows("UPDATE document SET status = $1 WHERE id = $2 RETURNING id", status.value, deposit)
        view = await view_of(room, deposit)
        assert view.state == expected[status.value]
        assert view.document == (deposit if view.state == "stored" else None)


async def test_ar_005_deposits_of_who_has_to_are_counted_by_their_day_and_repeats_are_not(room, record):
    def counted():
        kinds = [(kind, outcome) for kind in ActorKind for outcome in ("on_time", "late")]
        read = REGISTRY.get_sample_value
        name = "carnet_deposits_by_deadline_total"
        return {one: read(name, dict(zip(("type", "outcome"), one, strict=True))) or 0 for one in kinds}

    before, now = counted(), datetime.now(UTC)
    software = Actor(kind=ActorKind.STRUCTURE, number=DOCTOR.structure, structure=DOCTOR.structure)
    late = {"service_stop": now - timedelta(days=2)}
    for seed, stated in enumerate(
        (
            {"service_stop": now},
            late,
            {"actor": software} | late,
            {"actor": software} | late,
            {"actor": HOLDER, "patient": None} | late,
        )
    ):
        for _ in range(2):
            content = sample(seed)
            assert (await room.post(content, metadata(content, record, **stated))).status_code == 202
    assert {one: count - before[one] for one, count in counted().items() if count != before[one]} == {
        ("professional", "on_time"): 1,
        ("professional", "late"): 1,
        ("structure", "late"): 2,
    }
