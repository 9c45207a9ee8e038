"""A seeded run: a load, clients at the doors and an insurer, faults meanwhile, then the verdict."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from deploy.local.system import LocalSystem
from deploy.proof.checker import Verdict, check
from deploy.proof.checker.gather import gather, quiet
from deploy.proof.checker.sources import Sources
from deploy.proof.checker.verdict import Finding, finding
from deploy.proof.faults.inject import Injector, tending
from deploy.proof.faults.outside import Outside, outside
from deploy.proof.faults.schedule import SESSION_S, Fault
from deploy.proof.load import Load, Step, connected

SETTINGS = {"CARNET_KAFKA_SESSION_TIMEOUT_S": str(SESSION_S)}
"""A dead replica's partitions are taken over soon, so that a freeze has a zombie for its end."""


@dataclass
class Run:
    """What came of a run."""

    verdict: Verdict
    faults: list[str] = field(default_factory=list)
    """What was done, and when."""
    happened: list[Fault] = field(default_factory=list)
    told: dict[str, int] = field(default_factory=dict)
    """What the load counted."""
    opened_per_s: float = 0.0
    late_s: float = 0.0
    healed_s: float | None = None
    """From the end of load and faults until everything was done; None where it did not come so in time."""
    seconds: float = 0.0


async def run(
    system: LocalSystem,
    *,
    seed: int,
    records: int,
    steps: Iterable[Step],
    beside: Outside,
    faults: Iterable[Fault] = (),
) -> Run:
    """Load a running system, hurt it, wait until it has healed, and judge what it left behind.

    Args:
        system: runs.
        seed: decides whom the load is about.
        records: how many the load works on.
        steps: the load, which plays the gateway itself.
        beside: what comes through the real doors and from an insurer meanwhile.
        faults: what is done to the system meanwhile.
    """
    began = time.monotonic()
    async with tending(system), connected(system) as target, outside(system, seed, beside) as others:
        load = Load(target, seed, records)
        opened = await load.open_records()
        injector = Injector(system)
        async with asyncio.TaskGroup() as group:
            group.create_task(load.run(steps))
            group.create_task(others.run())
            group.create_task(_hurt(injector, faults))
        sources = Sources.of(system)
        healed = await quiet(sources)
        facts = await gather(sources, acknowledged=load.told.acknowledged(load.records), canaries=load.canary.words)
        seen = await others.judged(sources, facts)
    judged = await asyncio.to_thread(check, facts, sources.topics)
    return Run(
        verdict=Verdict((*judged.findings, *seen, *_about_the_run(load, healed)), judged.seconds, judged.counts),
        faults=injector.log,
        happened=injector.done,
        told={str(name): count for name, count in load.told.counts.items()} | others.counts(),
        opened_per_s=opened,
        late_s=load.late_s,
        healed_s=healed,
        seconds=time.monotonic() - began,
    )


async def _hurt(injector: Injector, faults: Iterable[Fault]) -> None:
    began = time.monotonic()
    for fault in faults:
        wait = began + fault.at_s - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        await injector.run(fault)


def _about_the_run(load: Load, healed: float | None) -> list[Finding]:
    counts = load.told.counts
    unquiet = () if healed is not None else ("the system was not quiet a minute after the last fault",)
    given_up = (f"{counts['given up']} were never confirmed",) if counts["given up"] else ()
    return [
        finding("C7", "quiet within a minute after the last fault", 1, unquiet),
        finding("C10", "no answer contradicts an earlier one", sum(counts.values()), load.told.faults),
        finding("C7", "everything sent was confirmed in the end", sum(counts.values()), given_up),
    ]
