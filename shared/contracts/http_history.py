"""Internal HTTP of history_ingestion: the index of a new record's holder, and permitted reads.

PUT  /persons/{record}  IndexPerson -> PersonIndexed   (gateway)
POST /read              ReadHistory -> HistoryView     (gateway)
"""

from datetime import date
from typing import Annotated

from pydantic import Field

from shared.contracts.common import Code, Value
from shared.contracts.insurance import CareSection


class IndexPerson(Value):
    """Whose the record is."""

    matricule: Annotated[str, Field(min_length=15, max_length=15, repr=False)]
    """The INS number with its key."""
    oid: Code
    moved: bool = False
    """True where the record had another INS before, which leads nowhere from now on."""


class PersonIndexed(Value):
    """The INS leads to the record from now on."""

    open: bool
    """True once access_control's word that the record is open arrived here: from then on lines are kept."""


class ReadHistory(Value):
    """Ask to read; the permit says which record, who reads, and until when."""

    permit: Annotated[str, Field(min_length=1, max_length=8192, repr=False)]


class HistoryLine(Value):
    """One line of reimbursed care."""

    care_date: date
    insurer: Code
    version: int
    code_system: str
    code: str
    label: str | None = None
    quantity: int = 1
    performer: str | None = None
    prescriber: str | None = None


class HistorySection(Value):
    """One section of the history; shown even when empty."""

    section: CareSection
    loinc: str
    title: str
    """French, as in the volet CNAM-HR."""
    lines: tuple[HistoryLine, ...]


class HistoryView(Value):
    """The whole history: seven sections of care, and the eighth that says what it is worth."""

    since: date
    """First day of care that is kept (24 months)."""
    sections: tuple[HistorySection, ...]
    usage_loinc: str
    usage_title: str
    usage: str
