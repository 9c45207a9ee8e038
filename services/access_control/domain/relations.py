"""Who stands how to the holder: consents, teams, delegations, agreements. Ends are compared when deciding."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from shared.contracts.record_requests import (
    AdministratorRole,
    AppScope,
    DelegationKind,
    DelegationScope,
    TeamKind,
)

ALL_SCOPES: Final = frozenset(DelegationScope)
FULL: Final = frozenset({DelegationKind.LEGAL_REPRESENTATION, DelegationKind.PROTECTED_ADULT})
"""Delegations that cover all that a holder may do."""


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
    administrator: AdministratorRole | None = None
    """Named administrator: sees masked documents, may block others (AR-028)."""
    collector: str | None = None
    """Directory number of the professional who collected the consent for this one (AR-011)."""
    why: str | None = None
    """The collector's reason, a code."""
    by_representative: bool = False
    """Given by a minor's legal representative: nothing is left of it at majority (AR-045)."""


@dataclass(frozen=True, slots=True)
class Team:
    """A care team (équipe de soins) that the holder consented to, until its end (AR-008, AR-009)."""

    kind: TeamKind
    since: datetime
    until: datetime
    collector: str | None = None
    """Directory number of who collected the consent; None: the holder's side gave it."""
    by_representative: bool = False


class DelegationState(StrEnum):
    """The life of an invitation; what was accepted and has ended is EXPIRED."""

    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class Delegation:
    """Somebody who acts for the holder, by invitation. Who it is stands elsewhere, encrypted."""

    kind: DelegationKind
    state: DelegationState
    scopes: frozenset[DelegationScope]
    expires: datetime
    """When an invitation without an answer is over."""
    until: datetime | None = None
    """End of the delegation; None: until somebody ends it, or majority (AR-045)."""
    professional: str | None = None
    """Directory number of the delegate, where he was invited as a professional: a block of his ends it (AR-018)."""

    @property
    def represents(self) -> bool:
        """True for a minor's legal representation that nobody has refused or ended; majority ends it (AR-045)."""
        return self.kind is DelegationKind.LEGAL_REPRESENTATION and self.is_alive

    @property
    def is_alive(self) -> bool:
        """True while nobody has refused or ended it."""
        return self.state in {DelegationState.PENDING, DelegationState.ACCEPTED}

    def state_at(self, now: datetime) -> DelegationState:
        """The state at a moment; majority is the record's."""
        if self.state is DelegationState.PENDING and self.expires <= now:
            return DelegationState.EXPIRED
        if self.state is DelegationState.ACCEPTED and self.until is not None and self.until <= now:
            return DelegationState.EXPIRED
        return self.state


@dataclass(frozen=True, slots=True)
class Agreement:
    """The holder's agreement with an app or digital service (AR-067)."""

    scopes: frozenset[AppScope]
    until: datetime | None = None
    by_representative: bool = False
