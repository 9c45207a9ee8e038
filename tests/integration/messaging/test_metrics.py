"""What an operator sees of the messaging: each figure is set by what it counts."""

from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg

from shared.messaging import Failed, relay
from shared.observability import REGISTRY
from tests.integration.messaging.conftest import adding
from tests.support import counting
from tests.support.counting import Add
from tests.support.system import eventually


def value(name, **labels):
    return REGISTRY.get_sample_value(name, {"service": "adder"} | labels) or 0.0


def rising(name, **labels):
    """How much a figure has risen since now; the registry is one for all tests of a process."""
    before = value(name, **labels)
    return lambda: value(name, **labels) - before


class Failing:
    """A database whose first transactions of batches fail."""

    def __init__(self, database, *faults):
        self._database = database
        self._faults = list(faults)

    @asynccontextmanager
    async def transaction(self, first=""):
        if self._faults:
            raise self._faults.pop(0)
        async with self._database.transaction(first) as tx:
            yield tx


async def test_batches_are_measured_and_what_was_sent_is_counted(adder):
    batches = rising("carnet_batch_messages_count", loop="adding")
    messages = rising("carnet_batch_messages_sum", loop="adding")
    timed = rising("carnet_batch_seconds_count", loop="adding")
    seconds = rising("carnet_batch_seconds_sum", loop="adding")
    sent = rising("carnet_relay_sent_total", topic="test.out")
    async with adder.running() as engine:
        await adder.feed("test.in", [(uuid4(), Add(amount=1)) for _ in range(30)])

        async def done():
            assert sent() == 30

        await eventually(done)
    assert batches() == timed() == engine.lanes[0].batches
    assert messages() == 30
    assert seconds() > 0


async def test_what_is_parked_is_counted_by_its_reason(adder):
    malformed = rising("carnet_parked_total", topic="test.in", reason="malformed")
    internal = rising("carnet_parked_total", topic="test.in", reason="internal_error")
    record = uuid4()
    handlers = {counting.Add: counting.add, Failed: counting.failed}
    async with adder.running(adding(handlers=handlers)):
        await adder.feed("test.in", [(record, b"{"), (record, b""), (record, Add(amount=5, trouble="raise"))])

        async def done():
            assert (malformed(), internal()) == (2, 1)

        await eventually(done)


async def test_batches_that_were_tried_again_are_counted_by_the_kind_of_fault(adder):
    transient = rising("carnet_batch_failures_total", loop="adding", reason="transient")
    fault = rising("carnet_batch_failures_total", loop="adding", reason="fault")
    statement = asyncpg.UndefinedColumnError("planted")  # it can't be parked away
    async with adder.running(database=lambda one: Failing(one, OSError("planted"), statement)):
        await adder.feed("test.in", [(uuid4(), Add(amount=1))])

        async def done():
            assert sum((await adder.totals()).values()) == 1

        await eventually(done)
    assert (transient(), fault()) == (1, 1)


async def test_a_topic_that_is_sent_again_is_counted(adder, monkeypatch):
    monkeypatch.setattr(relay, "VERIFY_S", 0.5)
    rewinds = rising("carnet_relay_rewinds_total", topic="test.out")
    async with adder.running():
        await adder.feed("test.in", [(uuid4(), Add(amount=1)) for _ in range(20)])

        async def done():
            assert sum(len(numbers) for numbers in (await adder.read_out()).values()) == 20

        await eventually(done)
        assert rewinds() == 0
        adder.system.admin().wipe(adder.system.behind(adder.kafka.prefix, counting.OUT))

        async def healed():
            assert rewinds() > 0

        await eventually(healed)


async def test_the_age_of_progress_is_told_by_loop(adder):
    async with adder.running() as engine:
        ages = engine.figures().progress_age_s
        assert set(ages) == {"relay", "adding"}
        assert all(0 <= age < 30 for age in ages.values())
