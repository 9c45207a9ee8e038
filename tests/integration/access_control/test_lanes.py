"""Both lanes on the real database, batch by batch."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.access_control.repository import Decisions
from services.access_control.repository.records import FORGET_AT_ONCE
from shared.contracts.common import AccessMode, Owner
from shared.contracts.record_deposits import Deposit
from shared.contracts.record_requests import (
    Authorise,
    Block,
    Close,
    Consult,
    DeclareTreatingDoctor,
    Release,
    Reopen,
    Unblock,
)
from tests.integration.access_control.conftest import consult
from tests.unit.access_control.cast import (
    DOCTOR,
    HOLDER,
    HOSPITAL,
    INSURER,
    OPERATOR,
    OSTEOPATH,
    OTHER_DOCTOR,
    changed,
)

pytestmark = pytest.mark.kafka

P = DOCTOR.number


def authorise(version=0, professional=P, until=None):
    return Authorise(actor=HOLDER, rights_version=version, professional=professional, until=until)


def block(version=1, professional=P):
    return Block(actor=HOLDER, rights_version=version, professional=professional)


def deposit(actor=DOCTOR, identity: UUID | None = None):
    return Deposit(deposit=identity or uuid4(), actor=actor, type_code="11502-2")


def reasons(told):
    return [one["reasons"][0] for one in told if "reasons" in one]


async def test_rights_are_kept_from_batch_to_batch(service):
    record = await service.opened()
    assert (await service.consult(record, DOCTOR))["reasons"] == ["not_authorised"]
    assert (await service.ask(record, authorise()))["outcome"] == "permit"
    permitted = await service.consult(record, DOCTOR)
    assert permitted["outcome"] == "permit"
    permit = service.permits.verify(permitted["permit"])
    assert (permit.record, permit.actor, permit.owner) == (record, DOCTOR, Owner.DOCUMENT)
    blocked = await service.ask(record, block())
    assert blocked["in_force_at"] == permitted["expires"]
    assert blocked["rights_version"] == 2
    assert (await service.consult(record, DOCTOR))["reasons"] == ["blocked"]
    stale = await service.ask(record, Unblock(actor=HOLDER, rights_version=1, professional=P))
    assert stale["reasons"] == ["stale_rights"]
    assert (await service.ask(record, Unblock(actor=HOLDER, rights_version=2, professional=P)))["outcome"] == "permit"
    assert (await service.consult(record, DOCTOR))["reasons"] == ["not_authorised"]


async def test_design_3_a_block_is_told_when_the_last_permit_on_that_record_has_run_out(service):
    """Of many, refused ones and others' among them; what has run out is waited for no longer."""
    record, neighbour, closed = [await service.opened(person) for person in (1, 2, 3)]
    for one in (record, neighbour, closed):
        await service.ask(one, authorise())
    await service.take(*(service.message(one, consult(DOCTOR)) for one in (record, neighbour, record)))
    told = [await service.consult(record, actor) for actor in (DOCTOR, OTHER_DOCTOR)]
    last = [one.get("expires") for one in told]
    assert last[1] is None
    assert (await service.consult(neighbour, DOCTOR))["expires"] > last[0]
    await service.take(
        service.message(closed, Close(actor=HOLDER, rights_version=1)),
        service.message(record, block()),
        service.message(closed, consult(DOCTOR)),
    )
    (now, *_), (blocked, *_) = await in_force(service, closed, "close"), await in_force(service, record, "block")
    assert blocked == datetime.fromisoformat(last[0]) > now
    await service.rows("UPDATE decision SET decided_at = decided_at - interval '5 seconds'")
    await service.ask(record, Unblock(actor=HOLDER, rights_version=2, professional=P))
    assert (await service.ask(record, block(3)))["outcome"] == "permit"
    (_, again) = await in_force(service, record, "block")
    (row,) = await service.rows("SELECT max(decided_at) AS at FROM decision WHERE act = 'block'")
    assert again == row["at"], "at once"


async def in_force(service, record, act):
    """When commands of this kind were told to be in force."""
    decided = [one for one in await service.told(record) if one.get("act") == act and "request" in one]
    return [datetime.fromisoformat(one["in_force_at"]) for one in decided if "reasons" in one]


