"""E-mails over a real SMTP conversation: once, repeated under one Message-ID, put off, given up."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from shared.contracts.access_decisions import RecordOpened, RightsChanged
from shared.contracts.common import Act, Actor, ActorKind
from shared.contracts.document_events import Consulted
from shared.contracts.topics import ACCESS_DECISIONS, DOCUMENT_EVENTS
from tests.support.system import eventually

pytestmark = pytest.mark.kafka
DOCTOR = Actor(kind=ActorKind.PROFESSIONAL, number="810000000001")


async def read_by_a_doctor(notification, count=1, **contact):
    """Reads of that many records of known persons; gives their correlations."""
    records = [uuid4() for _ in range(count)]
    for record in records:
        await notification.know(record, **contact)
    body = Consulted(request=uuid4(), actor=DOCTOR)
    correlation = uuid4()
    await notification.follower.take(
        *(notification.follower.record(DOCUMENT_EVENTS, one, body, correlation=correlation) for one in records)
    )
    return records, correlation


async def has_kept(relay, count):
    return len(relay.kept) >= count


def ids(relay):
    return [mail["Message-ID"] for mail in relay.kept]


async def test_a_read_by_a_doctor_is_told_once(notification):
    _, correlation = await read_by_a_doctor(notification)
    assert await notification.mails.round() is False
    assert await notification.mails.round() is False
    (mail,) = notification.relay.kept
    (row,) = await notification.ledger()
    assert mail["To"] == "camille.secret@example.org"
    assert mail["Subject"] == "Votre dossier a été consulté"
    assert mail["Message-ID"] == f"<{row['notice']}@carnet.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_body(("plain",)).get_content()
    assert "consulté par un professionnel de santé" in text
    assert DOCTOR.number not in mail.as_string()
    assert mail.get_body(("html",)).get_content().startswith("<!DOCTYPE html>")
    assert (row["status"], row["attempts"]) == ("sent", 1)
    assert row["sent_at"] is not None
    (told,) = await notification.follower.rows("SELECT type, correlation, cause FROM outbox")
    assert (told["type"], told["correlation"]) == ("carnet.notification.sent.v1", correlation)
    assert told["cause"] == row["notice"]


async def test_the_holders_language_is_used(notification):
    await read_by_a_doctor(notification, language="en")
    await notification.mails.round()
    assert notification.relay.kept[0]["Subject"] == "Your record was consulted"
    assert notification.relay.kept[0]["Content-Language"] == "en"


async def test_many_e_mails_take_few_connections_and_as_many_statements_as_one(notification):
    counts = []
    for count in (1, 60):
        await read_by_a_doctor(notification, count)
        del notification.follower.statements[:]
        await notification.mails.round()
        counts.append(sum(notification.follower.statements))
    assert len(notification.relay.kept) == len(set(ids(notification.relay))) == 61
    assert notification.relay.connections <= 3
    assert counts[0] == counts[1]


async def test_a_full_round_asks_for_another_at_once(notification):
    await read_by_a_doctor(notification, 5)
    mails = notification.another(mail_batch=2)
    assert [await mails.round() for _ in range(3)] == [True, True, False]
    await mails.close()
    assert len(notification.relay.kept) == 5


async def test_replicas_never_send_the_same_e_mail(notification):
    await read_by_a_doctor(notification, 40)
    replicas = [notification.another(mail_batch=10) for _ in range(4)]
    await asyncio.gather(*(one.round() for one in replicas))
    for one in replicas:
        await one.close()
    assert len(ids(notification.relay)) == len(set(ids(notification.relay))) == 40


@pytest.mark.parametrize("answer", ["451 try later", "421 busy"])
async def test_not_now_is_tried_again_later(notification, answer):
    await read_by_a_doctor(notification)
    notification.relay.at_recipient = answer
    await notification.mails.round()
    (row,) = await notification.ledger()
    assert (row["status"], row["attempts"]) == ("planned", 1)
    assert row["next_attempt_at"] > datetime.now(UTC) + timedelta(seconds=20)
    assert await notification.told() == []
    notification.relay.at_recipient = "250 OK"
    await notification.mails.round()
    assert notification.relay.kept == []
    await notification.make_due()
    await notification.mails.round()
    assert len(notification.relay.kept) == 1
    assert await notification.told() == ["sent"]


@pytest.mark.parametrize("stage", ["at_recipient", "at_data"])
async def test_never_is_failed_and_the_neighbours_pass(notification, stage):
    await read_by_a_doctor(notification)
    setattr(notification.relay, stage, "550 no such person")
    await notification.mails.round()
    setattr(notification.relay, stage, "250 OK")
    await read_by_a_doctor(notification)
    await notification.mails.round()
    assert sorted(row["status"] for row in await notification.ledger()) == ["failed", "sent"]
    assert sorted(await notification.told()) == ["failed", "sent"]


async def test_an_address_that_is_refused_hurts_no_other_of_its_round(notification):
    notification.relay.refused = {"gone@example.org": "550 no such person", "full@example.org": "452 mailbox full"}
    for email in ("a@example.org", "gone@example.org", "b@example.org", "full@example.org", "c@example.org"):
        await read_by_a_doctor(notification, email=email)
    mails = notification.another(smtp_connections=1)  # all over the same one, each after the other
    await mails.round()
    await mails.close()
    assert notification.relay.connections == 1
    assert sorted(mail["To"] for mail in notification.relay.kept) == ["a@example.org", "b@example.org", "c@example.org"]
    assert sorted(row["status"] for row in await notification.ledger()) == ["failed", "planned", *["sent"] * 3]


async def test_a_relay_that_breaks_off_after_the_message_gets_it_again_under_the_same_id(notification):
    await read_by_a_doctor(notification)
    notification.relay.break_off = True
    await notification.mails.round()
    assert [row["status"] for row in await notification.ledger()] == ["planned"]
    notification.relay.break_off = False
    await notification.make_due()
    await notification.mails.round()
    assert len(notification.relay.kept) == 2
    assert len(set(ids(notification.relay))) == 1
    assert await notification.told() == ["sent"]


async def test_while_the_relay_is_down_nothing_is_lost(notification):
    await read_by_a_doctor(notification, 7)
    await notification.relay.stop()
    await notification.mails.round()
    assert {row["status"] for row in await notification.ledger()} == {"planned"}
    await notification.relay.start()
    await notification.make_due()
    await notification.mails.round()
    assert len(notification.relay.kept) == 7


async def test_an_old_notice_is_given_up(notification):
    await read_by_a_doctor(notification)
    notification.relay.at_recipient = "451 try later"
    mails = notification.another(mail_give_up_after_s=0.001)
    await mails.round()
    await mails.close()
    assert [row["status"] for row in await notification.ledger()] == ["failed"]


async def test_a_process_that_died_after_its_lease_leaves_the_e_mail_to_another(notification):
    await read_by_a_doctor(notification)
    async with notification.follower.database.transaction() as tx:
        assert len(await notification.outbound.lease(tx, 10, timedelta(seconds=120))) == 1
    await notification.mails.round()
    assert notification.relay.kept == []
    await notification.make_due()
    await notification.mails.round()
    assert len(notification.relay.kept) == 1


async def test_a_process_being_stopped_records_what_it_sent(notification):
    await read_by_a_doctor(notification, 200)
    task = asyncio.create_task(notification.mails.round())
    await eventually(lambda: has_kept(notification.relay, 5))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    sent = sum(row["status"] == "sent" for row in await notification.ledger())
    under_way = 3
    assert len(notification.relay.kept) - under_way <= sent <= len(notification.relay.kept)
    assert (await notification.told()).count("sent") == sent


async def test_a_block_is_told_when_it_is_in_force(notification):
    record = uuid4()
    await notification.know(record)
    body = RightsChanged(
        act=Act.BLOCK,
        actor=Actor(kind=ActorKind.PATIENT),
        professional="810000000002",
        rights_version=2,
        in_force_at=datetime.now(UTC) + timedelta(seconds=30),
    )
    await notification.follower.take(notification.follower.record(ACCESS_DECISIONS, record, body))
    await notification.mails.round()
    assert notification.relay.kept == []
    await notification.make_due()
    await notification.mails.round()
    assert "bloqué" in notification.relay.kept[0]["Subject"]


@pytest.mark.parametrize("contact", [True, False])
async def test_the_opening_is_told_if_the_contact_has_come_by_then(notification, contact):
    record = uuid4()
    await notification.follower.take(notification.follower.record(ACCESS_DECISIONS, record, RecordOpened(actor=DOCTOR)))
    if contact:
        await notification.know(record)
    await notification.make_due()
    await notification.mails.round()
    (row,) = await notification.ledger()
    assert (row["status"], row["channel"]) == (("sent", "email") if contact else ("suppressed", "none"))
    assert await notification.told() == ["sent" if contact else "suppressed"]
