"""What comes within a lane's gather is one batch; who comes alone does not wait for others.

What a lane does nothing with is noted together with what follows it, and holds up nobody.
"""

import asyncio
import time
from uuid import uuid4

from shared.messaging import partition_of
from tests.integration.messaging.conftest import adding
from tests.support import counting
from tests.support.counting import Add, Other
from tests.support.system import eventually

GATHER_S = 2.0
PEOPLE = [uuid4() for _ in range(20)]


def gathering(**changes):
    """Takes messages without numbers, so that a test can send them in any order."""
    totals = counting.Totals()
    return adding(topics=("test.requests",), store=totals, done=totals.done, gather_s=GATHER_S, **changes)


async def ready(engine):
    async def assigned():
        assert engine.lanes[0].kafka_consumer.assignment()

    await eventually(assigned)


async def send(adder, people, *, pause_s=0.0):
    producer = adder.kafka.producer()
    await producer.start()
    for person in people:
        place = partition_of(str(person), counting.PARTITIONS)
        await (await adder._send(producer, "test.requests", person, place, Add(amount=1), None))
        await asyncio.sleep(pause_s)
    await producer.stop()


async def sums_to(adder, expected):
    async def done():
        assert sum((await adder.totals()).values()) == expected

    await eventually(done)


async def test_what_comes_meanwhile_is_one_batch_whatever_its_partition(adder):
    async with adder.running(gathering()) as engine:
        await ready(engine)
        await send(adder, PEOPLE[:1])
        await sums_to(adder, 1)
        await send(adder, PEOPLE, pause_s=0.02)
        await sums_to(adder, 21)
        assert engine.lanes[0].batches == 2
        assert not engine.lanes[0].stuck(30)


async def test_who_comes_alone_does_not_wait(adder):
    async with adder.running(gathering()) as engine:
        await ready(engine)
        for turn in (1, 2):
            began = time.monotonic()
            await send(adder, PEOPLE[:1])
            await sums_to(adder, turn)
            assert time.monotonic() - began < GATHER_S
            await asyncio.sleep(GATHER_S)


async def test_a_lane_that_is_half_full_gathers_nothing(adder):
    async with adder.running(gathering(max_batch=2)) as engine:
        await ready(engine)
        began = time.monotonic()
        await send(adder, PEOPLE)
        await sums_to(adder, 20)
        assert time.monotonic() - began < 2 * GATHER_S
        assert engine.lanes[0].batches >= 10


async def noted(adder, engine, numbers):
    """Until the lane has noted so many messages."""

    async def reached():
        (row,) = await adder.rows("SELECT sum(last_number) AS numbers FROM progress")
        assert row["numbers"] == numbers
        assert sum(engine.lanes[0].lag().values()) == 0

    await eventually(reached)


async def test_what_is_passed_over_is_noted_with_the_next_message_which_does_not_wait(adder, monkeypatch):
    monkeypatch.setattr("shared.messaging._lane.HOLD_S", 60.0)
    person = PEOPLE[0]
    async with adder.running(adding()) as engine:
        await ready(engine)
        await adder.feed("test.in", [(person, Other())] * 5)
        await adder.feed("test.in", [(person, Other())] * 5, number_from=6)
        await adder.feed("test.in", [(person, Add(amount=1))], number_from=11)
        await sums_to(adder, 1)
        await noted(adder, engine, 11)
        assert engine.lanes[0].batches == 1


async def test_what_is_passed_over_is_noted_after_a_while_where_nothing_follows(adder, monkeypatch):
    monkeypatch.setattr("shared.messaging._lane.HOLD_S", 0.05)
    async with adder.running(adding()) as engine:
        await ready(engine)
        await adder.feed("test.in", [(PEOPLE[0], Other())] * 5)
        await noted(adder, engine, 5)


async def test_a_full_batch_of_what_is_passed_over_waits_for_nothing(adder, monkeypatch):
    monkeypatch.setattr("shared.messaging._lane.HOLD_S", 60.0)
    async with adder.running(adding(max_batch=10)) as engine:
        await ready(engine)
        await adder.feed("test.in", [(PEOPLE[0], Other())] * 20)
        await noted(adder, engine, 20)
        assert engine.lanes[0].batches == 2
