"""Doing together what many ask for one by one: what costs per transaction is then shared by those who ask meanwhile."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import Context
from typing import Final, Generic, TypeVar

from shared.database import is_transient

T = TypeVar("T")
R = TypeVar("R")

MOST: Final = 100
LULL_S: Final = 0.003
"""Who lingers waits no longer once nobody came for so many seconds."""
LATELY_S: Final = 1.0
"""How long the largest batch tells how many there are who come together, in seconds."""


class Together(Generic[T, R]):
    """Collects what is asked for while the last batch is at work, and does it as the next batch.

    Where a batch costs more than the items in it, the first item may be made to linger for others to come, and batches
    kept apart; by default neither. It lingers while others keep coming, until as many are there as came together
    lately: who asks alone waits once for nobody, and then no more.
    An item whose part in a batch fails is told its own error; where a batch fails as a whole, and not for a fault that
    passes, each of its items is tried by itself, so that one bad item hurts nobody else.
    """

    def __init__(
        self,
        work: Callable[[list[T]], Awaitable[Sequence[R | Exception]]],
        *,
        most: int = MOST,
        gather_s: float = 0.0,
        linger_s: float = 0.0,
    ) -> None:
        """Name the work.

        Args:
            work: Does a batch; gives for each item, in order, its result or its error. It has to end by itself in
                bounded time, and it has done all of the batch or nothing where it raises.
            most: Items in a batch at most.
            gather_s: Least time between the beginnings of two batches that are not full, in seconds.
            linger_s: How long a batch waits for more at most, once the one before it is done, in seconds.
        """
        self._work = work
        self._most = most
        self._gather_s = gather_s
        self._linger_s = linger_s
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._running: asyncio.Task[None] | None = None
        self._began = float("-inf")
        self._crowd = most
        self._crowded_at = float("-inf")
        self._enough = asyncio.Event()

    async def do(self, item: T) -> R:
        """Have an item done with others; gives its result or raises its error.

        Who is cancelled while waiting does not know whether the item was done.
        """
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._running is None:
            # in a context of its own: a batch belongs to no single request
            self._running = asyncio.create_task(self._run(), name="together", context=Context())
        elif len(self._waiting) >= self._crowd:
            self._enough.set()
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._gathered()
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                self._began = time.monotonic()
                self._remember(len(batch))
                await self._do(batch)
        finally:
            self._running = None
            for _, future in self._waiting:  # only where the process ends
                future.cancel()

    async def _gathered(self) -> None:
        """Wait until the next batch may begin, and for those who are still coming."""
        latest = time.monotonic() + self._linger_s
        apart = self._began + self._gather_s - time.monotonic()
        if apart > 0 and len(self._waiting) < self._most:
            await asyncio.sleep(apart)
        seen = 0
        self._enough.clear()
        while seen < len(self._waiting) < self._crowd and (left := latest - time.monotonic()) > 0:
            seen = len(self._waiting)
            with suppress(TimeoutError):
                async with asyncio.timeout(min(LULL_S, left)):
                    await self._enough.wait()

    def _remember(self, size: int) -> None:
        if size >= self._crowd or self._began - self._crowded_at > LATELY_S:
            self._crowd, self._crowded_at = size, self._began

    async def _do(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        batch = [one for one in batch if not one[1].done()]
        if not batch:
            return
        try:
            results = await self._work([item for item, _ in batch])
        except asyncio.CancelledError:
            for _, future in batch:
                future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - it is told to those who wait
            if len(batch) > 1 and not is_transient(error):
                for one in batch:
                    await self._do([one])
                return
            results = [error] * len(batch)
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
