"""`python -m deploy.proof.races --races N --seed S`: races of restrictions against reads, on a system of its own."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.local.home import Home
from deploy.local.options import Options
from deploy.local.system import LocalSystem
from deploy.proof.faults.inject import tending
from deploy.proof.faults.run import SETTINGS
from deploy.proof.load import connected
from deploy.proof.races.run import FAULTS, Outcome, keep_commit_times, run
from shared.contracts.topics import ACCESS_CONTROL, DOCUMENT
from shared.observability import configure_logging

_GROUNDS: Final = 150
_REPLICAS: Final = 2
_READY_S: Final = 30.0
_PAUSE_S: Final = 6.0
"""Longer than in tests: each fault stops half of the races, and a long run has many of each kind all the same."""
_TOLD: Final = 20
"""How often progress is told where nobody looks at a display."""


def main() -> int:
    """Race, print the verdict; 0 only where every claim holds."""
    given = _arguments()
    console = Console(width=None if sys.stdout.isatty() else 120)
    configure_logging("races", level="critical")  # what clients say of a freeze that is meant
    with tempfile.TemporaryDirectory(prefix="carnet-races-") as folder:
        options = Options(replicas=_REPLICAS, services=(ACCESS_CONTROL, DOCUMENT), settings=SETTINGS)
        system = LocalSystem(Home(Path(folder) / "home"), options)
        system.start()
        try:
            with _shown(console) as shown:
                found = asyncio.run(_race(system, given, shown))
        finally:
            system.stop()
    for line in found.faults:
        console.print(line, highlight=False)
    console.print(found.verdict.counts)
    console.print(found.verdict)
    console.print(f"seed {given.seed}: {found.verdict.counts['races']} races in {found.seconds:.0f} s")
    return 0 if found.verdict.ok else 1


async def _race(system: LocalSystem, given: argparse.Namespace, shown: Progress) -> Outcome:
    task = shown.add_task("races", total=given.races)
    each = max(1, given.races // _TOLD)

    def over(done: int) -> None:
        shown.update(task, completed=done)
        if not shown.console.is_terminal and done % each == 0:
            shown.console.print(f"{done:,} of {given.races:,} races")

    async with tending(system):
        await keep_commit_times(system)
        async with connected(system) as target:
            reading = asyncio.create_task(target.replies.run())
            try:
                async with asyncio.timeout(_READY_S):
                    await target.replies.ready.wait()
                return await run(
                    system,
                    target,
                    races=given.races,
                    seed=given.seed,
                    grounds=min(given.races, given.at_once),
                    faults=() if given.calm else FAULTS,
                    pause_s=given.pause,
                    progress=over,
                )
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)


def _shown(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.proof.races", description=__doc__)
    parser.add_argument("--races", type=int, default=300, help="how many; 100000 take about 20 minutes")
    parser.add_argument("--seed", type=int, default=1, help="decides races and faults")
    parser.add_argument("--at-once", type=int, default=_GROUNDS, help="records on which races run at the same time")
    parser.add_argument("--pause", type=float, default=_PAUSE_S, help="seconds between two faults, on average")
    parser.add_argument("--calm", action="store_true", help="without freezes and kills")
    given = parser.parse_args()
    if given.races < 1 or given.at_once < 1 or given.pause < 0:
        parser.error("--races and --at-once have to be at least 1, --pause at least 0")
    return given


if __name__ == "__main__":
    sys.exit(main())
