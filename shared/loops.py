"""Work that no message starts: timers, mail, clean-up. Jittered, and patient with faults that pass."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from shared.database import is_transient
from shared.observability import logger

JITTER = 0.1
BACK_OFF_S = 1.0
TURN_S = 300.0
"""One turn is many calls and transactions, each with a time-out of its own; one that lasts longer than this hangs."""

_log = logger("carnet.loops")


@dataclass(eq=False)
class Loop:
    """Calls something again and again."""

    name: str
    interval_s: float
    call: Callable[[], Awaitable[bool]]
    """Does a bounded piece of work; True where more may be waiting."""
    limit_s: float = TURN_S
    """A turn that lasts longer makes no progress: the watchdog ends the process."""
    _began_at: float | None = field(default=None, init=False)

    def stuck(self) -> bool:
        """True where a turn has lasted longer than it may."""
        return self._began_at is not None and time.monotonic() - self._began_at >= self.limit_s

    async def run(self) -> None:
        """Run until cancelled; a transient fault is waited out, a bug is told and tried again."""
        while True:
            self._began_at = time.monotonic()
            try:
                more = await self.call()
            except Exception as error:  # noqa: BLE001 - one bad turn must not end the loop for ever
                level = _log.warning if is_transient(error) else _log.error
                level("loop_failed", loop=self.name, exc_info=error)
                self._began_at = None
                await asyncio.sleep(max(BACK_OFF_S, self.interval_s))
                continue
            self._began_at = None
            if not more:
                await asyncio.sleep(self.interval_s * random.uniform(1 - JITTER, 1 + JITTER))
