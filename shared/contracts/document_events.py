"""Topic `document.events`: what happened to documents."""

from typing import ClassVar
from uuid import UUID

from shared.contracts.common import AccessMode, Actor, Body, Code
from shared.contracts.reasons import Reason


class Deposited(Body):
    """A staged document became part of the record."""

    type_name: ClassVar[str] = "carnet.document.deposited.v1"

    deposit: UUID
    document: UUID
    actor: Actor
    type_code: Code
    class_code: Code
    replaces: UUID | None = None
    masked: bool = False
    """Masked to professionals at deposit (MASQUE_PS)."""
    withheld: bool = False
    """Withheld from the holder (INVISIBLE_PATIENT): no notice may reveal it."""
    hidden_from_representatives: bool = False


class DepositRefused(Body):
    """A staged document did not become part of the record."""

    type_name: ClassVar[str] = "carnet.document.refused.v1"

    deposit: UUID
    actor: Actor
    reason: Reason


class Consulted(Body):
    """A read happened: a list was given (no document named) or one document was opened."""

    type_name: ClassVar[str] = "carnet.document.consulted.v1"

    request: UUID
    actor: Actor
    mode: AccessMode = AccessMode.NORMAL
    document: UUID | None = None
    case: UUID | None = None
    """Given out in an extract, under this case (AR-065): one event for each document, or one where there was none."""


class DocumentHeld(Body):
    """An unexpected error hurt this deposit alone; an operator looks at it."""

    type_name: ClassVar[str] = "carnet.document.held.v1"

    deposit: UUID


class UpdateToTell(Body):
    """Two weeks went by without an announcement: the holder is told of an update and invited to consult (AR-030).

    It names no document and comes once for all that are due on a record, so that nothing of them follows from it.
    """

    type_name: ClassVar[str] = "carnet.document.update-to-tell.v1"

    hidden_from_representatives: bool
    """All of them are hidden from representatives, too (AR-041)."""


class SummaryDue(Body):
    """A year went by without a summary by the médecin traitant, who is reminded of it (AR-006)."""

    type_name: ClassVar[str] = "carnet.document.summary-due.v1"

    professional: Code
    """Directory number of the médecin traitant."""


class RecordDestroyed(Body):
    """The record's key, documents and contents are destroyed here, as announced; told again for each announcement."""

    type_name: ClassVar[str] = "carnet.document.record-destroyed.v1"


MESSAGES = (Deposited, DepositRefused, Consulted, DocumentHeld, UpdateToTell, SummaryDue, RecordDestroyed)
