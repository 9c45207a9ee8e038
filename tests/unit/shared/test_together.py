"""Doing together: what is asked meanwhile forms the next batch, and nobody pays for another's fault."""

import asyncio

import pytest

from shared.together import Together


class Work:
    """Doubles numbers; refuses negative ones, breaks at 13, and records its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.passing_fault = False

    async def __call__(self, numbers: list[int]) -> list[int | Exception]:
        self.batches.append(numbers)
        await self.gate.wait()
        if self.passing_fault:
            raise ConnectionResetError
        if 13 in numbers:
            raise ZeroDivisionError
        return [ValueError(number) if number < 0 else 2 * number for number in numbers]


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def endless_lull(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.together.LULL_S", 60)


async def test_who_asks_alone_is_served_at_once(work: Work) -> None:
    together = Together(work, gather_s=60)
    assert await asyncio.wait_for(together.do(1), 1) == 2
    assert work.batches == [[1]]


async def test_what_is_asked_meanwhile_is_the_next_batch(work: Work) -> None:
    together = Together(work)
    work.gate.clear()
    asked = [asyncio.create_task(together.do(1))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asked += [asyncio.create_task(together.do(number)) for number in (2, 3, 4)]
    await asyncio.sleep(0)
    work.gate.set()
    assert await asyncio.gather(*asked) == [2, 4, 6, 8]
    assert work.batches == [[1], [2, 3, 4]]


async def test_a_batch_has_a_greatest_size(work: Work) -> None:
    together = Together(work, most=2)
    assert await asyncio.gather(*map(together.do, range(5))) == [0, 2, 4, 6, 8]
    assert [len(batch) for batch in work.batches] == [2, 2, 1]


async def test_a_full_batch_does_not_wait(work: Work) -> None:
    together = Together(work, most=2, gather_s=60)
    assert await asyncio.wait_for(asyncio.gather(*map(together.do, range(4))), 1) == [0, 2, 4, 6]


async def test_the_first_lingers_while_others_may_come(work: Work, endless_lull: None) -> None:
    together = Together(work, most=2, linger_s=60)
    first = asyncio.create_task(together.do(1))
    await asyncio.sleep(0.005)
    assert work.batches == []
    assert await asyncio.gather(first, together.do(2)) == [2, 4]
    assert work.batches == [[1, 2]]


async def test_a_lull_ends_the_lingering(work: Work) -> None:
    together = Together(work, linger_s=60)
    assert await asyncio.wait_for(together.do(1), 5) == 2


async def test_nobody_lingers_longer_than_is_said(work: Work, endless_lull: None) -> None:
    together = Together(work, linger_s=0.01)
    assert await asyncio.wait_for(together.do(1), 5) == 2


async def test_as_many_as_came_together_lately_wait_for_nobody(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    together = Together(work, linger_s=60)
    await asyncio.gather(*map(together.do, range(3)))
    monkeypatch.setattr("shared.together.LULL_S", 60)
    asked = [asyncio.create_task(together.do(number)) for number in (3, 4)]
    await asyncio.sleep(0.005)
    assert work.batches == [[0, 1, 2]]
    assert await asyncio.wait_for(asyncio.gather(*asked, together.do(5)), 5) == [6, 8, 10]
    assert work.batches == [[0, 1, 2], [3, 4, 5]]


async def test_who_came_alone_the_last_time_waits_for_nobody(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    together = Together(work, linger_s=60)
    await together.do(1)
    monkeypatch.setattr("shared.together.LULL_S", 60)
    assert await asyncio.wait_for(together.do(2), 5) == 4


async def test_how_many_came_together_is_forgotten(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    together = Together(work, linger_s=60)
    await asyncio.gather(*map(together.do, range(3)))
    monkeypatch.setattr("shared.together.LATELY_S", 0)
    await together.do(3)
    monkeypatch.setattr("shared.together.LULL_S", 60)
    assert await asyncio.wait_for(together.do(4), 5) == 8


async def test_an_items_own_error_is_told_to_it_alone(work: Work) -> None:
    together = Together(work)
    good, bad = await asyncio.gather(together.do(1), together.do(-1), return_exceptions=True)
    assert good == 2
    assert isinstance(bad, ValueError)


async def test_a_batch_that_breaks_is_done_one_by_one(work: Work) -> None:
    together = Together(work)
    results = await asyncio.gather(*map(together.do, (1, 13, 2)), return_exceptions=True)
    assert [results[0], results[2]] == [2, 4]
    assert isinstance(results[1], ZeroDivisionError)
    assert work.batches == [[1, 13, 2], [1], [13], [2]]


async def test_who_gives_up_while_others_are_tried_by_themselves_is_not_done(work: Work) -> None:
    together = Together(work)
    work.gate.clear()
    asked = [asyncio.create_task(together.do(number)) for number in (13, 1)]
    await asyncio.sleep(0.01)
    asked[1].cancel()
    work.gate.set()
    assert isinstance((await asyncio.gather(*asked, return_exceptions=True))[0], ZeroDivisionError)
    assert work.batches == [[13, 1], [13]]


async def test_a_fault_that_passes_is_told_to_all_and_not_repeated(work: Work) -> None:
    together = Together(work)
    work.passing_fault = True
    results = await asyncio.gather(*map(together.do, (1, 2)), return_exceptions=True)
    assert all(isinstance(result, ConnectionResetError) for result in results)
    assert work.batches == [[1, 2]]
    work.passing_fault = False
    assert await together.do(3) == 6


async def test_who_gives_up_before_its_turn_is_not_done(work: Work) -> None:
    together = Together(work)
    work.gate.clear()
    first = asyncio.create_task(together.do(1))
    await asyncio.sleep(0)
    given_up = asyncio.create_task(together.do(2))
    third = asyncio.create_task(together.do(3))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.sleep(0)
    work.gate.set()
    assert [await first, await third] == [2, 6]
    assert work.batches == [[1], [3]]
