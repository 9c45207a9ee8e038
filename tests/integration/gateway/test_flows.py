"""From the door to every owner and back, on real processes, broker and database."""

import asyncio
import time
from uuid import UUID

import pytest

from deploy.local.identity.cast import CAST
from tests.support.system import eventually

pytestmark = pytest.mark.kafka

MARTIN, ROUX, NOIR = (CAST[name].number for name in ("dr-martin", "dr-roux", "dr-noir"))


def reason(answer) -> str:
    found = answer.json()
    return found["issue"][0]["details"]["coding"][0]["code"] if "issue" in found else found["code"]


async def test_a_deposit_is_stored_and_read_back_byte_for_byte(door) -> None:
    record = await door.open()
    content = door.document()
    stored = await door.deposit(content)
    assert stored.status_code == 201, stored.text
    assert (await door.change("authorise", record, professional=ROUX)).status_code == 200
    found = (await door.search("dr-roux")).json()
    assert found["total"] == 1
    resource = found["entry"][0]["resource"]
    assert resource["id"] == stored.json()["id"]
    assert resource["type"] == stored.json()["type"]
    given = await door.ask("dr-roux", "GET", f"/fhir/{resource['content'][0]['attachment']['url']}")
    assert given.content == content
    own = await door.ask("patient", "GET", "/fhir/DocumentReference")
    assert own.json()["total"] == 1


async def test_who_may_read(door) -> None:
    record = await door.open()
    assert (await door.deposit(door.document())).status_code == 201
    declared = {"ins": {"matricule": door.patient.matricule, "oid": door.patient.oid}, "professional": MARTIN}
    assert (await door.ask("insurer", "POST", "/treating-doctor", json=declared)).status_code == 202
    assert (await door.change("authorise", record, professional=NOIR)).status_code == 200
    assert (await door.search("dr-noir")).status_code == 200
    assert (await door.change("block", record, professional=NOIR)).status_code == 200
    expected = {
        "dr-martin": (200, None),
        "dr-noir": (403, "blocked"),
        "dr-roux": (403, "not_authorised"),
        "insurer": (403, "excluded_actor"),
        "occupational-doctor": (403, "excluded_sector"),
        "hospital": (403, "not_authenticated"),
    }
    for name, (status, code) in expected.items():
        answer = await door.search(name)
        assert answer.status_code == status, (name, answer.text)
        assert code is None or reason(answer) == code, name
    not_mt = await door.change("block", record, professional=MARTIN)
    assert (not_mt.status_code, reason(not_mt)) == (409, "not_blockable")


async def test_a_structure_deposits_and_does_not_read(door) -> None:
    await door.open()
    assert (await door.deposit(door.document(), "hospital")).status_code == 201


async def test_a_repeat_is_safe(door) -> None:
    await door.open()
    content = door.document()
    first, second = [await door.deposit(content) for _ in range(2)]
    assert first.status_code == second.status_code == 201
    assert first.json()["id"] == second.json()["id"]
    assert first.headers["carnet-deposit"] == second.headers["carnet-deposit"]
    together = await asyncio.gather(*(door.deposit(door.document(seed=1)) for _ in range(4)))
    assert [answer.status_code for answer in together] == [201] * 4
    assert len({answer.json()["id"] for answer in together}) == 1


async def test_the_first_deposit_of_another_depositor_stands(door) -> None:
    await door.open()
    content = door.document()
    assert (await door.deposit(content)).status_code == 201
    answer = await door.deposit(content, "dr-martin")
    assert (answer.status_code, reason(answer)) == (409, "duplicate")


async def test_the_outcome_may_be_asked_for_later(door) -> None:
    await door.open()
    taken = await door.deposit(door.document(), prefer="respond-async")
    assert taken.status_code == 202
    place = taken.headers["content-location"]

    async def stored() -> bool:
        answer = await door.ask("dr-roux", "GET", place)
        return answer.status_code == 200 and "location" in answer.headers

    await eventually(stored)


async def test_nobody_without_a_record(door) -> None:
    answer = await door.deposit(door.document())
    assert (answer.status_code, reason(answer)) == (404, "no_record")
    insurer = await door.search("insurer")
    assert (insurer.status_code, reason(insurer)) == (403, "excluded_actor")


