"""What should have been decided: the rules written a second time, one request after the other in Kafka's order.

It shares no code with access_control but the language between services, keeps its states in plain objects, and takes
the time of each decision from the decision itself, since only the database's clock says what was late or had ended.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from deploy.proof.checker import acts, extracts
from deploy.proof.checker.apps import Register
from deploy.proof.checker.commands import HARMLESS, apply, granted, refused
from deploy.proof.checker.life import Life, nobody
from deploy.proof.checker.oversight import Alarm, Trace, alarm, contest, not_contestable, urgent
from shared.contracts import record_requests as ask
from shared.contracts.common import AccessMode, Actor, ActorKind, Owner
from shared.contracts.reasons import Reason
from shared.contracts.record_documents import DocumentCommand
from shared.contracts.record_extracts import AnswerExtract, RequestExtract
from shared.contracts.record_oversight import Contest
from shared.contracts.record_requests import DelegationScope

_HARMLESS: Final = frozenset(body.type_name for body in HARMLESS | acts.HARMLESS | extracts.HARMLESS)
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
    alarm: Alarm | None = None
    """What has to be told of a permitted access in an emergency mode."""


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
    """Decides on requests one by one.

    `records` are those that exist, `texts` the requests beside which a text was handed over, `register` the apps that
    are referenced, `majorities` when those holders come of age about whom that is known.
    """

    def __init__(
        self,
        records: Iterable[UUID],
        texts: Collection[UUID] = (),
        *,
        register: Register | None = None,
        majorities: Mapping[UUID, datetime] | None = None,
    ) -> None:
        known, of_age = register or {}, majorities or {}
        self.lives: dict[UUID, Life] = {record: Life(register=known, majority=of_age.get(record)) for record in records}
        self._texts = frozenset(texts)
        self._traces: dict[UUID, Trace] = {}

    def life(self, record: UUID) -> Life:
        """The state of a record; one that does not exist stays so."""
        return self.lives.setdefault(record, Life(exists=False))

    def run(self, requests: Iterable[Asked], decided_at: Mapping[UUID, datetime]) -> list[Expected]:
        """The decisions on these requests; of a request that comes twice the first counts."""
        known = list(requests)
        self._traces |= _traces(known, decided_at)
        seen: set[UUID] = set()
        expected: list[Expected] = []
        for asked in known:
            if asked.request in seen or asked.request not in decided_at:
                continue
            seen.add(asked.request)
            life = self.life(asked.record)
            now = decided_at[asked.request]
            reasons = self._decide(life, asked, now)
            told = self._alarm(life, asked, now) if _is_urgent(asked.body) and reasons <= PERMITS else None
            expected.append(Expected(asked.request, asked.record, reasons, life.version, told))
        return expected

    def _decide(self, life: Life, asked: Asked, now: datetime) -> frozenset[Reason]:
        body = asked.body
        if body is None:
            there = life.exists and not life.deletion
            life.held = life.held or (there and asked.type not in _HARMLESS)
            return frozenset({asked.reason})
        if isinstance(body, ask.Consult):
            found = self._consult(life, asked, now)
            return found | {Reason.NO_BRANCH} if body.actor.secret and not life.is_minor(now) else found
        if isinstance(body, DocumentCommand):
            return frozenset({acts.decision(life, body, now, _stands)})
        if life.deletion:
            # who had which rights is forgotten once every owner has confirmed: each of both answers is right
            return frozenset({self._refused(one, asked, now) or granted(body) for one in (life, life.forgotten())})
        reason = self._refused(life, asked, now)
        if reason is None:
            life.version += apply(life, body, now)
            if isinstance(body, Contest):
                contest(life, body, now, self._traces)
            if isinstance(body, RequestExtract | AnswerExtract):
                extracts.apply(life, body, now)
            reason = granted(body)
        return frozenset({reason})

    def _refused(self, life: Life, asked: Asked, now: datetime) -> Reason | None:
        if isinstance(asked.body, RequestExtract | AnswerExtract):
            return extracts.refused(life, asked.body, now, self._texts)
        reason = refused(life, asked.body, now)
        if reason is None and isinstance(asked.body, Contest):
            barred = not_contestable(life, asked.record, asked.body, now, self._traces)
            return Reason.NO_BRANCH if barred else None
        return reason

    def _consult(self, life: Life, asked: Asked, now: datetime) -> frozenset[Reason]:
        body: ask.Consult = asked.body
        if body.case is not None:
            return _extract(life, body, body.case, now)
        justified = body.mode is not AccessMode.NORMAL and urgent(life, asked.request, body, now, self._texts)
        return _consult(life, body, now, justified=justified)

    def _alarm(self, life: Life, asked: Asked, now: datetime) -> Alarm:
        body: ask.Consult = asked.body
        return alarm(life, asked.request, body, now, by_right=body.actor.number == life.treating)


def _is_urgent(body: Any) -> bool:
    """True for a professional's access in an emergency mode."""
    urgent_mode = isinstance(body, ask.Consult) and body.mode is not AccessMode.NORMAL
    return urgent_mode and body.actor.kind is ActorKind.PROFESSIONAL


