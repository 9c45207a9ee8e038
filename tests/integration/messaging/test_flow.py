"""Messages through a consumer and its outbox on the real broker and database: once each, in order, without gaps."""

import random
from uuid import UUID, uuid4

import pytest

from shared.messaging import Failed, engine, outbox, partition_of
from tests.integration.messaging.conftest import adding
from tests.support import counting
from tests.support.counting import Add, Other
from tests.support.system import eventually


def records(count: int) -> list[UUID]:
    return [uuid4() for _ in range(count)]


async def test_every_message_is_done_once_in_order_and_told_without_gaps(adder):
    people = records(20)
    work = [(random.choice(people), Add(amount=random.randint(1, 9))) for _ in range(1000)]
    expected: dict[UUID, int] = {}
    for record, body in work:
        expected[record] = expected.get(record, 0) + body.amount
    async with adder.running():
        await adder.feed("test.in", work)

        async def done():
            assert await adder.totals() == expected
            assert sum(len(told) for told in (await adder.read_out()).values()) == 1000

        await eventually(done)
    for told in (await adder.read_out()).values():
        assert [number for number, _ in told] == list(range(1, len(told) + 1))


async def test_a_second_delivery_of_everything_changes_nothing(adder):
    people = records(5)
    work = [(random.choice(people), Add(amount=1)) for _ in range(200)]
    async with adder.running():
        await adder.feed("test.in", work)
        await adder.feed("test.in", work)
        await adder.feed("test.in", [(people[0], Add(amount=1000))], number_from=next_number(people[0], work))

        async def done():
            totals = await adder.totals()
            assert sum(totals.values()) == 1200
            assert totals[people[0]] > 1000

        await eventually(done)


def next_number(record, work):
    mine = partition_of(str(record), counting.PARTITIONS)
    return sum(partition_of(str(one), counting.PARTITIONS) == mine for one, _ in work) + 1


async def test_two_replicas_share_the_work_and_do_nothing_twice(adder):
    people = records(40)
    work = [(random.choice(people), Add(amount=1)) for _ in range(2000)]
    async with adder.running(), adder.running():
        await adder.feed("test.in", work)

        async def done():
            assert sum((await adder.totals()).values()) == 2000
            told = await adder.read_out()
            assert sum(len(numbers) for numbers in told.values()) == 2000

        await eventually(done)
        for told in (await adder.read_out()).values():
            assert [number for number, _ in told] == list(range(1, len(told) + 1))


async def test_a_bad_message_is_parked_with_its_reason_and_its_neighbours_pass(adder):
    record = uuid4()
    bad = [b"{", b'{"amount": "many"}', b""]
    async with adder.running():
        await adder.feed(
            "test.in", [(record, Add(amount=1)), *((record, body) for body in bad), (record, Add(amount=2))]
        )

        async def done():
            assert await adder.totals() == {record: 3}
            rows = await adder.rows("SELECT reason, detail, consumer FROM parked")
            assert [row["reason"] for row in rows] == ["malformed"] * 3
            assert all("test.add.v1" in row["detail"] for row in rows)
            assert not any("many" in row["detail"] for row in rows)

        await eventually(done)


async def test_a_handler_that_raises_hurts_its_message_only(adder):
    record = uuid4()
    handlers = {counting.Add: counting.add, Failed: counting.failed}
    work = [(record, Add(amount=1)), (record, Add(amount=5, trouble="raise")), (record, Add(amount=2))]
    async with adder.running(adding(handlers=handlers)):
        await adder.feed("test.in", work)

        async def done():
            assert await adder.totals() == {record: 3}
            told = [sum_ for numbers in (await adder.read_out()).values() for _, sum_ in numbers]
            assert told == [1, -1, 3]
            assert len(await adder.rows("SELECT 1 FROM parked WHERE reason = 'internal_error'")) == 1

        await eventually(done)


