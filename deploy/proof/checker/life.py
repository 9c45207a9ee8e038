"""One record as the oracle knows it: plain facts, and the questions that the rules ask of them.

Every holder of the load is of age; of who is represented the day of majority is known.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from deploy.proof.checker.apps import Agreed, Register, agreed_for, referenced
from shared.contracts.common import AccessMode, Actor, ActorKind, Owner
from shared.contracts.reasons import Reason
from shared.contracts.record_extracts import ExtractKind, ExtractPurpose
from shared.contracts.record_requests import (
    AdministratorRole,
    DelegationKind,
    DelegationScope,
    Function,
    TeamKind,
)
from shared.terminology import excluded_sector, role

_OF_HEALTH: Final = frozenset({"health profession", "in training"})


@dataclass
class Delegation:
    """Somebody invited to act for the holder."""

    kind: DelegationKind
    scopes: frozenset[DelegationScope]
    state: str = "PENDING"
    professional: str | None = None
    """Who was invited as a professional: his block ends it."""

    @property
    def alive(self) -> bool:
        """True while nobody has refused or ended it."""
        return self.state in {"PENDING", "ACCEPTED"}


@dataclass(frozen=True, slots=True)
class Urgency:
    """An emergency of one professional in one mode: the request that began it, its reason, and its end."""

    request: UUID
    reason: str
    until: datetime


@dataclass
class Case:
    """A case of heirs or a court expert."""

    kind: ExtractKind
    purpose: ExtractPurpose
    types: frozenset[str]
    period: tuple[datetime | None, datetime | None]
    opened_by: str
    approved_by: str | None = None
    approved_until: datetime | None = None
    refused_by: str | None = None
    taken: int = 0

    def is_approved(self, now: datetime) -> bool:
        """True while an extract may be taken."""
        return self.refused_by is None and self.approved_until is not None and now < self.approved_until


@dataclass
class Life:
    """One record."""

    exists: bool = True
    closed: bool = False
    suspended: bool = False
    objected: bool = False
    deceased: bool = False
    activated: bool = False
    deletion: bool = False
    held: bool = False
    version: int = 0
    treating: str | None = None
    authorised: dict[str, datetime | None] = field(default_factory=dict)
    """By professional, until when."""
    blocked: set[str] = field(default_factory=set)
    administrators: dict[str, AdministratorRole] = field(default_factory=dict)
    """Named, whether or not the authorisation has ended meanwhile."""
    sessions: dict[tuple[str, str], datetime] = field(default_factory=dict)
    teams: dict[str, tuple[TeamKind, datetime]] = field(default_factory=dict)
    delegations: dict[UUID, Delegation] = field(default_factory=dict)
    break_glass: bool = True
    regulation: bool = True
    masked: bool = False
    masks_by_default: bool = False
    """New documents are masked; `masked` is about emergencies."""
    opted_out: frozenset[Function] = frozenset()
    emergencies: dict[tuple[str, AccessMode], Urgency] = field(default_factory=dict)
    """The last one by professional and mode."""
    began: set[tuple[UUID, str, AccessMode]] = field(default_factory=set)
    """Every one that ever began, with its request."""
    confirmations: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    """The colleague, and until when his word holds, by the professional whose emergency it is about."""
    cases: dict[UUID, tuple[UUID, str | None]] = field(default_factory=dict)
    """Contested accesses: the request and who read, by case."""
    heirs_opposed: bool = False
    extracts: dict[UUID, Case] = field(default_factory=dict)
    majority: datetime | None = None
    """When the holder comes of age, where that is looked at; None: of age, or nobody looked."""
    apps: dict[str, Agreed] = field(default_factory=dict)
    register: Register = field(default_factory=dict)
    """What the operator decided about apps: the same for every record."""
    was_out: set[Reason] = field(default_factory=set)
    """Why it was out of use at some time: deposits of a lane of their own may have met either state."""

    def out_of_use(self) -> Reason | None:
        """Why nothing may be done with it now."""
        if not self.exists:
            return Reason.NO_RECORD
        if self.deceased or self.deletion:
            return Reason.RECORD_CLOSED
        if self.suspended:
            return Reason.RECORD_SUSPENDED
        return Reason.RECORD_CLOSED if self.closed else None

    def note_use(self) -> None:
        """Remember why it is out of use, where it is."""
        if self.exists and (out := self.out_of_use()) is not None:
            self.was_out.add(out)

    def may_read_now(self, number: str, now: datetime) -> bool:
        """True while an authorisation holds."""
        if number in self.blocked or number not in self.authorised:
            return False
        until = self.authorised[number]
        return until is None or now < until

    def administers(self, number: str | None, now: datetime) -> bool:
        """True for a named administrator whose authorisation holds."""
        return number is not None and number in self.administrators and self.may_read_now(number, now)

    def bars(self, actor: Actor) -> Reason | None:
        """Why a professional may do nothing here: blocked, and not the médecin traitant."""
        return Reason.BLOCKED if actor.number in self.blocked and actor.number != self.treating else None

    def urgency(self, number: str | None, mode: AccessMode, now: datetime) -> Urgency | None:
        """The emergency with which this professional's access goes on."""
        found = self.emergencies.get((number or "", mode))
        return found if found is not None and now < found.until else None

    def forgotten(self) -> "Life":
        """What is left of a deleted record: that it was there. Who had which rights on it is gone."""
        left = Life(closed=self.closed, deceased=self.deceased, deletion=True, version=self.version)
        return replace(left, break_glass=False, regulation=False, was_out=self.was_out)

    def opens_to(self, app: str, owner: Owner, now: datetime) -> bool:
        """True where an app may read what an owner has: referenced, and agreed with for it."""
        scope = agreed_for(self.apps.get(app), owner, now)
        return Function.APPS not in self.opted_out and scope in referenced(self.register, app, now)

    def is_minor(self, now: datetime) -> bool:
        """True for a holder who is known to be a minor."""
        return self.majority is not None and now < self.majority

    def team_until(self, actor: Actor) -> datetime | None:
        """Until when a care team's consent covers this actor at the latest; None where none ever did."""
        ways = (
            (actor.number, TeamKind.PROFESSIONAL),
            (actor.structure, TeamKind.STRUCTURE),
            (actor.team, TeamKind.FORMALISED),
        )
        ends = [self.teams[key][1] for key, kind in ways if key in self.teams and self.teams[key][0] is kind]
        return max(ends, default=None)

    def in_team(self, actor: Actor, now: datetime) -> bool:
        """True while a care team's consent covers this actor."""
        until = self.team_until(actor)
        return until is not None and now < until

    def plain(self) -> tuple[frozenset[str], frozenset[tuple[str, ...]]]:
        """What is compared with the tables, beside rights: what is true of the record, and its relations."""
        told = {
            "activated": self.activated,
            "suspended": self.suspended,
            "objected": self.objected,
            "deceased": self.deceased,
            "deletion": self.deletion,
            "break_glass": self.break_glass,
            "regulation": self.regulation,
            "masked": self.masked,
            "masks_by_default": self.masks_by_default,
            "heirs_opposed": self.heirs_opposed,
        }
        relations = {
            *(("administrator", number, named.value) for number, named in self.administrators.items()),
            *(("team", key, kind.value) for key, (kind, _) in self.teams.items()),
            *(("delegation", str(key), one.kind.value, one.state) for key, one in self.delegations.items()),
            *(("opted_out", function.value) for function in self.opted_out),
            *(("emergency", str(request), number, mode.value) for request, number, mode in self.began),
            *(("confirmation", number, colleague) for number, (colleague, _) in self.confirmations.items()),
            *(("case", str(case), str(request), who or "") for case, (request, who) in self.cases.items()),
            *(self._told(case, one) for case, one in self.extracts.items()),
            *(("app", app, *sorted(agreed.scopes)) for app, agreed in self.apps.items()),
        }
        return frozenset(name for name, true in told.items() if true), frozenset(relations)

    @staticmethod
    def _told(case: UUID, one: Case) -> tuple[str, ...]:
        waits = str(one.approved_until is not None).lower()
        by = (one.opened_by, one.approved_by or "", one.refused_by or "")
        return "extract", str(case), one.kind.value, *by, waits, str(one.taken)


def nobody(actor: Actor) -> Reason | None:
    """Why this is no person who acts in one exercise."""
    if actor.kind is not ActorKind.PROFESSIONAL or not actor.authenticated or actor.number is None:
        return Reason.NOT_AUTHENTICATED
    if actor.role is None or actor.sector is None or role(actor.role) is None:
        return Reason.NO_ROLE
    return Reason.EXCLUDED_SECTOR if excluded_sector(actor.sector) else None


def of_health(actor: Actor) -> bool:
    """True for professions of health, also in training."""
    known = role(actor.role) if actor.role is not None else None
    return known is not None and known.kind in _OF_HEALTH