def _traces(requests: Iterable[Asked], decided_at: Mapping[UUID, datetime]) -> dict[UUID, Trace]:
    """What the decisions on requests left behind, of all records."""
    found: dict[UUID, Trace] = {}
    for asked in requests:
        if asked.request in decided_at:
            actor = asked.body.actor if isinstance(asked.body, ask.Consult) else None
            reader = actor.number if actor is not None and actor.kind is ActorKind.PROFESSIONAL else None
            found.setdefault(asked.request, Trace(asked.record, reader, decided_at[asked.request]))
    return found


def _extract(life: Life, body: ask.Consult, case: UUID, now: datetime) -> frozenset[Reason]:
    """An extract under a case; of a deleted record its cases may be forgotten already."""
    if now > body.deadline:
        return frozenset({Reason.LATE})
    reason = extracts.taking(life, body, now)
    if reason in PERMITS:
        extracts.take(life, case)
    return frozenset({reason, Reason.NO_BRANCH}) if life.deletion else frozenset({reason})


def _consult(life: Life, body: ask.Consult, now: datetime, *, justified: bool) -> frozenset[Reason]:
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
    reason = nobody(body.actor) or _relation(life, body, now, justified=justified)
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


def _relation(life: Life, body: ask.Consult, now: datetime, *, justified: bool) -> Reason:
    """By what a professional reads, or why not."""
    stands = _stands(life, body.actor, now)
    if body.mode is AccessMode.NORMAL or stands in {Reason.TREATING_DOCTOR, Reason.BLOCKED}:
        return stands
    return Reason.AUTHORISED if justified else Reason.EMERGENCY_NOT_SERVED


def _stands(life: Life, actor: Actor, now: datetime) -> Reason:
    """By what a professional would read in the normal mode, or why not."""
    number = actor.number or ""
    if number == life.treating:
        return Reason.TREATING_DOCTOR
    if number in life.blocked:
        return Reason.BLOCKED
    if life.may_read_now(number, now) or life.in_team(actor, now):
        return Reason.AUTHORISED
    until = life.sessions.get((number, actor.structure or ""))
    if until is not None and now < until:
        return Reason.AUTHORISED
    ended = number in life.authorised or life.team_until(actor) is not None
    return Reason.AUTHORISATION_EXPIRED if ended else Reason.NOT_AUTHORISED


def _shown(life: Life, body: ask.Consult, now: datetime, reason: Reason) -> frozenset[Reason]:
    """What the owner may show of it; the matrix is data of the service."""
    if body.owner is Owner.HISTORY and ask.Function.HISTORY in life.opted_out:
        return frozenset({Reason.NO_BRANCH})
    if reason is Reason.TREATING_DOCTOR or life.administers(body.actor.number, now):
        return frozenset({reason})
    if body.owner is Owner.AUDIT:
        return frozenset({Reason.NO_BRANCH})
    return frozenset({reason, Reason.MATRIX_DENIES}) if body.owner is Owner.HISTORY else frozenset({reason})
