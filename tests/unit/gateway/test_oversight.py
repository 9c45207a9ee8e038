"""Emergencies and contested accesses at the door: shown to the holder's side, asked by the lane, texts beside it."""

from uuid import UUID, uuid4

import pytest

from shared.contracts.common import ActorKind
from shared.contracts.reasons import Reason
from shared.contracts.record_oversight import ConfirmEmergency, Contest
from shared.http import RemoteError
from tests.unit.gateway.test_commands import DELEGATION, DOCTOR, delegated

REQUEST = uuid4()
TEXT = "Je ne connais pas ce médecin"


def emergency(*, secret):
    times = {"since": "2026-06-01T10:00:00Z", "until": "2026-06-01T10:30:00Z"}
    told = {"professional": DOCTOR, "mode": "bris_de_glace", "reason": "other", "text": "found on the floor"}
    return {"request": str(uuid4()), "secret": secret, **times, **told}


def case(*, secret):
    times = {"opened_at": "2026-06-01T10:00:00Z", "due": "2026-07-01T10:00:00Z"}
    return {"case": str(uuid4()), "request": str(REQUEST), "secret": secret, **times}


def url(world, what):
    return f"/records/{world.alice_record}/{what}"


async def test_ar_039_the_holder_sees_emergencies_with_what_was_written(http, world, as_) -> None:
    world.told = {"emergencies": [emergency(secret=True), emergency(secret=False)]}
    answer = await http.get(url(world, "emergencies"), headers=as_("alice"))
    assert [one["text"] for one in answer.json()["emergencies"]] == ["found on the floor"] * 2
    assert world.requests == []


async def test_ar_042_a_representative_sees_no_emergency_of_a_secret_connection(http, world, as_) -> None:
    delegated(world)
    secret, plain = emergency(secret=True), emergency(secret=False)
    world.told = {"emergencies": [secret, plain]}
    answer = await http.get(url(world, "emergencies"), headers=as_("bruno"))
    assert [one["request"] for one in answer.json()["emergencies"]] == [plain["request"]]
    _, method, path, asked = world.calls[-2]
    assert (method, path) == ("POST", url(world, "rights")), "whether he decides for her today is asked first"
    assert asked["reader"]["delegation"] == str(DELEGATION)


async def test_ar_042_a_representative_sees_no_case_that_a_minor_opened_himself(http, world, as_) -> None:
    own, theirs, unsaid = case(secret=True), case(secret=False), case(secret=True)
    del unsaid["secret"]
    world.told = {"cases": [own, theirs, unsaid]}
    answer = await http.get(url(world, "cases"), headers=as_("alice"))
    assert [one["case"] for one in answer.json()["cases"]] == [own["case"], theirs["case"], unsaid["case"]]
    delegated(world)
    answer = await http.get(url(world, "cases"), headers=as_("bruno"))
    assert [one["case"] for one in answer.json()["cases"]] == [theirs["case"]]


@pytest.mark.parametrize("what", ["emergencies", "cases"])
async def test_nobody_else_sees_them(http, world, as_, what) -> None:
    for name in ("dr-noir", "hospital", "insurer", "operator"):
        assert (await http.get(url(world, what), headers=as_(name))).status_code == 403
    assert (await http.get(url(world, what), headers=as_("bruno"))).status_code == 404, "no delegation of his"
    delegated(world)
    world.down["access_control"] = RemoteError(403, "outside_delegation", "The delegation does not cover it.")
    assert (await http.get(url(world, what), headers=as_("bruno"))).status_code == 403
    assert not [path for _, _, path, _ in world.calls if path.endswith(what)]


async def test_ar_061_a_contested_access_is_asked_under_the_case_of_its_text(http, world, as_) -> None:
    body = {"request": str(REQUEST), "professional": DOCTOR, "structure": "1990000033", "text": TEXT}
    body["opinion"] = "agrees"
    answer = await http.post(url(world, "cases"), json=body, headers=as_("alice"))
    assert answer.status_code == 201, answer.text
    ((record, asked),) = world.requests
    assert (record, type(asked), asked.request) == (world.alice_record, Contest, REQUEST)
    assert (asked.actor.kind, asked.professional, asked.structure) == (ActorKind.PATIENT, DOCTOR, "1990000033")
    assert (asked.case, asked.opinion) == (UUID(answer.json()["case"]), "agrees")
    assert world.calls[-1][1:] == ("PUT", url(world, f"texts/{asked.case}"), {"text": TEXT})
    assert TEXT not in asked.model_dump_json()


async def test_a_case_without_a_text_hands_nothing_over(http, world, as_) -> None:
    body = {"request": str(REQUEST), "professional": DOCTOR}
    assert (await http.post(url(world, "cases"), json=body, headers=as_("alice"))).status_code == 201
    assert not [method for _, method, _, _ in world.calls if method == "PUT"]
    assert (await http.post(url(world, "cases"), json={"text": TEXT}, headers=as_("alice"))).status_code == 422
    empty = body | {"text": "  "}
    assert (await http.post(url(world, "cases"), json=empty, headers=as_("alice"))).status_code == 422
    assert len(world.requests) == 1


async def test_who_is_not_on_the_holders_side_contests_nothing_and_writes_nothing(http, world, as_) -> None:
    body = {"request": str(REQUEST), "professional": DOCTOR, "text": TEXT}
    for name in ("dr-noir", "hospital", "insurer", "operator"):
        assert (await http.post(url(world, "cases"), json=body, headers=as_(name))).status_code == 403
    assert (world.requests, [call for call in world.calls if call[1] == "PUT"]) == ([], [])


@pytest.mark.parametrize(("finer", "status"), [("contested_already", 409), ("trace_unknown", 404)])
async def test_why_an_access_is_not_contested(http, world, as_, finer, status) -> None:
    world.denied, world.finer = (Reason.NO_BRANCH,), (finer,)
    body = {"request": str(REQUEST), "professional": DOCTOR}
    answer = await http.post(url(world, "cases"), json=body, headers=as_("alice"))
    assert (answer.status_code, answer.json()["reasons"]) == (status, [finer])


async def test_ar_033_a_colleague_confirms_an_emergency(http, world, as_) -> None:
    body = {"professional": DOCTOR}
    answer = await http.post(url(world, "confirm-emergency"), json=body, headers=as_("dr-martin"))
    assert answer.status_code == 200, answer.text
    ((_, asked),) = world.requests
    assert (type(asked), asked.professional, asked.actor.kind) == (ConfirmEmergency, DOCTOR, ActorKind.PROFESSIONAL)
    world.denied, world.finer = (Reason.NOT_HOLDER,), ("own_emergency",)
    refused = await http.post(url(world, "confirm-emergency"), json=body, headers=as_("dr-noir"))
    assert (refused.status_code, refused.json()["reasons"]) == (403, ["own_emergency"])
