"""A command, what it is decided on, and the shape of the rule that decides it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.access_control.domain.extracts import Applied
from services.access_control.domain.policy import Policy
from services.access_control.domain.record import Record
from shared.contracts.common import Act, Actor, FurtherAct, Wishes
from shared.contracts.further_reasons import Code
from shared.contracts.record_requests import (
    AdministratorRole,
    AppScope,
    DelegationKind,
    DelegationScope,
    Function,
    TeamKind,
)

AnyAct = Act | FurtherAct


@dataclass(frozen=True, slots=True)
class Command:
    """A change that is asked for. What an act does not need stays at its default."""

    act: AnyAct
    actor: Actor
    version: int | None = None
    """Version of the rights its author had read; None for acts that are not made on rights."""
    professional: str | None = None
    """Directory number of whom it is about; None for the record itself, or for no médecin traitant any more."""
    until: datetime | None = None
    structure: str | None = None
    team: str | None = None
    team_kind: TeamKind | None = None
    role: AdministratorRole | None = None
    wishes: Wishes | None = None
    functions: frozenset[Function] = frozenset()
    delegation: UUID | None = None
    kind: DelegationKind | None = None
    scopes: frozenset[DelegationScope] = frozenset()
    accepted: bool = False
    app: str | None = None
    app_scopes: frozenset[AppScope] = frozenset()
    undone: bool = False
    reason_code: str | None = None
    opinion: str | None = None
    case: UUID | None = None
    request: UUID | None = None
    opposed: bool = False
    masked: bool = False
    applied: Applied | None = None
    taken: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """A command on a record at a moment, by an installation's settings."""

    record: Record
    command: Command
    now: datetime
    policy: Policy

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return self.command.actor

    @property
    def professional(self) -> str:
        """Whom it is about."""
        return self.command.professional or ""


def always(record: Record, command: Command) -> bool:
    """Takes access away whenever it is made."""
    del record, command
    return True


def never(record: Record, command: Command) -> bool:
    """Takes access from nobody."""
    del record, command
    return False


def _nothing(asked: Asked) -> Code | None:
    del asked
    return None


@dataclass(frozen=True, slots=True)
class Rule:
    """How one act is decided: who may, in which state, on the version he saw, what else refuses it; what it changes."""

    who: Callable[[Asked], Code | None]
    state: Callable[[Record], Code | None]
    apply: Callable[[Asked], Record]
    """The record after it; the same object where there was nothing to change."""
    refuses: Callable[[Asked], Code | None] = _nothing
    restricts: Callable[[Record, Command], bool] = never
    """True where it may take access away: told to the holder when the last permit before it has run out."""
    versioned: bool = True
    """False for acts of the insurance and the operator that are not made on the rights they saw."""
    raises: bool = True
    """False where the version of the rights stays: ending a hold."""
