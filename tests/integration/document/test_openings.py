"""Withheld documents that open by themselves after a month (AR-031), by a clock that tests move."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.document.domain.opening import opens_at
from services.document.repository import Openings
from services.document.repository import openings as repository
from shared.contracts.access_decisions import RecordClosed
from shared.contracts.common import Actor, ActorKind
from shared.contracts.envelope import Envelope, Message, named_id
from shared.messaging import partition_of
from tests.integration.document.conftest import announced, wished
from tests.support.documents import DOCTOR, NOW, metadata, ordered, sample
from tests.support.system import PARTITIONS

pytestmark = pytest.mark.kafka

WITHHELD = {"confidentiality": {"N", "INVISIBLE_PATIENT"}}
UNIQUE = metadata(sample(0)).unique_id
SECOND = timedelta(seconds=1)
MONTH = timedelta(days=32)


@pytest.fixture
def openings(room, clock):
    return Openings(room.database, room.outbox, lambda record: partition_of(str(record), PARTITIONS), clock=clock)


async def row_of(room, document):
    (row,) = await room.rows("SELECT * FROM document WHERE id = $1", document)
    return dict(row)


async def told(room, record):
    return [one for one in await room.sent("document.events", record) if one.get("act") == "open_by_time"]


async def until(room, document):
    """How far its opening is ahead of the database's clock."""
    async with room.database.transaction() as tx:
        return opens_at((await row_of(room, document))["withheld_since"]) - await tx.clock()


async def test_ar_031_it_opens_after_a_month_to_the_second_once_and_is_told(room, record, clock, openings):
    document = await room.stored(record, **WITHHELD)
    plain = await room.stored(record, 1)
    before = await row_of(room, document)
    clock.ahead = await until(room, document) - 5 * SECOND
    assert not await openings.once()
    assert await row_of(room, document) == before
    clock.ahead += 6 * SECOND
    for _ in range(3):
        assert not await openings.once()
        assert await row_of(room, document) == before | {"withheld": False, "version": 2}
    assert await told(room, record) == [
        {
            "act": "open_by_time",
            "document": str(document),
            "actor": {"kind": "operator"} | (await told(room, record))[0]["actor"],
            "changed": True,
            "version": 2,
            "masked": False,
            "withheld": False,
            "hidden_from_representatives": False,
            "came_into_view": True,
        }
    ]
    assert "number" not in (await told(room, record))[0]["actor"]
    assert (await row_of(room, plain))["version"] == 1
    (cause,) = await room.rows("SELECT cause FROM outbox WHERE key = $1 AND type LIKE '%changed%'", str(record))
    assert cause["cause"] == named_id(document, "clock/open_by_time")


async def test_ar_031_it_is_chosen_by_the_moment_that_the_rule_says(room):
    """Each hour of four years, leap year and changes of the clock among them."""
    begin = datetime(2027, 1, 1, tzinfo=UTC)
    moments = [begin + timedelta(minutes=61 * at) for at in range(34_000)]
    rows = await room.rows(
        f"SELECT withheld_since, {repository.OPENS} AS opens FROM unnest($1::timestamptz[]) AS d (withheld_since)",
        moments,
    )
    late = [row["opens"] - opens_at(row["withheld_since"]) for row in rows]
    assert set(late) == {timedelta(0), timedelta(hours=1)}
    assert late.count(timedelta(hours=1)) <= 8, "an hour of four autumn nights"


async def test_ar_031_what_opens_later_does_not_stand_before_what_is_due(room, record, clock, openings, monkeypatch):
    """Of the 28th of January at noon and of the 31st in the morning the last is due first: both on the 28th."""
    monkeypatch.setattr(repository, "_CHOOSE", repository._CHOOSE.replace("LIMIT 100", "LIMIT 1"))
    monkeypatch.setattr(repository, "AT_ONCE", 1)
    noon, morning = await room.stored(record, **WITHHELD), await room.stored(record, 1, **WITHHELD)
    for document, since in ((noon, "2027-01-28 12:00+01"), (morning, "2027-01-31 08:00+01")):
        await room.rows(f"UPDATE document SET withheld_since = '{since}' WHERE id = $1", document)
    async with room.database.transaction() as tx:
        clock.ahead = datetime(2027, 2, 28, 8, tzinfo=UTC) - await tx.clock()
    assert await openings.once()
    assert [(await row_of(room, one))["withheld"] for one in (noon, morning)] == [True, False]


