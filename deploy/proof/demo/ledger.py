"""What was verified, what was not and what to do about it, and how long each kind of request took."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

MOST_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Failure:
    """A step that did not come out as it should."""

    step: str
    subject: str
    """A file, a person of the cast, a topic; never an identity."""
    wrong: str
    next_step: str


@dataclass
class Ledger:
    """Collects the outcome of every step."""

    verified: Counter[str] = field(default_factory=Counter)
    """By step, in the order in which the steps came first."""
    failures: list[Failure] = field(default_factory=list)
    passed_over: list[tuple[str, str]] = field(default_factory=list)
    """Files of the samples folder that were not played, and why."""
    milliseconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def expect(self, step: str, subject: str, wrong: str | None, next_step: str) -> bool:
        """Note a step: verified where `wrong` is None, else failed for that reason. Gives whether it is verified."""
        self.verified[step] += wrong is None
        if wrong is not None:
            self.failures.append(Failure(step, subject, wrong, next_step))
        return wrong is None

    def took(self, kind: str, milliseconds: float) -> None:
        """Note how long something took."""
        self.milliseconds[kind].append(milliseconds)

    @property
    def ok(self) -> bool:
        """True where steps were verified and none failed."""
        return bool(self.verified) and not self.failures


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value below or at which this share of the values lies. Raises ValueError without values."""
    if not values:
        raise ValueError("a percentile needs at least one value")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