async def test_in_one_batch_each_request_sees_what_came_before(service):
    record, other = await service.opened(1), await service.opened(2)
    await service.take(
        service.message(record, authorise()),
        service.message(other, consult(DOCTOR)),
        service.message(record, consult(DOCTOR)),
        service.message(record, block()),
        service.message(record, consult(DOCTOR)),
        service.message(record, Close(actor=HOLDER, rights_version=2)),
        service.message(record, consult(HOLDER)),
        service.message(record, Reopen(actor=HOLDER, rights_version=3)),
        service.message(record, consult(HOLDER)),
        service.message(record, consult(DOCTOR)),
    )
    assert reasons(await service.told(record)) == [
        *["holder", "authorised", "holder", "blocked", "holder", "record_closed", "holder", "holder", "blocked"]
    ]
    assert reasons(await service.told(other)) == ["not_authorised"]
    (row,) = await service.rows("SELECT state, rights_version FROM record WHERE id = $1", record)
    assert tuple(row) == ("open", 4)


async def test_the_treating_doctor_is_kept(service):
    record = await service.opened()
    await service.ask(record, DeclareTreatingDoctor(actor=INSURER, professional=P))
    assert (await service.consult(record, DOCTOR))["reasons"] == ["treating_doctor"]
    assert (await service.ask(record, block(1)))["reasons"] == ["not_blockable"]
    await service.ask(record, DeclareTreatingDoctor(actor=INSURER, professional=None))
    assert (await service.consult(record, DOCTOR))["reasons"] == ["not_authorised"]


async def test_the_end_of_a_right_and_the_deadline_are_compared_with_the_databases_clock(service):
    record = await service.opened()
    now = (await service.rows("SELECT clock_timestamp() AS now"))[0]["now"]
    await service.ask(record, authorise(until=now - timedelta(seconds=1)))
    assert (await service.consult(record, DOCTOR))["reasons"] == ["authorisation_expired"]
    await service.ask(record, authorise(1, until=now + timedelta(hours=1)))
    assert (await service.consult(record, DOCTOR))["reasons"] == ["authorised"]
    assert (await service.ask(record, consult(DOCTOR, seconds=-1)))["reasons"] == ["late"]


async def test_a_repeated_request_is_decided_once(service):
    record = await service.opened()
    await service.ask(record, authorise())
    request = service.message(record, consult(DOCTOR))
    for batch in ([request], [request, request], [request, service.message(record, consult(DOCTOR))]):
        await service.take(*batch)
    assert reasons(await service.told(record)) == ["holder", "authorised", "authorised"]
    assert len(await service.rows("SELECT FROM decision")) == 3


async def test_a_repeated_deposit_is_decided_once(service):
    record = await service.opened()
    request = service.message(record, deposit(), "deposits")
    await service.take(request, lane="deposits")
    await service.take(request, request, lane="deposits")
    assert reasons(await service.told(record)) == ["feeding_duty"]
    assert await service.rows("SELECT FROM decision") == []


async def test_deposits_are_decided_on_state_and_consent(service):
    record, nobody = await service.opened(), uuid4()
    await service.ask(record, authorise(professional=OTHER_DOCTOR.number))
    await service.take(
        service.message(record, deposit(), "deposits"),
        service.message(record, deposit(HOSPITAL), "deposits"),
        service.message(record, deposit(OSTEOPATH), "deposits"),
        service.message(record, deposit(changed(DOCTOR, sector="SA66")), "deposits"),
        service.message(nobody, deposit(), "deposits"),
        lane="deposits",
    )
    expected = ["holder", "feeding_duty", "feeding_duty", "consent_needed", "excluded_sector"]
    assert reasons(await service.told(record)) == expected
    assert reasons(await service.told(nobody)) == ["no_record"]
    await service.ask(record, authorise(1, professional=OSTEOPATH.number))
    await service.take(service.message(record, deposit(OSTEOPATH), "deposits"), lane="deposits")
    assert reasons(await service.told(record))[-1] == "authorised"


async def test_what_cannot_be_read_is_denied_parked_and_holds_the_record(service):
    record, neighbour = await service.opened(1), await service.opened(2)
    await service.take(
        service.message(record, b"{", kind="carnet.record.consult.v1"),
        service.message(neighbour, authorise()),
        service.message(neighbour, consult(DOCTOR)),
    )
    assert reasons(await service.told(record)) == ["malformed"]
    assert (await service.consult(record, HOLDER))["outcome"] == "permit"
    await service.take(service.message(record, b"{}", kind="carnet.record.mask.v7"))
    assert (await service.consult(record, HOLDER))["reasons"] == ["record_held"]
    await service.take(service.message(record, deposit(), "deposits"), lane="deposits")
    assert reasons(await service.told(record))[-1] == "feeding_duty"
    assert (await service.call("GET", f"/records/{record}/rights")).json()["state"] == "held"
    await service.ask(record, Release(actor=OPERATOR))
    assert (await service.consult(record, HOLDER))["outcome"] == "permit"
    assert reasons(await service.told(neighbour)) == ["holder", "authorised"]
    assert [row["reason"] for row in await service.rows("SELECT reason FROM parked ORDER BY first_seen")] == [
        "malformed",
        "unknown_type",
    ]


