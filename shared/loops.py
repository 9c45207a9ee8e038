"""Work that no message starts: timers, mail, clean-up. Jittered, and patient with faults that pass."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shared.database import is_transient
from shared.observability import logger

JITTER = 0.1
BACK_OFF_S = 1.0

_log = logger("carnet.loops")


@dataclass(frozen=True)
class Loop:
    """Calls something again and again."""

    name: str
    interval_s: float
    call: Callable[[], Awaitable[bool]]
    """Does a bounded piece of work; True where more may be waiting."""

    async def run(self) -> None:
        """Run until cancelled; a transient fault is waited out, a bug is told and tried again."""
        while True:
            try:
                more = await self.call()
            except Exception as error:  # noqa: BLE001 - one bad turn must not end the loop for ever
                level = _log.warning if is_transient(error) else _log.error
                level("loop_failed", loop=self.name, exc_info=error)
                await asyncio.sleep(max(BACK_OFF_S, self.interval_s))
                continue
            if not more:
                await asyncio.sleep(self.interval_s * random.uniform(1 - JITTER, 1 + JITTER))
