"""Openings, look-ups, oppositions and the view of rights over HTTP, on the real database."""

import asyncio
import json
import re
from uuid import UUID, uuid4

import pytest

from shared.contracts.record_requests import Authorise, Block, DelegationKind, DelegationScope, Invite
from shared.terminology.ins import NIR
from tests.integration.access_control.conftest import TRAITS, ins, matricule
from tests.unit.access_control.cast import DOCTOR, HOLDER, HOSPITAL, INSURER, OPERATOR, OTHER_DOCTOR

pytestmark = pytest.mark.kafka

BYTEA = re.compile(r"\\+x((?:[0-9a-f]{2})+)")


async def test_a_record_is_opened_once_and_found_again(service):
    first = await service.open(1)
    again = await service.open(1, actor=DOCTOR)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == {"record": again.json()["record"], "opened": True}
    assert again.json()["opened"] is False
    found = await look_up(service, ins(1))
    assert found == [{"record": first.json()["record"]}]
    record = UUID(first.json()["record"])
    assert record.version == 4
    assert await service.told(record) == [{"actor": HOLDER.model_dump(mode="json", exclude_none=True)}]


async def look_up(service, *persons):
    """What is told of each person."""
    answer = await service.call("POST", "/records/lookup", {"persons": persons})
    assert answer.status_code == 200
    return [{name: value for name, value in one.items() if value is not None} for one in answer.json()["found"]]


async def test_persons_are_looked_up_in_one_statement_and_each_gets_their_own(service):
    records = {person: await service.opened(person) for person in (1, 2, 3)}
    await service.call("POST", "/oppositions", {"ins": ins(4)})
    service.runtime.database.on_statements = (counted := []).append
    persons = [1, 2, 3, 4, 5, 1] * 5
    found = await look_up(service, *(ins(person) for person in persons))
    assert found == [{"record": str(records[person])} if person in records else {} for person in persons]
    assert counted == [1]


async def test_a_person_whose_identity_is_not_taken_hurts_no_other(service):
    record = await service.opened(1)
    broken, foreign = {"oid": "1.2.3", "matricule": matricule(1)}, {"oid": NIR, "matricule": matricule(1)}
    found = await look_up(service, broken, ins(1), foreign)
    assert found == [{"refused": "bad_ins"}, {"record": str(record)}, {"refused": "ins_not_accepted"}]


async def test_openings_at_the_same_time_make_one_record(service):
    answers = await asyncio.gather(*(service.open(1) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] * 11 + [201]
    assert len({answer.json()["record"] for answer in answers}) == 1
    assert len(await service.rows("SELECT FROM record")) == len(await service.told()) == 1


async def test_an_opening_and_an_opposition_at_the_same_time_do_not_both_succeed(service):
    for person in range(1, 9):
        opening, opposition = await asyncio.gather(
            service.open(person), service.call("POST", "/oppositions", {"ins": ins(person)})
        )
        assert (opening.status_code, opposition.status_code) in {(201, 409), (409, 204)}


async def test_who_opposed_gets_no_record_until_the_opposition_is_withdrawn(service):
    assert (await service.call("POST", "/oppositions", {"ins": ins(1)})).status_code == 204
    assert (await service.call("POST", "/oppositions", {"ins": ins(1)})).status_code == 204
    refused = await service.open(1)
    assert (refused.status_code, refused.json()["code"]) == (409, "record_opposed")
    assert await look_up(service, ins(1)) == [{}]
    assert await service.told() == []
    withdrawn = await service.call("POST", "/oppositions", {"ins": ins(1), "opposed": False})
    assert withdrawn.status_code == 204
    assert (await service.open(1)).status_code == 201
    late = await service.call("POST", "/oppositions", {"ins": ins(1)})
    assert (late.status_code, late.json()["code"]) == (409, "record_exists")
    assert (await service.call("POST", "/oppositions", {"ins": ins(1), "opposed": False})).status_code == 204
    assert "record" in (await look_up(service, ins(1)))[0]


@pytest.mark.parametrize(
    ("actor", "code"),
    [
        (INSURER, "excluded_actor"),
        (HOSPITAL, "no_branch"),
        (OPERATOR, "no_branch"),
        (HOLDER.model_copy(update={"authenticated": False}), "not_authenticated"),
    ],
)
async def test_who_may_not_open(service, actor, code):
    answer = await service.open(1, actor=actor)
    assert (answer.status_code, answer.json()["code"]) == (403, code)
    assert await service.rows("SELECT FROM person") == []


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"oid": "1.2.3", "matricule": matricule(1)}, "bad_ins"),
        ({"oid": ins(1)["oid"], "matricule": "26103"}, "bad_ins"),
        ({"oid": NIR, "matricule": matricule(1)}, "ins_not_accepted"),
        ({"oid": ins(1)["oid"], "matricule": matricule(1) + "0"}, "invalid_request"),
        ({"oid": ins(1)["oid"]}, "invalid_request"),
    ],
)
async def test_a_wrong_identity_is_refused_and_not_repeated(service, sent, code):
    opposed = await service.call("POST", "/oppositions", {"ins": sent})
    for answer in (await service.open(1, ins=sent), opposed):
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert matricule(1)[:13] not in answer.text
    looked_up = await service.call("POST", "/records/lookup", {"persons": [sent]})
    assert code in looked_up.text
    assert matricule(1)[:13] not in looked_up.text


