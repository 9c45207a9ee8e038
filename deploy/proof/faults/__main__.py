"""`python -m deploy.proof.faults --seed N --minutes M --replicas 2`: a long run of faults on a system of its own."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from deploy.local.home import Home
from deploy.local.options import Options
from deploy.local.system import LocalSystem
from deploy.proof.faults.outside import Outside
from deploy.proof.faults.run import SETTINGS, Run, run
from deploy.proof.faults.schedule import schedule
from deploy.proof.load import plan
from shared.observability import configure_logging

_MAX_MINUTES = 24 * 60


def main() -> int:
    """Run, print the verdict; 0 only where every claim holds."""
    given = _arguments()
    console = Console()
    configure_logging("faults", level="critical")  # what clients say of an outage that is meant
    seconds = given.minutes * 60.0
    with tempfile.TemporaryDirectory(prefix="carnet-faults-") as folder:
        options = Options(replicas=given.replicas, settings=SETTINGS)
        system = LocalSystem(Home(Path(folder) / "home"), options, console.print)
        system.start()
        try:
            found = asyncio.run(
                run(
                    system,
                    seed=given.seed,
                    records=given.records,
                    beside=Outside(seconds, given.visits, given.door_records),
                    steps=plan(given.seed, records=given.records, rate=given.rate, seconds=seconds),
                    faults=()
                    if given.calm
                    else schedule(given.seed, seconds=seconds, services=options.services, replicas=given.replicas),
                )
            )
        finally:
            system.stop()
    tell(console, found, given.seed)
    return 0 if found.verdict.ok else 1


def tell(console: Console, found: Run, seed: int) -> None:
    """Print what was done and the verdict."""
    console.print(f"seed {seed}: {found.seconds:.0f} s, {len(found.happened)} faults, healed after {found.healed_s} s")
    for line in found.faults:
        console.print(line, highlight=False)
    console.print({**found.told, **found.verdict.counts})
    console.print(found.verdict)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.proof.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="decides load and faults")
    parser.add_argument("--minutes", type=float, default=5.0, help="length of load and faults")
    parser.add_argument("--replicas", type=int, default=2, help="processes per service")
    parser.add_argument("--records", type=int, default=300, help="records that the load works on")
    parser.add_argument("--rate", type=float, default=100.0, help="steps per second")
    parser.add_argument("--visits", type=float, default=10.0, help="visits per second at the doors")
    parser.add_argument("--door-records", type=int, default=40, help="records worked on through the doors alone")
    parser.add_argument("--calm", action="store_true", help="the load alone, without faults")
    given = parser.parse_args()
    if not 0 < given.minutes <= _MAX_MINUTES:
        parser.error(f"--minutes is {given.minutes:g}; expected more than 0 and at most {_MAX_MINUTES}")
    return given


if __name__ == "__main__":
    sys.exit(main())