async def test_a_bad_release_stops_the_line_although_some_messages_pass(adder, monkeypatch):
    """Nine of ten fail, in every batch: most of them are still waiting when the line stops, and not parked."""
    monkeypatch.setattr(engine, "GRACEFUL_S", 0.5)  # a line that is stopped does not end its batch
    record = uuid4()
    tens = [(record, Add(amount=1, trouble="" if number % 10 == 0 else "raise")) for number in range(300)]
    async with adder.running(adding(max_batch=10)) as running:
        await adder.feed("test.in", tens)

        async def stopped():
            assert "stopped by a fault" in (running.not_ready() or "")

        await eventually(stopped)
        (parked,) = await adder.rows("SELECT count(*) AS n FROM parked")
        assert 50 <= parked["n"] < 100
        assert running.stuck() is None


async def test_a_change_that_the_database_refuses_is_found_by_halving(adder):
    """The check constraint refuses one sum among many; it alone is parked and the others are saved."""
    people = records(30)
    work = [(record, Add(amount=1)) for record in people]
    culprit = uuid4()
    work.insert(17, (culprit, Add(amount=5_000_000)))
    async with adder.running():
        await adder.feed("test.in", work)

        async def done():
            assert await adder.totals() == dict.fromkeys(people, 1)
            assert len(await adder.rows("SELECT 1 FROM parked")) == 1

        await eventually(done)


async def test_types_without_a_handler_are_passed_over_and_unknown_ones_parked(adder):
    record = uuid4()
    unknown = counting.Added(sum=3)  # a type that this topic does not carry
    async with adder.running():
        await adder.feed("test.in", [(record, Other()), (record, unknown), (record, Add(amount=4))])

        async def done():
            assert await adder.totals() == {record: 4}
            assert [row["reason"] for row in await adder.rows("SELECT reason FROM parked")] == ["unknown_type"]

        await eventually(done)


async def test_a_topic_without_numbers_is_deduplicated_by_message_id(adder):
    record, identity = uuid4(), uuid4()
    totals = counting.Totals()
    async with adder.running(adding(topics=("test.requests",), store=totals, done=totals.done)):
        producer = adder.kafka.producer()
        await producer.start()
        place = partition_of(str(record), counting.PARTITIONS)
        for _ in range(3):
            await (await adder._send(producer, "test.requests", record, place, Add(amount=7), None, identity))
        await (await adder._send(producer, "test.requests", record, place, Add(amount=1), None))
        await producer.stop()

        async def done():
            assert await adder.totals() == {record: 8}

        await eventually(done)


@pytest.mark.parametrize(("few", "statements"), [(1_000_000, 6), (0, 7)], ids=["stored", "copied"])
async def test_a_batch_costs_the_same_number_of_statements_whatever_its_size(adder, monkeypatch, few, statements):
    monkeypatch.setattr(outbox, "FEW", few)
    counted: list[int] = []

    def listening(database):
        database.on_statements = counted.append
        return database

    people = records(50)
    async with adder.running(database=listening):
        await adder.feed("test.in", [(record, Add(amount=1)) for record in people * 8])

        async def done():
            assert sum((await adder.totals()).values()) == 400

        await eventually(done)
    # lock, progress, load, save twice, and one that moves progress, counts and stores; many messages are copied by one
    assert set(counted) == {statements}


async def test_a_missing_number_holds_back_what_follows_until_it_comes(adder):
    record = uuid4()
    async with adder.running() as engine:
        await adder.feed("test.in", [(record, Add(amount=1))])
        await adder.feed("test.in", [(record, Add(amount=100))], number_from=3)

        async def waiting():
            assert await adder.totals() == {record: 1}
            assert engine.figures().oldest_gap_s > 0

        await eventually(waiting)
        await adder.feed("test.in", [(record, Add(amount=10))], number_from=2)

        async def done():
            assert await adder.totals() == {record: 111}
            assert engine.figures().oldest_gap_s == 0

        await eventually(done)


async def test_a_record_in_the_wrong_partition_is_parked(adder):
    record = uuid4()
    wrong = (partition_of(str(record), counting.PARTITIONS) + 1) % counting.PARTITIONS
    async with adder.running():
        producer = adder.kafka.producer()
        await producer.start()
        await (await adder._send(producer, "test.in", record, wrong, Add(amount=7), 1))
        await producer.stop()

        async def done():
            rows = await adder.rows("SELECT detail FROM parked")
            assert len(rows) == 1 and "another partition" in rows[0]["detail"]

        await eventually(done)
    assert await adder.totals() == {}