async def test_ar_031_several_processes_open_it_once(room, record, clock, openings):
    for seed in range(3):
        await room.stored(record, seed, **WITHHELD)
    clock.ahead = MONTH
    await asyncio.gather(*(openings.once() for _ in range(8)))
    assert len(await told(room, record)) == 3
    assert {row["version"] for row in await room.rows("SELECT version FROM document")} == {2}


async def test_ar_031_more_than_fit_into_one_turn_open_the_oldest_first(room, record, clock, openings, monkeypatch):
    monkeypatch.setattr(repository, "AT_ONCE", 2)
    monkeypatch.setattr(repository, "_CHOOSE", repository._CHOOSE.replace("LIMIT 100", "LIMIT 2"))
    for seed in range(5):
        await room.stored(record, seed, **WITHHELD)
    clock.ahead = MONTH
    assert [await openings.once() for _ in range(4)] == [True, True, False, False]
    assert len({one["document"] for one in await told(room, record)}) == 5


async def test_ar_071_a_replacement_opens_when_what_it_replaced_would_have(room, record, clock, openings):
    old = await room.stored(record, **WITHHELD)
    await room.rows("UPDATE document SET withheld_since = withheld_since - interval '10 days' RETURNING id")
    ahead = await until(room, old)
    new = await room.stored(record, 1, replaces=UNIQUE)
    clock.ahead = ahead + SECOND
    await openings.once()
    assert [(await row_of(room, one))["withheld"] for one in (old, new)] == [False, False]
    events = {one["document"]: one for one in await told(room, record)}
    assert set(events) == {str(old), str(new)}
    assert (events[str(old)]["came_into_view"], events[str(new)]["came_into_view"]) == (False, True)


@pytest.mark.parametrize("at_once", [1, 100])
async def test_ar_031_071_of_a_chain_the_end_of_the_month_comes_into_view_once(
    room, record, clock, openings, monkeypatch, at_once
):
    """However many turns it takes: each version opens by itself, the current one alone is new to the holder."""
    monkeypatch.setattr(repository, "AT_ONCE", at_once)
    monkeypatch.setattr(repository, "_CHOOSE", repository._CHOOSE.replace("LIMIT 100", f"LIMIT {at_once}"))
    oldest = await room.stored(record, **WITHHELD)
    newer = [await room.stored(record, seed, replaces=metadata(sample(seed - 1)).unique_id) for seed in (1, 2)]
    chain = [oldest, *newer]
    clock.ahead = MONTH
    for _ in range(4):
        await openings.once()
    assert {(await row_of(room, one))["withheld"] for one in chain} == {False}
    events = await told(room, record)
    assert sorted(one["document"] for one in events) == sorted(map(str, chain))
    assert [one["document"] for one in events if one["came_into_view"]] == [str(chain[2])]
    assert not any("version_of" in one or "request" in one for one in events)


async def test_ar_031_a_chain_that_was_announced_is_not_told_again_at_the_months_end(room, record, clock, openings):
    old = await room.stored(record, **WITHHELD)
    new = await room.stored(record, 1, replaces=UNIQUE)
    await room.decide(ordered(new, record, "announce", DOCTOR))
    assert [(await row_of(room, one))["withheld"] for one in (old, new)] == [False, False]
    clock.ahead = MONTH
    await openings.once()
    assert await told(room, record) == []


