"""The clock's work on the real database: windows that end, archives, majorities; by several replicas, and only once."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.access_control.repository import DECLARATIONS, OPT_OUTS, Openings, Timers, Untold
from shared.contracts.record_requests import (
    Answer,
    Authorise,
    Close,
    DeclareTreatingDoctor,
    DelegationKind,
    Invite,
    OptOut,
    Reopen,
    RequestDeletion,
    Suspend,
)
from shared.database import Transaction
from shared.database.record_keys import RecordKeys
from tests.integration.access_control.conftest import TRAITS, ins
from tests.integration.access_control.test_deletion import confirm, types
from tests.unit.access_control.cast import CARER, DOCTOR, HOLDER, INSURER, NURSE, OPERATOR, changed

pytestmark = pytest.mark.kafka

DAY = timedelta(days=1)
WINDOW = timedelta(days=42)
YEARS = timedelta(days=3653)
CHILD = TRAITS | {"birth_date": "2025-02-28"}
OF_AGE = datetime(2043, 2, 27, 23, tzinfo=UTC)
"""00:00 in Paris on that child's 18th birthday."""


def later(by):
    async def clock(tx: Transaction):
        return await tx.clock() + by

    return clock


def timers(service, by=timedelta(0)):
    """The loops of one replica, some time later."""
    runtime = service.runtime
    keys, policy = RecordKeys(runtime.keys), runtime.settings.policy
    return Timers(runtime.database, runtime.outbox, keys, runtime.partition, policy=policy, clock=later(by))


def untold(service, notice=DECLARATIONS):
    runtime = service.runtime
    return Untold(runtime.database, runtime.outbox, runtime.partition, notice=notice)


async def tell_after_a_failure(service, monkeypatch, notice):
    """One process fails before it commits, then several tell at the same time."""

    async def ends(*_arguments):
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(service.runtime.outbox, "append", ends)
        with pytest.raises(ZeroDivisionError):
            await untold(service, notice).once()
    await asyncio.gather(*(untold(service, notice).once() for _ in range(3)))


def openings(service, by=timedelta(0)):
    runtime = service.runtime
    keys = RecordKeys(runtime.keys)
    return Openings(runtime.database, runtime.outbox, keys, runtime.partition, window=WINDOW, clock=later(by))


async def closed(service, person=1):
    record = await service.opened(person)
    assert (await service.ask(record, Close(actor=HOLDER, rights_version=0)))["outcome"] == "permit"
    return record


async def represented(service, person=1):
    """A child's record: the mother has accepted, and authorised a doctor."""
    record, delegation = await service.opened(person, traits=CHILD), uuid4()
    mother = changed(CARER, delegation=delegation)
    for body in (
        Invite(actor=OPERATOR, rights_version=0, delegation=delegation, kind=DelegationKind.LEGAL_REPRESENTATION),
        Answer(actor=mother, rights_version=1, delegation=delegation, accepted=True),
        Authorise(actor=mother, rights_version=2, professional=DOCTOR.number),
    ):
        assert (await service.ask(record, body))["outcome"] == "permit", body
    return record


async def foreseen(service, person=1, **changes):
    body = {"ins": ins(person), "traits": TRAITS, "actor": OPERATOR.model_dump(mode="json")}
    return await service.call("POST", "/openings", body | changes)


async def test_ar_057_an_uncontested_suspension_is_closed_by_the_clock(service):
    record = await service.opened(1)
    await service.ask(record, Suspend(actor=INSURER))
    await timers(service, WINDOW - DAY).once()
    assert (await types(service, record))[-1] == "life-changed"
    await timers(service, WINDOW + DAY).once()
    assert (await types(service, record))[-1] == "record-closed"
    await timers(service, WINDOW + 2 * DAY).once()
    assert (await types(service, record)).count("record-closed") == 1


async def test_ar_054_a_closed_record_is_told_of_then_deleted_and_a_reopened_one_is_not(service):
    record, reopened = await closed(service, 1), await closed(service, 2)
    await timers(service, YEARS - 40 * DAY).once()
    assert (await types(service, record))[-1] == "record-closed"
    for _ in range(2):
        await timers(service, YEARS - 20 * DAY).once()
    assert (await types(service, record)).count("deletion-foreseen") == 1
    await service.ask(reopened, Reopen(actor=HOLDER, rights_version=1))
    await timers(service, YEARS + 20 * DAY).once()
    assert (await types(service, record))[-1] == "deletion-announced"
    assert "deletion-announced" not in await types(service, reopened)
    await confirm(service, record, "document", "history_ingestion", "audit", "notification")
    assert not await service.rows("SELECT FROM identity WHERE record = $1", record)
    assert await service.found(2) == str(reopened)


async def test_ar_054_two_replicas_do_nothing_twice(service):
    records = [await closed(service, person) for person in range(1, 7)]
    for by, what in ((YEARS - DAY, "deletion-foreseen"), (YEARS + 60 * DAY, "deletion-announced")):
        await asyncio.gather(*(timers(service, by).once() for _ in range(4)))
        for record in records:
            assert (await types(service, record)).count(what) == 1
    assert len(await service.rows("SELECT FROM deletion")) == len(records)


