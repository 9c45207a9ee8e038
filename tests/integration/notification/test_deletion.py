"""Deleted records: the holder is told for the last time, then contact, ledger and key are destroyed."""

import asyncio
from uuid import uuid4

import pytest

from services.notification.repository import Farewells
from shared.contracts.access_decisions import RecordClosed, RecordDeleted
from shared.contracts.common import Actor, ActorKind
from shared.contracts.http_notification import Contact
from shared.contracts.topics import ACCESS_DECISIONS, NOTIFICATION_EVENTS
from shared.database.record_keys import RecordDestroyedError
from shared.messaging import partition_of
from tests.support.system import PARTITIONS

pytestmark = pytest.mark.kafka
HOLDER = Actor(kind=ActorKind.PATIENT)


def farewells(notification):
    follower = notification.follower
    return Farewells(
        follower.database,
        follower.outbox,
        notification.keys,
        lambda record: partition_of(str(record), PARTITIONS),
    )


async def says(notification, record, body):
    await notification.follower.take(notification.follower.record(ACCESS_DECISIONS, record, body))


async def confirmed(notification, record):
    rows = await notification.follower.rows(
        "SELECT type FROM outbox WHERE topic = $1 AND key = $2 ORDER BY number", NOTIFICATION_EVENTS, str(record)
    )
    return [row["type"].split(".")[2] for row in rows].count("record-destroyed")


async def test_ar_055_the_holder_is_told_before_he_is_forgotten(notification):
    """A relay that is down puts off both, however long."""
    record, neighbour = uuid4(), uuid4()
    await notification.know(record)
    await notification.know(neighbour, email="other@example.org")
    await says(notification, record, RecordClosed(actor=HOLDER))
    await says(notification, record, RecordDeleted(because="request"))
    notification.relay.at_recipient = "451 later"
    await notification.mails.round()
    await farewells(notification).once()
    assert await confirmed(notification, record) == 0
    notification.relay.at_recipient = "250 OK"
    await notification.make_due()
    await notification.mails.round()
    assert sorted(mail["Subject"] for mail in notification.relay.kept) == [
        "Votre dossier est fermé",
        "Votre dossier est supprimé",
    ]
    await farewells(notification).once()
    assert await confirmed(notification, record) == 1
    assert await notification.ledger() == []
    contacts = await notification.follower.rows("SELECT record FROM contact")
    assert [row["record"] for row in contacts] == [neighbour]
    with pytest.raises(RecordDestroyedError):
        await notification.know(record)


async def test_ar_055_a_repeat_is_confirmed_again_and_told_no_second_time(notification):
    record, unknown = uuid4(), uuid4()
    await notification.know(record)
    for round_ in (1, 2):
        for one in (record, unknown):
            await says(notification, one, RecordDeleted(because="archive", round=round_))
        await notification.mails.round()
        await farewells(notification).once()
    assert len(notification.relay.kept) == 1
    assert [await confirmed(notification, one) for one in (record, unknown)] == [2, 2]
    assert await notification.ledger() == []


async def test_ar_055_two_replicas_confirm_once(notification):
    records = [uuid4() for _ in range(6)]
    for record in records:
        await says(notification, record, RecordDeleted(because="request"))
    await asyncio.gather(*(farewells(notification).once() for _ in range(3)))
    assert [await confirmed(notification, record) for record in records] == [1] * 6


async def test_ar_055_a_process_that_ends_before_its_commit_has_forgotten_nobody(notification, monkeypatch):
    record = uuid4()
    await notification.know(record)
    await says(notification, record, RecordDeleted(because="request"))
    await notification.mails.round()

    async def ends(*_arguments):
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(notification.follower.outbox, "append", ends)
        with pytest.raises(ZeroDivisionError):
            await farewells(notification).once()
    async with notification.follower.database.transaction() as tx:
        assert (await notification.contacts.of(tx, [record]))[record] == Contact(
            email="camille.secret@example.org", language="fr"
        )
    await farewells(notification).once()
    assert await confirmed(notification, record) == 1
