"""A person's INS is replaced, or two of them are one person's: the index moves, a record never."""

import asyncio
from uuid import UUID, uuid4

import pytest

from services.access_control.repository.identities import opened
from shared.contracts.record_requests import Authorise
from shared.database.record_keys import RecordKeys
from tests.integration.access_control.conftest import TRAITS, ins, matricule
from tests.integration.access_control.test_deletion import types
from tests.unit.access_control.cast import DOCTOR, HOLDER, INSURER, OPERATOR

pytestmark = pytest.mark.kafka


async def change(service, old, new, actor=OPERATOR, **more):
    body = {"old": ins(old), "new": ins(new), "actor": actor.model_dump(mode="json")} | more
    return await service.call("POST", "/identities/change", body)


async def merge(service, old, kept, actor=OPERATOR):
    body = {"old": ins(old), "kept": ins(kept), "actor": actor.model_dump(mode="json")}
    return await service.call("POST", "/identities/merge", body)


async def found(service, person):
    return await service.found(person)


async def identity_of(service, record):
    async with service.runtime.database.transaction() as tx:
        key = await RecordKeys(service.runtime.keys).living(tx, record)
        (row,) = await tx.fetch("SELECT traits FROM identity WHERE record = $1", record)
        return opened(key, row["traits"], record)


async def test_a_changed_ins_moves_the_index_and_never_the_record(service):
    record, other = await service.opened(1), await service.opened(2)
    await service.ask(record, Authorise(actor=HOLDER, rights_version=0, professional=DOCTOR.number))
    for _ in range(2):  # a repeat changes nothing
        answer = await change(service, 1, 11)
        assert (answer.status_code, answer.json()) == (200, {"record": str(record)})
    assert [await found(service, person) for person in (1, 11, 2)] == [None, str(record), str(other)]
    assert (await service.consult(record, DOCTOR))["outcome"] == "permit"
    assert (await types(service, record)).count("identity-changed") == 1
    stored = await identity_of(service, record)
    assert (stored.ins.matricule, stored.traits.family_name) == (matricule(11), TRAITS["family_name"])
    told = await service.rows("SELECT payload FROM outbox")
    assert not any(matricule(person)[:13].encode() in row["payload"] for person in (1, 11) for row in told)


async def test_a_replaced_ins_opens_no_second_record(service):
    await service.opened(1)
    await change(service, 1, 11)
    calls = (service.open(1), service.call("POST", "/oppositions", {"ins": ins(1)}))
    for answer in await asyncio.gather(*calls):
        assert (answer.status_code, answer.json()["code"]) == (409, "identity_moved")
    assert (await service.call("POST", "/oppositions", {"ins": ins(1), "opposed": False})).status_code == 204
    assert (await service.open(1)).status_code == 409


async def test_an_ins_that_was_never_the_persons_is_free_for_whose_it_is(service):
    record = await service.opened(1)
    traits = TRAITS | {"family_name": "CANARI-MARTIN"}
    for _ in range(2):
        assert (await change(service, 1, 11, freed=True, traits=traits)).json() == {"record": str(record)}
    assert (await identity_of(service, record)).traits.family_name == "CANARI-MARTIN"
    another = await service.opened(1)
    late = await change(service, 1, 11, freed=True)
    assert (late.status_code, late.json()["code"]) == (409, "identity_taken")
    assert await found(service, 1) == str(another)


async def test_an_ins_may_be_changed_back(service):
    record = await service.opened(1)
    for old, new in ((1, 11), (11, 1), (1, 12)):
        assert (await change(service, old, new)).json() == {"record": str(record)}
    assert [await found(service, person) for person in (1, 11, 12)] == [None, None, str(record)]


async def test_what_the_new_ins_has_already_is_not_overwritten(service):
    record, other = await service.opened(1), await service.opened(2)
    await service.call("POST", "/oppositions", {"ins": ins(3)})
    for new, code in ((2, "identity_taken"), (3, "record_opposed")):
        answer = await change(service, 1, new)
        assert (answer.status_code, answer.json()["code"]) == (409, code)
    for old in (3, 9):
        assert (await change(service, old, 2)).json()["code"] == "no_record"
    assert [await found(service, person) for person in (1, 2)] == [str(record), str(other)]