async def test_ar_054_a_replica_that_ends_before_its_commit_has_done_nothing(service, monkeypatch):
    record = await closed(service)

    async def ends(*_arguments):
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(service.runtime.outbox, "append", ends)
        with pytest.raises(ZeroDivisionError):
            await timers(service, YEARS).once()
    (row,) = await service.rows("SELECT foreseen_at FROM record")
    assert row["foreseen_at"] is None
    await timers(service, YEARS).once()
    assert (await types(service, record))[-1] == "deletion-foreseen"


async def test_ar_045_majority_is_told_and_leaves_representatives_nothing(service):
    child, grown = await represented(service, 1), await represented(service, 2)
    await service.ask(grown, Suspend(actor=INSURER))
    loop = timers(service)
    assert await loop.majorities() is False
    assert (await types(service, child))[-1] == "rights-changed"
    await asyncio.gather(*(timers(service, 19 * 365 * DAY).majorities() for _ in range(3)))
    assert [one["act"] for one in await service.told(child) if "delegations" in one] == ["come_of_age"]
    told = await types(service, grown)
    assert told[-2:] == ["life-changed", "record-closed"], "suspended, and closed uncontested: majority waits"
    view = (await service.call("GET", f"/records/{child}/rights")).json()
    assert view["professionals"] == []
    assert [one["state"] for one in view["delegations"]] == ["EXPIRED"]


async def test_ar_045_majority_is_told_before_it_comes_and_once(service):
    child = await represented(service, 1)
    clock = (OF_AGE - datetime.now(UTC)) - 10 * DAY
    await timers(service, clock - 25 * DAY).majorities()
    assert "life-changed" not in await types(service, child)
    await asyncio.gather(*(timers(service, clock).majorities() for _ in range(3)))
    await timers(service, clock + DAY).majorities()
    (told,) = [one for one in await service.told(child) if one.get("act") == "foresee_majority"]
    (mother,) = (await service.call("GET", f"/records/{child}/rights")).json()["delegations"]
    assert (told["delegations"], mother["state"]) == ([mother["delegation"]], "ACCEPTED")
    assert "2043" not in json.dumps(told)


async def test_ar_045_a_replica_that_ends_before_its_commit_has_told_nothing(service, monkeypatch):
    child = await represented(service, 1)
    clock = (OF_AGE - datetime.now(UTC)) - 10 * DAY

    async def ends(*_arguments):
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(service.runtime.outbox, "append", ends)
        with pytest.raises(ZeroDivisionError):
            await timers(service, clock).majorities()
    assert not await service.rows("SELECT FROM majority_foreseen")
    await timers(service, clock).majorities()
    assert (await types(service, child))[-1] == "life-changed"


async def test_ar_006_066_a_declaration_from_before_is_told_once_and_as_it_is_now(service, monkeypatch):
    """As an upgrade finds them: declared, and noted as untold."""
    record, closed_one, without = await service.opened(1), await service.opened(2), await service.opened(3)
    for one in (record, closed_one, without):
        await service.ask(one, DeclareTreatingDoctor(actor=INSURER, professional=DOCTOR.number))
    await service.ask(record, DeclareTreatingDoctor(actor=INSURER, professional=NURSE.number))
    await service.ask(without, DeclareTreatingDoctor(actor=INSURER))
    await service.ask(closed_one, Close(actor=HOLDER, rights_version=1))
    await service.rows("INSERT INTO declaration_untold SELECT id FROM record RETURNING record")

    await tell_after_a_failure(service, monkeypatch, DECLARATIONS)
    assert (await types(service, record)).count("treating-doctor-known") == 1
    assert (await service.told(record))[-1] == {"professional": NURSE.number}
    for one in (closed_one, without):
        assert "treating-doctor-known" not in await types(service, one)
    await service.ask(closed_one, Reopen(actor=HOLDER, rights_version=2))
    await untold(service).once()
    assert (await service.told(closed_one))[-1] == {"professional": DOCTOR.number}
    assert not await service.rows("SELECT FROM declaration_untold")


async def test_an_opt_out_from_before_is_told_once_and_as_it_is_now(service, monkeypatch):
    """As an upgrade finds them; closed ones, too, since they may be opened again, but none that is being deleted."""
    out, back, closed_one, gone = [await service.opened(number) for number in range(1, 5)]
    for record in (out, back, closed_one, gone):
        await service.ask(record, OptOut(actor=HOLDER, rights_version=0, functions={"history", "apps"}))
    await service.ask(back, OptOut(actor=HOLDER, rights_version=1, functions=set()))
    await service.ask(closed_one, Close(actor=HOLDER, rights_version=1))
    await service.ask(gone, RequestDeletion(actor=HOLDER, rights_version=1))
    await service.rows("INSERT INTO opt_out_untold SELECT id FROM record RETURNING record")

    await tell_after_a_failure(service, monkeypatch, OPT_OUTS)
    for record in (out, closed_one):
        assert (await types(service, record)).count("functions-known") == 1
        assert (await service.told(record))[-1] == {"unwanted": ["apps", "history"]}
    assert (await service.told(back))[-1] == {"unwanted": []}
    assert "functions-known" not in await types(service, gone)
    assert not await service.rows("SELECT FROM opt_out_untold")


