"""Keeps processes running: restarts what ended with a growing pause, tells their state, ends all in order.

Everything is started from the thread that runs `watch`, because children die with the thread that started them.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 10.0
_STEADY_S = 20.0
"""After running this long a process is trusted again: its next pause is short."""
_TRIES = 3
"""Restarts in a row after which a process that was never ready is given up by who waits for it."""
_TICK_S = 0.1


class State(StrEnum):
    """What a process does, as people see it."""

    STARTING = "starting"
    READY = "ready"
    NOT_READY = "not ready"
    PAUSED = "waiting to restart"
    STOPPED = "stopped"


class Process(Protocol):
    """What the supervisor needs of a child; the broker, the database and plain children have it."""

    log: Path

    @property
    def pid(self) -> int | None:
        """Process id."""

    @property
    def running(self) -> bool:
        """True while it lives."""

    def spawn(self) -> None:
        """Start without waiting."""

    def stop(self, timeout_s: float = ...) -> None:
        """End in order."""


@dataclass
class Unit:
    """One supervised process.

    Args:
        name: unique, for example `document-2`.
        process: how to start and end it.
        probe: True where it can do its work; must answer within a second.
        address: where it listens, for people.
        group: those of a higher group are ended first.
    """

    name: str
    process: Process
    probe: Callable[[], bool]
    address: str = ""
    group: int = 0
    restarts: int = 0
    ready: bool = False
    wanted: bool = False
    _was_ready: bool = False
    _ever_ready: bool = False
    _started_at: float = 0.0
    _failures: int = 0
    _again_at: float | None = None

    @property
    def state(self) -> State:
        """What it does now."""
        if not self.process.running:
            return State.PAUSED if self.wanted else State.STOPPED
        if self.ready:
            return State.READY
        return State.NOT_READY if self._was_ready else State.STARTING

    @property
    def hopeless(self) -> bool:
        """True where it ended again right after its third restart, and has not been ready since it was added."""
        return self._failures > _TRIES and not self._ever_ready

    def start(self, now: float) -> None:
        """Start it, from now on to be kept running."""
        self.wanted, self._again_at, self._started_at = True, None, now
        self.ready = self._was_ready = False
        self.process.spawn()

    def look(self) -> None:
        """Ask whether it can do its work."""
        self.ready = self.process.running and self.probe()
        self._was_ready = self._was_ready or self.ready
        self._ever_ready = self._ever_ready or self.ready

    def tend(self, now: float) -> None:
        """Start it again when it has ended and its pause is over."""
        if not self.wanted or self.process.running:
            return
        self.ready = False
        if self._again_at is None:
            self._failures = 1 if now - self._started_at > _STEADY_S else self._failures + 1
            self._again_at = now + pause(self._failures)
        elif now >= self._again_at:
            self.restarts += 1
            self.start(now)


def pause(failures: int) -> float:
    """Seconds to wait before the next start: doubled by each failure in a row, up to ten seconds."""
    return min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** (failures - 1))


class Supervisor:
    """Watches units; `changed` is called with all of them whenever the state of one changes."""

    def __init__(self, changed: Callable[[Sequence[Unit]], None] = lambda _: None) -> None:
        self.units: list[Unit] = []
        self._changed = changed
        self._seen: list[tuple[str, State, int | None]] = []
        self._ended = threading.Event()
        self._looker = threading.Thread(target=self._look, daemon=True, name="probes")

    def add(self, unit: Unit) -> Unit:
        """Start a unit and keep it running. From the thread that watches."""
        unit.start(time.monotonic())
        self.units.append(unit)
        if not self._looker.is_alive() and not self._ended.is_set():
            self._looker.start()
        return unit

    def tick(self) -> None:
        """One round: restart what has to be, tell what changed. From the thread that watches."""
        now = time.monotonic()
        for unit in self.units:
            unit.tend(now)
        seen = [(unit.name, unit.state, unit.process.pid) for unit in self.units]
        if seen != self._seen:
            self._seen = seen
            self._changed(self.units)

    def watch(self, until: Callable[[], bool]) -> None:
        """Rounds until `until` says so."""
        while not until():
            self.tick()
            time.sleep(_TICK_S)

    @property
    def all_ready(self) -> bool:
        """True when every unit can do its work."""
        return bool(self.units) and all(unit.ready and unit.process.running for unit in self.units)

    def stop(self) -> None:
        """End all: those of the highest group first, each group together."""
        self._ended.set()
        for unit in self.units:
            unit.wanted = False
        for group in sorted({unit.group for unit in self.units}, reverse=True):
            members = [unit for unit in self.units if unit.group == group]
            with ThreadPoolExecutor(max_workers=len(members)) as pool:
                list(pool.map(lambda unit: unit.process.stop(), members))
        if self.units:
            self._changed(self.units)

    def _look(self) -> None:
        while not self._ended.wait(_TICK_S if not self.all_ready else 1.0):
            for unit in list(self.units):
                unit.look()
