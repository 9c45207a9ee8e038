"""From events to the ledger's rows, on a real PostgreSQL."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.notification.domain.deliveries import Delivery, Status
from services.notification.domain.notices import Event
from services.notification.repository import Ledger
from shared.contracts.access_decisions import Decided, Outcome
from shared.contracts.common import Act, Actor, ActorKind
from shared.contracts.document_events import Consulted, Deposited
from shared.contracts.notification_events import Channel, Silence
from shared.contracts.reasons import Reason
from shared.contracts.topics import ACCESS_DECISIONS, DOCUMENT_EVENTS

pytestmark = pytest.mark.kafka
DOCTOR = Actor(kind=ActorKind.PROFESSIONAL, number="810000000001")


def consulted():
    return Consulted(request=uuid4(), actor=DOCTOR)


def deposited(**flags):
    return Deposited(deposit=uuid4(), document=uuid4(), actor=DOCTOR, type_code="11502-2", class_code="10", **flags)


async def test_a_notice_is_planned_where_there_is_a_contact_and_suppressed_where_there_is_none(notification):
    known, unknown = uuid4(), uuid4()
    await notification.know(known)
    await notification.follower.take(
        *(notification.follower.record(DOCUMENT_EVENTS, record, deposited()) for record in (known, unknown))
    )
    rows = {row["record"]: (row["channel"], row["status"]) for row in await notification.ledger()}
    assert rows == {known: ("email", "planned"), unknown: ("none", "suppressed")}
    assert await notification.told() == ["suppressed"]


async def test_a_message_that_comes_twice_is_one_notice(notification):
    one = notification.follower.record(DOCUMENT_EVENTS, uuid4(), consulted())
    await notification.follower.take(one)
    await notification.follower.take(one)
    assert len(await notification.ledger()) == 1
    assert await notification.told() == ["suppressed"]


def delivery(**fields):
    """A row of the ledger with something in each column."""
    now = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
    usual = {
        "notice": uuid4(),
        "record": uuid4(),
        "event": Event.ACCESS,
        "variant": "treating",
        "who": ActorKind.PROFESSIONAL,
        "about": uuid4(),
        "correlation": uuid4(),
        "channel": Channel.NONE,
        "status": Status.SUPPRESSED,
        "occurred_at": now,
        "not_before": now + timedelta(minutes=1),
        "recipient": "810000000001",
        "silence": Silence.NO_ADDRESS,
        "subject": uuid4(),
    }
    return Delivery(**(usual | fields))


async def test_a_notice_that_stands_in_the_ledger_is_left_as_it_is(notification):
    ledger, one, other = Ledger(timedelta(hours=1)), delivery(), delivery(who=None, recipient=None, silence=None)
    changed = one._replace(variant="other", about=uuid4())
    for batch in ([one, changed], [changed, other], [other]):
        async with notification.follower.database.transaction() as tx:
            await ledger.save(tx, batch)
    columns = (*Delivery._fields, "next_attempt_at")
    rows = await notification.follower.rows(f"SELECT {', '.join(columns)} FROM delivery")
    assert {tuple(row) for row in rows} == {(*item, item.not_before) for item in (one, other)}


async def test_a_withheld_document_is_a_row_and_never_a_mail(notification):
    record = uuid4()
    await notification.know(record)
    await notification.follower.take(notification.follower.record(DOCUMENT_EVENTS, record, deposited(withheld=True)))
    assert await notification.mails.round() is False
    assert notification.relay.kept == []
    assert [row["status"] for row in await notification.ledger()] == ["suppressed"]


async def test_decisions_make_no_notice(notification):
    body = Decided(request=uuid4(), act=Act.DEPOSIT, outcome=Outcome.PERMIT, reasons=(Reason.FEEDING_DUTY,))
    outcome = await notification.follower.take(notification.follower.record(ACCESS_DECISIONS, uuid4(), body))
    assert outcome.counts[ACCESS_DECISIONS, "", "ignored"] == 1
    assert await notification.ledger() == []


async def test_the_number_of_statements_does_not_grow_with_the_batch(notification):
    follower = notification.follower
    counts = []
    for size in (1, 300):
        await follower.take(*(follower.record(DOCUMENT_EVENTS, uuid4(), deposited()) for _ in range(size)))
        counts.append(follower.statements[-1])
    # many messages are copied into the outbox: one statement more, however many
    assert counts[1] == counts[0] + 1 <= 10
    assert len(await notification.ledger()) == 301


async def test_a_contact_is_unreadable_at_rest_and_the_last_one_holds(notification):
    record = uuid4()
    await notification.know(record, "first.secret@example.org")
    await notification.know(record, "second.secret@example.org", "en")
    (row,) = await notification.follower.rows("SELECT email, language FROM contact")
    assert b"secret" not in row["email"]
    async with notification.follower.database.transaction() as tx:
        contact = (await notification.contacts.of(tx, [record]))[record]
    assert (contact.email, contact.language) == ("second.secret@example.org", "en")


async def test_when_the_records_key_is_destroyed_there_is_no_contact(notification):
    record = uuid4()
    await notification.know(record)
    await notification.follower.rows("DELETE FROM record_key WHERE record = $1", record)
    async with notification.follower.database.transaction() as tx:
        assert await notification.contacts.of(tx, [record]) == {}