async def test_a_stale_change_is_a_conflict(door) -> None:
    record = await door.open()
    version = (await door.ask("patient", "GET", f"/records/{record}/rights")).json()["rights_version"]
    assert (await door.change("block", record, version, professional=NOIR)).status_code == 200
    stale = await door.change("unblock", record, version, professional=NOIR)
    assert (stale.status_code, reason(stale)) == (412, "stale_rights")
    assert reason(await door.search("dr-noir")) == "blocked"


async def test_a_block_is_told_when_no_permit_is_left(door) -> None:
    """Reads hammer while the block is made: none that begins after the answer passes, none is served after it."""
    record = await door.open()
    assert (await door.change("authorise", record, professional=NOIR)).status_code == 200
    served: list[float] = []
    told = 0.0

    async def reads() -> None:
        while not told or time.monotonic() < told + 0.5:
            answer = await door.search("dr-noir")
            if answer.status_code == 200:
                served.append(time.monotonic())
            else:
                assert reason(answer) in {"blocked", "permit_expired"}, answer.text

    readers = [asyncio.create_task(reads()) for _ in range(3)]
    await asyncio.sleep(0.3)
    answer = await door.change("block", record, professional=NOIR)
    told = time.monotonic()
    assert answer.status_code == 200, answer.text
    await asyncio.gather(*readers)
    assert served
    assert max(served) < told


async def test_the_patient_sees_who_did_what(door) -> None:
    record = await door.open()
    assert (await door.deposit(door.document())).status_code == 201
    assert (await door.change("authorise", record, professional=ROUX)).status_code == 200
    assert (await door.search("dr-roux")).status_code == 200
    assert (await door.search("dr-noir")).status_code == 403

    async def all_told() -> None:
        answer = await door.ask("patient", "GET", "/fhir/AuditEvent?_count=100")
        assert answer.status_code == 200, answer.text
        events = [entry["resource"] for entry in answer.json()["entry"]]
        codes = {event["subtype"][0]["code"] for event in events}
        assert {"create", "search", "AuthZ-Consent"} <= codes
        denied = [event for event in events if event["outcome"] == "8"]
        assert any(event["agent"][0]["who"].get("identifier", {}).get("value") == NOIR for event in denied)

    await eventually(all_told)


async def test_the_history_is_read_on_a_permit(door) -> None:
    record = await door.open()
    own = await door.ask("patient", "GET", f"/records/{record}/history")
    assert own.status_code == 200, own.text
    assert own.json()["sections"]
    refused = await door.ask("dr-noir", "GET", f"/records/{record}/history")
    assert (refused.status_code, reason(refused)) == (403, "not_authorised")


async def test_a_closed_record_and_its_return(door) -> None:
    record = await door.open()
    assert (await door.change("close", record)).status_code == 200
    mine = await door.ask("patient", "GET", "/records/me")
    assert mine.json() == {"record": record, "state": "closed"}
    refused = await door.deposit(door.document())
    assert (refused.status_code, reason(refused)) == (403, "record_closed")
    assert (await door.change("reopen", record)).status_code == 200
    assert (await door.deposit(door.document(seed=2))).status_code == 201


async def test_document_stopped_the_others_go_on(door, carnet) -> None:
    record = await door.open()
    unit = carnet.unit("document")
    unit.process.stop()
    try:
        content = door.document()
        refused = await door.deposit(content)
        assert refused.status_code == 503, refused.text
        assert (await door.change("authorise", record, professional=ROUX)).status_code == 200
        assert (await door.ask("patient", "GET", "/fhir/AuditEvent")).status_code == 200
    finally:
        unit.process.spawn()
    await eventually(lambda: asyncio.to_thread(unit.probe), timeout_s=60)
    assert (await door.deposit(content)).status_code == 201


async def test_logs_and_addresses_hold_nothing_of_a_person(door, carnet) -> None:
    await door.open()
    content = door.document()
    await door.deposit(content)
    await door.search("dr-noir")
    await door.ask("patient", "GET", f"/fhir/DocumentReference?patient=Patient/{UUID(int=0)}")
    logs = {path.name: path.read_text(errors="replace") for path in carnet.home.logs.glob("*.log")}
    assert "request_answered" in logs["gateway.log"]
    for word in (door.patient.matricule, door.patient.matricule[:13], door.patient.family_name, door.patient.email):
        assert [name for name, text in logs.items() if word in text] == []
