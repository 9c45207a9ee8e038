"""A day of reimbursements as an insurer would publish it: made from a seed, with lines that can only be refused."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from shared.contracts.insurance import CareSection, LineFate, ReimbursedCare
from shared.contracts.reasons import Reason
from shared.terminology import Ins

LINES_EACH: Final = 10
BAD_SHARE: Final = 0.01
_OLDEST_DAYS: Final = 600
"""Well within the 24 months that are kept."""


class Bad(StrEnum):
    """What is wrong with a line."""

    JSON = "malformed JSON"
    NIR = "wrong key of the NIR"
    DATE = "date in the future"


EXPECTED: Final[dict[Bad | None, tuple[LineFate, Reason | None]]] = {
    None: (LineFate.ACCEPTED, None),
    Bad.JSON: (LineFate.REJECTED, Reason.MALFORMED),
    Bad.NIR: (LineFate.REJECTED, Reason.BAD_NIR),
    Bad.DATE: (LineFate.REJECTED, Reason.BAD_DATE),
}
"""The fate that each kind of line is owed. A line with malformed JSON is parked too."""

_CARE: Final[Sequence[tuple[CareSection, str, str, str]]] = (
    (CareSection.MEDICINES, "CIP13", "3400935955838", "PARACETAMOL 1 G CPR 8"),
    (CareSection.MEDICINES, "CIP13", "3400936963504", "AMOXICILLINE 500 MG GELULE 12"),
    (CareSection.MEDICINES, "ATC", "C10AA05", "ATORVASTATINE"),
    (CareSection.VACCINATIONS, "ATC", "J07BB02", "VACCIN GRIPPE INACTIVE"),
    (CareSection.DEVICES, "LPP", "1103160", "BANDELETTES POUR AUTOSURVEILLANCE"),
    (CareSection.HOSPITALISATIONS, "GHS", "7991", "SEJOUR"),
    (CareSection.MEDICAL_DENTAL, "NGAP", "G", "CONSULTATION DU GENERALISTE"),
    (CareSection.MEDICAL_DENTAL, "CCAM", "HBJD001", "DETARTRAGE COMPLET"),
    (CareSection.RADIOLOGY, "CCAM", "ZBQK002", "RADIOGRAPHIE DU THORAX"),
    (CareSection.BIOLOGY, "NABM", "1104", "HEMOGRAMME"),
    (CareSection.BIOLOGY, "NABM", "0552", "GLYCEMIE"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line to publish."""

    body: ReimbursedCare
    bad: Bad | None = None

    @property
    def value(self) -> bytes:
        """The bytes that are published."""
        whole = self.body.model_dump_json(exclude_none=True).encode()
        return whole[: len(whole) // 2] if self.bad is Bad.JSON else whole


def day(people: Sequence[Ins], run: str, today: date) -> list[Line]:
    """The lines of these people, shuffled.

    Args:
        people: Each gets LINES_EACH lines; the first is spared the bad ones, so that his history is known whole.
        run: Stands in every line's id, so that no two runs publish the same lines.
        today: No care is later, but where the date is what is wrong.
    """
    chance = random.Random(f"day {run}")
    good = [_line(chance, ins, f"{run}-{number:06d}", today) for number, ins in enumerate(_each(people))]
    spared = LINES_EACH
    count = min(max(2, round(len(good) * BAD_SHARE)), len(good) - spared)
    spoilt = dict(zip(chance.sample(range(spared, len(good)), count), _kinds(count), strict=True)) if count > 0 else {}
    lines = [_spoilt(line, spoilt.get(number), today) for number, line in enumerate(good)]
    chance.shuffle(lines)
    return lines


def _each(people: Sequence[Ins]) -> Iterator[Ins]:
    for ins in people:
        for _ in range(LINES_EACH):
            yield ins


def _kinds(count: int) -> list[Bad]:
    """Half of them malformed, the other half wrong in number or date by turns."""
    half = (count + 1) // 2
    return [Bad.JSON] * half + [(Bad.NIR, Bad.DATE)[turn % 2] for turn in range(count - half)]


def _line(chance: random.Random, ins: Ins, line: str, today: date) -> ReimbursedCare:
    section, system, code, label = chance.choice(_CARE)
    return ReimbursedCare(
        line=line,
        version=1,
        matricule=ins.number,
        oid=ins.oid,
        care_date=today - timedelta(days=chance.randrange(1, _OLDEST_DAYS)),
        section=section,
        code_system=system,
        code=code,
        label=label,
        quantity=chance.randint(1, 3),
    )


def _spoilt(line: ReimbursedCare, bad: Bad | None, today: date) -> Line:
    if bad is Bad.NIR:
        wrong = f"{line.matricule[:13]}{(int(line.matricule[13:]) + 1) % 98:02d}"
        return Line(line.model_copy(update={"matricule": wrong}), bad)
    if bad is Bad.DATE:
        return Line(line.model_copy(update={"care_date": today + timedelta(days=400)}), bad)
    return Line(line, bad)
