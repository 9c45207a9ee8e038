"""access_control alone: decisions from topic to topic, the cost of one decision, and what a country's rights cost."""

import asyncio
import os
import signal
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import uvloop

from deploy.local.environment import unit
from deploy.local.options import Options
from deploy.local.system import LocalSystem
from deploy.proof.bench import preloaded, stock
from deploy.proof.bench.bed import Bed, BenchError, bed, started
from deploy.proof.bench.cpu import Reading, between, nearest
from deploy.proof.bench.figures import Figure, spread
from deploy.proof.bench.machine import calibration_s
from deploy.proof.bench.preloaded import MIX, Preloaded
from deploy.proof.bench.sizes import Sizes
from deploy.proof.load.people import HOLDER, professional
from services.access_control.__main__ import load_matrix
from services.access_control.domain import decide
from services.access_control.domain.decide import Reading as Asked
from services.access_control.domain.record import Record, Right, State
from shared.contracts.common import AccessMode, Actor, Owner
from shared.contracts.topics import ACCESS_CONTROL

FEW_RIGHTS: Final = 10_000
_DRAWN: Final = 200_000
"""Records at most from which a load draws: more than it has requests."""
_PROCESSES: Final = 2
"""Of access_control: while one waits for the database the other decides, as replicas do."""
_NAMES: Final = tuple(unit(ACCESS_CONTROL, number) for number in range(1, _PROCESSES + 1))
_LOOK_S: Final = 0.02
_FREEZE_S: Final = 4.5
"""Longest that processes are frozen: below their sessions and the time-outs of their transactions."""
_TIMEOUT_S: Final = 120.0
_RIGHTS: Final = 200
_TRIES: Final = 5_000
_PATH: Final = {
    "path": "record.requests to access.decisions; access_control, broker and database alone run; its processes, which "
    "share the partitions already, are frozen until all requests wait in Kafka",
    "processes": _PROCESSES,
    "batch": 200,
    "mix": {reason.value: share for reason, share in MIX.items()},
    "stock": f"{stock.RIGHTS_EACH} rights a record, written into the database by INSERT … SELECT generate_series; "
    "vacuumed and analysed, then a checkpoint, so that each page's first change is logged whole",
    "from": "first decision, whose own batch is not counted",
    "to": "the broker's confirmation of the last",
    "verdict": "each request decided once, for the reason that its place in the load demands",
}


def decisions(sizes: Sizes) -> list[Figure]:
    """As many decisions a second as the lane of requests takes."""
    figure = Figure("access.decisions_per_s", {**_PATH, "requests": sizes.requests, "rights": FEW_RIGHTS})
    with started(options=_alone()) as system, _runner() as runner:
        runner.run(_decisions(system, sizes, figure))
    return [figure]


def rights(sizes: Sizes) -> list[Figure]:
    """Decisions a second with a country's rights stored, against those with a village's."""
    config = {**_PATH, "requests": sizes.requests, "few": FEW_RIGHTS, "many": sizes.rights}
    config["records"] = f"each request on one of {FEW_RIGHTS // stock.RIGHTS_EACH}, then on one of up to {_DRAWN:,}"
    config["against"] = "median of as many runs on the few rights, on the same system before the others were stored"
    figure = Figure("access.rights_10m_ratio", config)
    with started(options=_alone()) as system, _runner() as runner:
        runner.run(_ratio(system, sizes, figure))
    return [figure]


def _alone() -> Options:
    return Options(services=(ACCESS_CONTROL,), replicas=_PROCESSES)


def _runner() -> "asyncio.Runner":
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


async def _decisions(system: LocalSystem, sizes: Sizes, figure: Figure) -> None:
    async with bed(system) as ready:
        await stock.fill(system.places.postgres_admin_url, "few", FEW_RIGHTS, sizes.fill_s)
        await _runs(ready, sizes, figure)


async def _ratio(system: LocalSystem, sizes: Sizes, figure: Figure) -> None:
    admin = system.places.postgres_admin_url
    few, many = (Figure("access.decisions_per_s", {}) for _ in range(2))
    async with bed(system) as ready:
        await stock.fill(admin, "few", FEW_RIGHTS, sizes.fill_s)
        await _runs(ready, sizes, few)
        figure.config["filled_s"] = round(await stock.fill(admin, "many", sizes.rights, sizes.fill_s), 1)
        await _runs(ready, sizes, many)
    _compare(figure, few, many)


def _compare(figure: Figure, few: Figure, many: Figure) -> None:
    """Add each run on the many against the median of those on the few; whoever disturbed these disturbed the figure."""
    disturbed = max((told["others_cores"] for told in few.detail), default=0.0)
    for value, told in zip(many.runs, many.detail, strict=True):
        others = max(told["others_cores"], disturbed)
        told |= {"others_cores": others, "few_per_s": round(few.median), "many_per_s": round(value)}
        figure.add(value / few.median, **told)
    figure.faults += few.faults + many.faults


