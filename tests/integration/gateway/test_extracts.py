"""From an expert's and an heir's case to one extract, on the whole system (AR-058, AR-065)."""

import asyncio
import io
import json
import zipfile

import pytest

from deploy.local.identity.cast import OPERATOR, SECOND_OPERATOR
from tests.support.system import eventually

pytestmark = pytest.mark.kafka

A, B = OPERATOR.name, SECOND_OPERATOR.name
PERIOD = {"since": "2000-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}
EXPERT = {"kind": "court_expert", "purpose": "court_mission", "paper": "TJ Lyon 26/00815", **PERIOD}
HEIR = {"kind": "heir", "purpose": "memory", "paper": "Notaire CANARI, acte 113", **PERIOD}


async def opened(door, record, body):
    answer = await door.ask(A, "POST", f"/records/{record}/extracts", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["case"]


def names(answer):
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return archive.namelist()


async def act(door, name, record, case, verb, **body):
    return await door.ask(name, "POST", f"/records/{record}/extracts/{case}/{verb}", json=body)


async def test_ar_058_065_an_experts_extract_is_approved_by_another_taken_once_and_told_to_the_holder(door) -> None:
    record = await door.open()
    stored = (await door.deposit(door.document())).json()["id"]
    early = await door.ask(A, "POST", f"/records/{record}/extracts", json=HEIR)
    assert (early.status_code, early.json()["reasons"]) == (403, ["holder_alive"])

    case = await opened(door, record, EXPERT)
    assert (await act(door, A, record, case, "take")).status_code == 409
    own = await act(door, A, record, case, "approve")
    assert (own.status_code, own.json()["reasons"]) == (403, ["same_operator"])
    approved = await act(door, B, record, case, "approve", taken=0)
    assert approved.status_code == 200, approved.text
    taken = await act(door, A, record, case, "take")
    assert taken.status_code == 200, taken.text
    assert [name.partition(".")[0] for name in names(taken)] == ["extract", stored]
    again = await act(door, A, record, case, "take")
    assert (again.status_code, again.json()["reasons"]) == (409, ["case_not_approved"])

    told: list[str] = []

    async def traced() -> bool:
        answer = await door.ask("patient", "GET", "/fhir/AuditEvent?_count=100")
        assert answer.status_code == 200, answer.text
        told[:] = [json.dumps(one["resource"]) for one in answer.json()["entry"] if case in json.dumps(one)]
        return any(stored in one for one in told)

    await eventually(traced)
    assert len(told) >= len(("opened", "approved", "decided", "given out"))
    assert "TJ Lyon" not in str(told)


async def test_ar_058_heirs_are_given_an_extract_after_a_death_and_no_session(door) -> None:
    record = await door.open()
    await door.deposit(door.document())
    assert (await door.ask(A, "POST", f"/records/{record}/decease")).status_code == 200
    case = await opened(door, record, HEIR)
    listed = (await door.ask(B, "GET", "/extracts")).json()["cases"]
    (one,) = [one for one in listed if one["case"] == case]
    assert (one["state"], one["opened_by"]) == ("waiting", A)
    assert (await door.ask(B, "GET", f"/extracts/{case}/paper")).json() == {"paper": HEIR["paper"]}
    assert (await act(door, B, record, case, "approve")).status_code == 200
    answers = await asyncio.gather(*(act(door, A, record, case, "take") for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    search = await door.ask(A, "GET", f"/fhir/DocumentReference?patient=Patient/{record}")
    assert search.status_code == 403


async def test_ar_058_who_opposed_while_alive_is_heard(door) -> None:
    record = await door.open()
    opposed = await door.change("oppose-heirs", record, opposed=True)
    assert opposed.status_code == 200, opposed.text
    await door.ask(A, "POST", f"/records/{record}/decease")
    refused = await door.ask(A, "POST", f"/records/{record}/extracts", json=HEIR)
    assert (refused.status_code, refused.json()["reasons"]) == (403, ["heirs_opposed"])
