"""What a decision is taken on: everything that a step may look at."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.access_control.domain.matrix import Matrix
from services.access_control.domain.policy import Policy
from services.access_control.domain.record import Record
from shared.contracts.common import AccessMode, Actor, FurtherAct, Owner
from shared.contracts.further_reasons import Code
from shared.contracts.record_requests import SpokenConsent


@dataclass(frozen=True, slots=True)
class Reading:
    """A consultation that is asked for."""

    actor: Actor
    owner: Owner
    mode: AccessMode
    deadline: datetime
    """After this moment nobody waits for the answer any more."""
    reason_code: str | None = None
    """Why, in an emergency mode (AR-039)."""
    reason_told: bool = False
    """A text stands beside the code."""
    purpose: str = "care"
    consent: SpokenConsent | None = None
    """What a firefighter doctor was told (AR-064)."""
    case: UUID | None = None
    """The case under which an extract is taken (AR-065)."""


@dataclass(slots=True)
class Consultation:
    """A reading on a record at a moment, by these rules."""

    record: Record
    asked: Reading
    actor: Actor
    now: datetime
    matrix: Matrix
    policy: Policy
    relation: Code | None = None
    """By what a professional stands to the holder, as step E5 found it; for the steps after it."""


@dataclass(slots=True)
class Feeding:
    """A deposit on a record at a moment, by these rules."""

    record: Record
    actor: Actor
    now: datetime
    policy: Policy
    mode: AccessMode


@dataclass(frozen=True, slots=True)
class ActOnDocument:
    """An act on a document that is asked for; whether there is one, and what stands in it, is no matter of rights."""

    act: FurtherAct
    actor: Actor
    document: UUID
    """Compared with what a case is about, and with nothing else."""
    at_request: bool = False
    """A professional records that the holder asks for it."""
    case: UUID | None = None
    """For an operator: the holder's case about that document, which was found justified (AR-068)."""
    opinion: str | None = None
    """What the protected adult thinks of it (AR-063)."""


@dataclass(slots=True)
class Acting:
    """An act on a document, on a record at a moment, by these rules."""

    record: Record
    asked: ActOnDocument
    actor: Actor
    now: datetime
    matrix: Matrix
    policy: Policy