async def test_an_unknown_type_among_deposits_holds_too(service):
    record = await service.opened()
    await service.take(service.message(record, b"{}", "deposits", kind="carnet.record.deposit.v9"), lane="deposits")
    assert (await service.consult(record, HOLDER))["reasons"] == ["record_held"]


async def test_a_block_that_cannot_be_saved_denies_every_read_of_that_record_alone(service):
    """A fault of the statements, planted: the batch is halved until the culprit stands alone."""
    record, neighbour = await service.opened(1), await service.opened(2)
    await service.rows("ALTER TABLE professional_right ADD CHECK (standing <> 'blocked')")
    await service.ask(neighbour, authorise())
    await service.take(
        service.message(record, authorise()),
        service.message(neighbour, consult(DOCTOR)),
        service.message(record, block()),
        service.message(record, consult(DOCTOR)),
        service.message(neighbour, consult(DOCTOR)),
    )
    assert reasons(await service.told(record)) == ["holder", "internal_error", "record_held"]
    assert reasons(await service.told(neighbour)) == ["holder", "authorised", "authorised"]
    assert len(await service.rows("SELECT FROM parked")) == 1


@pytest.mark.parametrize("size", [2, 40])
async def test_statements_do_not_grow_with_the_batch(service, size):
    records = [await service.opened(person) for person in range(1, 9)]
    counted: list[int] = []
    service.runtime.database.on_statements = counted.append
    some = [records[place % 8] for place in range(size)]
    await service.take(*(service.message(record, authorise()) for record in records))
    await service.take(*(service.message(record, consult(DOCTOR)) for record in some))
    await service.take(*(service.message(record, deposit(), "deposits") for record in some), lane="deposits")
    osteopaths = [service.message(record, deposit(OSTEOPATH), "deposits") for record in some]
    await service.take(*osteopaths, lane="deposits")
    # lock, progress, done, rights, relations, records, (save of records, rights, past,) decisions, the end: progress,
    # outbox
    assert counted == [11, 8, 4, 6]


async def test_a_request_id_used_for_several_records_is_decided_once(service):
    """The row of the decision is unique, should two processes meet the same id at the same time."""
    identity = uuid4()
    records = [await service.opened(person) for person in range(1, 5)]
    for record in records:
        await service.take(service.message(record, consult(HOLDER), identity=identity))
    assert len(await service.rows("SELECT FROM decision")) == 1
    with pytest.raises(asyncpg.UniqueViolationError):
        await service.rows("INSERT INTO decision SELECT * FROM decision")


async def test_old_decisions_are_forgotten_in_bounded_pieces(service):
    record = await service.opened()
    await service.consult(record, HOLDER)
    await service.rows(
        """
        INSERT INTO decision SELECT gen_random_uuid(), $1, 'consult', 'deny', 'late', 0,
            clock_timestamp() - interval '32 days' FROM generate_series(1, $2)
        """,
        record,
        FORGET_AT_ONCE + 5,
    )
    decisions = Decisions(service.runtime.database)
    assert await decisions.forget_old() is True
    assert await decisions.forget_old() is False
    assert len(await service.rows("SELECT FROM decision")) == 1


async def test_emergency_modes_are_refused_or_told_with_their_reason(service):
    record = await service.opened()
    asked = Consult(
        actor=DOCTOR,
        owner=Owner.DOCUMENT,
        mode=AccessMode.EMERGENCY,
        deadline=datetime.now(UTC) + timedelta(seconds=5),
    )
    told = await service.ask(record, asked)
    assert (told["reasons"], told["mode"]) == (["emergency_not_served"], "bris_de_glace")
    assert told["further_reasons"] == ["emergency_reason_missing"]
    told = await service.ask(record, asked.model_copy(update={"reason_code": "unconscious"}))
    assert (told["outcome"], told["further_reasons"]) == ("permit", ["break_glass"])
    assert told["emergency"] == {"reason": "unconscious"}
