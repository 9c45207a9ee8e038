"""Makes faults happen in a local system, from outside: signals, kills, topics wiped. No service knows of it."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg
import psutil

from deploy.local import environment
from deploy.local.supervisor import Unit
from deploy.local.system import LocalSystem
from deploy.proof.checker.databases import connect
from deploy.proof.faults.schedule import Fault, Kind, writer
from shared.contracts.topics import registry

TICK_S = 0.1
CAUGHT_WITHIN_S = 15.0
HELD_S = 3.0
"""Shorter than the lock time-out of every role, so that holding the table hurts nobody."""
_PAUSE_S = 0.5
_LOOK_S = 0.01


@asynccontextmanager
async def tending(system: LocalSystem) -> AsyncIterator[None]:
    """Have the system's supervisor do its rounds inside an event loop, in the thread that started the system."""

    async def rounds() -> None:
        while True:
            system.supervisor.tick()
            await asyncio.sleep(TICK_S)

    task = asyncio.create_task(rounds())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Injector:
    """Does faults to one system and keeps a log of what came of each."""

    def __init__(self, system: LocalSystem) -> None:
        self._system = system
        self.log: list[str] = []
        self.done: list[Fault] = []
        """Faults that really happened."""

    async def run(self, fault: Fault) -> None:
        """Do one fault and undo it; returns when the system is left to itself again."""
        began = time.monotonic()
        match fault.kind:
            case Kind.KILL:
                happened = self._kill(fault.target)
            case Kind.FREEZE:
                happened = await self._freeze(fault)
            case Kind.FREEZE_INSIDE:
                happened = await self._freeze_inside(fault)
            case Kind.OUTAGE:
                happened = await self._outage(fault)
            case Kind.WIPE:
                happened = await self._wipe(fault.target)
            case Kind.WIPE_FROZEN:
                happened = await self._wipe_frozen(fault)
        if happened:
            self.done.append(fault)
        told = "" if happened else " (did not come about)"
        self.log.append(f"{fault.at_s:6.1f} s  {fault.kind} {fault.target}, {time.monotonic() - began:.1f} s{told}")

    def _units(self, service: str) -> list[Unit]:
        numbers = range(1, self._system.options.replicas + 1)
        return [self._system.unit(environment.unit(service, number)) for number in numbers]

    def _kill(self, name: str) -> bool:
        process: Any = self._system.unit(name).process
        alive = bool(process.running)
        process.kill()
        return alive

    async def _freeze(self, fault: Fault) -> bool:
        with frozen(self._system.unit(fault.target)) as stopped:
            await asyncio.sleep(fault.lasts_s)
        return stopped

    async def _outage(self, fault: Fault) -> bool:
        units = self._units(fault.target)
        for unit in units:
            unit.wanted = False
        await asyncio.gather(*(asyncio.to_thread(unit.process.stop) for unit in units))
        await asyncio.sleep(fault.lasts_s)
        for unit in units:
            unit.start(time.monotonic())
        return True

    async def _wipe(self, name: str) -> bool:
        options = self._system.options
        topic = registry(options.insurers, options.partitions)[name]
        await asyncio.to_thread(self._system.admin().wipe, topic)
        return True

    async def _wipe_frozen(self, fault: Fault) -> bool:
        with contextlib.ExitStack() as stack:
            stopped = [stack.enter_context(frozen(unit)) for unit in self._units(writer(fault.target))]
            await self._wipe(fault.target)
            await asyncio.sleep(fault.lasts_s)
        return all(stopped)

    async def _freeze_inside(self, fault: Fault) -> bool:
        pids = {unit.process.pid for unit in self._units(fault.target) if unit.process.pid is not None}
        stopped: set[int] = set()
        try:
            if not await self._insist_inside(fault.target, pids, stopped):
                return False
            await asyncio.sleep(fault.lasts_s)
        finally:
            for pid in stopped:
                with contextlib.suppress(psutil.NoSuchProcess):
                    psutil.Process(pid).send_signal(signal.SIGCONT)
        return True

    async def _insist_inside(self, service: str, pids: set[int], stopped: set[int]) -> bool:
        """Try until a batch is caught; an earlier fault may not be over yet."""
        end = time.monotonic() + CAUGHT_WITHIN_S
        while not await self._stopped_inside(service, pids, stopped):
            if time.monotonic() > end:
                return False
            await asyncio.sleep(_PAUSE_S)
        return True

    async def _stopped_inside(self, service: str, pids: set[int], stopped: set[int]) -> bool:
        """Freeze one of these processes inside a batch's transaction, between its first lock and its commit.

        We hold the table `progress`, which every batch writes after its other work; when a batch waits for it, its
        process is stopped and the table is let go: the statement ends, and nobody is there to go on. The table and not
        its rows: whoever locks rows one by one can meet a batch that locks them in another order.
        """
        admin_url = self._system.places.postgres_admin_url
        try:
            async with (
                _connected(admin_url, service) as looker,
                _connected(admin_url, service) as holder,
                _held(holder),
            ):
                await _stop_who_waits(looker, pids, stopped)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            return False
        return bool(stopped)


@contextmanager
def frozen(unit: Unit) -> Iterator[bool]:
    """SIGSTOP for the block, then SIGCONT; gives whether the process was there."""
    process: Any = unit.process
    alive = bool(process.running)
    process.send(signal.SIGSTOP)
    try:
        yield alive
    finally:
        process.send(signal.SIGCONT)


@asynccontextmanager
async def _connected(admin_url: str, service: str) -> AsyncIterator[Any]:
    """A connection; who looks at others needs one of his own, since within a transaction the view stands still."""
    connection = await connect(admin_url, service)
    try:
        yield connection
    finally:
        connection.terminate()


@asynccontextmanager
async def _held(connection: Any) -> AsyncIterator[None]:
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("LOCK TABLE progress IN SHARE MODE")
    try:
        yield
    finally:
        await transaction.rollback()


async def _stop_who_waits(connection: Any, pids: set[int], stopped: set[int]) -> None:
    end = time.monotonic() + HELD_S
    while time.monotonic() < end:
        rows = await connection.fetch(
            """
            SELECT client_port FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%INSERT INTO progress%'
            """,
        )
        for row in rows:
            pid = await asyncio.to_thread(_owner, row["client_port"], pids)
            if pid is not None:
                stopped.add(pid)
                psutil.Process(pid).send_signal(signal.SIGSTOP)
                return
        await asyncio.sleep(_LOOK_S)


def _owner(port: int, pids: set[int]) -> int | None:
    """Which of these processes has a connection from this port."""
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            connections = psutil.Process(pid).net_connections("tcp")
            if any(one.laddr and one.laddr.port == port for one in connections):
                return pid
    return None