async def test_ar_061_an_invitation_without_an_answer_ends_by_the_clock(service):
    record, delegation = await service.opened(1), uuid4()
    scopes = ["read"]
    body = Invite(actor=HOLDER, rights_version=0, delegation=delegation, kind=DelegationKind.CAREGIVING, scopes=scopes)
    await service.ask(record, body)
    await timers(service, 31 * DAY).once()
    ended = (await service.told(record))[-1]
    assert (ended["act"], ended["subject"], ended["state"]) == ("end_delegation", str(delegation), "EXPIRED")
    await timers(service, 32 * DAY).once()
    assert (await service.told(record))[-1] == ended


@pytest.mark.parametrize("count", [1, 12])
async def test_a_turn_of_the_clock_takes_a_fixed_number_of_statements(service, count):
    for person in range(1, count + 1):
        await closed(service, person)
    loop = timers(service, YEARS)
    service.runtime.database.on_statements = (counted := []).append
    await loop.once()
    # clock, due; turn, clock, rights, relations, records; records, numbers and outbox
    assert counted == [2, 8]


async def test_ar_001_a_record_is_opened_automatically_when_nobody_opposed_it_in_six_weeks(service):
    told = await foreseen(service)
    record = told.json()["record"]
    assert (told.status_code, told.json()["opened"]) == (200, False)
    assert (await foreseen(service)).json() == told.json()
    assert await types(service, record) == ["opening-foreseen"]
    await openings(service, WINDOW - DAY).once()
    assert await service.found(1) is None
    await asyncio.gather(*(openings(service, WINDOW + DAY).once() for _ in range(4)))
    assert await service.found(1) == record
    assert await types(service, record) == ["opening-foreseen", "record-opened"]
    assert (await foreseen(service)).json() == {"record": record, "opens_at": None, "opened": True}
    assert (await service.consult(record, HOLDER))["outcome"] == "permit"


async def test_ar_001_who_opposes_in_time_gets_no_record_and_nothing_is_kept(service):
    record = (await foreseen(service)).json()["record"]
    assert (await service.call("POST", "/oppositions", {"ins": ins(1)})).status_code == 204
    assert await types(service, record) == ["opening-foreseen", "deletion-announced"]
    assert not await service.rows("SELECT FROM foreseen_opening")
    await openings(service, WINDOW + DAY).once()
    assert await service.found(1) is None
    assert (await foreseen(service)).json()["code"] == "record_opposed"
    await confirm(service, record, "document", "history_ingestion", "audit", "notification")
    (key,) = await service.rows("SELECT wrapped_key FROM record_key")
    assert key["wrapped_key"] is None
    withdrawn = await service.call("POST", "/oppositions", {"ins": ins(1), "opposed": False})
    assert withdrawn.status_code == 204
    assert await service.opened(1) != record


async def test_ar_001_a_record_that_is_foreseen_may_be_opened_at_once_under_its_id(service):
    record = (await foreseen(service)).json()["record"]
    assert str(await service.opened(1)) == record
    await openings(service, WINDOW + DAY).once()
    assert await types(service, record) == ["opening-foreseen", "record-opened"]
    assert not await service.rows("SELECT FROM foreseen_opening")


async def test_ar_001_opening_opposing_foreseeing_and_the_clock_at_once_leave_one_outcome(service):
    """Whoever is first: a person has one record, or none and an opposition; what was foreseen is gone."""
    for person in range(1, 9):
        if person % 2:
            await foreseen(service, person)
        await asyncio.gather(
            service.open(person),
            service.call("POST", "/oppositions", {"ins": ins(person)}),
            foreseen(service, person),
            openings(service, WINDOW + DAY).once(),
        )
    for _ in range(2):
        await openings(service, 2 * WINDOW).once()
    assert not await service.rows("SELECT FROM foreseen_opening")
    persons = await service.rows("SELECT record FROM person")
    assert len(persons) == 8
    living = await service.rows("SELECT id FROM record WHERE deletion_due IS NULL")
    assert {row["id"] for row in living} == {row["record"] for row in persons if row["record"]}
    identities = await service.rows("SELECT record FROM identity")
    assert {row["record"] for row in identities} == {row["id"] for row in living}


@pytest.mark.parametrize("actor", [HOLDER, DOCTOR, INSURER])
async def test_ar_001_the_operator_alone_has_records_opened_automatically(service, actor):
    answer = await foreseen(service, actor=actor.model_dump(mode="json"))
    assert answer.status_code == 403
    assert not await service.rows("SELECT FROM foreseen_opening")
