"""What is known of a record when something is decided about it, and what its state allows (domain rules, 4.8)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import Final

from services.access_control.domain.deletion import Because
from services.access_control.domain.oversight import NOTHING, Oversight
from services.access_control.domain.relations import Agreement, Delegation, DelegationState, Right, Standing, Team
from shared.contracts.common import Wishes
from shared.contracts.further_reasons import Code, FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import DelegationKind, Function, TeamKind

__all__ = ["ABSENT", "Record", "Right", "Standing", "State", "no_consultation", "no_deposit", "no_extract", "no_record"]

WISHES: Final = Wishes()
"""At creation: both emergency modes permitted, masked documents not shown (AR-036)."""


class State(StrEnum):
    """The life of a record. A person who opposed the opening has no record, and so no state here."""

    ABSENT = "absent"
    """No record has this id."""
    OPEN = "open"
    CLOSED = "closed"
    """Closed by its holder; what it holds is archived (CSP R.1111-36, AR-054)."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record, as far as decisions need it. The default is a record that does not exist.

    Every relation stands under what an actor carries, so that no decision grows with their number.
    """

    state: State = State.ABSENT
    activated: bool = False
    """Activated by its holder; an open record that is not is read and fed likewise (AR-001)."""
    suspended: bool = False
    """Suspended for fraud (AR-057); stands beside the state, so that closing and reopening does not end it."""
    suspended_at: datetime | None = None
    objected: bool = False
    """The holder objected to the suspension within six weeks."""
    deceased: bool = False
    """Stands beside the state, so that a death told by error can be taken back."""
    closed_at: datetime | None = None
    """Since when it is closed: it is archived for ten years (AR-054)."""
    foreseen_at: datetime | None = None
    """When the holder of a closed record was told that its archive is ending."""
    deletion_due: datetime | None = None
    """Until when it has to be deleted, and so: it is being deleted, or was (AR-054, AR-055). Nothing takes it back."""
    deleted_because: Because | None = None
    held: bool = False
    """An unexpected error hit a request that may have restricted access: nobody reads until an operator resolves it."""
    rights_version: int = 0
    """Raised by one at each change of rights or life; commands name the version they were made on."""
    permits_until: datetime | None = None
    """When the last permit given on this record runs out; None: none is out, or nothing that is decided asks for it."""
    treating: str | None = None
    """Directory number of the médecin traitant; personal to him (AR-066)."""
    majority: datetime | None = None
    """When the holder comes of age (AR-045); None: not known, or not needed for what is decided."""
    wishes: Wishes = WISHES
    opted_out: frozenset[Function] = frozenset()
    masks_by_default: bool = False
    """New documents are masked to professionals; nothing is decided on it here, their owner does it (AR-025)."""
    heirs_opposed: bool = False
    """The holder opposed access by heirs, cohabitee or PACS partner while alive (L.1110-4 V, AR-058)."""
    rights: Mapping[str, Right] = field(default_factory=dict)
    """By directory number; a professional who is not named has no standing."""
    sessions: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """End of each consent at the consultation, by professional and structure (AR-010)."""
    teams: Mapping[str, Team] = field(default_factory=dict)
    """By structure, professional, or the team's identifier."""
    delegations: Mapping[str, Delegation] = field(default_factory=dict)
    apps: Mapping[str, Agreement] = field(default_factory=dict)
    oversight: Oversight = NOTHING
    """What is known beside it, where a message needs it."""

    def standing(self, professional: str, now: datetime) -> Standing:
        """A professional's standing at a moment: the end of a right is compared when deciding, never a timer."""
        right = self.rights.get(professional)
        if right is None:
            return Standing.NONE
        if right.blocked:
            return Standing.BLOCKED
        if right.by_representative and self.is_of_age(now):
            return Standing.NONE
        return Standing.EXPIRED if right.until is not None and right.until <= now else Standing.VALID

    def is_of_age(self, now: datetime) -> bool:
        """True from 00:00 in Paris on the 18th birthday (AR-045), and where the day is not known: nothing is given."""
        return self.majority is None or self.majority <= now

    def is_administrator(self, professional: str, now: datetime) -> bool:
        """True for a named administrator whose authorisation holds (AR-028)."""
        right = self.rights.get(professional)
        return (
            right is not None and right.administrator is not None and self.standing(professional, now) is Standing.VALID
        )

    def has_session(self, professional: str, structure: str | None, now: datetime) -> bool:
        """True while a consent at the consultation holds for this professional in this structure (AR-010)."""
        until = self.sessions.get((professional, structure or ""))
        return until is not None and now < until

    def team(self, key: str | None, kind: TeamKind) -> Team | None:
        """The care team of this kind that the holder consented to, be it over or not."""
        team = self.teams.get(key) if key is not None else None
        return team if team is not None and team.kind is kind else None

    def holds(self, team: Team, now: datetime) -> bool:
        """True while the consent to a team holds."""
        return now < team.until and not (team.by_representative and self.is_of_age(now))

    def state_of(self, delegation: Delegation, now: datetime) -> DelegationState:
        """A delegation's state at a moment: a legal representation is over at majority (AR-045)."""
        accepted = delegation.state is DelegationState.ACCEPTED
        represents = delegation.kind is DelegationKind.LEGAL_REPRESENTATION
        if accepted and represents and self.is_of_age(now):
            return DelegationState.EXPIRED
        return delegation.state_at(now)

    def with_right(self, professional: str, right: Right | None) -> "Record":
        """The record with another decision about one professional; None ends whatever was decided."""
        others = {number: kept for number, kept in self.rights.items() if number != professional}
        return replace(self, rights=others if right is None else others | {professional: right})

    def with_permit(self, until: datetime) -> "Record":
        """The record with a permit out that runs until then; another may run longer.

        As `replace`, which each permitted read would ask to look up every field by its name.
        """
        values = list(_VALUES(self))
        values[_PERMITS_UNTIL] = max(self.permits_until or until, until)
        return Record(*values)


_NAMES: Final = tuple(one.name for one in fields(Record))
_VALUES: Final = attrgetter(*_NAMES)
_PERMITS_UNTIL: Final = _NAMES.index("permits_until")
ABSENT: Final = Record()


def no_record(record: Record) -> Code | None:
    """Why there is nothing to read, feed or decide: it never was, or it is deleted; None where it is there."""
    if record.state is State.ABSENT:
        return Reason.NO_RECORD
    return FurtherReason.RECORD_DELETED if record.deletion_due is not None else None


def no_deposit(record: Record) -> Code | None:
    """Why the state allows no deposit; None where it does. A held record takes deposits."""
    if record.state is State.OPEN and not (record.suspended or record.deceased or record.deletion_due):
        return None
    if (code := no_record(record)) is not None:
        return code
    if record.deceased:
        return FurtherReason.RECORD_DECEASED
    return Reason.RECORD_SUSPENDED if record.suspended else Reason.RECORD_CLOSED


def no_extract(record: Record) -> Code | None:
    """Why the state allows no extract to heirs and experts: it is their right of what the archive keeps (L.1111-18).

    Neither death nor closure stands against it; suspension and hold do, as against everybody.
    """
    if code := no_record(record):
        return code
    if record.suspended:
        return Reason.RECORD_SUSPENDED
    return Reason.RECORD_HELD if record.held else None


def no_consultation(record: Record) -> Code | None:
    """Why the state allows nobody to read; None where it does. A held record denies emergencies, too."""
    return no_deposit(record) or (Reason.RECORD_HELD if record.held else None)
