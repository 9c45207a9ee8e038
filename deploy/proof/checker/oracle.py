"""What should have been decided: the rules written a second time, one request after the other in Kafka's order.

It shares no code with access_control but the language between services, keeps its states in plain objects, and takes
the time of each decision from the decision itself, since only the database's clock says what was late or had ended.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from shared.contracts import record_requests as ask
from shared.contracts.common import AccessMode, ActorKind, Owner
from shared.contracts.reasons import Reason
from shared.terminology import excluded_sector, role

_HOLDER_READS: Final = Reason.HOLDER
_RESTRICTING: Final = (ask.Block, ask.Revoke, ask.Close, ask.DeclareTreatingDoctor)
_HARMLESS: Final = {body.type_name for body in (ask.Consult, ask.Authorise, ask.Unblock, ask.Reopen, ask.Release)}
PERMITS: Final = frozenset(
    {
        Reason.HOLDER,
        Reason.FEEDING_DUTY,
        Reason.TREATING_DOCTOR,
        Reason.AUTHORISED,
        Reason.INSURANCE_DECLARATION,
        Reason.OPERATOR_DUTY,
    }
)
"""Reasons that permit; every other denies."""


@dataclass
class Life:
    """One record as the oracle knows it."""

    exists: bool = True
    closed: bool = False
    held: bool = False
    version: int = 0
    treating: str | None = None
    authorised: dict[str, datetime | None] = field(default_factory=dict)
    """By professional, until when."""
    blocked: set[str] = field(default_factory=set)
    was_closed: bool = False
    """Closed at some time: deposits of a lane of their own may have met either state."""

    def out_of_use(self) -> Reason | None:
        """Why nothing may be done with it now."""
        if not self.exists:
            return Reason.NO_RECORD
        return Reason.RECORD_CLOSED if self.closed else None


@dataclass(frozen=True, slots=True)
class Expected:
    """What a decision has to be."""

    request: UUID
    record: UUID
    reasons: frozenset[Reason]
    """One of these; several where the oracle can't know."""
    version: int | None
    """Version of the rights afterwards; None where it is not looked at."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request in Kafka's order. `body` is None where it can't be read."""

    request: UUID
    record: UUID
    type: str
    body: Any
    reason: Reason = Reason.MALFORMED
    """Why it can't be read, where it can't."""


class Oracle:
    """Decides on requests one by one; `records` are those that exist."""

    def __init__(self, records: Iterable[UUID]) -> None:
        self.lives: dict[UUID, Life] = {record: Life() for record in records}

    def life(self, record: UUID) -> Life:
        """The state of a record; one that does not exist stays so."""
        return self.lives.setdefault(record, Life(exists=False))

    def run(self, requests: Iterable[Asked], decided_at: Mapping[UUID, datetime]) -> list[Expected]:
        """The decisions on these requests; of a request that comes twice the first counts."""
        seen: set[UUID] = set()
        expected: list[Expected] = []
        for asked in requests:
            if asked.request in seen or asked.request not in decided_at:
                continue
            seen.add(asked.request)
            life = self.life(asked.record)
            reasons = self._decide(life, asked, decided_at[asked.request])
            expected.append(Expected(asked.request, asked.record, reasons, life.version))
        return expected

    def _decide(self, life: Life, asked: Asked, now: datetime) -> frozenset[Reason]:
        body = asked.body
        if body is None:
            life.held = life.held or (life.exists and asked.type not in _HARMLESS)
            return frozenset({asked.reason})
        if isinstance(body, ask.Consult):
            return _consult(life, body, now)
        reason = _refused(life, body)
        if reason is None:
            _apply(life, body)
            reason = _granted(body)
        return frozenset({reason})


def _consult(life: Life, body: ask.Consult, now: datetime) -> frozenset[Reason]:  # noqa: PLR0911 - a list of rules
    actor = body.actor
    if now > body.deadline:
        return frozenset({Reason.LATE})
    if actor.kind is ActorKind.INSURER:
        return frozenset({Reason.EXCLUDED_ACTOR})
    if actor.kind in {ActorKind.REPRESENTATIVE, ActorKind.OPERATOR}:
        return frozenset({Reason.NO_BRANCH})
    out = life.out_of_use() or (Reason.RECORD_HELD if life.held else None)
    if out is not None:
        return frozenset({out})
    if actor.kind is ActorKind.PATIENT:
        if not actor.authenticated:
            return frozenset({Reason.NOT_AUTHENTICATED})
        return frozenset({_HOLDER_READS if body.mode is AccessMode.NORMAL else Reason.EMERGENCY_NOT_SERVED})
    return _professional(life, body, now)


