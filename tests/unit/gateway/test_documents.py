from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from deploy.local.identity.cast import ALICE, BRUNO
from shared.contracts.common import ActorKind, Owner
from shared.contracts.reasons import Reason
from shared.http import RemoteError

FORM = {"content-type": "application/x-www-form-urlencoded"}
SEARCH = "/fhir/DocumentReference/_search"
BY_INS = f"patient.identifier=urn:oid:{ALICE.oid}|{ALICE.matricule}"


def reason(answer):
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    return outcome["issue"][0]["details"]["coding"][0]["code"]


async def test_a_professional_searches_by_ins_in_a_form(http, world, as_, entry) -> None:
    answer = await http.post(SEARCH, content=BY_INS, headers=as_("dr-roux") | FORM)
    assert answer.status_code == 200
    bundle = answer.json()
    assert bundle["total"] == 1
    assert bundle["entry"][0]["resource"]["id"] == str(entry.document)
    (record, asked), *_ = world.requests
    assert record == world.alice_record
    assert (asked.owner, asked.actor.number) == (Owner.DOCUMENT, "899700000027")
    assert world.calls[-1][3]["permit"] == "permit-for-document"


async def test_the_links_name_the_record_and_no_identity(http, world, as_, entry) -> None:
    world.total = 5
    answer = await http.post(SEARCH, content=f"{BY_INS}&type=11502-2&_count=1", headers=as_("dr-roux") | FORM)
    links = {link["relation"]: link["url"] for link in answer.json()["link"]}
    following = parse_qs(urlsplit(links["next"]).query)
    assert following == {
        "patient": [f"Patient/{world.alice_record}"],
        "type": ["11502-2"],
        "_count": ["1"],
        "_offset": ["1"],
    }
    assert ALICE.matricule not in answer.text
    page = await http.get(links["next"].removeprefix("https://carnet"), headers=as_("dr-roux"))
    assert page.status_code == 200
    assert world.calls[-1][3]["filters"]["offset"] == 1


async def test_the_last_page_has_no_next(http, as_, entry) -> None:
    answer = await http.post(SEARCH, content=BY_INS, headers=as_("dr-roux") | FORM)
    assert [link["relation"] for link in answer.json()["link"]] == ["self"]


async def test_filters_reach_the_owner(http, world, as_) -> None:
    query = f"patient=Patient/{world.alice_record}&type=11502-2&status=superseded&date=ge2026-01-01"
    assert (await http.get(f"/fhir/DocumentReference?{query}", headers=as_("dr-roux"))).status_code == 200
    filters = world.calls[-1][3]["filters"]
    assert (filters["types"], filters["statuses"]) == (["11502-2"], ["superseded"])
    assert filters["deposited"]["start"].startswith("2026-01-01")


async def test_an_ins_in_an_address_is_refused(http, world, as_) -> None:
    for method, url in (("GET", "/fhir/DocumentReference"), ("POST", SEARCH)):
        answer = await http.request(method, f"{url}?{BY_INS}", headers=as_("dr-roux") | FORM)
        assert answer.status_code == 400
        assert ALICE.matricule not in answer.text
    assert world.calls == []


@pytest.mark.parametrize("query", ["", "patient=", "patient=Patient/x", "unknown=1", "_count=0", "_offset=-1"])
async def test_a_search_that_says_too_little_or_too_much(http, as_, query) -> None:
    answer = await http.get(f"/fhir/DocumentReference?{query}", headers=as_("dr-roux"))
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_two_patients_are_a_conflict(http, world, as_) -> None:
    body = f"{BY_INS}&patient=Patient/{uuid4()}"
    assert (await http.post(SEARCH, content=body, headers=as_("dr-roux") | FORM)).status_code == 400
    assert world.requests == []


async def test_a_patient_finds_his_own_without_naming_himself(http, world, as_, entry) -> None:
    answer = await http.get("/fhir/DocumentReference", headers=as_("alice"))
    assert answer.json()["total"] == 1
    assert world.requests[0][0] == world.alice_record
    assert world.requests[0][1].actor.kind is ActorKind.PATIENT


