"""An update told after two weeks (AR-030) and a summary that is due (AR-006), by a clock that tests move."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from deploy.proof.made import make
from services.document.repository import Reminders
from shared.contracts.access_decisions import LifeChanged, RecordClosed, RecordReopened, RightsChanged
from shared.contracts.common import Act, Actor, ActorKind, FurtherAct
from shared.contracts.envelope import Envelope, Message
from shared.messaging import partition_of
from tests.integration.document.conftest import announced
from tests.support.documents import DOCTOR, NOW, decision, metadata, sample
from tests.support.system import PARTITIONS

pytestmark = pytest.mark.kafka
WITHHELD = {"confidentiality": frozenset({"N", "INVISIBLE_PATIENT"})}
BOTH = {"confidentiality": frozenset({"N", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX"})}
OPERATOR = Actor(kind=ActorKind.OPERATOR)
OTHER = "899700000035"
DAY = timedelta(days=1)


@pytest.fixture
def reminders(room, clock):
    return Reminders(room.database, room.outbox, lambda record: partition_of(str(record), PARTITIONS), clock=clock)


def event(record, body):
    return Message(Envelope(uuid4(), body.type_name, "access_control", NOW, uuid4()), str(record), body, "t", 0, 0)


def declared(record, professional=DOCTOR.number):
    body = RightsChanged(act=Act.DECLARE, actor=OPERATOR, professional=professional, rights_version=1)
    return event(record, body)


async def kinds(room, record):
    rows = await room.rows("SELECT type FROM outbox WHERE key = $1 ORDER BY number", str(record))
    told = [row["type"].split(".")[2] for row in rows]
    return [kind for kind in told if kind in {"update-to-tell", "summary-due"}]


async def told(room, record):
    return [one for one in await room.sent("document.events", record) if set(one) == {"hidden_from_representatives"}]


async def test_ar_030_an_update_is_told_after_two_weeks_once_and_names_no_document(room, record, clock, reminders):
    await room.stored(record, **WITHHELD)
    await room.stored(record, 1, **WITHHELD)
    await room.stored(uuid4(), 2)
    for days, wanted in ((13, 0), (14, 1), (15, 1), (60, 1)):
        clock.ahead = days * DAY
        assert not await reminders.unannounced()
        assert len(await told(room, record)) == wanted, days
    assert await told(room, record) == [{"hidden_from_representatives": False}]
    assert len(await room.rows("SELECT FROM outbox WHERE type = 'carnet.document.update-to-tell.v1'")) == 1


async def test_ar_030_several_processes_tell_it_once(room, record, clock, reminders):
    await room.stored(record, **WITHHELD)
    clock.ahead = 15 * DAY
    await asyncio.gather(*(reminders.unannounced() for _ in range(8)))
    assert len(await told(room, record)) == 1


async def test_ar_071_a_replacement_is_not_told_of_again(room, record, clock, reminders):
    await room.stored(record, **WITHHELD)
    clock.ahead = 15 * DAY
    await reminders.unannounced()
    for number in (1, 2):
        await room.stored(record, number, replaces=metadata(sample(number - 1)).unique_id, **WITHHELD)
    clock.ahead = 40 * DAY
    await reminders.unannounced()
    assert len(await told(room, record)) == 1


@pytest.mark.parametrize(("second", "hidden"), [(BOTH, True), (WITHHELD, False)])
async def test_ar_041_what_is_hidden_from_representatives_says_so(room, record, clock, reminders, second, hidden):
    await room.stored(record, **BOTH)
    await room.stored(record, 1, **second)
    clock.ahead = 14 * DAY
    await reminders.unannounced()
    assert await told(room, record) == [{"hidden_from_representatives": hidden}]


async def test_what_is_not_in_the_record_or_not_in_use_is_not_told(room, record, clock, reminders):
    await room.staged(record, **WITHHELD)
    closed = uuid4()
    await room.stored(closed, 1, **WITHHELD)
    await room.decide(event(closed, RecordClosed(actor=OPERATOR)))
    clock.ahead = 20 * DAY
    await reminders.unannounced()
    assert await told(room, record) == await told(room, closed) == []
    await room.decide(event(closed, RecordReopened(actor=OPERATOR)))
    await reminders.unannounced()
    assert len(await told(room, closed)) == 1


async def test_ar_006_a_summary_is_due_a_year_after_the_declaration_and_each_year(room, record, clock, reminders):
    await room.decide(declared(record))
    for days, wanted in ((364, 0), (365, 1), (366, 1), (729, 1), (731, 2)):
        clock.ahead = days * DAY
        assert not await reminders.summaries()
        assert await kinds(room, record) == ["summary-due"] * wanted, days
    assert (await room.sent("document.events", record))[0] == {"professional": DOCTOR.number}


async def test_ar_006_a_summary_of_his_own_puts_it_off_and_nobody_elses_does(room, record, clock, reminders):
    other = uuid4()
    for one, treating in ((record, DOCTOR.number), (other, OTHER)):
        await room.decide(declared(one, treating))
        deposit = await room.staged(one, content=make("synthesis"))
        await room.decide(decision(deposit, one))
    await room.rows("UPDATE treatment SET year_from = year_from - interval '200 days'")
    clock.ahead = 200 * DAY
    await reminders.summaries()
    assert (await kinds(room, record), await kinds(room, other)) == ([], ["summary-due"])
    clock.ahead = 366 * DAY
    await reminders.summaries()
    assert await kinds(room, record) == ["summary-due"], "a year after that summary"


async def test_ar_006_a_new_doctor_has_a_year_of_his_own_and_a_repeat_changes_nothing(room, record, clock, reminders):
    await room.decide(declared(record))
    await room.rows("UPDATE treatment SET year_from = year_from - interval '300 days'")
    await room.decide(declared(record))
    clock.ahead = 66 * DAY
    await reminders.summaries()
    assert await kinds(room, record) == ["summary-due"]
    await room.decide(declared(record, OTHER))
    clock.ahead = 360 * DAY
    await reminders.summaries()
    assert await kinds(room, record) == ["summary-due"]
    await room.decide(declared(record, None))
    clock.ahead = 3650 * DAY
    await reminders.summaries()
    assert await kinds(room, record) == ["summary-due"], "nobody is left to be reminded"


@pytest.mark.parametrize(
    ("out", "back"),
    [
        (RecordClosed(actor=OPERATOR), RecordReopened(actor=OPERATOR)),
        (
            LifeChanged(act=FurtherAct.SUSPEND, actor=OPERATOR, rights_version=2),
            LifeChanged(act=FurtherAct.LIFT, actor=OPERATOR, rights_version=3),
        ),
        (
            LifeChanged(act=FurtherAct.DECEASE, actor=OPERATOR, rights_version=2),
            LifeChanged(act=FurtherAct.DECEASE, actor=OPERATOR, rights_version=3, undone=True),
        ),
    ],
)
async def test_nobody_is_reminded_of_a_record_out_of_use(room, record, clock, reminders, out, back):
    await room.decide(declared(record), event(record, out))
    clock.ahead = 400 * DAY
    await reminders.summaries()
    assert await kinds(room, record) == []
    await room.decide(event(record, back), event(record, LifeChanged(act="activate", actor=OPERATOR, rights_version=4)))
    await reminders.summaries()
    assert await kinds(room, record) == ["summary-due"]


async def test_ar_055_with_a_deleted_record_goes_who_treated(room, record, clock, reminders):
    await room.decide(declared(record))
    await room.stored(record, **WITHHELD)
    await room.decide(announced(record))
    clock.ahead = 400 * DAY
    await reminders.summaries()
    await reminders.unannounced()
    assert await kinds(room, record) == []
    assert await room.rows("SELECT FROM treatment") == []


async def test_statements_do_not_grow_with_what_is_noted_or_told(room, clock, reminders):
    counts = []
    for size in (1, 30):
        records = [uuid4() for _ in range(size)]
        room.database.on_statements = (counted := []).append
        await room.decide(
            *(declared(one) for one in records), *(event(one, RecordReopened(actor=OPERATOR)) for one in records)
        )
        clock.ahead = 365 * DAY
        room.database.on_statements = lambda _: None
        await reminders.summaries()
        counts.append(counted)
        clock.ahead = timedelta()
        assert [await kinds(room, one) for one in records] == [["summary-due"]] * size
    assert counts[0] == counts[1]