def _professional(life: Life, body: ask.Consult, now: datetime) -> frozenset[Reason]:  # noqa: PLR0911 - a list of rules
    actor, number = body.actor, body.actor.number
    if actor.kind is not ActorKind.PROFESSIONAL or not actor.authenticated or number is None:
        return frozenset({Reason.NOT_AUTHENTICATED})
    if actor.role is None or actor.sector is None or role(actor.role) is None:
        return frozenset({Reason.NO_ROLE})
    if excluded_sector(actor.sector):
        return frozenset({Reason.EXCLUDED_SECTOR})
    treats = number == life.treating
    if number in life.blocked and not treats:
        return frozenset({Reason.BLOCKED})
    if body.mode is not AccessMode.NORMAL:
        return frozenset({Reason.EMERGENCY_NOT_SERVED})
    if treats:
        return frozenset({Reason.TREATING_DOCTOR})
    if number not in life.authorised:
        return frozenset({Reason.NOT_AUTHORISED})
    until = life.authorised[number]
    if until is not None and until <= now:
        return frozenset({Reason.AUTHORISATION_EXPIRED})
    if body.owner is Owner.AUDIT:
        return frozenset({Reason.NO_BRANCH})
    matrix = {Reason.MATRIX_DENIES} if body.owner is Owner.HISTORY else set()  # the matrix is data of the service
    return frozenset({Reason.AUTHORISED, *matrix})


def _refused(life: Life, body: Any) -> Reason | None:  # noqa: PLR0911 - a list of rules
    if isinstance(body, ask.DeclareTreatingDoctor | ask.Release):
        wanted = ActorKind.INSURER if isinstance(body, ask.DeclareTreatingDoctor) else ActorKind.OPERATOR
        if body.actor.kind is not wanted:
            return Reason.NO_BRANCH
        return None if life.exists else Reason.NO_RECORD
    if body.actor.kind is not ActorKind.PATIENT:
        return Reason.NOT_HOLDER
    if not body.actor.authenticated:
        return Reason.NOT_AUTHENTICATED
    if not life.exists:
        return Reason.NO_RECORD
    if life.closed and not isinstance(body, ask.Reopen):
        return Reason.RECORD_CLOSED
    if life.held and not isinstance(body, _RESTRICTING):
        return Reason.RECORD_HELD
    if body.rights_version != life.version:
        return Reason.STALE_RIGHTS
    if isinstance(body, ask.Block) and body.professional == life.treating:
        return Reason.NOT_BLOCKABLE
    return Reason.BLOCKED if isinstance(body, ask.Authorise) and body.professional in life.blocked else None


def _apply(life: Life, body: Any) -> None:
    before = (life.closed, life.treating, dict(life.authorised), set(life.blocked))
    match body:
        case ask.Authorise():
            life.authorised[body.professional] = body.until
        case ask.Revoke():
            life.authorised.pop(body.professional, None)
        case ask.Block():
            life.authorised.pop(body.professional, None)
            life.blocked.add(body.professional)
        case ask.Unblock():
            life.blocked.discard(body.professional)
        case ask.Close() | ask.Reopen():
            life.closed = isinstance(body, ask.Close)
            life.was_closed = life.was_closed or life.closed
        case ask.DeclareTreatingDoctor():
            life.treating = body.professional
        case ask.Release():
            life.held = False
    after = (life.closed, life.treating, life.authorised, life.blocked)
    # to authorise once more the same way counts as a change: it may have been meant to
    life.version += isinstance(body, ask.Authorise) or before != after


def _granted(body: Any) -> Reason:
    if isinstance(body, ask.DeclareTreatingDoctor):
        return Reason.INSURANCE_DECLARATION
    return Reason.OPERATOR_DUTY if isinstance(body, ask.Release) else Reason.HOLDER
