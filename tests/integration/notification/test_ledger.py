"""From events to the ledger's rows, on a real PostgreSQL."""

from uuid import uuid4

import pytest

from shared.contracts.access_decisions import Decided, Outcome
from shared.contracts.common import Act, Actor, ActorKind
from shared.contracts.document_events import Consulted, Deposited
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
