"""What clients do at the doors, and when: a pure function of a seed."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Deed(StrEnum):
    """What a client does."""

    DEPOSIT = "deposit"
    BROKEN = "deposit of a broken document"
    FOREIGN = "deposit of another's document"
    OUTSIDER = "deposit by an outsider"
    SEARCH = "search"
    OPEN = "opening of a document"
    HISTORY = "look at the history"
    CHANGE = "change of rights"
    MASK = "masking of a document"
    UNMASK = "unmasking of a document"
    DELETE = "deletion of a document"
    RECORD = "opening of a record"


MIX: Final[Mapping[Deed, float]] = {
    Deed.DEPOSIT: 24,
    Deed.BROKEN: 2,
    Deed.FOREIGN: 2,
    Deed.OUTSIDER: 2,
    Deed.SEARCH: 26,
    Deed.OPEN: 14,
    Deed.HISTORY: 6,
    Deed.CHANGE: 20,
    Deed.MASK: 7,
    Deed.UNMASK: 3,
    Deed.DELETE: 3,
    Deed.RECORD: 4,
}
"""Weights."""
REPEATED: Final = 0.3
"""Share of deposits, openings and acts on documents that several sessions of one software send at the same time."""
_SEVERAL: Final = frozenset({Deed.DEPOSIT, Deed.RECORD, Deed.MASK, Deed.UNMASK, Deed.DELETE})
ASYNC: Final = 0.2
"""Share of deposits that ask for 202 and look for the outcome later."""
BY_HOLDER: Final = 0.35
"""Share of reads by the holder, who sees everything."""
READERS: Final = 2
"""Doctors whom holders authorise and block."""
_ABOUT_A_DOCTOR: Final = frozenset({Deed.CHANGE, Deed.MASK, Deed.UNMASK})
"""A doctor is decided about, or looks whether he finds what is masked."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One deed of one client."""

    number: int
    at_s: float
    deed: Deed
    record: int
    """Index of the record."""
    reader: int | None
    """Index of the doctor who reads, or about whom something is decided; None: the holder reads."""
    times: int = 1
    """How often the same is sent at the same time."""
    later: bool = False
    """A deposit whose outcome is asked for later."""
    luck: float = 0.0
    """From 0 to 1: decides between what can be done then."""


def visits(seed: int, *, records: int, rate: float, seconds: float, mix: Mapping[Deed, float] = MIX) -> Iterator[Visit]:
    """Visits in order of time, with exponential pauses of mean 1/`rate`: an open loop."""
    chance = random.Random(f"doors {seed}")
    deeds, weights = list(mix), list(mix.values())
    at, number = 0.0, 0
    while (at := at + chance.expovariate(rate)) < seconds:
        number += 1
        deed = chance.choices(deeds, weights)[0]
        several = deed in _SEVERAL and chance.random() < REPEATED
        alone = deed not in _ABOUT_A_DOCTOR and chance.random() < BY_HOLDER
        yield Visit(
            number=number,
            at_s=at,
            deed=deed,
            record=chance.randrange(records),
            reader=None if alone else chance.randrange(READERS),
            times=chance.choice((2, 3)) if several else 1,
            later=deed is Deed.DEPOSIT and chance.random() < ASYNC,
            luck=chance.random(),
        )
