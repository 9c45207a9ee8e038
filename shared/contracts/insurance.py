"""Topics `insurance.*`: what insurers publish, what they are answered, what they are asked for.

The only topics that carry a NIR. Who the insurer is follows from the topic, which only its principal may write.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import StringConstraints

from shared.contracts.common import Body, Code, Value
from shared.contracts.reasons import Reason

Label = Annotated[str, StringConstraints(max_length=300)]


class LineAction(StrEnum):
    """What an insurer does with a line."""

    NEW = "new"
    CORRECT = "correct"
    CANCEL = "cancel"


class CareSection(StrEnum):
    """The sections of the reimbursement history (volet CNAM-HR)."""

    MEDICINES = "medicines"
    VACCINATIONS = "vaccinations"
    DEVICES = "devices"
    HOSPITALISATIONS = "hospitalisations"
    MEDICAL_DENTAL = "medical_dental"
    RADIOLOGY = "radiology"
    BIOLOGY = "biology"


class ReimbursedCare(Body):
    """One line of reimbursed care: what care was given and when; no amount (domain.md §7)."""

    type_name: ClassVar[str] = "carnet.insurance.reimbursed-care.v1"

    line: Code
    """The insurer's own id of the line, stable over its versions."""
    version: int
    """Rises with each correction or cancellation of the line; the first is 1."""
    action: LineAction = LineAction.NEW
    matricule: Annotated[str, StringConstraints(min_length=15, max_length=15)]
    """The person's INS number with its key (NIR, 15 characters)."""
    oid: Code
    care_date: date
    section: CareSection
    code_system: Code
    """For example `CIP13`, `ATC`, `LPP`, `CCAM`, `NGAP`, `NABM`."""
    code: Code
    label: Label | None = None
    quantity: int = 1
    performer: Code | None = None
    prescriber: Code | None = None


class LineFate(StrEnum):
    """What became of a line. It never tells whether the person has a record."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    OUTSIDE_WINDOW = "outside_window"
    REJECTED = "rejected"


class LineReceipt(Value):
    """The fate of one line."""

    offset: int
    """Where the line stands in its partition of the insurer's topic."""
    line: Code | None = None
    """None where the line's id itself could not be read."""
    version: int | None = None
    fate: LineFate
    reason: Reason | None = None


class LineReceipts(Body):
    """The fates of lines that were taken together, in their order: every line has one, in one such message."""

    type_name: ClassVar[str] = "carnet.insurance.line-receipts.v1"

    partition: int
    """The lines' partition in the insurer's topic."""
    receipts: tuple[LineReceipt, ...]


class BackfillRequested(Body):
    """A record was opened: send the last 24 months of this person."""

    type_name: ClassVar[str] = "carnet.insurance.backfill-requested.v1"

    request: UUID
    matricule: str
    oid: Code
    since: date


REIMBURSEMENTS = (ReimbursedCare,)
RECEIPTS = (LineReceipts,)
BACKFILL_REQUESTS = (BackfillRequested,)