async def test_a_wrong_trait_is_refused_and_not_repeated(service):
    answer = await service.open(1, traits=TRAITS | {"birth_date": "CANARI"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "CANARI" not in answer.text


@pytest.mark.parametrize(("caller", "status"), [(None, 401), ("document", 403)])
async def test_the_gateway_alone_is_answered(service, caller, status):
    for method, path in (
        ("POST", "/records"),
        ("POST", "/records/lookup"),
        ("POST", "/oppositions"),
        ("GET", f"/records/{uuid4()}/rights"),
        ("PUT", f"/records/{uuid4()}/delegates/{uuid4()}"),
        ("POST", "/delegates/lookup"),
    ):
        assert (await service.call(method, path, {}, caller)).status_code == status


async def test_what_is_too_large_is_refused(service):
    answer = await service.open(1, padding="x" * 70_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_no_identity_stands_readable_in_any_table(service):
    """A canary: neither number nor traits are found in the rows, and they open with the record's key alone."""
    record = await service.opened(1)
    assert (await note_delegate(service, record, uuid4(), 1)).status_code == 204
    tables = await service.rows(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
    )
    found = []
    for table in tables:
        rows = await service.rows(f'SELECT t::text AS whole FROM "{table["relname"]}" t')
        found += [row["whole"].encode() for row in rows]
        found += [bytes.fromhex(part) for row in rows for part in BYTEA.findall(row["whole"])]
    everything = b"\n".join(found)
    assert str(record).encode() in everything
    assert b'{"actor":' in everything, "what bytea columns hold is looked at, too"
    for canary in (matricule(1), matricule(1)[:13], "CANARI", "Zéphyrine", "1961-03-02"):
        assert canary.encode() not in everything
    assert len(await service.rows("SELECT FROM identity WHERE record = $1", record)) == 1


async def test_the_holder_sees_the_rights(service):
    record = await service.opened(1)
    await service.ask(record, Authorise(actor=HOLDER, rights_version=0, professional=DOCTOR.number))
    await service.ask(record, Block(actor=HOLDER, rights_version=1, professional=OTHER_DOCTOR.number))
    view = (await service.call("GET", f"/records/{record}/rights")).json()
    nothing = {"administrator": None, "collector": None}
    assert json.loads(json.dumps(view)) == {
        "record": str(record),
        "state": "open",
        "rights_version": 2,
        "treating_doctor": None,
        "professionals": [
            {"professional": DOCTOR.number, "standing": "valide", "until": None, **nothing},
            {"professional": OTHER_DOCTOR.number, "standing": "interdit", "until": None, **nothing},
        ],
        "activated": False,
        "deceased": False,
        "wishes": {"break_glass": True, "regulation": True, "masked": False},
        "opted_out": [],
        "heirs_opposed": False,
        "masks_by_default": False,
        "teams": [],
        "delegations": [],
        "apps": [],
        "objection_until": None,
    }
    unknown = await service.call("GET", f"/records/{uuid4()}/rights")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "no_record")


async def note_delegate(service, record, delegation, person):
    return await service.call("PUT", f"/records/{record}/delegates/{delegation}", {"ins": ins(person)})


async def test_an_invited_person_finds_the_delegation_and_nobody_else_does(service):
    record, delegation = await service.opened(1), uuid4()
    for _ in range(2):
        assert (await note_delegate(service, record, delegation, 2)).status_code == 204
    taken = await note_delegate(service, record, delegation, 3)
    assert (taken.status_code, taken.json()["code"]) == (409, "delegation_taken")
    assert (await note_delegate(service, uuid4(), uuid4(), 2)).status_code == 409
    asked = {"delegation": delegation, "kind": DelegationKind.CAREGIVING, "scopes": {DelegationScope.READ}}
    await service.ask(record, Invite(actor=HOLDER, rights_version=0, **asked))
    found = (await service.call("POST", "/delegates/lookup", ins(2))).json()
    told = {"record": str(record), "delegation": str(delegation), "kind": "CAREGIVING", "state": "PENDING"}
    told["rights_version"] = 1
    assert found == {"delegations": [told]}
    assert (await service.call("POST", "/delegates/lookup", ins(3))).json() == {"delegations": []}