async def test_delegations_follow_the_person(service):
    record, delegation = await service.opened(1), uuid4()
    await service.opened(2)
    await service.call("PUT", f"/records/{record}/delegates/{delegation}", {"ins": ins(2)})
    await change(service, 2, 12)
    rows = await service.rows("SELECT hash FROM delegate")
    again = await service.call("PUT", f"/records/{record}/delegates/{delegation}", {"ins": ins(12)})
    assert again.status_code == 204, "it is that person's"
    assert await service.rows("SELECT hash FROM delegate") == rows


async def test_of_two_records_of_one_person_one_is_kept_and_the_other_held(service):
    double, kept = await service.opened(1), await service.opened(2)
    await service.ask(double, Authorise(actor=HOLDER, rights_version=0, professional=DOCTOR.number))
    for _ in range(2):
        assert (await merge(service, 1, 2)).json() == {"record": str(kept)}
    assert [await found(service, person) for person in (1, 2)] == [None, str(kept)]
    for actor in (HOLDER, DOCTOR):
        assert (await service.consult(double, actor))["reasons"] == ["record_held"]
    assert (await service.consult(kept, HOLDER))["outcome"] == "permit"
    assert (await types(service, double)).count("record-merged") == 1
    (row,) = await service.rows("SELECT merged_into FROM record WHERE id = $1", double)
    assert row["merged_into"] == kept
    past = await service.rows("SELECT what FROM past_right WHERE record = $1 AND after->>'held' = 'true'", double)
    assert [row["what"] for row in past] == ["life"], "from when it is held can be explained"
    assert (await service.open(1)).json()["code"] == "identity_moved"


async def test_calls_at_the_same_time_move_once(service):
    record = await service.opened(1)
    answers = await asyncio.gather(*(change(service, 1, 11) for _ in range(5)))
    assert {answer.json().get("record") for answer in answers} == {str(record)}
    assert (await types(service, record)).count("identity-changed") == 1
    kept = await service.opened(2)
    answers = await asyncio.gather(*(merge(service, 11, 2) for _ in range(5)))
    assert {answer.json().get("record") for answer in answers} == {str(kept)}
    assert (await types(service, record)).count("record-merged") == 1


async def test_a_change_and_an_opening_of_the_new_ins_at_the_same_time_leave_one_record_to_it(service):
    for person in range(1, 7):
        record = await service.opened(person)
        changed, opening = await asyncio.gather(change(service, person, person + 20), service.open(person + 20))
        assert changed.status_code in {200, 409}
        assert opening.status_code in {200, 201}
        expected = str(record) if changed.status_code == 200 else opening.json()["record"]
        assert await found(service, person + 20) == expected


async def test_an_interrupted_move_is_none(service, monkeypatch):
    record = await service.opened(1)

    async def ends(*_arguments):
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(service.runtime.outbox, "append", ends)
        assert (await change(service, 1, 11)).status_code >= 500
    assert [await found(service, person) for person in (1, 11)] == [str(record), None]
    assert (await change(service, 1, 11)).status_code == 200


@pytest.mark.parametrize("actor", [HOLDER, DOCTOR, INSURER])
async def test_ar_002_the_operator_alone_moves_identities(service, actor):
    record, other = await service.opened(1), await service.opened(2)
    for answer in (await change(service, 1, 11, actor), await merge(service, 1, 2, actor)):
        assert answer.status_code == 403
    assert [await found(service, person) for person in (1, 2)] == [str(record), str(other)]
    assert UUID(await found(service, 1)) == record


async def test_a_test_persons_wrong_key_is_taken_as_in_published_examples(service):
    wrong = ins(1) | {"matricule": matricule(1)[:13] + "98"}
    assert (await service.open(1, ins=wrong)).status_code == 201
