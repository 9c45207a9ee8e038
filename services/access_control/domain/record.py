"""What is known of a record when something is decided about it, and what its state allows (domain rules, 4.8)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from shared.contracts.reasons import Reason


class State(StrEnum):
    """The life of a record. A person who opposed the opening has no record, and so no state here."""

    ABSENT = "absent"
    """No record has this id."""
    OPEN = "open"
    CLOSED = "closed"
    """Closed by its holder; what it holds is archived (CSP R.1111-36, AR-054)."""


class Standing(StrEnum):
    """What the holder decided about one professional (états de l'autorisation, AR-014)."""

    VALID = "valide"
    EXPIRED = "expire"
    BLOCKED = "interdit"
    NONE = "non_existe"


@dataclass(frozen=True, slots=True)
class Right:
    """A decision of the holder about one professional: authorised (until an end date if there is one) or blocked."""

    blocked: bool = False
    until: datetime | None = None
    """First moment at which the authorisation no longer holds; None: it has no end (AR-015)."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record, as far as decisions need it. The default is a record that does not exist."""

    state: State = State.ABSENT
    suspended: bool = False
    """Suspended for fraud (AR-057); stands beside the state, so that closing and reopening does not end it."""
    held: bool = False
    """An unexpected error hit a request that may have restricted access: nobody reads until an operator resolves it."""
    rights_version: int = 0
    """Raised by one at each change of rights or life; commands name the version they were made on."""
    permits_until: datetime | None = None
    """When the last permit ever given on this record runs out, or has run out."""
    treating: str | None = None
    """Directory number of the médecin traitant; personal to him (AR-066)."""
    rights: Mapping[str, Right] = field(default_factory=dict)
    """By directory number; a professional who is not named has no standing."""

    def standing(self, professional: str, now: datetime) -> Standing:
        """A professional's standing at a moment: the end of a right is compared when deciding, never a timer."""
        right = self.rights.get(professional)
        if right is None:
            return Standing.NONE
        if right.blocked:
            return Standing.BLOCKED
        return Standing.EXPIRED if right.until is not None and right.until <= now else Standing.VALID

    def with_right(self, professional: str, right: Right | None) -> "Record":
        """The record with another decision about one professional; None ends whatever was decided."""
        others = {number: kept for number, kept in self.rights.items() if number != professional}
        return replace(self, rights=others if right is None else others | {professional: right})


ABSENT: Final = Record()


def no_deposit(record: Record) -> Reason | None:
    """Why the state allows no deposit; None where it does. A held record takes deposits."""
    if record.state is State.ABSENT:
        return Reason.NO_RECORD
    if record.suspended:
        return Reason.RECORD_SUSPENDED
    return Reason.RECORD_CLOSED if record.state is State.CLOSED else None


def no_consultation(record: Record) -> Reason | None:
    """Why the state allows nobody to read; None where it does."""
    return no_deposit(record) or (Reason.RECORD_HELD if record.held else None)
