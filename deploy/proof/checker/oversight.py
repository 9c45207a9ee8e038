"""Accesses themselves as the oracle sees them: emergencies, a colleague's word for one, accesses that are contested.

Written from the domain rules (4.7 E5, AR-033 to AR-040, AR-061), apart from access_control.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from deploy.proof.checker.life import Life, Urgency, nobody, of_health
from shared.contracts.common import AccessMode, Actor, ActorKind
from shared.contracts.reasons import Reason
from shared.contracts.record_oversight import ConfirmEmergency, Contest
from shared.contracts.record_requests import Consult
from shared.terminology import OTHER_REASON, emergency_reason

EMERGENCY: Final = timedelta(minutes=30)
"""How long an emergency lasts, and a colleague's word for one."""
_DOCTOR: Final = "G15_10"


@dataclass(frozen=True, slots=True)
class Trace:
    """What a decision left behind that somebody may contest."""

    record: UUID
    reader: str | None
    """Directory number, where a professional asked to read."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Alarm:
    """What has to be told of a permitted access in an emergency mode (AR-038)."""

    reason: str | None
    tell: str | None
    """The médecin traitant, unless it is he who acts."""
    first: UUID | None
    """The request with which the emergency began, where this one goes on with it."""


def urgent(life: Life, request: UUID, body: Consult, now: datetime, texts: AbstractSet[UUID]) -> bool:
    """True where the wish lets the mode, the professional has the right to it, and a reason stands or is told.

    `texts` are the requests beside which a text was handed over: the code `other` needs one, and saying so is none.
    """
    actor = body.actor
    if body.mode is AccessMode.REGULATION:
        may = life.regulation and actor.regulator and actor.role == _DOCTOR
    else:
        may = life.break_glass and of_health(actor)
    if not may or life.urgency(actor.number, body.mode, now) is not None:
        return may
    known = body.reason_code is not None and emergency_reason(body.reason_code) is not None
    return known and (body.reason_code != OTHER_REASON or (body.reason_told and request in texts))


def alarm(life: Life, request: UUID, body: Consult, now: datetime, *, by_right: bool) -> Alarm:
    """What is told of a permitted emergency access; begins the emergency where none is under way.

    `by_right`: the médecin traitant reads, for whom nothing begins.
    """
    number = body.actor.number or ""
    tell = life.treating if life.treating != number else None
    known = None if by_right else life.urgency(number, body.mode, now)
    if known is None and not by_right:
        life.emergencies[number, body.mode] = Urgency(request, body.reason_code or "", now + EMERGENCY)
        life.began.add((request, number, body.mode))
    reason = body.reason_code or (known.reason if known is not None else None)
    return Alarm(reason, tell, known.request if known is not None else None)


def not_a_colleague(life: Life, body: ConfirmEmergency) -> Reason | None:
    """Another health professional who may act here (AR-018, AR-033)."""
    actor: Actor = body.actor
    if actor.kind is not ActorKind.PROFESSIONAL:
        return Reason.NO_BRANCH
    if reason := nobody(actor) or life.bars(actor):
        return reason
    return None if of_health(actor) and actor.number != body.professional else Reason.NOT_HOLDER


def confirm(life: Life, body: ConfirmEmergency, now: datetime) -> bool:
    """A word that stands is not given again; the version of the rights stays."""
    known = life.confirmations.get(body.professional)
    if known is None or known[1] <= now:
        life.confirmations[body.professional] = (body.actor.number or "", now + EMERGENCY)
    return False


def not_contestable(life: Life, record: UUID, body: Contest, now: datetime, traces: Mapping[UUID, Trace]) -> bool:
    """True for an access of another record, one that is contested already, or one of which nobody is named."""
    trace = traces.get(body.request)
    if trace is not None and trace.at >= now:
        trace = None
    if trace is not None and trace.record != record:
        return True
    if body.case in life.cases:
        return False
    if body.request in {request for request, _ in life.cases.values()}:
        return True
    return not ((trace.reader if trace is not None else None) or body.professional or body.structure)


def contest(life: Life, body: Contest, now: datetime, traces: Mapping[UUID, Trace]) -> None:
    """Our own decision names the reader, whatever the trace that the holder shows says."""
    trace = traces.get(body.request)
    reader = trace.reader if trace is not None and trace.at < now else None
    life.cases.setdefault(body.case, (body.request, reader or body.professional))
