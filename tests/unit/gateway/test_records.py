from uuid import uuid4

import pytest

from deploy.local.identity.cast import ALICE, BRUNO, DR_MARTIN
from shared.contracts.common import ActorKind, Capacity, Owner
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import Close, DeclareTreatingDoctor, Release
from shared.http import RemoteError, RemoteUnavailable


def ins(patient=ALICE):
    return {"matricule": patient.matricule, "oid": patient.oid}


def opening(patient=BRUNO):
    return {
        "ins": ins(patient),
        "traits": {
            "family_name": patient.family_name,
            "given_names": patient.given_names.split(),
            "sex": "male",
            "birth_date": patient.birth_date,
            "birth_place": patient.birth_place,
        },
        "contact": {"email": patient.email, "language": "fr"},
    }


async def test_a_professional_opens_a_record(http, world, as_) -> None:
    answer = await http.post("/records", json=opening(), headers=as_("dr-martin"))
    assert (answer.status_code, answer.json()["opened"]) == (201, True)
    record = answer.json()["record"]
    assert world.called("history_ingestion") == [f"PUT /persons/{record}"]
    assert world.called("notification") == [f"PUT /contacts/{record}?keep=true"]
    assert world.calls[0][3]["actor"]["number"] == DR_MARTIN.number
    again = await http.post("/records", json=opening(), headers=as_("dr-martin"))
    assert (again.status_code, again.json()) == (200, {"record": record, "opened": False})


async def test_a_patient_opens_his_own(http, world, as_) -> None:
    answer = await http.post("/records", json=opening(), headers=as_("bruno"))
    assert answer.status_code == 201
    assert world.called("notification") == [f"PUT /contacts/{answer.json()['record']}"], "he may replace his address"


async def test_a_patient_opens_nobody_elses(http, world, as_) -> None:
    answer = await http.post("/records", json=opening(), headers=as_("alice"))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_holder")
    assert world.calls == []


@pytest.mark.parametrize("service", ["history_ingestion", "notification"])
async def test_a_record_is_told_when_all_know_it(http, world, as_, service) -> None:
    world.down[service] = RemoteUnavailable(503, "unavailable", f"{service} can't be reached")
    answer = await http.post("/records", json=opening(), headers=as_("dr-martin"))
    assert answer.status_code == 503
    assert "record" not in answer.json()
    world.down.clear()
    assert (await http.post("/records", json=opening(), headers=as_("dr-martin"))).status_code == 200


@pytest.mark.parametrize(("status", "code"), [(409, "record_opposed"), (403, "no_branch")])
async def test_a_refusal_of_access_control_is_passed_on(http, world, as_, status, code) -> None:
    world.down["access_control"] = RemoteError(status, code, "No.")
    answer = await http.post("/records", json=opening(), headers=as_("dr-martin"))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert world.called("notification") == []


async def test_an_invalid_opening_repeats_nothing_it_was_sent(http, world, as_) -> None:
    wrong = opening() | {"ins": {"matricule": "12", "oid": ALICE.oid}}
    answer = await http.post("/records", json=wrong, headers=as_("dr-martin"))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_ins")
    odd = opening()
    odd["traits"]["sex"] = BRUNO.family_name
    answer = await http.post("/records", json=odd, headers=as_("dr-martin"))
    assert answer.status_code == 422
    assert BRUNO.family_name not in answer.text
    assert world.calls == []


async def test_a_patient_finds_his_record(http, world, as_) -> None:
    answer = await http.get("/records/me", headers=as_("alice"))
    assert answer.json() == {"record": str(world.alice_record), "state": "open"}
    assert (await http.get("/records/me", headers=as_("bruno"))).status_code == 404
    assert (await http.get("/records/me", headers=as_("dr-martin"))).status_code == 403


async def test_opposing(http, world, as_) -> None:
    answer = await http.put("/records/me/opposition", json={"opposed": True}, headers=as_("bruno"))
    assert answer.status_code == 204
    asked = world.calls[-1][3]
    assert (asked["ins"], asked["opposed"], asked["actor"]["kind"]) == (ins(BRUNO), True, "patient")
    assert (await http.put("/records/me/opposition", json={}, headers=as_("dr-martin"))).status_code == 403


async def test_ar_001_a_counsellor_writes_down_an_opposition_for_a_person(http, world, as_) -> None:
    answer = await http.put("/insured/opposition", json={"ins": ins(BRUNO)}, headers=as_("counsellor"))
    assert answer.status_code == 204, answer.text
    asked = world.calls[-1][3]
    assert (asked["ins"], asked["opposed"]) == (ins(BRUNO), True)
    assert (asked["actor"]["capacity"], asked["actor"]["authenticated"]) == ("insurance_counsellor", True)
    assert world.requests == []


