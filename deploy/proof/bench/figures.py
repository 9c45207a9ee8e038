"""What a figure is, and how good it has to be."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

DISTURBING_CORES: Final = 0.5


@dataclass(frozen=True, slots=True)
class Target:
    """The least that is released (`floor`) and what is aimed at (`goal`), in the figure's unit."""

    unit: str
    floor: float
    goal: float
    more_is_better: bool = False

    def reached(self, value: float, limit: float) -> bool:
        """True where a value is at least as good as a limit."""
        return value >= limit if self.more_is_better else value <= limit


TARGETS: Final = {
    "access.decisions_per_s": Target("1/s", 6000, 12000, more_is_better=True),
    "access.decide_us": Target("µs", 20, 8),
    "access.rights_10m_ratio": Target("", 0.8, 0.95, more_is_better=True),
    "chain.deposits_per_s": Target("1/s", 4000, 8000, more_is_better=True),
    "chain.cpu_ms_per_deposit": Target("ms", 0.40, 0.22),
    "deposit.stored_p99_ms": Target("ms", 80, 40),
    "deposit.traced_p99_ms": Target("ms", 300, 150),
    "deposit.mailed_p99_s": Target("s", 5, 2),
    "deposit.cores_at_160_per_s": Target("cores", 1.4, 0.8),
    "document.rewrap_per_s": Target("1/s", 100_000, 170_000, more_is_better=True),
    "door.deposits_per_s": Target("1/s", 200, 600, more_is_better=True),
    "door.searches_per_s": Target("1/s", 200, 500, more_is_better=True),
    "consultation.latency_p99_ms": Target("ms", 150, 50),
    "consultation.backlog_p99_ms": Target("ms", 150, 50),
    "history.lines_per_s": Target("1/s", 6000, 12300, more_is_better=True),
    "run.first_deposit_s": Target("s", 20, 8),
    "run.first_deposit_bare_s": Target("s", 90, 60),
    "run.memory_mb": Target("MiB", 1536, 1024),
}
"""Every figure by name."""


@dataclass
class Figure:
    """One figure over its runs."""

    name: str
    config: dict[str, Any]
    runs: list[float] = field(default_factory=list)
    detail: list[dict[str, Any]] = field(default_factory=list)
    """What else was seen in each run: other quantiles, calibration, others' use of the processors."""
    faults: list[str] = field(default_factory=list)
    """Why it does not count: what the checker or the run itself found wrong."""

    @property
    def target(self) -> Target:
        """Unit, floor and goal."""
        return TARGETS[self.name]

    @property
    def median(self) -> float:
        """The middle of the runs."""
        return statistics.median(self.runs)

    @property
    def counts(self) -> bool:
        """True where it was measured and nothing contradicts it."""
        return bool(self.runs) and not self.faults

    @property
    def disturbed(self) -> bool:
        """True where others kept the machine so busy in a run that its value says little of the system."""
        return any(detail.get("others_cores", 0.0) >= DISTURBING_CORES for detail in self.detail)

    def add(self, value: float, **detail: Any) -> None:
        """One run's value."""
        self.runs.append(value)
        self.detail.append(detail)

    def plain(self) -> dict[str, Any]:
        """As it is written to the file."""
        numbers = {} if not self.runs else {"median": self.median, "min": min(self.runs), "max": max(self.runs)}
        return {
            "name": self.name,
            "unit": self.target.unit,
            **{name: rounded(value) for name, value in numbers.items()},
            "floor": self.target.floor,
            "goal": self.target.goal,
            "disturbed": self.disturbed,
            "verdict": {"ok": self.counts, "reasons": self.faults},
            "config": self.config,
            "runs": [{"value": rounded(value), **extra} for value, extra in zip(self.runs, self.detail, strict=True)],
        }


def rounded(value: float) -> float:
    """Four significant digits: more would pretend."""
    if not value or not math.isfinite(value):
        return value
    return round(value, 3 - math.floor(math.log10(abs(value))))


def quantile(values: Sequence[float], share: float) -> float:
    """The least value that `share` of all do not exceed (nearest rank).

    Raises:
        ValueError: There are no values.
    """
    if not values:
        raise ValueError("no values to take a quantile of")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, tail and worst of many values."""
    return {
        "p50": rounded(quantile(values, 0.5)),
        "p95": rounded(quantile(values, 0.95)),
        "p99": rounded(quantile(values, 0.99)),
        "max": rounded(max(values)),
        "of": len(values),
    }
