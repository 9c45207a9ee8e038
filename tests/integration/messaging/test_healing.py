"""The relay after disasters: a wiped topic is sent again, with the same numbers in the same order."""

import random
from uuid import uuid4

import pytest

from shared.messaging import relay
from tests.support import counting
from tests.support.counting import Add
from tests.support.system import eventually


@pytest.fixture(autouse=True)
def looks_often(monkeypatch):
    monkeypatch.setattr(relay, "VERIFY_S", 0.5)


async def complete(adder, count):
    told = await adder.read_out()
    assert sum(len(numbers) for numbers in told.values()) == count
    for numbers in told.values():
        assert [number for number, _ in numbers] == list(range(1, len(numbers) + 1))
    return told


async def test_a_wiped_topic_is_sent_again_as_it_was(adder):
    people = [uuid4() for _ in range(20)]
    async with adder.running() as engine:
        await adder.feed("test.in", [(random.choice(people), Add(amount=1)) for _ in range(300)])
        await eventually(lambda: complete(adder, 300))
        before = await adder.read_out()
        adder.system.admin().wipe(adder.system.behind(adder.kafka.prefix, counting.OUT))
        await eventually(lambda: complete(adder, 300))
        assert await adder.read_out() == before
        assert engine.relay.healed > 0


async def test_what_is_stored_while_no_relay_runs_is_sent_at_the_next_start(adder):
    record = uuid4()
    async with adder.running() as engine:
        engine._tasks[0].cancel()  # the process is killed between its commit and its relay
        await adder.feed("test.in", [(record, Add(amount=1)) for _ in range(10)])

        async def stored():
            assert await adder.totals() == {record: 10}

        await eventually(stored)
        assert sum(len(numbers) for numbers in (await adder.read_out()).values()) == 0
    async with adder.running():
        await eventually(lambda: complete(adder, 10))


async def test_two_relays_at_once_send_everything_once_for_the_reader(adder):
    people = [uuid4() for _ in range(20)]
    async with adder.running() as one, adder.running() as two:
        await adder.feed("test.in", [(random.choice(people), Add(amount=1)) for _ in range(500)])
        for relay in (one.relay, two.relay):
            relay._dirty.update(relay._places)
            relay.wake([])
        await eventually(lambda: complete(adder, 500))


async def test_a_cursor_that_claims_too_much_goes_back(adder):
    """As after a broker that lost what it had acknowledged."""
    record = uuid4()
    async with adder.running():
        await adder.feed("test.in", [(record, Add(amount=1)) for _ in range(10)])
        await eventually(lambda: complete(adder, 10))
        async with adder.database.transaction() as tx:
            await tx.execute('UPDATE relay_cursor SET "offset" = "offset" + 100 WHERE number > 0')

        async def healed():
            rows = await adder.rows("SELECT number, epoch FROM relay_cursor WHERE number > 0")
            assert [(row["number"], row["epoch"]) for row in rows] == [(10, 1)]

        await eventually(healed)
        await eventually(lambda: complete(adder, 10))
