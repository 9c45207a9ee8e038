"""What comes from outside in a run of faults: clients at the doors with real tokens, and an insurer with its lines."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from deploy.local.system import LocalSystem
from deploy.proof.checker import door_acts, doors, histories, lines
from deploy.proof.checker.clients import Clients, Published
from deploy.proof.checker.facts import Facts
from deploy.proof.checker.sources import Sources
from deploy.proof.checker.verdict import Finding
from deploy.proof.load.client import reached
from deploy.proof.load.doors import Doors
from deploy.proof.load.insurer import Insurer
from deploy.proof.load.lines import batches, label
from deploy.proof.load.people import person
from deploy.proof.load.visits import visits

STRANGERS = 700_000
"""Numbers of people without a record: their lines are answered like everybody's, and kept nowhere."""


@dataclass(frozen=True, slots=True)
class Outside:
    """How much comes from outside."""

    seconds: float
    visits_per_s: float = 10.0
    records: int = 12
    """Records that are worked on through the doors alone."""


class Others:
    """Clients and an insurer at work."""

    def __init__(self, system: LocalSystem, seed: int, plan: Outside, at_doors: Doors, clients: Clients) -> None:
        self._system = system
        self._seed = seed
        self._plan = plan
        self._doors = at_doors
        self._clients = clients
        self._published = Published(system.options.insurers[0])

    async def prepare(self) -> None:
        """Open the records through the doors."""
        await self._doors.open_records(self._system.places.postgres_admin_url)
        people = zip(self._doors.people, self._doors.records, strict=True)
        self._published.settled = {(one.ins.oid, one.ins.number): record for one, record in people}

    async def run(self) -> None:
        """Visit the doors and publish lines until all were told what came of it."""
        seed, plan, doors_of = self._seed, self._plan, self._doors
        inses = [one.ins for one in doors_of.people]
        inses += [person(seed, STRANGERS + number).ins for number in range(plan.records // 3)]
        days = list(batches(seed, inses, datetime.now(UTC).date(), seconds=plan.seconds))
        self._clients.marks |= {
            label(line.body.line, line.body.version): doors_of.records[line.person]
            for batch in days
            for line in batch.lines
            if line.person < plan.records
        }
        planned = visits(seed, records=plan.records, rate=plan.visits_per_s, seconds=plan.seconds)
        async with asyncio.TaskGroup() as group:
            group.create_task(doors_of.run(planned))
            group.create_task(Insurer(self._system, self._published).run(days))

    async def judged(self, sources: Sources, facts: Facts) -> list[Finding]:
        """What is to be said of it once the system is quiet."""
        found = await histories.read(sources, facts, self._published.insurer)
        told = await asyncio.to_thread(doors.check, facts, self._clients, found)
        told += await asyncio.to_thread(door_acts.check, facts, self._clients)
        return told + await asyncio.to_thread(lines.check, facts, self._published, found)

    def counts(self) -> dict[str, int]:
        """What clients were answered, by kind and status, and what was published."""
        answers = Counter(f"door: {one.what} {one.status or 'unanswered'}" for one in self._clients.attempts)
        return dict(answers) | {
            "lines confirmed": len(self._published.confirmed),
            "batches again": self._published.again,
        }


@asynccontextmanager
async def outside(system: LocalSystem, seed: int, plan: Outside) -> AsyncIterator[Others]:
    """Clients and an insurer of a system that runs, with records of their own, for as long as the block lasts."""
    clients = Clients()
    async with reached(system, clients) as client:
        others = Others(system, seed, plan, Doors(client, clients, seed, plan.records), clients)
        await others.prepare()
        yield others
