"""Who else is told, and what is told once: on a real PostgreSQL and over real SMTP."""

from datetime import timedelta
from uuid import uuid4

import pytest

from shared.contracts.access_decisions import ConsentChanged, Decided, Emergency, Outcome
from shared.contracts.common import AccessMode, Act, Actor, ActorKind, FurtherAct
from shared.contracts.document_events import Consulted, Deposited
from shared.contracts.reasons import Reason
from shared.contracts.topics import ACCESS_DECISIONS, DOCUMENT_EVENTS
from tests.support.follower import NOW

pytestmark = pytest.mark.kafka
DOCTOR = Actor(kind=ActorKind.PROFESSIONAL, number="810000000001")
TREATING = "810000000077"
HOLDER, DOCTORS = "camille.secret@example.org", "dominique.secret@example.org"


def emergency(outcome=Outcome.PERMIT, act=Act.CONSULT, first=None):
    return Decided(
        request=uuid4(),
        act=act,
        outcome=outcome,
        reasons=(Reason.AUTHORISED,),
        actor=DOCTOR,
        mode=AccessMode.EMERGENCY,
        emergency=Emergency(reason="unconscious", tell=TREATING, first=first),
    )


def consulted(document=None):
    return Consulted(request=uuid4(), actor=DOCTOR, document=document)


async def told(notification, record, topic, *bodies, apart_s=1):
    """Take events of a record, each in a batch of its own."""
    for place, body in enumerate(bodies):
        time = NOW + timedelta(seconds=place * apart_s)
        await notification.follower.take(notification.follower.record(topic, record, body, time=time))


def kept(notification):
    return sorted((mail["To"], mail["Subject"]) for mail in notification.relay.kept)


async def test_ar_038_patient_and_treating_doctor_each_get_one_e_mail_that_names_nobody(notification):
    record = uuid4()
    await notification.know(record)
    await notification.know_other(record, TREATING, DOCTORS)
    began = emergency()
    await told(notification, record, ACCESS_DECISIONS, began, emergency(first=began.request))
    await notification.mails.round()
    assert kept(notification) == [
        (HOLDER, "Accès en urgence à votre dossier"),
        (DOCTORS, "Accès en urgence au dossier d'un de vos patients"),
    ]
    for mail in notification.relay.kept:
        assert not any(word in mail.as_string() for word in (DOCTOR.number, TREATING, str(record), "unconscious"))
    rows = await notification.follower.rows("SELECT type, payload FROM outbox ORDER BY created_at, type")
    assert [row["type"].split(".")[2] for row in rows] == ["sent", "sent"]
    assert sum(TREATING in bytes(row["payload"]).decode() for row in rows) == 1


async def test_a_treating_doctor_of_another_record_is_not_written_to(notification):
    record = uuid4()
    await notification.know(record)
    await notification.know_other(uuid4(), TREATING)
    await told(notification, record, ACCESS_DECISIONS, emergency())
    await notification.mails.round()
    assert [mail["To"] for mail in notification.relay.kept] == [HOLDER]
    rows = {row["recipient"]: (row["status"], row["silence"]) for row in await notification.ledger()}
    assert rows == {None: ("sent", None), TREATING: ("suppressed", "no_address")}


async def test_a_delegate_whose_address_comes_behind_the_invitation_is_told(notification):
    record, delegation = uuid4(), str(uuid4())
    await notification.know(record)
    invited = ConsentChanged(
        act=FurtherAct.INVITE, actor=Actor(kind=ActorKind.PATIENT), subject=delegation, rights_version=2
    )
    await told(notification, record, ACCESS_DECISIONS, invited)
    await notification.know_other(record, delegation)
    await notification.make_due()
    await notification.mails.round()
    assert kept(notification) == [(DOCTORS, "Vous êtes invité à agir pour une personne")]


async def test_an_invited_one_without_an_address_is_suppressed_when_it_is_due(notification):
    record, delegation = uuid4(), str(uuid4())
    await notification.know(record)
    invited = ConsentChanged(
        act=FurtherAct.INVITE, actor=Actor(kind=ActorKind.PATIENT), subject=delegation, rights_version=2
    )
    await told(notification, record, ACCESS_DECISIONS, invited)
    await notification.make_due()
    await notification.mails.round()
    (row,) = await notification.ledger()
    assert (row["status"], row["silence"], row["channel"]) == ("suppressed", "no_address", "none")
    assert notification.relay.kept == []


