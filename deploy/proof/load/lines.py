"""What an insurer publishes: batches of lines with all that can be wrong with one; pure, from a seed and a day."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from shared.contracts.insurance import CareSection, LineAction, ReimbursedCare
from shared.contracts.reasons import Reason
from shared.terminology import Ins

BATCH: Final = 25
AGAIN: Final = 0.35
"""Share of batches that are published once more, whole."""
SAME_IDS: Final = 0.5
"""Share of these that are sent again as they were; the others are made anew, under new message ids."""


class Kind(StrEnum):
    """What a line is."""

    NEW = "new"
    CORRECTION = "correction"
    CANCELLATION = "cancellation"
    STALE = "stale version"
    TWICE = "the same line again"
    OLD = "outside the window"
    BAD_NIR = "wrong key of the NIR"
    BAD_DATE = "date in the future"
    BAD_CODE = "code of no nomenclature"
    BAD_JSON = "malformed JSON"
    UNKNOWN_TYPE = "unknown type"
    NO_ENVELOPE = "no envelope"


_MIX: Final = {
    Kind.NEW: 50,
    Kind.CORRECTION: 10,
    Kind.CANCELLATION: 4,
    Kind.STALE: 4,
    Kind.TWICE: 8,
    Kind.OLD: 2,
    Kind.BAD_NIR: 2,
    Kind.BAD_DATE: 2,
    Kind.BAD_CODE: 2,
    Kind.BAD_JSON: 3,
    Kind.UNKNOWN_TYPE: 1,
    Kind.NO_ENVELOPE: 1,
}
_OF_EARLIER: Final = frozenset({Kind.CORRECTION, Kind.CANCELLATION, Kind.STALE, Kind.TWICE})
WRONG: Final = {
    Kind.BAD_NIR: Reason.BAD_NIR,
    Kind.BAD_DATE: Reason.BAD_DATE,
    Kind.BAD_CODE: Reason.BAD_CODE,
    Kind.BAD_JSON: Reason.MALFORMED,
    Kind.UNKNOWN_TYPE: Reason.UNKNOWN_TYPE,
    Kind.NO_ENVELOPE: Reason.MALFORMED,
}
"""Why a line is rejected."""
_CARE: Final = (
    (CareSection.MEDICINES, "CIP13", "3400935955838"),
    (CareSection.VACCINATIONS, "ATC", "J07BB02"),
    (CareSection.MEDICAL_DENTAL, "CCAM", "HBJD001"),
    (CareSection.BIOLOGY, "NABM", "1104"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line to publish."""

    kind: Kind
    body: ReimbursedCare
    person: int
    """Index of the person."""

    @property
    def value(self) -> bytes:
        """The bytes that are published."""
        whole = self.body.model_dump_json(exclude_none=True).encode()
        return whole[: len(whole) // 2] if self.kind is Kind.BAD_JSON else whole


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines that are published together."""

    at_s: float
    lines: tuple[Line, ...]
    again: bool = False
    """It is published once more at once."""
    same_ids: bool = False


def batches(seed: int, people: Sequence[Ins], today: date, *, seconds: float, every_s: float = 1.0) -> Iterator[Batch]:
    """Batches in order of time."""
    chance = random.Random(f"lines {seed}")
    earlier: list[Line] = []
    """The latest version of each good line."""
    number = 0
    for turn in range(int(seconds / every_s)):
        lines = []
        for _ in range(BATCH):
            number += 1
            kind = chance.choices(list(_MIX), list(_MIX.values()))[0]
            if kind in _OF_EARLIER and earlier:
                place = chance.randrange(len(earlier))
                line = _of_earlier(kind, earlier[place])
                if kind in {Kind.CORRECTION, Kind.CANCELLATION}:
                    earlier[place] = line
            else:
                kind = Kind.NEW if kind in _OF_EARLIER else kind
                line = _new(chance, kind, people, f"S{seed}-{number}", today)
                earlier += [line] if kind is Kind.NEW else []
            lines.append(line)
        yield Batch(turn * every_s, tuple(lines), chance.random() < AGAIN, chance.random() < SAME_IDS)


def label(line: str, version: int) -> str:
    """The text of a line's version: its mark, which is found again in whose history it stands."""
    return f"{line} v{version}"


def _new(chance: random.Random, kind: Kind, people: Sequence[Ins], line: str, today: date) -> Line:
    person = chance.randrange(len(people))
    ins = people[person]
    section, system, code = chance.choice(_CARE)
    days = {Kind.OLD: 3 * 365, Kind.BAD_DATE: -400}.get(kind, chance.randrange(2, 600))
    wrong = f"{ins.number[:13]}{(int(ins.number[13:]) + 1) % 98:02d}"
    body = ReimbursedCare(
        line=line,
        version=1,
        matricule=wrong if kind is Kind.BAD_NIR else ins.number,
        oid=ins.oid,
        care_date=today - timedelta(days=days),
        section=section,
        code_system=system,
        code="no-code" if kind is Kind.BAD_CODE else code,
        label=label(line, 1),
        quantity=chance.randint(1, 3),
    )
    return Line(kind, body, person)


def _of_earlier(kind: Kind, line: Line) -> Line:
    body = line.body
    if kind is Kind.TWICE:
        return replace(line, kind=kind)
    if kind is Kind.STALE:
        if body.version == 1:
            return replace(line, kind=Kind.TWICE)
        version, action = body.version - 1, LineAction.CORRECT
    else:
        version = body.version + 1
        action = LineAction.CANCEL if kind is Kind.CANCELLATION else LineAction.CORRECT
    changes = {"version": version, "action": action, "label": label(body.line, version)}
    return replace(line, kind=kind, body=body.model_copy(update=changes))
