"""Through an app a patient reads and feeds as far as is agreed, by decision; all else is for the patient in person."""

from uuid import uuid4

import pytest

from deploy.local.identity.cast import ALICE, APP_CODE, BRUNO
from shared.contracts.common import ActorKind
from shared.contracts.record_requests import Consult
from tests.unit.gateway.test_commands import delegated, seen
from tests.unit.gateway.test_records import opening

LOOK = {"who": "samu"}
CASE = {"request": str(uuid4()), "professional": "899700000035"}
INVITATION = {"ins": {"matricule": BRUNO.matricule, "oid": BRUNO.oid}, "kind": "CAREGIVING", "scopes": ["read"]}
IN_PERSON = [
    ("GET", "/records/{}/rights", None),
    ("GET", "/records/{}/emergencies", None),
    ("GET", "/records/{}/cases", None),
    ("POST", "/records/{}/cases", CASE),
    ("POST", "/records/{}/explain", LOOK),
    ("POST", "/records/{}/see-as", {"looks": [LOOK]}),
    ("GET", "/delegations/me", None),
    ("PUT", "/records/me/opposition", {"opposed": True}),
    ("POST", "/records", opening(ALICE)),
]


@pytest.mark.parametrize(("method", "path", "body"), IN_PERSON)
async def test_ar_067_what_no_scope_covers_is_for_the_patient_in_person(http, world, as_, method, path, body) -> None:
    address = path.format(world.alice_record)
    refused = await http.request(method, address, json=body, headers=as_("alice-app"))
    assert refused.status_code == 403
    assert (world.calls, world.requests) == ([], [])
    delegated(world, to=ALICE)
    world.told = {"emergencies": [], "cases": []} if method == "GET" else world.told
    if path.endswith(("explain", "see-as")):
        return  # how they are answered: test_explanations
    assert (await http.request(method, address, json=body, headers=as_("alice"))).status_code < 300


async def test_ar_067_an_app_reads_by_decision_under_its_own_code(http, world, as_) -> None:
    mine = await http.get("/records/me", headers=as_("alice-app"))
    assert mine.json()["record"] == str(world.alice_record)
    assert (await http.get("/fhir/DocumentReference", headers=as_("alice-app"))).status_code == 200
    assert (await http.get(f"/records/{world.alice_record}/history", headers=as_("alice-app"))).status_code == 200
    for record, asked in world.requests:
        assert (record, type(asked)) == (world.alice_record, Consult)
        assert (asked.actor.kind, asked.actor.app) == (ActorKind.PATIENT, APP_CODE)
    assert len(world.requests) == 2


async def test_an_app_notes_nobody_as_invited(http, world, as_) -> None:
    """That it may not invite is access_control's to say."""
    path = f"/records/{world.alice_record}/rights/invite"
    await http.post(path, json=INVITATION, headers=seen(as_, "alice-app"))
    assert world.requests[0][1].actor.app == APP_CODE
    assert not [call for call in world.calls if call[1] == "PUT"]