@pytest.mark.parametrize("method", ["GET", "POST", "BINARY"])
async def test_a_patient_reads_no_other_record(http, world, as_, entry, method) -> None:
    """access_control can't tell one holder from another: the gateway must."""
    world.records[(BRUNO.oid, BRUNO.matricule)] = uuid4()
    if method == "GET":
        answer = await http.get(f"/fhir/DocumentReference?patient=Patient/{world.alice_record}", headers=as_("bruno"))
    elif method == "POST":
        answer = await http.post(SEARCH, content=BY_INS, headers=as_("bruno") | FORM)
    else:
        answer = await http.get(f"/fhir/Binary/{world.alice_record.hex}{entry.document.hex}", headers=as_("bruno"))
    assert (answer.status_code, reason(answer)) == (403, "not_own_record")
    assert world.requests == []


async def test_a_document_is_given_byte_for_byte(http, world, as_, entry) -> None:
    found = (await http.get("/fhir/DocumentReference", headers=as_("alice"))).json()
    url = found["entry"][0]["resource"]["content"][0]["attachment"]["url"]
    answer = await http.get(f"/fhir/{url}", headers=as_("dr-roux"))
    assert answer.content == b"<ClinicalDocument/>"
    assert answer.headers["content-type"].startswith("text/xml")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


async def test_a_document_as_a_resource(http, world, as_, entry) -> None:
    url = f"/fhir/Binary/{world.alice_record.hex}{entry.document.hex}"
    answer = await http.get(url, headers=as_("dr-roux", accept="application/fhir+json"))
    assert answer.json()["resourceType"] == "Binary"
    assert answer.json()["contentType"] == "text/xml"


@pytest.mark.parametrize("binary", ["x", "0" * 63, "G" * 64])
async def test_an_id_that_is_none(http, world, as_, binary) -> None:
    answer = await http.get(f"/fhir/Binary/{binary}", headers=as_("dr-roux"))
    assert (answer.status_code, reason(answer)) == (404, "no_document")


async def test_what_may_not_be_seen_is_what_does_not_exist(http, world, as_) -> None:
    answer = await http.get(f"/fhir/Binary/{world.alice_record.hex}{uuid4().hex}", headers=as_("dr-roux"))
    assert (answer.status_code, reason(answer)) == (404, "no_document")


@pytest.mark.parametrize(
    ("denied", "status"),
    [
        (Reason.BLOCKED, 403),
        (Reason.NOT_AUTHORISED, 403),
        (Reason.RECORD_HELD, 403),
        (Reason.NO_RECORD, 404),
        (Reason.LATE, 504),
        (Reason.INTERNAL_ERROR, 500),
    ],
)
async def test_a_denial_says_why_and_the_owner_is_not_asked(http, world, as_, denied, status) -> None:
    world.denied = (denied,)
    answer = await http.get(f"/fhir/DocumentReference?patient=Patient/{world.alice_record}", headers=as_("dr-noir"))
    assert (answer.status_code, reason(answer)) == (status, denied.value)
    assert world.called("document") == []


async def test_an_insurer_is_told_the_same_of_everybody(http, world, as_) -> None:
    world.denied = (Reason.RECORD_CLOSED,)
    there = await http.post(SEARCH, content=BY_INS, headers=as_("insurer") | FORM)
    world.records.clear()
    absent = await http.post(SEARCH, content=BY_INS, headers=as_("insurer") | FORM)
    assert there.json() == absent.json()
    assert (there.status_code, reason(there)) == (403, "excluded_actor")


async def test_no_decision_in_time_is_unknown(http, world, as_, monkeypatch) -> None:
    monkeypatch.setattr("services.gateway.api.door.GRACE_S", 0.0)
    world.silent = True
    answer = await http.get("/fhir/DocumentReference", headers=as_("alice"))
    assert (answer.status_code, reason(answer)) == (504, "undecided")


async def test_kafka_down_means_repeat(http, world, as_) -> None:
    world.unsent = True
    answer = await http.get("/fhir/DocumentReference", headers=as_("alice"))
    assert (answer.status_code, reason(answer)) == (503, "unsent")


@pytest.mark.parametrize("code", ["permit_expired", "permit_used", "permit_altered"])
async def test_a_permit_that_the_owner_refuses_means_ask_again(http, world, as_, code) -> None:
    world.down["document"] = RemoteError(403, code, "The permit ran out.")
    answer = await http.get("/fhir/DocumentReference", headers=as_("alice"))
    assert (answer.status_code, reason(answer)) == (503, code)
