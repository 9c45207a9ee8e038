"""A loop reports its turns: one that does not end is stuck, one that rests or fails is not."""

import asyncio
import time

from shared.loops import Loop


async def begun(loop: Loop, turns: asyncio.Semaphore) -> asyncio.Task[None]:
    task = asyncio.create_task(loop.run())
    await turns.acquire()
    await asyncio.sleep(0)
    return task


async def stuck_later(monkeypatch, loop: Loop, turns: asyncio.Semaphore) -> bool:
    task = await begun(loop, turns)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 1000)
    found = loop.stuck()
    monkeypatch.undo()
    task.cancel()
    return found


async def test_a_turn_that_never_ends_is_stuck(monkeypatch) -> None:
    turns = asyncio.Semaphore(0)

    async def hang() -> bool:
        turns.release()
        await asyncio.Event().wait()
        return False

    loop = Loop("hang", 3600, hang)
    assert not loop.stuck()
    assert await stuck_later(monkeypatch, loop, turns)


async def test_a_loop_that_rests_is_not_stuck(monkeypatch) -> None:
    turns = asyncio.Semaphore(0)

    async def once() -> bool:
        turns.release()
        return False

    assert not await stuck_later(monkeypatch, Loop("once", 3600, once), turns)


async def test_a_loop_that_backs_off_after_a_failure_is_not_stuck(monkeypatch) -> None:
    turns = asyncio.Semaphore(0)

    async def fail() -> bool:
        turns.release()
        raise ValueError("a bug")

    assert not await stuck_later(monkeypatch, Loop("fail", 3600, fail), turns)
