"""A withheld document that comes into view is told once, as a new one: on a real PostgreSQL and over real SMTP."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from shared.contracts.common import Actor, ActorKind, FurtherAct
from shared.contracts.document_changes import DocumentChanged
from shared.contracts.document_events import Consulted, Deposited
from shared.contracts.topics import DOCUMENT_EVENTS
from tests.support.follower import NOW

pytestmark = pytest.mark.kafka
DOCTOR = Actor(kind=ActorKind.PROFESSIONAL, number="810000000001")
CLOCK = Actor(kind=ActorKind.OPERATOR)
NEW, BY_TIME = "Un document a été ajouté à votre dossier", "Un document de votre dossier est à votre disposition"
READ = "Votre dossier a été consulté"
WITHHELD, HIDDEN = {"withheld": True}, {"hidden_from_representatives": True}


def deposited(document, **flags):
    return Deposited(deposit=document, document=document, actor=DOCTOR, type_code="11502-2", class_code="10", **flags)


def changed(act, document, actor=DOCTOR, **flags):
    given = {"masked": False, "withheld": False, "hidden_from_representatives": False, "version": 2} | flags
    return DocumentChanged(act=act, document=document, actor=actor, request=uuid4(), **given)


def opened(act, document, **flags):
    actor = CLOCK if act == FurtherAct.OPEN_BY_TIME else DOCTOR
    return changed(act, document, actor, came_into_view=True, **flags)


def consulted(document):
    return Consulted(request=uuid4(), actor=DOCTOR, document=document)


def records(notification, record, *bodies):
    """The events as Kafka gives them, an hour apart."""
    return [
        notification.follower.record(DOCUMENT_EVENTS, record, body, time=NOW + timedelta(hours=place))
        for place, body in enumerate(bodies)
    ]


async def subjects(notification):
    await notification.mails.round()
    return sorted(mail["Subject"] for mail in notification.relay.kept)


@pytest.fixture
async def record(notification):
    one = uuid4()
    await notification.know(one)
    return one


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(("act", "subject"), [(FurtherAct.ANNOUNCE, NEW), (FurtherAct.OPEN_BY_TIME, BY_TIME)])
async def test_ar_029_031_nothing_is_sent_before_the_opening_then_one_e_mail(
    notification, record, act, subject, at_once
):
    document = uuid4()
    made = records(
        notification,
        record,
        deposited(document, **WITHHELD),
        consulted(document),
        changed(FurtherAct.ARCHIVE, document, **WITHHELD),
        opened(act, document),
        consulted(document),
    )
    if at_once:
        await notification.follower.take(*made)
    else:
        for one in made[:3]:
            await notification.follower.take(one)
        assert await subjects(notification) == []
        for one in made[3:]:
            await notification.follower.take(one)
    assert await subjects(notification) == sorted([subject, READ])
    silences = [row["silence"] for row in sorted(await notification.ledger(), key=lambda row: row["occurred_at"])]
    assert silences == ["withheld", "withheld", "withheld", None, None]


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
async def test_what_comes_again_in_whatever_batches_is_told_once(notification, record, cut):
    document = uuid4()
    made = records(
        notification,
        record,
        deposited(document, **WITHHELD),
        opened(FurtherAct.ANNOUNCE, document),
        changed(FurtherAct.ANNOUNCE, document, changed=False),
    )
    if made[:cut]:
        await notification.follower.take(*made[:cut])
    await notification.follower.take(*made)
    await notification.mails.round()
    await notification.follower.take(*made[1:])
    assert await subjects(notification) == [NEW]


async def test_a_crash_before_the_commit_leaves_nothing_and_then_it_is_told_once(notification, record, monkeypatch):
    document, outbox = uuid4(), notification.follower.outbox
    made = records(notification, record, deposited(document, **WITHHELD), opened(FurtherAct.ANNOUNCE, document))
    await notification.follower.take(made[0])
    before = [dict(row) for row in await notification.ledger()]

    async def gone(*_):
        raise asyncpg.ConnectionDoesNotExistError("the connection is gone")

    with monkeypatch.context() as patched:
        patched.setattr(outbox, "append", gone)
        with pytest.raises(asyncpg.ConnectionDoesNotExistError):
            await notification.follower.take(made[1])
    assert [dict(row) for row in await notification.ledger()] == before
    await asyncio.gather(notification.follower.take(made[1]), notification.follower.take(made[1]))
    assert await subjects(notification) == [NEW]


async def test_ar_041_043_what_is_hidden_besides_is_sent_when_it_is_revealed(notification, record):
    document = uuid4()
    made = records(
        notification,
        record,
        deposited(document, **WITHHELD, **HIDDEN),
        opened(FurtherAct.ANNOUNCE, document, **HIDDEN),
        consulted(document),
        changed(FurtherAct.REVEAL, document),
        consulted(document),
    )
    for one in made[:3]:
        await notification.follower.take(one)
    assert await subjects(notification) == []
    for one in made[3:]:
        await notification.follower.take(one)
    assert await subjects(notification) == ["Un document de votre dossier a changé", READ]


async def test_another_documents_silence_lasts(notification, record):
    document, other = uuid4(), uuid4()
    made = records(
        notification,
        record,
        deposited(document, **WITHHELD),
        deposited(other, **WITHHELD),
        opened(FurtherAct.ANNOUNCE, document),
    )
    await notification.follower.take(*made)
    await notification.follower.take(*records(notification, record, consulted(other)))
    assert await subjects(notification) == [NEW]


async def test_the_number_of_statements_does_not_grow_with_openings(notification):
    counts = []
    for size in (20, 40):
        batch = []
        for _ in range(size):
            record, document = uuid4(), uuid4()
            await notification.know(record)
            batch += records(
                notification, record, deposited(document, **WITHHELD), opened(FurtherAct.ANNOUNCE, document)
            )
        await notification.follower.take(*batch)
        counts.append(notification.follower.statements[-1])
    assert counts[0] == counts[1]
