"""A process ends where check after check finds it stuck; one that was frozen shows old times once."""

import asyncio

import pytest

from shared import watchdog
from shared.watchdog import ROUNDS, Watchdog


class EndedError(Exception):
    pass


@pytest.fixture
def ends(monkeypatch) -> list[int]:
    codes: list[int] = []

    def end(code: int) -> None:
        codes.append(code)
        raise EndedError

    monkeypatch.setattr(watchdog.os, "_exit", end)
    monkeypatch.setattr(watchdog, "CHECK_S", 0.001)
    monkeypatch.setattr(watchdog.faulthandler, "dump_traceback", lambda **_: None)
    return codes


def watching(*verdicts: str | None) -> Watchdog:
    left = list(verdicts)
    found = Watchdog(lambda: left.pop(0) if len(left) > 1 else left[0], patience_s=60)
    found._thread.run = lambda: None
    return found


async def test_what_stays_stuck_ends_the_process(ends) -> None:
    found = watching(None, "mail")
    with pytest.raises(EndedError):
        await asyncio.wait_for(found.run(), 5)
    assert (ends, found.verdict) == ([70], "mail")


async def test_what_is_stuck_for_a_check_or_two_does_not(ends) -> None:
    found = watching(*["lane"] * (ROUNDS - 1), None, *["lane"] * (ROUNDS - 1), None)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(found.run(), 0.2)
    assert (ends, found.verdict) == ([], None)
