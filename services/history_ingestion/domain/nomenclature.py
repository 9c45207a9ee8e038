"""The sections of the history and the codes that may stand in each (CDA volet CNAM-HR 2021.01).

Codes are held against the form of their nomenclature, not against its content: nomenclatures change monthly, and a
line that an insurer reimbursed is not refused because a table here is older.
"""

import re
from dataclasses import dataclass

from shared.contracts.insurance import CareSection


@dataclass(frozen=True, slots=True)
class CodeSystem:
    """One nomenclature: its OID and the form of its codes."""

    oid: str
    form: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Section:
    """One section: LOINC code, French title, and the nomenclatures that code its lines."""

    loinc: str
    title: str
    systems: frozenset[str]


def _system(oid: str, form: str) -> CodeSystem:
    return CodeSystem(oid, re.compile(form, re.ASCII))


CODE_SYSTEMS = {
    "CIP13": _system("1.2.250.1.215.200.1.1.1", r"34009[0-9]{8}"),
    "UCD": _system("1.2.250.1.215.200.1.1.2", r"[0-9]{7}|34008[0-9]{8}"),
    "ATC": _system("1.2.250.1.215.200.1.2.2", r"[A-Z][0-9]{2}([A-Z]([A-Z]([0-9]{2})?)?)?"),
    "LPP": _system("1.2.250.1.215.200.2.1", r"[0-9]{7}"),
    "GHS": _system("1.2.250.1.215.200.3.1", r"[0-9]{1,4}"),
    "DDP": _system("1.2.250.1.215.200.3.2", r"[A-Z0-9]{1,5}"),
    "NGAP": _system("1.2.250.1.215.200.3.3", r"[A-Z][A-Z0-9]{0,5}"),
    "CCAM": _system("1.2.250.1.215.200.3.4", r"[A-Z]{4}[0-9]{3}"),
    "NABM": _system("1.2.250.1.215.200.4.1", r"[0-9]{1,4}"),
}
"""By the name that stands in a line. CIP7 is not used."""

SECTIONS = {
    CareSection.MEDICINES: Section("10160-0", "Médicaments", frozenset({"CIP13", "UCD", "ATC"})),
    CareSection.VACCINATIONS: Section("11369-6", "Vaccinations", frozenset({"CIP13", "UCD", "ATC"})),
    CareSection.DEVICES: Section("46264-8", "Dispositifs médicaux", frozenset({"LPP"})),
    CareSection.HOSPITALISATIONS: Section("46240-8", "Hospitalisations", frozenset({"GHS", "DDP", "NGAP"})),
    CareSection.MEDICAL_DENTAL: Section("67803-7", "Soins médicaux et dentaires", frozenset({"NGAP", "CCAM"})),
    CareSection.RADIOLOGY: Section("18726-0", "Radiologie", frozenset({"CCAM", "NGAP"})),
    CareSection.BIOLOGY: Section("26436-6", "Biologie", frozenset({"NABM"})),
}
"""In the order in which they are shown; all are shown, even when empty."""

USAGE_LOINC = "55112-7"
USAGE_TITLE = "Usage et Responsabilités"
USAGE = (
    "Ces données viennent des remboursements de l'Assurance Maladie. Elles sont données à titre d'information et "
    "peuvent être incomplètes ; leur interprétation relève de la personne qui les consulte."
)
"""The eighth section of the volet: what the reader must know, in French as in the volet."""


def is_plausible(section: CareSection, system: str, code: str) -> bool:
    """True where the section is coded by this nomenclature and the code has its form."""
    return system in SECTIONS[section].systems and CODE_SYSTEMS[system].form.fullmatch(code) is not None
