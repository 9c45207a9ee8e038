"""What stood at a past moment is kept with each change and explained; it is neither doubled nor half written."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from services.access_control.domain.past import kept, record_at
from services.access_control.domain.policy import DEFAULT
from services.access_control.domain.record import Right, State
from services.access_control.repository import Requests, Snapshots, past, records
from services.access_control.repository.past import load
from shared.contracts.common import AccessMode, Actor, Wishes
from shared.contracts.http_explanations import Look
from shared.contracts.record_requests import (
    Answer,
    Authorise,
    Block,
    ConsentSession,
    DelegationKind,
    Invite,
    Unblock,
    Wish,
)
from shared.database.record_keys import RecordKeys
from tests.integration.access_control.test_relations import CHILD, DELEGATION, EMPTY, FULL, save
from tests.unit.access_control.cast import (
    DOCTOR,
    HOLDER,
    NURSE,
    OPERATOR,
    OTHER_DOCTOR,
    REGULATOR,
    REPRESENTATIVE,
    changed,
)

pytestmark = pytest.mark.kafka

NUMBER = DOCTOR.number


def snapshots(service) -> Snapshots:
    return Snapshots(service.runtime.database, RecordKeys(service.runtime.keys), DEFAULT)


async def clock(service) -> datetime:
    async with service.runtime.database.transaction() as tx:
        return await tx.clock()


async def asked(service, record: UUID, what: str, reader: Actor = HOLDER, **body):
    told = {"reader": reader.model_dump(mode="json")} | body
    return await service.call("POST", f"/records/{record}/{what}", told)


def look(actor: Actor = DOCTOR, **more):
    return Look(actor=actor, **more).model_dump(mode="json")


async def explained(service, record: UUID, at: datetime | None = None, actor: Actor = DOCTOR, **more):
    answer = await asked(service, record, "explain", look=look(actor, **more), at=at.isoformat() if at else None)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_what_was_decided_at_each_moment_is_explained_by_the_rules_of_that_moment(service):
    record = await service.opened(1)
    commands = [
        Authorise(actor=HOLDER, rights_version=0, professional=NUMBER),
        Block(actor=HOLDER, rights_version=1, professional=NUMBER),
        Unblock(actor=HOLDER, rights_version=2, professional=NUMBER),
    ]
    moments = [await clock(service)]
    for command in commands:
        assert (await service.ask(record, command))["outcome"] == "permit"
        moments.append(await clock(service))
    told = [await explained(service, record, moment) for moment in moments]
    assert [one["explained"]["code"] for one in told] == ["not_authorised", "authorised", "blocked", "not_authorised"]
    assert [one["rights_version"] for one in told] == [0, 1, 2, 3]
    assert told[2]["explained"]["steps"][-1]["rules"] == ["AR-018", "AR-019", "AR-040"]
    assert {one["matrix_version"] for one in told} == {(await explained(service, record))["matrix_version"]}
    assert told[0]["matrix_version"]


async def test_an_act_on_a_document_is_explained_by_the_rules_of_each_moment(service):
    record = await service.opened(1)
    moments = [await clock(service)]
    for version, body in enumerate((Authorise, Block)):
        await service.ask(record, body(actor=HOLDER, rights_version=version, professional=NUMBER))
        moments.append(await clock(service))
    report = {"type_code": "11502-2"}
    told = [
        (await explained(service, record, moment, act="mask", at_request=True, document=report))["explained"]
        for moment in moments
    ]
    assert [(one["permitted"], one["steps"][-1]["code"]) for one in told] == [
        (False, "not_own"),
        (True, "reached"),
        (False, "blocked"),
    ]
    assert await service.rows("SELECT 1 FROM decision WHERE act = 'mask'") == []


async def test_a_moment_before_the_record_is_not_told(service):
    before = await clock(service)
    record = await service.opened(1)
    told = await explained(service, record, before)
    assert told["explained"] is None
    from_then = datetime.fromisoformat(told["told_from"])
    assert before < from_then <= await clock(service)
    assert (await explained(service, record, from_then))["explained"]["code"] == "not_authorised"


async def test_what_stood_before_this_was_kept_is_not_told(service):
    record = await service.opened(1)
    since = datetime.now(UTC) + timedelta(hours=4)
    async with service.runtime.database.transaction() as tx:
        await tx.execute("UPDATE past_told SET since = $1", since)
    told = await explained(service, record, datetime.now(UTC))
    assert (told["explained"], datetime.fromisoformat(told["told_from"])) == (None, since)


async def test_a_later_moment_is_told_by_what_is_decided_today(service):
    record = await service.opened(1)
    until = datetime.now(UTC) + timedelta(days=3)
    await service.ask(record, Authorise(actor=HOLDER, rights_version=0, professional=NUMBER, until=until))
    codes = [
        (await explained(service, record, moment))["explained"]["code"]
        for moment in (until - timedelta(seconds=1), until)
    ]
    assert codes == ["authorised", "authorisation_expired"]


async def test_every_field_that_a_change_moved_comes_back(service):
    """Written with the change and read again, whatever a record holds; and a neighbour keeps nothing of it."""
    record, neighbour = await service.opened(1), await service.opened(2)
    before = await clock(service)
    async with service.runtime.database.transaction() as tx:
        now = await tx.clock()
        rows = [*kept(record, EMPTY, FULL, now), *kept(record, FULL, EMPTY, now + timedelta(seconds=1))]
        await Requests(RecordKeys(service.runtime.keys)).save(tx, rows)
    async with service.runtime.database.transaction() as tx:
        read = await load(tx, record)
        assert await load(tx, neighbour) == []
    assert read == rows
    assert record_at(EMPTY, read, now) == FULL
    assert record_at(EMPTY, read, before) == EMPTY


async def test_a_repeat_keeps_nothing_twice(service):
    record = await service.opened(1)
    message = service.message(record, Block(actor=HOLDER, rights_version=0, professional=NUMBER))
    await service.take(message)
    (count,) = await service.rows("SELECT count(*) AS rows FROM past_right")
    await service.take(message, message)
    assert await service.rows("SELECT count(*) AS rows FROM past_right") == [count]
    assert count["rows"] == 2, "the right, and the version"


async def test_a_crash_keeps_neither_the_change_nor_what_it_replaced(service, monkeypatch):
    record = await service.opened(1)

    async def crash(*_):
        raise ConnectionError("gone")

    monkeypatch.setattr(records, "_save_decisions", crash)
    message = service.message(record, Block(actor=HOLDER, rights_version=0, professional=NUMBER))
    with pytest.raises(ConnectionError):
        await service.take(message)
    assert await service.rows("SELECT * FROM past_right") == []
    assert (await explained(service, record))["rights_version"] == 0


async def test_a_change_between_the_two_readings_is_undone_by_its_own_row(service, monkeypatch):
    """What stands now is read first; what commits before its rows are read does not show in the past."""
    record = await service.opened(1)
    moment = await clock(service)

    async def load_late(tx, identity):
        await service.ask(record, Block(actor=HOLDER, rights_version=0, professional=NUMBER))
        return await load(tx, identity)

    monkeypatch.setattr(past, "load", load_late)
    found = await snapshots(service).snapshot(record, moment)
    assert found is not None
    assert (found.record.rights, found.record.rights_version) == ({}, 0)


@pytest.mark.parametrize("size", [2, 30])
async def test_statements_do_not_grow_with_changes(service, size):
    record = await service.opened(1)
    counted: list[int] = []
    service.runtime.database.on_statements = counted.append
    blocks = [Block(actor=HOLDER, rights_version=place, professional=f"8{place:011}") for place in range(size)]
    await service.take(*(service.message(record, block) for block in blocks))
    service.runtime.database.on_statements = None
    assert len(counted) == 1
    assert (await explained(service, record))["rights_version"] == size
    assert counted == [11]


async def test_nothing_is_left_behind_by_looking(service):
    record = await service.opened(1)
    before = await service.rows("SELECT count(*) AS rows FROM outbox")
    await explained(service, record)
    change = {"type": Block.type_name, "body": {"professional": NUMBER}}
    seen = await asked(service, record, "see-as", looks=[look()], change=change)
    assert (seen.status_code, seen.json()["change"]) == (200, {"permitted": True, "code": "holder"})
    assert seen.json()["seen"][0]["after"]["code"] == "blocked"
    assert await service.rows("SELECT count(*) AS rows FROM outbox") == before
    assert await service.rows("SELECT * FROM decision") == []
    assert await service.rows("SELECT * FROM past_right") == []


async def test_see_as_tells_what_others_would_see_after_a_change_or_that_it_would_be_refused(service):
    record = await service.opened(1)
    samu = look(REGULATOR, mode=AccessMode.REGULATION, reason_code="unconscious")
    opposed = {"break_glass": True, "regulation": False, "masked": False}
    change = {"type": Wish.type_name, "body": {"wishes": opposed}}
    seen = (await asked(service, record, "see-as", looks=[look(), samu], change=change)).json()
    assert [(one["now"]["code"], one["after"]["code"]) for one in seen["seen"]] == [
        ("not_authorised", "not_authorised"),
        ("regulation", "emergency_opposed"),
    ]
    await save(service, record, EMPTY, replace(EMPTY, state=State.CLOSED, closed_at=datetime.now(UTC)))
    closed = (await asked(service, record, "see-as", looks=[samu], change=change)).json()
    assert closed["change"] == {"permitted": False, "code": "record_closed"}
    assert closed["seen"][0]["after"] is None


@pytest.mark.parametrize("kind", ["carnet.record.suspend.v1", "carnet.record.consult.v1", "carnet.nothing.v1"])
async def test_only_a_change_of_rights_is_imagined(service, kind):
    record = await service.opened(1)
    change = {"type": kind, "body": {"professional": NUMBER}}
    assert (await asked(service, record, "see-as", looks=[look()], change=change)).status_code == 422


async def test_nobody_imagines_in_anothers_name(service):
    record = await service.opened(1)
    body = {"professional": NUMBER, "actor": OPERATOR.model_dump(mode="json")}
    seen = await asked(service, record, "see-as", looks=[look()], change={"type": Block.type_name, "body": body})
    assert seen.json()["change"]["code"] == "holder", "the reader's own, whatever is named"


async def test_ar_061_who_is_told_and_who_is_not(service):
    record = await service.opened(1)
    for what, body in (("explain", {"look": look()}), ("see-as", {"looks": [look()]}), ("rights", {})):
        for reader in (DOCTOR, OPERATOR, REPRESENTATIVE, changed(HOLDER, authenticated=False)):
            assert (await asked(service, record, what, reader, **body)).status_code == 403
        assert (await asked(service, uuid4(), what, **body)).status_code == 404
        assert (await asked(service, record, what, **body)).status_code == 200


async def test_ar_042_a_childs_secret_connection_is_not_told_to_the_mother(service):
    record = await service.opened(1, traits=CHILD)
    mother = changed(REPRESENTATIVE, delegation=DELEGATION)
    invite = Invite(actor=OPERATOR, rights_version=0, delegation=DELEGATION, kind=DelegationKind.LEGAL_REPRESENTATION)
    await service.ask(record, invite)
    await service.ask(record, Answer(actor=mother, rights_version=1, delegation=DELEGATION, accepted=True))
    secret = ConsentSession(actor=changed(DOCTOR, secret=True), rights_version=2)
    assert (await service.ask(record, secret))["outcome"] == "permit"
    open_to_all = Authorise(actor=HOLDER, rights_version=3, professional=NURSE.number)
    assert (await service.ask(record, open_to_all))["outcome"] == "permit"

    async def codes(reader: Actor) -> list[str]:
        answer = await asked(service, record, "see-as", reader, looks=[look(DOCTOR), look(NURSE)])
        return [one["now"]["code"] for one in answer.json()["seen"]]

    assert await codes(HOLDER) == ["session_consent", "authorised"]
    assert await codes(mother) == ["not_authorised", "authorised"]
    rights = (await asked(service, record, "rights", mother)).json()
    assert [one["professional"] for one in rights["professionals"]] == [NURSE.number]


async def test_ar_014_a_professional_is_told_his_own_standing(service):
    record = await service.opened(1)
    rights = {NUMBER: Right(), OTHER_DOCTOR.number: Right(blocked=True)}
    await save(service, record, EMPTY, replace(EMPTY, rights=rights, treating=NURSE.number, rights_version=5))

    async def standing(actor: Actor):
        return await asked(service, record, "standing", actor)

    told = [(await standing(actor)).json() for actor in (DOCTOR, OTHER_DOCTOR, NURSE)]
    assert [(one["standing"], one["treating"], one["rights_version"]) for one in told] == [
        ("valide", False, 5),
        ("interdit", False, 5),
        ("non_existe", True, 5),
    ]
    for actor in (changed(DOCTOR, sector="SA66"), changed(DOCTOR, role=None), HOLDER):
        assert (await standing(actor)).status_code == 403
    assert (await asked(service, uuid4(), "standing", DOCTOR)).status_code == 404


async def test_the_past_goes_with_its_record(service):
    record = await service.opened(1)
    await service.ask(record, Wish(actor=HOLDER, rights_version=0, wishes=Wishes(masked=True)))
    assert len(await service.rows("SELECT * FROM past_right")) == 1
    async with service.runtime.database.transaction() as tx:
        for table in ("person", "identity"):
            await tx.execute(f"DELETE FROM {table} WHERE record = $1", record)
        await tx.execute("DELETE FROM record WHERE id = $1", record)
    assert await service.rows("SELECT * FROM past_right") == []
