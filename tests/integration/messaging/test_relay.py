"""What the relay is handed in memory spares it reading, and changes nothing of what is sent."""

import asyncio
from uuid import UUID, uuid4

import pytest

from shared.messaging import Outbox, _cursors, partition_of, relay
from tests.support import counting
from tests.support.counting import Added
from tests.support.system import eventually


def in_partition(partition: int) -> UUID:
    return next(one for one in iter(uuid4, None) if partition_of(str(one), counting.PARTITIONS) == partition)


async def say(adder, engine, *sums, hand_over=True):
    """One transaction with messages of one place, as an HTTP route of this engine's process writes them."""
    outbox = Outbox("adder", adder.topics, engine.relay.wake if hand_over else list)
    async with adder.database.transaction() as tx:
        emits = [Added(sum=one) for one in sums]
        await outbox.append(tx, outbox.root(emits, cause=uuid4(), key=in_partition(0)))


async def cursor(adder):
    (row,) = await adder.rows('SELECT number, "offset", epoch FROM relay_cursor WHERE number > 0')
    return tuple(row)


def told(adder, *sums):
    """Everything arrived, once each for the reader, in order; and the cursor stands at the last."""

    async def check():
        assert (await adder.read_out())[0] == list(enumerate(sums, 1))
        assert (await cursor(adder))[0] == len(sums)

    return eventually(check)


@pytest.fixture
def counted(monkeypatch):
    """Statements of the relay's transactions that sent something; looking and verifying take one."""
    counts = []

    def listen(engine):
        engine.relay._database.on_statements = lambda count: count > 1 and counts.append(count)
        return counts

    return listen


async def test_a_message_at_rest_is_sent_with_two_statements_and_a_read_only_where_it_was_not_handed_over(
    adder, counted
):
    async with adder.running() as engine:
        counts = counted(engine)
        await say(adder, engine, 1)
        await told(adder, 1)
        await say(adder, engine, 2, 3)
        await told(adder, 1, 2, 3)
        await say(adder, engine, 4, hand_over=False)
        await told(adder, 1, 2, 3, 4)
        await say(adder, engine, 5)
        await told(adder, 1, 2, 3, 4, 5)
    # the first time the cursor is not known; what was not handed over is found by the sweep, and read
    assert counts == [2, 2, 3, 2]
    assert engine.relay.sent == 5


async def test_two_processes_that_write_one_place_in_turn_send_each_number_once(adder):
    async with adder.running() as one, adder.running() as two:
        for turn in range(1, 21):
            await say(adder, one if turn % 2 else two, turn)
            await told(adder, *range(1, turn + 1))
        number, offset, epoch = await cursor(adder)
        assert (number, offset, epoch) == (20, 19, 0)
        assert one.relay.sent + two.relay.sent == 20


async def test_what_is_remembered_of_a_cursor_that_went_back_is_not_used(adder, counted):
    """Another process found the topic torn: the epoch rose, and what it says holds."""
    async with adder.running() as engine:
        counts = counted(engine)
        await say(adder, engine, 1, 2, 3)
        await told(adder, 1, 2, 3)
        await adder.rows('UPDATE relay_cursor SET number = 1, "offset" = 0, epoch = 1 WHERE number > 0 RETURNING 1')
        await say(adder, engine, 4)
        await told(adder, 1, 2, 3, 4)
        assert (await cursor(adder))[2] == 1
        assert engine.relay.sent == 6  # 2 and 3 went twice, and the reader drops them
    assert counts[1] > 2


async def test_a_cursor_that_moved_since_it_was_looked_at_does_not_go_back(adder):
    """Between one relay's look at the cursor and its look at the topic another one sent: nothing is torn."""
    async with adder.running() as engine:
        await say(adder, engine, 1)
        await told(adder, 1)
        seen = next(one for one in await _cursors.all_cursors(adder.database) if one.number)
        await say(adder, engine, 2)
        await told(adder, 1, 2)
        async with adder.database.transaction() as tx:
            assert not await _cursors.go_back(tx, seen, 0, -1)
    assert await cursor(adder) == (2, 1, 0)


class Look:
    """Stands before the look into the topics: from now on each begins, and ends when it is let or told to fail."""

    def __init__(self, check) -> None:
        self.began = 0
        self.fault: Exception | None = None
        self.go_on = asyncio.Event()
        self._torn = check.torn

    async def torn(self, cursors):
        self.began += 1
        await self.go_on.wait()
        fault, self.fault = self.fault, None
        if fault is not None:
            self.go_on.clear()  # the next one waits, however soon it comes
            raise fault
        return await self._torn(cursors)


@pytest.fixture
def looks(monkeypatch):
    """Looks follow one another at once, each as long as the test wants."""
    monkeypatch.setattr(relay, "VERIFY_S", 0.01)

    async def begun(engine):
        look = Look(engine.relay._check)
        monkeypatch.setattr(engine.relay._check, "torn", look.torn)

        async def is_looking():
            assert look.began

        await eventually(is_looking)
        return look

    return begun


async def test_while_all_is_well_a_look_into_the_topics_holds_up_nothing(adder, looks):
    async with adder.running() as engine:
        await say(adder, engine, 1)
        await told(adder, 1)
        look = await looks(engine)
        await say(adder, engine, 2)
        await told(adder, 1, 2)
        assert look.began == 1, "it still looks"
    assert engine.relay._look is None, "who closes ends it"


async def test_after_a_look_that_failed_nothing_is_sent_before_one_succeeds(adder, looks):
    async with adder.running() as engine:
        await say(adder, engine, 1)
        await told(adder, 1)
        look = await looks(engine)
        look.fault = ConnectionAbortedError("planted")
        look.go_on.set()

        async def noticed():
            assert not engine.relay._verified

        await eventually(noticed)
        await say(adder, engine, 2)
        await asyncio.sleep(3 * relay.BACK_OFF_S)
        assert (await cursor(adder))[0] == 1
        look.go_on.set()
        await told(adder, 1, 2)
