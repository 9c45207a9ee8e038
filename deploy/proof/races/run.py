"""Runs races on a system with two processes that decide, and hurts these meanwhile."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from deploy.local import environment
from deploy.local.system import LocalSystem
from deploy.proof.checker import Verdict
from deploy.proof.checker.databases import connect
from deploy.proof.faults.inject import Injector
from deploy.proof.faults.schedule import POSTGRES, SESSION_S, TRANSACTION_TIMEOUT_S, Fault, Kind
from deploy.proof.load import Load, Target
from deploy.proof.races.judge import happened, judge, permitted
from deploy.proof.races.plan import Plan, Restriction, plans
from deploy.proof.races.race import Begun, Ground, Hand, Race, RaceError
from shared.contracts.topics import ACCESS_CONTROL, DOCUMENT

FAULTS: Final = (
    Fault(0, Kind.FREEZE, environment.unit(ACCESS_CONTROL, 1), SESSION_S + 1.5),
    Fault(0, Kind.FREEZE, environment.unit(DOCUMENT, 1), TRANSACTION_TIMEOUT_S + 1),
    Fault(0, Kind.KILL, environment.unit(ACCESS_CONTROL, 2)),
    Fault(0, Kind.FREEZE_INSIDE, ACCESS_CONTROL, TRANSACTION_TIMEOUT_S + 1),
    Fault(0, Kind.FREEZE, environment.unit(ACCESS_CONTROL, 2), SESSION_S / 4),
    Fault(0, Kind.FREEZE, environment.unit(DOCUMENT, 2), 1.0),
)
"""One after the other, over and over: a freeze longer than the session takes a process its partitions and leaves a
zombie, as a kill does; one of document lasts longer than a permit, and a short one nobody notices."""
PAUSE_S: Final = 1.5
_LOOK_S: Final = 0.2
_BACK_S: Final = 60.0
Progress = Callable[[int], None]


@dataclass
class Outcome:
    """What came of a run."""

    verdict: Verdict
    faults: list[str] = field(default_factory=list)
    """What was done to the processes, and when."""
    seconds: float = 0.0


async def keep_commit_times(system: LocalSystem) -> None:
    """Have the database note when each transaction commits; restarts it. Under a supervisor at work.

    Raises:
        TimeoutError: it did not come back.
    """
    connection = await connect(system.places.postgres_admin_url, DOCUMENT)
    await connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    await connection.close()
    unit = system.unit(POSTGRES)
    restarts = unit.restarts
    await asyncio.to_thread(unit.process.stop)
    end = time.monotonic() + _BACK_S
    while unit.restarts == restarts or not unit.probe() or not system.ready:
        if time.monotonic() > end:
            raise TimeoutError(f"the database was not back after {_BACK_S:g} s: see {unit.process.log}")
        await asyncio.sleep(_LOOK_S)


async def run(
    system: LocalSystem,
    target: Target,
    *,
    races: int,
    seed: int,
    grounds: int,
    faults: Sequence[Fault] = FAULTS,
    pause_s: float = PAUSE_S,
    progress: Progress = lambda _: None,
) -> Outcome:
    """Run at least so many races, and go on until each fault has been done once; then judge.

    Args:
        system: runs, under a supervisor at work.
        target: connected to it, its replies being read.
        races: how many.
        seed: decides races and the order of faults.
        grounds: records on which they run at the same time.
        faults: what is done to the processes in turn; none for a calm run.
        pause_s: between two of them, on average.
        progress: called with the number of races that are over.
    """
    began = time.monotonic()
    load = Load(target, seed, grounds)
    await load.open_records()
    running = _Running(plans(seed), races, progress)
    injector = Injector(system)
    hurting = asyncio.create_task(_hurt(injector, faults, seed, running, pause_s))
    hand = Hand(target)
    try:
        async with asyncio.TaskGroup() as finishing:
            await asyncio.gather(*(running.on(Ground(hand, record), finishing) for record in load.records))
    finally:
        hurting.cancel()
        await asyncio.gather(hurting, return_exceptions=True)
    verdict = await _judged(system, load.records, running, injector, needed=bool(faults))
    return Outcome(verdict, injector.log, time.monotonic() - began)


class _Running:
    """The races of a run: on each record they begin one after the other."""

    def __init__(self, made: Iterator[Plan], wanted: int, progress: Progress) -> None:
        self._made = made
        self._wanted = wanted
        self._progress = progress
        self._begun = 0
        self.hurt_all = False
        """Set once each fault has been done."""
        self.done: list[tuple[Restriction, Race]] = []
        self.failures: list[str] = []

    async def on(self, ground: Ground, finishing: asyncio.TaskGroup) -> None:
        """Race on one record until there are enough; nobody waits there for permits to run out."""
        while self._begun < self._wanted or not self.hurt_all:
            self._begun += 1
            plan = next(self._made)
            try:
                begun = await ground.begin(plan)
            except RaceError as error:
                self.failures.append(str(error))
            else:
                finishing.create_task(self._finish(ground, plan, begun))

    async def _finish(self, ground: Ground, plan: Plan, begun: Begun) -> None:
        self.done.append((plan.restriction, await ground.finish(begun)))
        self._progress(len(self.done))


async def _hurt(injector: Injector, faults: Sequence[Fault], seed: int, running: _Running, pause_s: float) -> None:
    """Do the faults in turn, each time in another order, until the races are over."""
    running.hurt_all = not faults
    began, chance = time.monotonic(), random.Random(f"hurt {seed}")
    while faults:
        for fault in chance.sample(faults, len(faults)):
            await asyncio.sleep(pause_s * chance.uniform(0.5, 1.5))
            await injector.run(replace(fault, at_s=time.monotonic() - began))
        running.hurt_all = True


async def _judged(
    system: LocalSystem, records: Sequence[UUID], running: _Running, injector: Injector, *, needed: bool
) -> Verdict:
    admin = system.places.postgres_admin_url
    return judge(
        running.done,
        await happened(admin, records),
        await permitted(admin, records),
        failures=running.failures,
        faults=[f"{fault.kind} {fault.target}" for fault in injector.done],
        faults_needed=needed,
    )
