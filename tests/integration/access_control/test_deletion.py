"""A deletion from its request to its end: announced until all have confirmed, then the holder is forgotten."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from services.access_control.domain.deletion import FIRST, LAST
from services.access_control.repository import Announcements
from shared.contracts.audit_events import RecordDestroyed
from shared.contracts.common import AccessMode
from shared.contracts.record_oversight import ConfirmEmergency, Contest
from shared.contracts.record_requests import (
    Authorise,
    ConsentTeam,
    DelegationKind,
    DelegationScope,
    Invite,
    RequestDeletion,
    TeamKind,
)
from shared.database import Transaction
from tests.integration.access_control.conftest import consult, ins
from tests.integration.access_control.test_lanes import deposit
from tests.unit.access_control.cast import DOCTOR, HOLDER, OTHER_DOCTOR

pytestmark = pytest.mark.kafka

PERSONAL = (
    *("person", "identity", "delegate", "delegation", "professional_right", "session_consent", "care_team"),
    *("app_agreement", "past_right", "emergency", "emergency_confirmation", "written", "contest"),
)
DAY = timedelta(days=1)


async def deleted(service, person=1):
    """A record that holds something of everything, and whose deletion was asked for."""
    record, delegation = await service.opened(person), uuid4()
    noted = await service.call("PUT", f"/records/{record}/delegates/{delegation}", {"ins": ins(person + 100)})
    assert noted.status_code == 204
    scopes = frozenset({DelegationScope.READ})
    for body in (
        Authorise(actor=HOLDER, rights_version=0, professional=DOCTOR.number),
        ConsentTeam(actor=HOLDER, rights_version=1, kind=TeamKind.STRUCTURE, team=DOCTOR.structure),
        Invite(actor=HOLDER, rights_version=2, delegation=delegation, kind=DelegationKind.CAREGIVING, scopes=scopes),
    ):
        assert (await service.ask(record, body))["outcome"] == "permit"
    await urgent(service, record)
    requested = RequestDeletion(actor=HOLDER, rights_version=3)
    assert (await service.ask(record, requested))["outcome"] == "permit"
    return record


async def urgent(service, record):
    """An emergency with its text, confirmed by a colleague and contested by the holder."""
    confirmation = ConfirmEmergency(actor=OTHER_DOCTOR, professional=DOCTOR.number)
    assert (await service.ask(record, confirmation))["outcome"] == "permit"
    body = consult(DOCTOR).model_copy(update={"mode": AccessMode.EMERGENCY, "reason_code": "unconscious"})
    begun = await service.ask(record, body)
    assert begun["outcome"] == "permit"
    kept = await service.call("PUT", f"/records/{record}/texts/{begun['request']}", {"text": "what was seen"})
    assert kept.status_code == 204
    contested = Contest(actor=HOLDER, case=uuid4(), request=begun["request"])
    assert (await service.ask(record, contested))["outcome"] == "permit"


async def confirm(service, record, *owners):
    await service.take(
        *(service.message(record, RecordDestroyed(owner=owner), "confirmations") for owner in owners),
        lane="confirmations",
    )


async def types(service, record):
    rows = await service.rows("SELECT type FROM outbox WHERE key = $1 ORDER BY number", str(record))
    return [row["type"].split(".")[2] for row in rows]


def announcements(service, later=timedelta(0), every=DAY):
    """The loop of one replica, some time later."""

    async def clock(tx: Transaction):
        return await tx.clock() + later

    runtime = service.runtime
    return Announcements(runtime.database, runtime.outbox, runtime.partition, every=every, clock=clock)


async def test_ar_055_when_all_have_confirmed_a_tombstone_is_left(service):
    record, neighbour = await deleted(service, 1), await deleted(service, 2)
    assert (await types(service, record))[-2:] == ["deletion-requested", "deletion-announced"]
    for table in PERSONAL:
        if table not in {"session_consent", "app_agreement"}:
            assert await service.rows(f"SELECT FROM {table} WHERE record = $1", record), f"{table} holds something"
    await service.rows("UPDATE record SET masks_by_default = true WHERE id = $1", record)
    await confirm(service, record, *FIRST)
    assert (await types(service, record))[-1] == "record-deleted"
    assert await service.rows("SELECT FROM identity WHERE record = $1", record), "until the holder is told"
    await confirm(service, record, *LAST)
    for table in PERSONAL:
        rows = await service.rows(f"SELECT record FROM {table}")
        assert {row["record"] for row in rows} <= {neighbour}, table
    (key,) = await service.rows("SELECT wrapped_key FROM record_key WHERE record = $1", record)
    assert key["wrapped_key"] is None
    (stone,) = await service.rows("SELECT * FROM record WHERE id = $1", record)
    assert (stone["treating_doctor"], stone["opted_out"], stone["masks_by_default"]) == (None, [], False)
    assert stone["deletion_due"] is not None
    (ended,) = await service.rows("SELECT ended_at FROM deletion WHERE record = $1", record)
    assert ended["ended_at"] is not None
    assert await service.found(1) is None
    assert (await service.call("POST", "/delegates/lookup", ins(101))).json() == {"delegations": []}
    assert await service.found(2) == str(neighbour)


async def test_ar_055_from_the_request_on_nothing_is_read_fed_or_decided(service):
    record = await deleted(service)
    for _ in range(2):
        for actor in (HOLDER, DOCTOR):
            denied = await service.consult(record, actor)
            assert (denied["outcome"], denied["reasons"]) == ("deny", ["record_closed"])
        await service.take(service.message(record, deposit(), "deposits"), lane="deposits")
        assert (await service.told(record))[-1]["further_reasons"] == ["record_deleted"]
        again = await service.ask(record, Authorise(actor=HOLDER, rights_version=4, professional=DOCTOR.number))
        assert again["further_reasons"] == ["record_deleted"]
        await confirm(service, record, *FIRST, *LAST)


async def test_ar_055_another_record_is_opened_when_the_first_is_gone_and_not_before(service):
    record = await deleted(service)
    refused = await service.open(1)
    assert (refused.status_code, refused.json()["code"]) == (409, "record_deleted")
    await confirm(service, record, *FIRST, *LAST)
    assert await service.opened(1) != record


async def test_ar_055_a_deletion_is_told_again_each_day_until_all_have_confirmed(service):
    """An owner is down for days; those who are up confirm each time, which changes nothing."""
    record = await deleted(service)
    await announcements(service, DAY / 2).once()
    assert (await types(service, record)).count("deletion-announced") == 1
    for day in range(1, 4):
        await announcements(service, day * DAY + timedelta(minutes=day)).once()
        await confirm(service, record, "document", "audit")
    told = [body for body in await service.told(record) if body.get("because") == "request"]
    assert [body["round"] for body in told] == [1, 2, 3, 4]
    await confirm(service, record, "history_ingestion")
    await announcements(service, 4 * DAY).once()
    told = [body for body in await service.told(record) if body.get("because") == "request"]
    assert [(body["round"], "latest" in body) for body in told[4:]] == [(1, False), (2, False)]
    await confirm(service, record, "notification")
    before = await types(service, record)
    await announcements(service, 30 * DAY).once()
    assert await types(service, record) == before


async def test_ar_055_two_replicas_tell_a_deletion_once(service):
    records = [await deleted(service, person) for person in (1, 2, 3)]
    loops = [announcements(service, DAY * 2) for _ in range(4)]
    await asyncio.gather(*(loop.once() for loop in loops))
    for record in records:
        assert (await types(service, record)).count("deletion-announced") == 2
        rows = await service.rows("SELECT message_id FROM outbox WHERE key = $1", str(record))
        assert len({row["message_id"] for row in rows}) == len(rows)


async def test_ar_055_a_replica_that_ends_before_its_commit_has_done_nothing(service, monkeypatch):
    record = await deleted(service)
    append = service.runtime.outbox.append

    async def ends(*_arguments):
        raise ZeroDivisionError

    monkeypatch.setattr(service.runtime.outbox, "append", ends)
    with pytest.raises(ZeroDivisionError):
        await announcements(service, DAY * 2).once()
    monkeypatch.setattr(service.runtime.outbox, "append", append)
    (row,) = await service.rows("SELECT round FROM deletion")
    assert row["round"] == 1
    await announcements(service, DAY * 2).once()
    assert (await types(service, record)).count("deletion-announced") == 2


async def test_ar_055_confirmations_that_come_again_or_for_no_deletion_do_nothing(service):
    record, living = await deleted(service, 1), await service.opened(2)
    one = service.message(record, RecordDestroyed(owner="document"), "confirmations")
    await service.take(one, one, lane="confirmations")
    await service.take(one, lane="confirmations")
    await confirm(service, living, *FIRST, *LAST)
    assert await service.rows("SELECT FROM identity WHERE record = $1", living)
    (row,) = await service.rows("SELECT confirmed FROM deletion")
    assert row["confirmed"] == ["document"]


@pytest.mark.parametrize("count", [1, 9])
async def test_a_batch_of_confirmations_takes_a_fixed_number_of_statements(service, count):
    records = [await deleted(service, person) for person in range(1, count + 1)]
    service.runtime.database.on_statements = (counted := []).append
    await service.take(
        *(
            service.message(record, RecordDestroyed(owner=owner), "confirmations")
            for record in records
            for owner in (*FIRST, *LAST)
        ),
        lane="confirmations",
    )
    # turn, progress, done-by-number, deletions; how far they are, holders, keys, numbers and outbox
    assert counted == [7]
