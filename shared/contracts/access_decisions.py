"""Topic `access.decisions`: every decision, the life of records and the changes of rights, in one order."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime

from shared.contracts.common import AccessMode, Act, Actor, Body, Code, Owner
from shared.contracts.reasons import Reason


class Outcome(StrEnum):
    """A decision is one of two."""

    PERMIT = "permit"
    DENY = "deny"


class Decided(Body):
    """The decision on one request."""

    type_name: ClassVar[str] = "carnet.access.decided.v1"

    request: UUID
    act: Act
    outcome: Outcome
    reasons: tuple[Reason, ...]
    actor: Actor | None = None
    """None only where the request could not be read."""
    mode: AccessMode = AccessMode.NORMAL
    owner: Owner | None = None
    """For a consultation: who may show something."""
    permit: str | None = None
    """For a permitted consultation: the signed permit (JWS), valid for seconds, for that owner alone."""
    expires: AwareDatetime | None = None
    matrix_version: Code | None = None
    rights_version: int = 0
    """Version of the record's rights after this decision."""
    in_force_at: AwareDatetime | None = None
    """For a change of rights: when the last permit given before it has run out; told to the patient only then."""


class RecordOpened(Body):
    """A record exists from now on."""

    type_name: ClassVar[str] = "carnet.access.record-opened.v1"

    actor: Actor


class RecordClosed(Body):
    """The holder closed the record."""

    type_name: ClassVar[str] = "carnet.access.record-closed.v1"

    actor: Actor


class RecordReopened(Body):
    """A closed record is open again."""

    type_name: ClassVar[str] = "carnet.access.record-reopened.v1"

    actor: Actor


class RecordHeld(Body):
    """An unexpected error on a restricting or unknown request: reads are denied until someone resolves it."""

    type_name: ClassVar[str] = "carnet.access.record-held.v1"

    request: UUID


class RecordReleased(Body):
    """The hold was ended by an operator."""

    type_name: ClassVar[str] = "carnet.access.record-released.v1"

    actor: Actor


class RightsChanged(Body):
    """Rights on the record changed: authorise, revoke, block, unblock, declare."""

    type_name: ClassVar[str] = "carnet.access.rights-changed.v1"

    act: Act
    actor: Actor
    professional: Code | None = None
    until: AwareDatetime | None = None
    rights_version: int
    in_force_at: AwareDatetime | None = None


MESSAGES = (Decided, RecordOpened, RecordClosed, RecordReopened, RecordHeld, RecordReleased, RightsChanged)