async def _runs(ready: Bed, sizes: Sizes, figure: Figure) -> None:
    """Measure on what is stored now; each run's load is drawn anew."""
    records = await stock.some_records(ready.system.places.postgres_admin_url, _DRAWN)
    versions: Counter[Any] = Counter(await ready.flow.rights_versions())
    for run in range(sizes.runs):
        load = Preloaded(records, seed=run, versions=versions)
        await _run(ready, load, sizes.requests, figure)


async def _run(ready: Bed, load: Preloaded, count: int, figure: Figure) -> None:
    """One load: published while nobody decides, then decided."""
    requests = load.requests(count)
    for name in _NAMES:
        await ready.until_ready(name)
    await ready.flow.until_quiet()
    machine = {"calibration_s": round(calibration_s(), 4)}
    since, before = await ready.flow.now(), (await ready.flow.requests())[0]
    readings: list[Reading] = []
    with _frozen(ready):
        await asyncio.to_thread(preloaded.publish, ready.system, requests)
        readings.append(ready.meter.read())
    following = asyncio.create_task(ready.meter.follow(readings))
    end = await _decided(ready, before + count)
    following.cancel()
    readings.append(ready.meter.read())
    moments = await ready.flow.told(since)
    number = sum(at > moments[0] for at in moments)
    seconds = (end - moments[0]).total_seconds()
    use = between(nearest(readings, moments[0].timestamp()), nearest(readings, end.timestamp()))
    figure.add(number / seconds, **machine, seconds=round(seconds, 3), **use.plain())
    found = await ready.flow.reasons(since)
    if found != load.wanted:
        figure.faults.append(f"decided were {dict(found)}, where {dict(load.wanted)} had to be")
    if len(moments) != count:
        figure.faults.append(f"{len(moments)} decisions were told on {count} requests")
    figure.faults += ready.crashed()


@contextmanager
def _frozen(ready: Bed) -> Iterator[None]:
    """Nobody decides, for less than a session lasts: the processes keep their partitions."""
    pids = ready.pids()
    for name in _NAMES:
        os.kill(pids[name], signal.SIGSTOP)
    began = time.monotonic()
    try:
        yield
    finally:
        for name in _NAMES:
            os.kill(pids[name], signal.SIGCONT)
    if (took := time.monotonic() - began) > _FREEZE_S:
        raise BenchError(f"publishing took {took:.1f} s, and who is frozen so long loses its partitions: take fewer")


async def _decided(ready: Bed, wanted: int) -> datetime:
    """When the last of so many requests was decided and its decision stood in the topic. Raises BenchError."""
    patience = time.monotonic() + _TIMEOUT_S
    while True:
        taken, unsent, now = await ready.flow.requests()
        if taken >= wanted and not unsent:
            return now
        if time.monotonic() > patience:
            raise BenchError(f"{wanted - taken} requests are not decided after {_TIMEOUT_S:g} s: see its log")
        await asyncio.sleep(_LOOK_S)


def decision(sizes: Sizes) -> list[Figure]:
    """The pure decision in this process, on a record that has many rights."""
    config = {
        "rights": _RIGHTS,
        "decisions": _TRIES,
        "what": "a professional reads documents by an authorisation of the holder: every step of the branch is "
        "taken and the matrix is asked; of the other cases the medians stand beside",
        "clock": "perf_counter around each decision, its own cost included",
    }
    figure = Figure("access.decide_us", config)
    record, asked = _busy_record(), _cases()
    for _ in range(sizes.runs):
        machine = {"calibration_s": round(calibration_s(), 4)}
        spent = {name: _timed(record, case) for name, case in asked.items()}
        others = {name: round(statistics.median(values), 2) for name, values in spent.items()}
        figure.add(statistics.median(spent["authorised"]), **machine, spread=spread(spent["authorised"]), us=others)
    return [figure]


def _busy_record() -> Record:
    """A record on which every tenth professional is blocked and all others are authorised."""
    numbers = [professional(number).number or "" for number in range(_RIGHTS)]
    standings = {number: Right(blocked=place % 10 == 0) for place, number in enumerate(numbers)}
    return Record(state=State.OPEN, activated=True, rights_version=_RIGHTS, rights=standings)


def _cases() -> dict[str, tuple[Actor, AccessMode, str | None]]:
    normal, emergency = AccessMode.NORMAL, AccessMode.EMERGENCY
    return {
        "authorised": (professional(_RIGHTS - 1), normal, None),
        "blocked": (professional(0), normal, None),
        "not authorised": (professional(_RIGHTS + 1), normal, None),
        "bris de glace": (professional(_RIGHTS + 1), emergency, "unconscious"),
        "holder": (HOLDER, normal, None),
    }


def _timed(record: Record, case: tuple[Actor, AccessMode, str | None]) -> list[float]:
    """Microseconds of each of many decisions."""
    actor, mode, reason = case
    now, matrix = datetime.now(UTC), load_matrix()
    asked = Asked(actor, Owner.DOCUMENT, mode, now + timedelta(seconds=10), reason_code=reason)
    spent = []
    for _ in range(_TRIES):
        began = time.perf_counter_ns()
        decide.consult(record, asked, now, matrix)
        spent.append((time.perf_counter_ns() - began) / 1e3)
    return spent
