"""A process that makes no progress ends itself, so that whoever supervises it starts it anew."""

import asyncio
import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable

from shared.observability import logger

CHECK_S = 1.0
ROUNDS = 3
"""Checks in a row that have to find the process stuck: one that was frozen shows old times at its first check."""
EXIT_CODE = 70
"""`EX_SOFTWARE` of sysexits: an internal fault."""

_log = logger("carnet.watchdog")


class Watchdog:
    """A thread that watches the event loop and what runs in it."""

    def __init__(self, stuck: Callable[[], str | None], *, patience_s: float) -> None:
        self._stuck = stuck
        self._patience_s = patience_s
        self._tick = time.monotonic()
        self.verdict: str | None = None
        """What makes no progress by the last check, or None; `/live` tells it."""
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    async def run(self) -> None:
        """Tick in the event loop until cancelled."""
        self._thread.start()
        rounds = 0
        while True:
            self._tick = time.monotonic()
            self.verdict = self._stuck()
            rounds = rounds + 1 if self.verdict is not None else 0
            if self.verdict is not None and rounds >= ROUNDS:
                self._end(self.verdict)
            await asyncio.sleep(CHECK_S)

    def _watch(self) -> None:
        before = time.monotonic()
        while True:
            time.sleep(CHECK_S)
            now = time.monotonic()
            if now - before > CHECK_S * 5:
                # the whole process was frozen, this thread with it: the loop gets its time anew
                self._tick = now
            before = now
            if now - self._tick > self._patience_s:
                self._end("event loop")

    def _end(self, what: str) -> None:
        _log.critical("stalled", loop=what)
        faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
        os._exit(EXIT_CODE)
