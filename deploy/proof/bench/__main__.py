"""`python -m deploy.proof.bench`: measures, and writes `build/bench/latest.json`."""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import uvloop
from rich.console import Console

from deploy.local.system import ROOT
from deploy.processes import ProcessError
from deploy.proof.bench import access, bulk, door, machine, report, rotation, start, steady
from deploy.proof.bench.bed import Bed, BenchError, bed, started
from deploy.proof.bench.client import LoadError
from deploy.proof.bench.facts import NotQuietError
from deploy.proof.bench.figures import TARGETS, Figure
from deploy.proof.bench.sizes import FULL, QUICK, Sizes
from deploy.proof.checker import Claims, check
from deploy.proof.checker.gather import gather, quiet
from deploy.proof.checker.sources import Sources

Group = Callable[[Bed, Sizes], Awaitable[list[Figure]]]
GROUPS: Final[tuple[tuple[str, Group], ...]] = (
    ("door.searches", door.searches),
    ("door.deposits", door.deposits),
    ("deposit", steady.deposits),
    ("consultation.latency", steady.consultations),
    ("chain", bulk.chain),
    ("consultation.backlog", bulk.backlog),
    ("history", bulk.history),
    ("run.memory", start.memory),
)
"""What is measured on one system, in this order: small things first, since data only grow."""
ALONE: Final[tuple[tuple[str, Callable[[Sizes], list[Figure]]], ...]] = (
    ("access.decide_us", access.decision),
    ("access.decisions", access.decisions),
    ("access.rights", access.rights),
    ("document.rewrap_per_s", rotation.rewrapped),
    ("run.first_deposit", start.cached),
)
"""What starts systems of its own, or needs none."""
_REPORTS: Final = ROOT / "build" / "bench"
_CHECK_TIMEOUT_S: Final = 120.0
_console = Console(width=None if sys.stdout.isatty() else 120)


def main() -> int:
    """Measure; 0 where every figure counts."""
    asked = _arguments()
    base = QUICK if asked.quick else FULL
    chosen = {name: value for name, value in vars(asked).items() if name in vars(base) and value is not None}
    sizes = replace(base, **chosen)
    groups = [(name, group) for name, group in GROUPS if _wanted(name, asked.only)]
    began = time.monotonic()
    note: dict[str, Any] = {"calibration_s": machine.calibration_s()}
    figures: list[Figure] = []
    verdict: dict[str, Any] = {}
    if groups:
        try:
            with started() as system, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                note, verdict = runner.run(_on_one_system(system, groups, sizes, figures))
        except ProcessError as error:
            _console.print(f"The system did not start: {error}", style="red")
            return 1
    for name, measure in ALONE:
        if _wanted(name, asked.only):
            figures += _alone(name, measure, sizes)
    if asked.bare:
        figures += _alone("run.first_deposit_bare", lambda _: start.bare(), sizes)
    whole = not asked.quick and not asked.only
    path = asked.out or _REPORTS / ("latest.json" if whole else "partial.json")
    report.write(path, note | {"seconds": round(time.monotonic() - began)}, figures, verdict)
    _tell(figures, path)
    return 0 if figures and all(figure.counts for figure in figures) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.proof.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, one run: shows that everything works")
    parser.add_argument("--only", action="append", metavar="NAME", help=f"figures that begin so: {', '.join(TARGETS)}")
    parser.add_argument("--runs", type=int, help=f"runs of each figure ({FULL.runs})")
    parser.add_argument("--deposits", dest="chain", type=int, help=f"deposits waiting for the chain ({FULL.chain})")
    parser.add_argument("--backlog", type=int, help=f"deposits waiting while consulting ({FULL.backlog})")
    parser.add_argument("--lines", type=int, help=f"reimbursed lines ({FULL.lines})")
    parser.add_argument("--requests", type=int, help=f"requests waiting for access_control ({FULL.requests})")
    parser.add_argument("--rights", type=int, help=f"rights stored, against few ({FULL.rights})")
    parser.add_argument("--keys", type=int, help=f"records' keys of a rotation ({FULL.keys})")
    parser.add_argument("--seconds", dest="steady_s", type=float, help=f"length of steady runs ({FULL.steady_s:g})")
    parser.add_argument("--bare", action="store_true", help="also from a new clone with empty caches: downloads much")
    parser.add_argument("--out", type=Path, help="the file to write")
    return parser.parse_args()


