"""Extracts on a real PostgreSQL: whom a death or the case's kind keeps from being told, whatever came before."""

from uuid import uuid4

import pytest

from services.notification.repository import Farewells
from shared.contracts.access_decisions import LifeChanged, RecordDeleted
from shared.contracts.access_extracts import ExtractChanged
from shared.contracts.common import Actor, ActorKind
from shared.contracts.document_events import Consulted
from shared.contracts.topics import ACCESS_DECISIONS, DOCUMENT_EVENTS
from shared.messaging import partition_of
from tests.support.system import PARTITIONS

pytestmark = pytest.mark.kafka
OPERATOR = Actor(kind=ActorKind.OPERATOR, number="op-1")
APPROVED, TAKEN = "extract_approved", "extract_taken"


def case(state="approved", kind="court_expert", named=None):
    told = {"kind": kind, "purpose": "court_mission", "state": state}
    return ExtractChanged(act="answer_extract", actor=OPERATOR, case=named or uuid4(), **told)


def death(*, undone=False):
    return LifeChanged(act="decease", actor=OPERATOR, rights_version=2, undone=undone)


def extract(named, documents=3):
    request = uuid4()
    return [Consulted(request=request, actor=OPERATOR, document=uuid4(), case=named) for _ in range(documents)]


class Told:
    """What comes to notification, in batches as they are given; what its ledger says of it."""

    def __init__(self, notification):
        self.follower, self.ledger = notification.follower, notification.ledger

    def message(self, record, body, **attributes):
        topic = DOCUMENT_EVENTS if isinstance(body, Consulted) else ACCESS_DECISIONS
        return self.follower.record(topic, record, body, **attributes)

    async def take(self, record, *bodies):
        await self.follower.take(*(self.message(record, body) for body in bodies))

    async def mailed(self, record):
        rows = await self.ledger()
        return sorted(row["variant"] for row in rows if row["record"] == record and row["channel"] == "email")

    async def noted(self):
        rows = await self.follower.rows(
            "SELECT record, NULL AS of FROM deceased UNION ALL SELECT record, case_id::text FROM extract_case"
            " UNION ALL SELECT record, 'waits' FROM extract_waiting"
        )
        return {(row["record"], row["of"]) for row in rows}


@pytest.fixture
def tell(notification):
    return Told(notification)


@pytest.mark.parametrize("batches", ["one", "many"])
async def test_ar_065_each_extract_is_told_once_however_its_messages_come(notification, tell, batches):
    record, named = uuid4(), uuid4()
    await notification.know(record)
    bodies = [case("waiting", named=named), case(named=named), *extract(named), case(named=named), *extract(named)]
    messages = [tell.message(record, body) for body in bodies]
    for batch in [messages] if batches == "one" else [[one] for one in messages]:
        await notification.follower.take(*batch)
        await notification.follower.take(*batch)
    assert await tell.mailed(record) == [APPROVED] * 2 + [TAKEN] * 2
    assert len(await tell.ledger()) == 8  # one row for each document, as with what a professional reads


@pytest.mark.parametrize("together", [True, False])
async def test_a_death_is_known_to_later_batches_until_it_is_taken_back(notification, tell, together):
    record, named = uuid4(), uuid4()
    await notification.know(record)
    bodies = [death(), case(named=named), *extract(named), death(undone=True)]
    for batch in [bodies] if together else [[one] for one in bodies]:
        await tell.take(record, *batch)
    assert APPROVED not in await tell.mailed(record)
    assert TAKEN not in await tell.mailed(record)
    await tell.take(record, *extract(named))
    assert (await tell.mailed(record)).count(TAKEN) == 1
    assert await tell.noted() == {(record, str(named))}


async def test_the_last_word_on_a_death_holds_in_one_batch(tell):
    alive, dead = uuid4(), uuid4()
    told = [(alive, death()), (dead, death(undone=True)), (alive, death(undone=True)), (dead, death())]
    for _ in range(2):
        await tell.follower.take(*(tell.message(record, body) for record, body in told))
    assert await tell.noted() == {(dead, None)}


async def test_ar_058_what_heirs_are_given_is_told_to_nobody(notification, tell):
    record, other = uuid4(), uuid4()
    for one in (record, other):
        await notification.know(one)
    heirs, experts = case(kind="heir"), case()
    await tell.take(record, heirs)
    await tell.take(other, experts)
    await tell.take(record, *extract(heirs.case), *extract(experts.case))
    assert await tell.mailed(record) == []
    assert await tell.noted() == {(other, str(experts.case)), (record, str(heirs.case)), (record, "waits")}


@pytest.mark.parametrize("together", [True, False])
async def test_an_extract_that_comes_before_its_case_waits_for_it(notification, tell, together):
    record, named = uuid4(), uuid4()
    await notification.know(record)
    first, *rest = extract(named)
    bodies = [first, rest[0], case(named=named), rest[1]]
    about = uuid4()
    messages = [tell.message(record, body, **({"id": about} if body is first else {})) for body in bodies]
    for batch in [messages] if together else [[one] for one in messages]:
        await notification.follower.take(*batch)
        await notification.follower.take(*batch)
    assert await tell.mailed(record) == [APPROVED, TAKEN]
    assert await tell.noted() == {(record, str(named))}
    (row,) = [row for row in await tell.ledger() if row["variant"] == TAKEN and row["channel"] == "email"]
    assert row["about"] == about


async def test_the_letters_leave(notification, tell):
    record, named = uuid4(), uuid4()
    await notification.know(record)
    await tell.take(record, case(named=named), *extract(named))
    while await notification.mails.round():
        pass
    assert sorted(mail["Subject"] for mail in notification.relay.kept) == [
        "Un extrait de votre dossier a été remis",
        "Un extrait de votre dossier est autorisé",
    ]


async def test_of_a_deleted_record_nothing_is_noted(notification, tell):
    record, neighbour = uuid4(), uuid4()
    for one in (record, neighbour):
        await tell.take(one, case(), death(), *extract(uuid4()))
    await tell.take(record, RecordDeleted(because="request"))
    partition = lambda one: partition_of(str(one), PARTITIONS)  # noqa: E731
    await Farewells(tell.follower.database, tell.follower.outbox, notification.keys, partition).once()
    assert {one for one, _ in await tell.noted()} == {neighbour}
    assert len(await tell.noted()) == 3


async def test_the_number_of_statements_does_not_grow_with_the_extracts(tell):
    counts = []
    for size in (1, 100):
        messages = [
            tell.message(record, body)
            for record in (uuid4() for _ in range(size))
            for named in (uuid4(),)
            for body in (*extract(uuid4(), 1), case(named=named), *extract(named, 1), death())
        ]
        await tell.follower.take(*messages)
        counts.append(tell.follower.statements[-1])
    assert counts[1] == counts[0] + 1  # many messages are copied into the outbox
