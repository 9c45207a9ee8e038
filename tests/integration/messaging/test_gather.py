"""What comes within a lane's gather is one batch; who comes alone does not wait for others."""

import asyncio
import time
from uuid import uuid4

from shared.messaging import partition_of
from tests.integration.messaging.conftest import adding
from tests.support import counting
from tests.support.counting import Add
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
