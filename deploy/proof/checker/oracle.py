"""What should have been decided: the rules written a second time, one request after the other in Kafka's order.

It shares no code with access_control but the language between services, keeps its states in plain objects, and takes
the time of each decision from the decision itself, since only the database's clock says what was late or had ended.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from deploy.proof.checker.apps import Register
from deploy.proof.checker.commands import HARMLESS, apply, granted, refused
from deploy.proof.checker.life import Life, nobody, of_health
from shared.contracts import record_requests as ask
from shared.contracts.common import AccessMode, ActorKind, Owner
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import DelegationScope
from shared.terminology import OTHER_REASON, emergency_reason

_DOCTOR: Final = "G15_10"

_HARMLESS: Final = frozenset(body.type_name for body in HARMLESS)
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
    """Decides on requests one by one; `records` are those that exist, `register` the apps that are referenced."""

    def __init__(
        self,
        records: Iterable[UUID],
        *,
        register: Register | None = None,
        majorities: Mapping[UUID, datetime] | None = None,
    ) -> None:
        known, of_age = register or {}, majorities or {}
        self.lives: dict[UUID, Life] = {record: Life(register=known, majority=of_age.get(record)) for record in records}

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
            found = _consult(life, body, now)
            return found | {Reason.NO_BRANCH} if body.actor.secret and not life.is_minor(now) else found
        reason = refused(life, body, now)
        if reason is None:
            life.version += apply(life, body, now)
            reason = granted(body)
        return frozenset({reason})


def _consult(life: Life, body: ask.Consult, now: datetime) -> frozenset[Reason]:
    kind = body.actor.kind
    if now > body.deadline:
        return frozenset({Reason.LATE})
    if kind is ActorKind.INSURER:
        return frozenset({Reason.EXCLUDED_ACTOR})
    if kind is ActorKind.OPERATOR:
        return frozenset({Reason.NO_BRANCH})
    out = life.out_of_use() or (Reason.RECORD_HELD if life.held else None)
    if out is not None:
        return frozenset({out})
    if kind in {ActorKind.PATIENT, ActorKind.REPRESENTATIVE}:
        return frozenset({_holders_side(life, body, now)})
    reason = nobody(body.actor) or _relation(life, body, now)
    return frozenset({reason}) if reason not in PERMITS else _shown(life, body, now, reason)


def _holders_side(life: Life, body: ask.Consult, now: datetime) -> Reason:
    actor = body.actor
    if actor.app is not None and not life.opens_to(actor.app, body.owner, now):
        return Reason.NO_BRANCH
    if not actor.authenticated:
        return Reason.NOT_AUTHENTICATED
    if actor.kind is ActorKind.REPRESENTATIVE:
        known = life.delegations.get(actor.delegation) if actor.delegation is not None else None
        if known is None or known.state != "ACCEPTED" or DelegationScope.READ not in known.scopes:
            return Reason.NO_BRANCH
    return Reason.HOLDER if body.mode is AccessMode.NORMAL else Reason.EMERGENCY_NOT_SERVED


def _relation(life: Life, body: ask.Consult, now: datetime) -> Reason:
    """By what a professional reads, or why not."""
    actor, number = body.actor, body.actor.number or ""
    if number == life.treating:
        return Reason.TREATING_DOCTOR
    if number in life.blocked:
        return Reason.BLOCKED
    if body.mode is not AccessMode.NORMAL:
        return Reason.AUTHORISED if _urgent(life, body) else Reason.EMERGENCY_NOT_SERVED
    if life.may_read_now(number, now) or life.in_team(actor, now):
        return Reason.AUTHORISED
    until = life.sessions.get((number, actor.structure or ""))
    if until is not None and now < until:
        return Reason.AUTHORISED
    ended = number in life.authorised or life.team_until(actor) is not None
    return Reason.AUTHORISATION_EXPIRED if ended else Reason.NOT_AUTHORISED


def _urgent(life: Life, body: ask.Consult) -> bool:
    """True where the holder does not oppose, the professional has the right to the mode, and the reason is told."""
    actor = body.actor
    if body.mode is AccessMode.REGULATION:
        may = life.regulation and actor.regulator and actor.role == _DOCTOR
    else:
        may = life.break_glass and of_health(actor)
    known = body.reason_code is not None and emergency_reason(body.reason_code) is not None
    return may and known and (body.reason_code != OTHER_REASON or body.reason_told)


def _shown(life: Life, body: ask.Consult, now: datetime, reason: Reason) -> frozenset[Reason]:
    """What the owner may show of it; the matrix is data of the service."""
    if body.owner is Owner.HISTORY and ask.Function.HISTORY in life.opted_out:
        return frozenset({Reason.NO_BRANCH})
    if reason is Reason.TREATING_DOCTOR or life.administers(body.actor.number, now):
        return frozenset({reason})
    if body.owner is Owner.AUDIT:
        return frozenset({Reason.NO_BRANCH})
    return frozenset({reason, Reason.MATRIX_DENIES}) if body.owner is Owner.HISTORY else frozenset({reason})
