"""What a decision leaves behind: rows for the repository to write."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.access_control.domain.record import Record, Right
from shared.contracts.access_decisions import Outcome
from shared.contracts.common import Act, Owner
from shared.contracts.reasons import Reason


@dataclass(frozen=True, slots=True)
class RecordChanged:
    """A record's life, hold, version, médecin traitant or end of permits; not its rights."""

    id: UUID
    record: Record


@dataclass(frozen=True, slots=True)
class RightChanged:
    """What the holder decided about one professional; None ends whatever was decided (NON_EXISTE)."""

    record: UUID
    professional: str
    right: Right | None


@dataclass(frozen=True, slots=True)
class DecisionMade:
    """The one decision on a request, by which a repeat of the request is known."""

    request: UUID
    record: UUID
    act: Act
    outcome: Outcome
    reason: Reason
    rights_version: int
    decided_at: datetime
    matrix: "MatrixAsked | None" = None
    """For a consultation that was put to the habilitation matrix."""


@dataclass(frozen=True, slots=True)
class MatrixAsked:
    """What a decision keeps of its step E6, so that it can be rehearsed on another version (AR-012)."""

    group: str
    """The profession group, column of the matrix."""
    owner: Owner
    version: str
    """The version that answered."""


Change = RecordChanged | RightChanged | DecisionMade