async def test_a_list_and_what_is_opened_from_it_are_one_e_mail_also_from_batch_to_batch(notification):
    record, other = uuid4(), uuid4()
    for one in (record, other):
        await notification.know(one)
    await told(notification, record, DOCUMENT_EVENTS, consulted(), consulted(uuid4()), consulted(uuid4()))
    await told(notification, other, DOCUMENT_EVENTS, consulted())
    await notification.mails.round()
    assert len(notification.relay.kept) == 2
    rows = [(row["record"], row["silence"]) for row in await notification.ledger() if row["silence"]]
    assert rows == [(record, "same_access")] * 2


async def test_half_an_hour_later_it_is_another_access(notification):
    record = uuid4()
    await notification.know(record)
    await told(notification, record, DOCUMENT_EVENTS, *(consulted() for _ in range(4)), apart_s=1000)
    await notification.mails.round()
    assert len(notification.relay.kept) == 2


async def test_an_access_that_could_not_be_told_is_told_with_its_next_read(notification):
    record = uuid4()
    await notification.know(record)
    notification.relay.at_recipient = "550 no such person"
    await told(notification, record, DOCUMENT_EVENTS, consulted())
    await notification.mails.round()
    notification.relay.at_recipient = "250 OK"
    await told(notification, record, DOCUMENT_EVENTS, consulted())
    await notification.mails.round()
    assert [row["status"] for row in await notification.ledger()] == ["failed", "sent"]


async def test_ar_029_041_a_concealed_document_stays_unsaid_from_batch_to_batch(notification):
    record = uuid4()
    await notification.know(record)
    for flags in ({"withheld": True}, {"hidden_from_representatives": True}):
        document = uuid4()
        stored = Deposited(
            deposit=uuid4(), document=document, actor=DOCTOR, type_code="11502-2", class_code="10", **flags
        )
        await told(notification, record, DOCUMENT_EVENTS, stored, consulted(document))
    await notification.mails.round()
    assert notification.relay.kept == []
    silences = [row["silence"] for row in await notification.ledger()]
    assert silences == ["withheld", "withheld", *["hidden_from_representatives"] * 2]


async def test_an_event_that_comes_twice_is_told_once_to_each(notification):
    record = uuid4()
    await notification.know(record)
    await notification.know_other(record, TREATING)
    one = notification.follower.record(ACCESS_DECISIONS, record, emergency())
    for _ in range(2):
        await notification.follower.take(one)
        await notification.mails.round()
    assert len(notification.relay.kept) == 2
    assert len(await notification.ledger()) == 2


async def test_the_number_of_statements_does_not_grow_with_emergencies_and_reads(notification):
    follower, counts, rounds = notification.follower, [], []
    for size in (1, 40):
        records = [uuid4() for _ in range(size)]
        for record in records:
            await notification.know(record)
            await notification.know_other(record, TREATING)
        batch = [follower.record(ACCESS_DECISIONS, record, emergency()) for record in records]
        batch += [follower.record(DOCUMENT_EVENTS, record, consulted(uuid4())) for record in records]
        await follower.take(*batch)
        counts.append(follower.statements[-1])
        del follower.statements[:]
        await notification.mails.round()
        rounds.append(sum(follower.statements))
    assert counts[0] == counts[1]
    assert rounds[1] <= rounds[0] + 1  # many messages are copied into the outbox: one statement more, however many


async def test_reads_permitted_in_the_normal_mode_are_not_even_loaded(notification):
    normal = emergency().model_copy(update={"mode": AccessMode.NORMAL, "emergency": None})
    outcome = await notification.follower.take(notification.follower.record(ACCESS_DECISIONS, uuid4(), normal))
    assert outcome.counts[ACCESS_DECISIONS, "", "ignored"] == 1
    refused = normal.model_copy(update={"outcome": Outcome.DENY, "reasons": (Reason.BLOCKED,)})
    outcome = await notification.follower.take(notification.follower.record(ACCESS_DECISIONS, uuid4(), refused))
    assert outcome.counts[ACCESS_DECISIONS, refused.type_name, "done"] == 1
