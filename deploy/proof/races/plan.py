"""What happens in each race: a pure function of a seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Restriction(StrEnum):
    """What takes the professional's access away."""

    BLOCK = "block"
    REVOKE = "revoke"


class When(StrEnum):
    """When a permit is used."""

    AT_ONCE = "at once"
    AT_THE_EDGE = "at the edge"
    """At the moment at which the restriction is told, a little before or after."""
    BEHIND = "behind"
    """After it was told alone: the read must be refused."""


@dataclass(frozen=True, slots=True)
class Use:
    """How a permit is used, once: a used one proves nothing any more."""

    when: When
    off_s: float
    """For `AT_THE_EDGE` from the moment at which the restriction is told, else a pause."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One race."""

    restriction: Restriction
    out: tuple[Use, ...]
    """Permits that are out before it begins."""
    beside: tuple[Use, ...]
    """Reads that are asked for at the moment of the restriction."""
    place: int
    """How many of those reads are sent before the restriction."""
    stale_unblock: bool
    """A command to unblock, made on the rights before, arrives late."""


_WEIGHTS: Final = {When.AT_ONCE: 2, When.AT_THE_EDGE: 5, When.BEHIND: 3}
_EDGE_S: Final = 0.15
_PAUSE_S: Final = 0.2


def plans(seed: int) -> Iterator[Plan]:
    """Races without end."""
    chance = random.Random(f"races {seed}")
    while True:
        beside = _uses(chance, chance.randint(1, 2))
        yield Plan(
            restriction=chance.choice(list(Restriction)),
            out=_uses(chance, 2 if chance.random() < 1 / 4 else 1),
            beside=beside,
            place=chance.randint(0, len(beside)),
            stale_unblock=chance.random() < 1 / 4,
        )


def _uses(chance: random.Random, count: int) -> tuple[Use, ...]:
    return tuple(_use(chance) for _ in range(count))


def _use(chance: random.Random) -> Use:
    when = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
    return Use(when, chance.uniform(-_EDGE_S, _EDGE_S) if when is When.AT_THE_EDGE else chance.uniform(0, _PAUSE_S))
