"""A Kafka client cancels futures of its own; that must end nobody's task, and no task may end unseen."""

import asyncio

import pytest

from shared.messaging import Kafka
from shared.messaging._kafka import cancellation_is_ours, started, stopped
from shared.messaging.engine import Engine
from shared.messaging.relay import Relay

KAFKA = Kafka("127.0.0.1:1", "nobody", None, None)


async def given_up():
    """What a broken client does to whoever waits for it."""
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


async def test_a_client_that_gives_up_is_a_fault_of_the_connection():
    with pytest.raises(ConnectionAbortedError), cancellation_is_ours():
        await given_up()


async def test_a_time_out_stays_a_time_out():
    with pytest.raises(TimeoutError), cancellation_is_ours():
        async with asyncio.timeout(0.01):
            await asyncio.sleep(10)


async def test_who_is_cancelled_is_cancelled():
    async def waits():
        with cancellation_is_ours():
            await asyncio.sleep(10)

    task = asyncio.create_task(waits())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("step", [started, stopped])
async def test_a_cancellation_that_comes_as_a_client_is_done_is_not_lost(step):
    class Client:
        async def start(self):
            asyncio.get_running_loop().call_soon(task.cancel)

        stop = start

    async def works():
        await step(Client())
        await asyncio.sleep(10)

    task = asyncio.create_task(works())
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(5):
            await task


async def test_the_relay_outlives_a_client_that_gives_up(monkeypatch):
    relay = Relay("document", None, KAFKA, [])
    turns = []

    async def once():
        turns.append(1)
        if len(turns) > 1:
            relay.stop()
        await given_up()

    monkeypatch.setattr(relay, "_once", once)
    monkeypatch.setattr("shared.messaging.relay.BACK_OFF_S", 0.0)
    await asyncio.wait_for(relay.run(), 5)
    assert len(turns) == 2


@pytest.mark.parametrize("end", ["cancelled", "returned", "failed"])
async def test_a_task_that_ends_by_itself_is_a_failure(end):
    async def work():
        if end == "failed":
            raise ValueError("a bug")
        if end == "cancelled":
            await given_up()

    engine = Engine.__new__(Engine)
    engine._tasks = [asyncio.create_task(work())]
    await asyncio.wait(engine._tasks)
    assert isinstance(engine.failure(), ValueError if end == "failed" else RuntimeError)


class EndsWith:
    """A client whose start and stop end at the very moment at which who waits for them is cancelled."""

    def __init__(self, waiting: asyncio.Task) -> None:
        self._waiting = waiting

    async def start(self) -> None:
        self._waiting.cancel()

    async def stop(self) -> None:
        self._waiting.cancel()


@pytest.mark.parametrize("wait", [started, stopped])
async def test_a_cancellation_is_not_forgotten_where_what_was_waited_for_ends_with_it(wait) -> None:
    went_on = False

    async def work() -> None:
        nonlocal went_on
        await wait(EndsWith(asyncio.current_task()))
        went_on = True

    task = asyncio.create_task(work())
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    assert not went_on