def _wanted(group: str, only: Sequence[str] | None) -> bool:
    return not only or any(group.startswith(name) or name.startswith(group) for name in only)


async def _on_one_system(
    system: Any, groups: Sequence[tuple[str, Group]], sizes: Sizes, figures: list[Figure]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure the groups one after the other, then check all that the runs left behind."""
    async with bed(system) as ready:
        note = await machine.describe(system.home.folder, system.places.postgres_admin_url)
        _console.print(f"system is up; calibration {note['calibration_s']} s, fsync {note['fsync_us']['p50']} µs")
        await ready.fill(readers=sizes.readers, writers=sizes.writers, documents_each=sizes.documents_each)
        for name, group in groups:
            figures += await _measured(name, group, ready, sizes)
        verdict = await _verdict(ready, _claims(figures))
    for figure in figures:
        figure.faults += verdict["reasons"]
    return note, verdict


async def _measured(name: str, group: Group, ready: Bed, sizes: Sizes) -> list[Figure]:
    began = time.monotonic()
    try:
        found = await group(ready, sizes)
    except (BenchError, LoadError, NotQuietError, ProcessError) as error:
        faults = [str(error), *ready.crashed()]
        missing = [Figure(known, {}, faults=list(faults)) for known in TARGETS if known.startswith(name)]
        _console.print(f"{name}: {error}", style="red")
        return missing
    told = ", ".join(f"{figure.name} {figure.median:.4g} {figure.target.unit}" for figure in found)
    _console.print(f"{told}  ({time.monotonic() - began:.0f} s)")
    return found


def _alone(name: str, measure: Callable[[Sizes], list[Figure]], sizes: Sizes) -> list[Figure]:
    """A measurement that starts systems of its own."""
    try:
        found = measure(sizes)
    except (BenchError, NotQuietError, ProcessError) as error:
        found = [Figure(known, {}, faults=[str(error)]) for known in TARGETS if known.startswith(name)]
    _console.print(", ".join(f"{figure.name} {figure.runs or figure.faults}" for figure in found) or name)
    return found


def _claims(figures: Sequence[Figure]) -> Claims:
    """What figures that were measured say was done."""
    counting = [figure.name for figure in figures if figure.counts]

    def measured(*names: str) -> int:
        return sum(name.startswith(names) for name in counting)

    return Claims(
        requests=measured("access.decisions", "consultation.", "door.searches"),
        deposits=measured("door.deposits", "deposit.", "chain."),
        reads=measured("consultation.", "door.searches"),
        mails=measured("deposit.mailed"),
    )


async def _verdict(ready: Bed, claims: Claims) -> dict[str, Any]:
    """What the checker says of all runs on this system together."""
    began = time.monotonic()
    sources = Sources.of(ready.system)
    if await quiet(sources, _CHECK_TIMEOUT_S) is None:
        waiting = await ready.flow.behind()
        return {"ok": False, "reasons": [f"the system did not come to rest; waiting: {waiting}"], "counts": {}}
    verdict = check(await gather(sources), sources.topics, claims)
    _console.print(verdict)
    return {
        "ok": verdict.ok,
        "reasons": verdict.reasons,
        "counts": verdict.counts,
        "seconds": round(time.monotonic() - began),
    }


def _tell(figures: Sequence[Figure], path: Path) -> None:
    _console.print(report.table(figures))
    if any(figure.disturbed for figure in figures):
        _console.print("* others kept half a processor busy or more in one of the runs: repeat it on a quiet machine")
    for figure in figures:
        for fault in dict.fromkeys(figure.faults):
            _console.print(f"{figure.name} is void: {fault}", style="red", markup=False, highlight=False)
    _console.print(f"written to {path}")


if __name__ == "__main__":
    sys.exit(main())
