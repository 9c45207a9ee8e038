import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from deploy.local.identity.cast import BRUNO
from shared.contracts.common import ActorKind
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import Authorise, Block, Close, Reopen, Revoke, Unblock

DOCTOR = {"professional": "899700000035"}
TYPES = {
    "authorise": Authorise,
    "revoke": Revoke,
    "block": Block,
    "unblock": Unblock,
    "close": Close,
    "reopen": Reopen,
}


def url(world, verb=""):
    return f"/records/{world.alice_record}/rights" + (f"/{verb}" if verb else "")


def seen(as_, version='"7"', name="alice"):
    return as_(name) | {"if-match": version}


async def test_a_patient_reads_the_version_to_name(http, world, as_) -> None:
    answer = await http.get(url(world), headers=as_("alice"))
    assert (answer.headers["etag"], answer.json()["rights_version"]) == ('"7"', 7)


@pytest.mark.parametrize("verb", TYPES)
async def test_a_change_goes_to_the_lane_with_the_version_seen(http, world, as_, verb) -> None:
    body = {} if verb in {"close", "reopen"} else DOCTOR
    answer = await http.post(url(world, verb), json=body, headers=seen(as_))
    assert answer.status_code == 200
    assert (answer.headers["etag"], answer.json()["rights_version"]) == ('"8"', 8)
    (record, command), *_ = world.requests
    assert record == world.alice_record
    assert type(command) is TYPES[verb]
    assert command.rights_version == 7
    assert getattr(command, "professional", None) == body.get("professional")


@pytest.mark.parametrize("verb", ["block", "unblock", "revoke", "authorise"])
async def test_ar_018_a_number_of_rpps_without_its_8_means_the_same_professional(http, world, as_, verb) -> None:
    """As directories print it; a block of anything else would be told and hold nobody."""
    answer = await http.post(url(world, verb), json={"professional": "99700000035"}, headers=seen(as_))
    assert answer.status_code == 200
    assert world.requests[0][1].professional == DOCTOR["professional"]


@pytest.mark.parametrize("number", ["8997000000", "8997000000350", "dr-martin", "", "8 99700000035", "899700000035\n"])
async def test_ar_018_what_is_no_national_number_is_no_professional(http, world, as_, number) -> None:
    answer = await http.post(url(world, "block"), json={"professional": number}, headers=seen(as_))
    assert answer.status_code == 422
    assert not world.requests


async def test_an_authorisation_may_end(http, world, as_) -> None:
    until = "2027-01-01T00:00:00Z"
    await http.post(url(world, "authorise"), json=DOCTOR | {"until": until}, headers=seen(as_))
    assert world.requests[0][1].until == datetime(2027, 1, 1, tzinfo=UTC)


async def test_a_block_is_told_when_it_is_in_force(http, world, as_) -> None:
    """Not before the last permit given has run out."""
    world.in_force_at = datetime.now(UTC) + timedelta(seconds=0.3)
    started = time.monotonic()
    answer = await http.post(url(world, "block"), json=DOCTOR, headers=seen(as_))
    assert answer.status_code == 200
    assert datetime.now(UTC) >= world.in_force_at
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("header", [None, "*", "7", '""', '"x"', '"7", "8"'])
async def test_a_change_names_the_version_it_was_made_on(http, world, as_, header) -> None:
    headers = as_("alice") | ({"if-match": header} if header else {})
    answer = await http.post(url(world, "unblock"), json=DOCTOR, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (428, "version_required")
    assert world.requests == []


async def test_a_stale_change_is_a_conflict(http, world, as_) -> None:
    world.denied = (Reason.STALE_RIGHTS,)
    answer = await http.post(url(world, "unblock"), json=DOCTOR, headers=seen(as_, 'W/"3"'))
    assert (answer.status_code, answer.json()["code"]) == (412, "stale_rights")


@pytest.mark.parametrize(
    ("verb", "body", "status"),
    [
        ("block", {}, 422),
        ("block", {"professional": "somebody"}, 422),
        ("block", DOCTOR | {"until": "2027-01-01T00:00:00Z"}, 422),
        ("block", DOCTOR | {"untill": "2027-01-01T00:00:00Z"}, 422),
        ("authorise", DOCTOR | {"until": "2027-01-01T00:00:00"}, 422),
        ("close", DOCTOR, 422),
        ("destroy", DOCTOR, 422),
    ],
)
async def test_a_change_that_says_too_little_or_too_much(http, world, as_, verb, body, status) -> None:
    answer = await http.post(url(world, verb), json=body, headers=seen(as_))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert world.requests == []


@pytest.mark.parametrize("name", ["bruno", "dr-martin", "hospital", "insurer", "operator"])
async def test_rights_are_read_by_the_holder(http, world, as_, name) -> None:
    world.records[(BRUNO.oid, BRUNO.matricule)] = uuid4()
    assert (await http.get(url(world), headers=as_(name))).status_code == 403
    assert world.requests == []
    assert f"GET {url(world)}" not in world.called("access_control")


async def test_a_stranger_with_a_patients_token_changes_nothing(http, world, as_) -> None:
    world.records[(BRUNO.oid, BRUNO.matricule)] = uuid4()
    answer = await http.post(url(world, "authorise"), json=DOCTOR, headers=seen(as_, name="bruno"))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_own_record")
    assert world.requests == []


@pytest.mark.parametrize("name", ["dr-martin", "hospital", "insurer", "operator"])
async def test_whether_another_may_change_rights_is_decided_by_access_control(http, world, as_, name) -> None:
    """An administrator blocks (AR-028), for one: the gateway says who asks, and tells the decision."""
    world.denied = (Reason.NOT_HOLDER,)
    answer = await http.post(url(world, "block"), json=DOCTOR, headers=seen(as_, name=name))
    assert (answer.status_code, answer.json()["code"]) == (403, "excluded_actor" if name == "insurer" else "not_holder")
    (_, command), *_ = world.requests
    assert command.actor.kind not in {ActorKind.PATIENT, ActorKind.REPRESENTATIVE}


async def test_a_change_without_a_decision_is_unknown(http, world, as_) -> None:
    world.silent = True
    answer = await http.post(url(world, "block"), json=DOCTOR, headers=seen(as_))
    assert (answer.status_code, answer.json()["code"]) == (504, "undecided")
    assert "repeat is safe" in answer.json()["next_step"]