async def test_ar_025_what_waits_to_be_masked_opens_masked(room, record, clock, openings):
    await room.decide(wished(record))
    document = await room.stored(record, **WITHHELD)
    clock.ahead = MONTH
    await openings.once()
    row = await row_of(room, document)
    assert (row["masked"], row["withheld"]) == (True, False)
    (event,) = await told(room, record)
    assert (event["masked"], event["withheld"], event["came_into_view"]) == (True, False, True)


async def test_ar_031_it_opens_also_where_it_is_archived_or_the_record_is_out_of_use(room, record, clock, openings):
    document = await room.stored(record, **WITHHELD)
    body = RecordClosed(actor=Actor(kind=ActorKind.OPERATOR))
    closed = Message(Envelope(uuid4(), body.type_name, "access_control", NOW, uuid4()), str(record), body, "t", 0, 0)
    await room.decide(ordered(document, record, "archive", DOCTOR), closed)
    clock.ahead = MONTH
    await openings.once()
    assert (await row_of(room, document))["withheld"] is False
    assert len(await told(room, record)) == 1


async def test_ar_031_of_a_deleted_document_the_end_is_told_and_nothing_is_shown(room, record, clock, openings):
    """Its traces were kept from the holder, who finds them from now on."""
    document = await room.stored(record, **WITHHELD)
    await room.decide(ordered(document, record, "delete", DOCTOR))
    clock.ahead = MONTH
    for _ in range(2):
        await openings.once()
    (event,) = await told(room, record)
    assert (event["withheld"], event["came_into_view"], event["version"]) == (False, False, 3)
    assert (await row_of(room, document))["status"] == "deleted"


@pytest.mark.parametrize("how", ["announced", "staged", "held", "of a deleted record"])
async def test_what_is_announced_gone_or_not_there_yet_does_not_open(room, record, clock, openings, how):
    document = await (room.staged if how == "staged" else room.stored)(record, **WITHHELD)
    if how == "announced":
        await room.decide(ordered(document, record, "announce", DOCTOR))
    if how == "held":
        await room.rows("UPDATE document SET held_by = $1 RETURNING id", uuid4())
    if how == "of a deleted record":
        await room.decide(announced(record))
    before = await room.rows("SELECT * FROM document")
    clock.ahead = MONTH
    assert not await openings.once()
    assert await told(room, record) == []
    assert await room.rows("SELECT * FROM document") == before


async def test_what_is_announced_between_the_choice_and_the_turn_is_left(room, record, clock, openings, monkeypatch):
    document = await room.stored(record, **WITHHELD)
    clock.ahead = MONTH
    lock = repository.lock_partitions

    async def late(tx, partitions):
        await room.decide(ordered(document, record, "announce", DOCTOR))
        await lock(tx, partitions)

    monkeypatch.setattr(repository, "lock_partitions", late)
    await openings.once()
    assert await told(room, record) == []
    assert (await row_of(room, document))["version"] == 2


async def test_a_turn_that_ends_before_its_commit_is_made_up_for(room, record, clock, openings, monkeypatch):
    document = await room.stored(record, **WITHHELD)
    clock.ahead = MONTH

    async def broken(*_):
        raise ZeroDivisionError

    with monkeypatch.context() as once:
        once.setattr(room.outbox, "append", broken)
        with pytest.raises(ZeroDivisionError):
            await openings.once()
    assert (await row_of(room, document))["withheld"] is True
    await openings.once()
    assert len(await told(room, record)) == 1


async def test_statements_do_not_grow_with_what_opens(room, clock, openings):
    counts = []
    for size in (1, 30):
        records = [uuid4() for _ in range(size)]
        for seed, one in enumerate(records):
            await room.stored(one, seed, **WITHHELD)
        clock.ahead = MONTH
        room.database.on_statements = (counted := []).append
        await openings.once()
        room.database.on_statements = lambda _: None
        counts.append(counted)
        assert [len(await told(room, one)) for one in records] == [1] * size
    assert counts[0] == counts[1]
