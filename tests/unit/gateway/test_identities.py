"""Automatic openings and moved identities are the operator's; identities stand in bodies, never in addresses."""

import pytest

from deploy.local.identity.cast import ALICE, BRUNO

OLD = {"matricule": ALICE.matricule, "oid": ALICE.oid}
NEW = {"matricule": BRUNO.matricule, "oid": BRUNO.oid}
TRAITS = {
    "family_name": "TEST",
    "given_names": ["Alice"],
    "sex": "female",
    "birth_date": "1961-03-02",
    "birth_place": "63113",
}
OPENING = {"ins": OLD, "traits": TRAITS, "contact": {"email": "alice@example.org", "language": "fr"}}
BODIES = {
    "/openings": OPENING,
    "/identities/change": {"old": OLD, "new": NEW},
    "/identities/merge": {"old": OLD, "kept": NEW},
}


async def test_ar_001_an_automatic_opening_is_foreseen_and_the_person_can_be_told(http, world, as_) -> None:
    world.told = {"opens_at": "2026-07-13T00:00:00Z"}
    answer = await http.post("/openings", json=OPENING, headers=as_("operator"))
    assert (answer.status_code, answer.json()["opened"]) == (202, False)
    assert world.called("access_control") == ["POST /openings"]
    assert world.called("history_ingestion") == [f"PUT /persons/{world.alice_record}"]
    assert world.called("notification") == [f"PUT /contacts/{world.alice_record}?keep=true"]


async def test_who_has_a_record_keeps_the_address_that_he_gave(http, world, as_) -> None:
    world.told = {"opened": True}
    assert (await http.post("/openings", json=OPENING, headers=as_("operator"))).status_code == 202
    assert world.called("notification") == []


async def test_a_changed_ins_moves_both_indexes(http, world, as_) -> None:
    body = BODIES["/identities/change"] | {"traits": TRAITS, "freed": True}
    answer = await http.post("/identities/change", json=body, headers=as_("operator"))
    assert (answer.status_code, answer.json()) == (200, {"record": str(world.alice_record)})
    service, method, path, asked = world.calls[-1]
    assert (service, method, path) == ("history_ingestion", "PUT", f"/persons/{world.alice_record}")
    assert asked == NEW | {"moved": True}
    asked = world.calls[0][3]
    assert (asked["old"], asked["new"], asked["freed"]) == (OLD, NEW, True)


async def test_two_records_of_one_person_are_access_controls_to_merge(http, world, as_) -> None:
    """history_ingestion hears of it from the event that says so."""
    answer = await http.post("/identities/merge", json=BODIES["/identities/merge"], headers=as_("operator"))
    assert (answer.status_code, answer.json()) == (200, {"record": str(world.alice_record)})
    assert [service for service, *_ in world.calls] == ["access_control"]


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("name", ["alice", "dr-martin", "hospital", "insurer"])
async def test_ar_002_the_operator_alone(http, world, as_, path, name) -> None:
    answer = await http.post(path, json=BODIES[path], headers=as_(name))
    assert answer.status_code == 403
    assert world.calls == []


@pytest.mark.parametrize("path", BODIES)
async def test_an_identity_that_is_none_goes_nowhere_and_is_not_repeated(http, world, as_, path) -> None:
    number = ALICE.matricule[:13]
    body = {name: OLD | {"matricule": number} if value in (OLD, NEW) else value for name, value in BODIES[path].items()}
    answer = await http.post(path, json=body, headers=as_("operator"))
    assert answer.status_code == 422
    assert number not in answer.text
    assert world.calls == []
