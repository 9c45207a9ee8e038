"""Processor time: of each process of the system with its children, of this process, and of everybody else."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

_TICK: Final = os.sysconf("SC_CLK_TCK")
_SAMPLE_S: Final = 0.05

Pids = Callable[[], Mapping[str, int]]
"""The system's processes at this moment, by name."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Processor seconds used up to a moment."""

    at: float
    """Seconds since 1970, as databases on the same machine tell them."""
    used: Mapping[str, tuple[int, float]]
    """By process: its id, and its time with its children's."""
    own: float
    busy: float
    """Of all processors, by anybody."""


@dataclass(frozen=True, slots=True)
class Use:
    """Processor seconds used between two readings."""

    seconds: float
    by_process: Mapping[str, float]
    own: float
    """By this process: the load generator."""
    others: float
    """By who has nothing to do with it."""

    @property
    def system(self) -> float:
        """By the whole system: services, broker, database, helpers."""
        return sum(self.by_process.values())

    @property
    def cores(self) -> float:
        """Processors that the system kept busy."""
        return self.system / self.seconds

    def plain(self) -> dict[str, object]:
        """As it is told beside a figure: processors kept busy by each."""
        shares = {name: round(value / self.seconds, 3) for name, value in self.by_process.items()}
        return {
            "cores": shares,
            "generator_cores": round(self.own / self.seconds, 3),
            "others_cores": round(self.others / self.seconds, 3),
        }


class Meter:
    """Reads processor times."""

    def __init__(self, pids: Pids) -> None:
        self._pids = pids

    def read(self) -> Reading:
        """A reading of this moment."""
        used = {name: (pid, _with_children(pid)) for name, pid in self._pids().items()}
        own = os.times()
        total = psutil.cpu_times()
        busy = total.user + total.nice + total.system + getattr(total, "irq", 0) + getattr(total, "softirq", 0)
        return Reading(time.time(), used, own.user + own.system, busy)

    async def follow(self, readings: list[Reading]) -> None:
        """Add readings until cancelled, so that the use up to any moment can be told afterwards."""
        while True:
            readings.append(self.read())
            await asyncio.sleep(_SAMPLE_S)


def between(before: Reading, after: Reading) -> Use:
    """What was used between two readings; a process that is new in the second one counts from its start."""
    by_process = {}
    for name, (pid, used) in after.used.items():
        earlier_pid, earlier = before.used.get(name, (pid, 0.0))
        by_process[name] = used - earlier if earlier_pid == pid else used
    own = after.own - before.own
    others = max(0.0, after.busy - before.busy - own - sum(by_process.values()))
    return Use(max(after.at - before.at, 1e-9), by_process, own, others)


def nearest(readings: list[Reading], at: float) -> Reading:
    """The reading nearest to a moment."""
    return min(readings, key=lambda reading: abs(reading.at - at))


def _with_children(pid: int) -> float:
    """Time of a process, of its children that live, and of those that have ended."""
    own = _times(pid, ended_children=True)
    return own + sum(_times(child) for child in _children(pid))


def _times(pid: int, *, ended_children: bool = False) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11 : 15 if ended_children else 13]) / _TICK


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_bytes().split()]
    with suppress(psutil.Error):
        return [child.pid for child in psutil.Process(pid).children()]
    return []