async def test_ar_073_an_opposition_to_a_record_that_is_there_closes_it(http, world, as_, monkeypatch) -> None:
    exists = RemoteError(409, "record_exists", "There is a record.")
    answered = world.access_control

    def access_control(method, path, *more):
        if path == "/oppositions":
            raise exists
        return answered(method, path, *more)

    monkeypatch.setattr(world, "access_control", access_control)
    answer = await http.put("/insured/opposition", json={"ins": ins(ALICE)}, headers=as_("counsellor"))
    assert answer.status_code == 204, answer.text
    ((record, asked),) = world.requests
    assert (record, type(asked), asked.rights_version) == (world.alice_record, Close, 7)
    assert asked.actor.capacity is Capacity.COUNSELLOR
    world.denied = (Reason.RECORD_CLOSED,)
    denied = await http.put("/insured/opposition", json={"ins": ins(ALICE)}, headers=as_("counsellor"))
    assert (denied.status_code, denied.json()["code"]) == (403, "excluded_actor")


@pytest.mark.parametrize("name", ["insurer", "operator", "dr-martin", "alice", "hospital"])
async def test_ar_001_nobody_else_opposes_for_a_person(http, world, as_, name) -> None:
    assert (await http.put("/insured/opposition", json={"ins": ins(BRUNO)}, headers=as_(name))).status_code == 403
    assert world.calls == []


async def test_ar_001_a_counsellor_opens_a_record_and_says_as_what(http, world, as_) -> None:
    assert (await http.post("/records", json=opening(), headers=as_("counsellor"))).status_code == 201
    asked = next(asked for _, _, path, asked in world.calls if path == "/records")
    assert asked["actor"]["capacity"] == "insurance_counsellor"


async def test_the_history_is_read_on_a_permit(http, world, as_) -> None:
    for name in ("alice", "dr-martin"):
        answer = await http.get(f"/records/{world.alice_record}/history", headers=as_(name))
        assert (answer.status_code, answer.json()["since"]) == (200, "2024-06-01")
    assert world.requests[0][1].owner is Owner.HISTORY
    assert world.calls[-1][3] == {"permit": "permit-for-history_ingestion"}


async def test_the_history_of_somebody_else(http, world, as_) -> None:
    world.records[(BRUNO.oid, BRUNO.matricule)] = uuid4()
    answer = await http.get(f"/records/{world.alice_record}/history", headers=as_("bruno"))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_own_record")
    assert world.requests == []
    world.denied = (Reason.BLOCKED,)
    answer = await http.get(f"/records/{world.alice_record}/history", headers=as_("dr-noir"))
    assert (answer.status_code, answer.json()["code"]) == (403, "blocked")
    assert world.called("history_ingestion") == []


def declaration(patient=ALICE, professional=DR_MARTIN.number):
    return {"ins": ins(patient), "professional": professional}


async def test_an_insurer_declares_the_treating_doctor(http, world, as_) -> None:
    answer = await http.post("/treating-doctor", json=declaration(), headers=as_("insurer"))
    assert answer.status_code == 202
    (record, asked), *_ = world.requests
    assert record == world.alice_record
    assert asked == DeclareTreatingDoctor(actor=asked.actor, professional=DR_MARTIN.number)
    assert (asked.actor.kind, asked.actor.number) == (ActorKind.INSURER, "amo-test")


async def test_a_declaration_never_tells_whether_there_is_a_record(http, world, as_) -> None:
    there = await http.post("/treating-doctor", json=declaration(), headers=as_("insurer"))
    world.denied = (Reason.NO_RECORD,)
    absent = await http.post("/treating-doctor", json=declaration(BRUNO), headers=as_("insurer"))
    assert (there.status_code, there.content) == (absent.status_code, absent.content)
    assert len(world.requests) == 2, "both take the same way"
    assert world.requests[1][0] not in world.records.values()
    world.unsent = True
    for patient in (ALICE, BRUNO):
        answer = await http.post("/treating-doctor", json=declaration(patient), headers=as_("insurer"))
        assert answer.status_code == 503


async def test_a_declaration_that_failed_is_to_be_repeated(http, world, as_) -> None:
    world.denied = (Reason.INTERNAL_ERROR,)
    assert (await http.post("/treating-doctor", json=declaration(), headers=as_("insurer"))).status_code == 503


@pytest.mark.parametrize("name", ["alice", "dr-martin", "hospital", "operator"])
async def test_nobody_else_declares(http, world, as_, name) -> None:
    answer = await http.post("/treating-doctor", json=declaration(), headers=as_(name))
    assert answer.status_code == 403
    assert world.calls == world.requests == []


@pytest.mark.parametrize(
    "body", [{}, {"ins": ins()}, declaration(professional="1"), declaration() | {"more": 1}, declaration() | {"ins": 1}]
)
async def test_a_malformed_declaration(http, world, as_, body) -> None:
    assert (await http.post("/treating-doctor", json=body, headers=as_("insurer"))).status_code == 422


async def test_an_operator_releases_a_record(http, world, as_) -> None:
    answer = await http.post(f"/records/{world.alice_record}/release", headers=as_("operator"))
    assert answer.status_code == 200
    assert isinstance(world.requests[0][1], Release)
    assert world.requests[0][1].actor.kind is ActorKind.OPERATOR
    world.denied = (Reason.NO_BRANCH,)
    answer = await http.post(f"/records/{world.alice_record}/release", headers=as_("dr-martin"))
    assert (answer.status_code, answer.json()["code"]) == (403, "no_branch")
