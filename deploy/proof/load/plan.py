"""What the load does, and when: a pure function of a seed. Whom it happens to depends on the run."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Deed(StrEnum):
    """What a step does."""

    CONSULT = "consult"
    AUTHORISE = "authorise"
    REVOKE = "revoke"
    BLOCK = "block"
    UNBLOCK = "unblock"
    CLOSE = "close"
    REOPEN = "reopen"
    DECLARE = "declare"
    RELEASE = "release"
    AUTHORISE_FOR = "authorise for"
    SESSION = "consent at a consultation"
    TEAM = "consent to a team"
    END_TEAM = "end of a team"
    NAME = "name an administrator"
    REMOVE = "remove an administrator"
    WISH = "emergency wishes"
    OPT_OUT = "opt out"
    INVITE = "invite"
    ANSWER = "answer an invitation"
    END_DELEGATION = "end a delegation"
    AGREE_APP = "agree with an app"
    WITHDRAW_APP = "withdraw an app"
    ACTIVATE = "activate"
    SUSPEND = "suspend"
    OBJECT = "object"
    LIFT = "lift"
    CLOSE_UNCONTESTED = "close uncontested"
    DECEASE = "tell a death"
    REVIVE = "take a death back"
    DELETION = "request deletion"
    """For good of every fifth record; of the others made on rights that were overtaken, so that they stay."""
    EMERGENCY = "emergency access"
    CONFIRM = "confirm an emergency"
    CONTEST = "contest an access"
    OPPOSE_HEIRS = "oppose access by heirs"
    REQUEST_EXTRACT = "open a case for an extract"
    ANSWER_EXTRACT = "answer a case for an extract"
    TAKE_EXTRACT = "take an extract"
    MASK = "mask a document"
    UNMASK = "unmask a document"
    WITHHOLD = "withhold a document"
    ANNOUNCE = "announce a document"
    HIDE = "hide a document"
    REVEAL = "reveal a document"
    ARCHIVE = "archive a document"
    UNARCHIVE = "bring a document back"
    DELETE = "delete a document"
    MASK_BY_DEFAULT = "mask by default"
    DEPOSIT = "deposit"
    LINE = "line"
    POISON = "poison"


class Poison(StrEnum):
    """How a record of Kafka can be no request."""

    BROKEN_CONSULT = "broken consult"
    """Its body is no JSON; it was no attempt to restrict."""
    BROKEN_BLOCK = "broken block"
    """Its body is no JSON, and it may have been a block: the record is held."""
    UNKNOWN_TYPE = "unknown type"
    NO_ENVELOPE = "no envelope"
    NO_RECORD = "no record"
    """Its key is no record id: it can only be parked."""


MIX: Final[Mapping[Deed, float]] = {
    Deed.CONSULT: 38,
    Deed.AUTHORISE: 11,
    Deed.REVOKE: 4,
    Deed.BLOCK: 8,
    Deed.UNBLOCK: 7,
    Deed.CLOSE: 0.7,
    Deed.REOPEN: 2,
    Deed.DECLARE: 1.5,
    Deed.RELEASE: 3,
    Deed.AUTHORISE_FOR: 2.5,
    Deed.SESSION: 2,
    Deed.TEAM: 2,
    Deed.END_TEAM: 1.5,
    Deed.NAME: 3,
    Deed.REMOVE: 0.7,
    Deed.WISH: 1.5,
    Deed.OPT_OUT: 1,
    Deed.INVITE: 1.5,
    Deed.ANSWER: 2,
    Deed.END_DELEGATION: 0.7,
    Deed.AGREE_APP: 0.5,
    Deed.WITHDRAW_APP: 0.5,
    Deed.ACTIVATE: 0.5,
    Deed.SUSPEND: 0.5,
    Deed.OBJECT: 0.5,
    Deed.LIFT: 2,
    Deed.CLOSE_UNCONTESTED: 0.5,
    Deed.DECEASE: 0.4,
    Deed.REVIVE: 2,
    Deed.DELETION: 1,
    Deed.EMERGENCY: 5,
    Deed.CONFIRM: 1,
    Deed.CONTEST: 2,
    Deed.OPPOSE_HEIRS: 0.7,
    Deed.REQUEST_EXTRACT: 2,
    Deed.ANSWER_EXTRACT: 3,
    Deed.TAKE_EXTRACT: 3,
    Deed.MASK: 2,
    Deed.UNMASK: 1.5,
    Deed.WITHHOLD: 1,
    Deed.ANNOUNCE: 2,
    Deed.HIDE: 1,
    Deed.REVEAL: 1,
    Deed.ARCHIVE: 1,
    Deed.UNARCHIVE: 1,
    Deed.DELETE: 1,
    Deed.MASK_BY_DEFAULT: 1,
    Deed.DEPOSIT: 18,
    Deed.LINE: 4,
    Deed.POISON: 2,
}
"""Weights."""
UNAUTHORISED: Final = 0.05
STALE: Final = 0.08
REPEATED: Final = 0.2
NOWHERE: Final = 0.01
"""Share of steps on records that do not exist."""
PROFESSIONALS: Final = 6
"""So few that they meet again and again on a record."""
WITH_CASES: Final = 8
"""Records with cases for extracts: so few that a case is opened, approved and used within a run."""
_OF_CASES: Final = frozenset({Deed.REQUEST_EXTRACT, Deed.ANSWER_EXTRACT, Deed.TAKE_EXTRACT})
LATE: Final = 0.02
READ: Final = 0.3
"""Share of consultations whose permit is used."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the load."""

    number: int
    at_s: float
    deed: Deed
    record: int
    """Index of the record; -1 for one that does not exist."""
    professional: int
    times: int = 1
    """How often it is sent."""
    stale: bool = False
    """With a version of the rights that was overtaken."""
    outsider: int | None = None
    """Which of those who may not."""
    poison: Poison | None = None
    late: bool = False
    read: bool = False
    copied: bool = False
    """A deposit of a document that another professional deposits too."""


def plan(seed: int, *, records: int, rate: float, seconds: float, mix: Mapping[Deed, float] = MIX) -> Iterator[Step]:
    """Steps in order of time, with exponential pauses of mean 1/`rate`: an open loop."""
    chance = random.Random(f"load {seed}")
    deeds, weights = list(mix), list(mix.values())
    at, number = 0.0, 0
    while (at := at + chance.expovariate(rate)) < seconds:
        number += 1
        deed = chance.choices(deeds, weights)[0]
        among = min(records, WITH_CASES) if deed in _OF_CASES else records
        yield Step(
            number=number,
            at_s=at,
            deed=deed,
            record=-1 if chance.random() < NOWHERE else _record(chance, among),
            professional=chance.randrange(PROFESSIONALS),
            times=chance.choice((2, 3)) if chance.random() < REPEATED else 1,
            stale=chance.random() < STALE,
            outsider=chance.randrange(PROFESSIONALS) if chance.random() < UNAUTHORISED else None,
            poison=chance.choice(list(Poison)) if deed is Deed.POISON else None,
            late=chance.random() < LATE,
            read=chance.random() < READ,
            copied=chance.random() < REPEATED,
        )


def _record(chance: random.Random, records: int) -> int:
    """Some records are busier than others: half of all steps meet a tenth of them."""
    busy = max(1, records // 10)
    return chance.randrange(busy) if chance.random() < 1 / 2 else chance.randrange(records)
