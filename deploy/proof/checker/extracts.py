"""Extracts for heirs and court experts as the oracle decides them, and what has to be true of those that were taken.

Written from the rules AR-058 and AR-065, in the broad reasons that the first release knew.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from deploy.proof.checker.facts import Facts
from deploy.proof.checker.life import Case, Life
from deploy.proof.checker.verdict import Finding, finding
from shared.contracts.access_decisions import Decided, LifeChanged
from shared.contracts.access_extracts import ExtractChanged
from shared.contracts.common import AccessMode, Actor, ActorKind, Body, FurtherAct, Owner
from shared.contracts.document_events import Consulted
from shared.contracts.reasons import Reason
from shared.contracts.record_extracts import AnswerExtract, ExtractKind, ExtractPurpose, RequestExtract
from shared.contracts.record_requests import Consult
from shared.contracts.topics import ACCESS_DECISIONS, DOCUMENT, DOCUMENT_EVENTS

HARMLESS: Final[frozenset[type[Body]]] = frozenset({RequestExtract})
"""What takes access from nobody; an answer may be a refusal."""
APPROVAL: Final = timedelta(days=7)
_HEIRS_PURPOSES: Final = frozenset({ExtractPurpose.CAUSES_OF_DEATH, ExtractPurpose.MEMORY, ExtractPurpose.RIGHTS})
_SUPPRESSED: Final = "suppressed"
_APPROVED: Final = "approved"


def refused(life: Life, body: RequestExtract | AnswerExtract, now: datetime, texts: Collection[UUID]) -> Reason | None:
    """Why a case is not opened or answered; `texts` are those of which the papers were handed over."""
    if reason := _operator(body.actor) or _state(life):
        return reason
    barred = _not_openable(life, body, texts) if isinstance(body, RequestExtract) else _not_answerable(life, body, now)
    return Reason.NO_BRANCH if barred else None


def apply(life: Life, body: RequestExtract | AnswerExtract, now: datetime) -> None:
    """Do what was permitted; what is so already stays."""
    if isinstance(body, RequestExtract):
        opened = Case(body.kind, body.purpose, body.types, (body.since, body.until), body.actor.number or "")
        life.extracts.setdefault(body.case, opened)
        return
    known = life.extracts[body.case]
    if not body.accepted:
        known.refused_by, known.approved_until = known.refused_by or body.actor.number, None
    elif not known.is_approved(now):
        known.approved_by, known.approved_until = body.actor.number, now + APPROVAL


def taking(life: Life, body: Consult, now: datetime) -> Reason:
    """Whether an extract is given out: under a case of one's own, approved by another, as the law still lets."""
    known = life.extracts.get(body.case) if body.case is not None else None
    if reason := _operator(body.actor):
        return reason
    if known is None or known.opened_by != body.actor.number or known.refused_by is not None:
        return Reason.NO_BRANCH
    if reason := _state(life):
        return reason
    fits = body.owner is Owner.DOCUMENT and body.mode is AccessMode.NORMAL
    good = not _not_entitled(life, known.kind) and known.is_approved(now) and fits
    return Reason.OPERATOR_DUTY if good else Reason.NO_BRANCH


def take(life: Life, case: UUID) -> None:
    """The permit uses the approval up, whether anything is taken on it or not."""
    known = life.extracts[case]
    known.approved_until, known.taken = None, known.taken + 1


def _operator(actor: Actor) -> Reason | None:
    if actor.kind is not ActorKind.OPERATOR:
        return Reason.NO_BRANCH
    return None if actor.authenticated and actor.number else Reason.NOT_AUTHENTICATED


def _state(life: Life) -> Reason | None:
    """Neither death nor closure stands against it."""
    if not life.exists:
        return Reason.NO_RECORD
    if life.deletion:
        return Reason.RECORD_CLOSED
    if life.suspended:
        return Reason.RECORD_SUSPENDED
    return Reason.RECORD_HELD if life.held else None


def _not_entitled(life: Life, kind: ExtractKind) -> bool:
    return kind is not ExtractKind.COURT_EXPERT and (not life.deceased or life.heirs_opposed)


def _not_openable(life: Life, body: RequestExtract, texts: Collection[UUID]) -> bool:
    known, period = life.extracts.get(body.case), (body.since, body.until)
    if known is not None and (known.kind, known.purpose, known.types, known.period, known.opened_by) != (
        *(body.kind, body.purpose, body.types, period),
        body.actor.number,
    ):
        return True
    if (body.purpose in _HEIRS_PURPOSES) is (body.kind is ExtractKind.COURT_EXPERT):
        return True
    bounded = body.types if period == (None, None) else body.since and body.until and body.since < body.until
    return not bounded or body.case not in texts or _not_entitled(life, body.kind)


def _not_answerable(life: Life, body: AnswerExtract, now: datetime) -> bool:
    known = life.extracts.get(body.case)
    if known is None or known.opened_by == body.actor.number:
        return True
    if not body.accepted:
        return False
    anothers = known.is_approved(now) and known.approved_by != body.actor.number
    overtaken = known.refused_by is not None or body.taken != known.taken
    return overtaken or anothers or _not_entitled(life, known.kind)


def check(facts: Facts) -> list[Finding]:
    """The findings about extracts that were permitted and given out, by what the services told. Pure."""
    decided, given = list(_decided(facts)), _given(facts)
    permitted = {UUID(one.body["request"]): one for one in decided if one.type == Decided.type_name}
    used = {read.request for read in facts.reads.get(DOCUMENT, ())} & permitted.keys()
    about = [one for one in decided if _is_approval(one)] if facts.deliveries else []
    told = len(about) + (len(given) if facts.deliveries else 0)
    return [
        finding(
            "C4",
            "each extract was approved by another operator, for itself alone",
            len(permitted),
            _unapproved(decided),
            produced=len(given),
        ),
        finding(
            "C5",
            "each extract is traced document by document, under the case that was approved",
            len(given),
            _untraced(permitted, used, given),
            produced=len(used),
        ),
        finding("C6", "experts' extracts are told to living holders once, heirs' to nobody", told, _told(facts, given)),
    ]


class Event(NamedTuple):
    """Something that was told."""

    id: UUID
    type: str
    record: str
    body: Mapping[str, Any]


def _events(facts: Facts, topic: str, *types: type[Body]) -> Iterator[Event]:
    """In the order of each record."""
    wanted = {one.type_name for one in types}
    for (name, _), rows in sorted(facts.outboxes.items()):
        for row in rows if name == topic else ():
            if row.type in wanted:
                yield Event(row.id, row.type, row.key, orjson.loads(row.payload))


def _decided(facts: Facts) -> Iterator[Event]:
    """Changes of cases, and permits for extracts."""
    for one in _events(facts, ACCESS_DECISIONS, ExtractChanged, Decided):
        if one.type == ExtractChanged.type_name or (one.body.get("case") and one.body.get("expires")):
            yield one


def _given(facts: Facts) -> Mapping[UUID, list[Event]]:
    """What was given out, by request."""
    found: dict[UUID, list[Event]] = defaultdict(list)
    for one in _events(facts, DOCUMENT_EVENTS, Consulted):
        if one.body.get("case"):
            found[UUID(one.body["request"])].append(one)
    return found


def _is_approval(one: Event) -> bool:
    return one.type == ExtractChanged.type_name and one.body["state"] == _APPROVED


def _unapproved(decided: list[Event]) -> Iterator[str]:
    opened: dict[str, str] = {}
    approved: dict[str, str] = {}
    for one in decided:
        case, number = one.body["case"], one.body["actor"]["number"]
        if one.type == Decided.type_name:
            by = approved.pop(case, None)
            if by is None or by == number or opened.get(case) != number:
                yield f"request {one.body['request']}: an extract was permitted to {number}, approved by {by}"
            continue
        opened.setdefault(case, number)
        if _is_approval(one):
            approved.setdefault(case, number)
        else:
            approved.pop(case, None)


def _untraced(
    permitted: Mapping[UUID, Event], used: Collection[UUID], given: Mapping[UUID, list[Event]]
) -> Iterator[str]:
    for request in used - given.keys():
        yield f"the extract of {request} was taken, and told to nobody"
    for request, events in given.items():
        permit = permitted.get(request)
        documents = [one.body.get("document") for one in events]
        cases = {(one.record, one.body["case"]) for one in events}
        if permit is None or cases != {(permit.record, permit.body["case"])}:
            yield f"what was given out for {request} is under another case than was permitted"
        if len(set(documents)) != len(documents):
            yield f"a document was given out twice for {request}"


def _told(facts: Facts, given: Mapping[UUID, list[Event]]) -> Iterator[str]:
    """Where a death was told at any time, either may be right; of a deleted record nothing is left to look at."""
    if not facts.deliveries:
        return  # notification is not there
    changes = list(_events(facts, ACCESS_DECISIONS, ExtractChanged))
    experts = {one.body["case"] for one in changes if one.body["kind"] == ExtractKind.COURT_EXPERT}
    dead = {
        one.record for one in _events(facts, ACCESS_DECISIONS, LifeChanged) if one.body["act"] == FurtherAct.DECEASE
    }
    rows: dict[UUID, list[bool]] = defaultdict(list)
    for delivery in facts.deliveries:
        rows[delivery.about].append(delivery.status != _SUPPRESSED)
    for events in [*([one] for one in changes if _is_approval(one)), *given.values()]:
        record, case = events[0].record, events[0].body["case"]
        if UUID(record) in facts.deleted:
            continue
        found = [mailed for one in events for mailed in rows[one.id]]
        may = {0, 1} if record in dead else {1}
        if found if case not in experts else sum(found) not in may:
            yield f"of case {case} of record {record} {sum(found)} e-mails tell about {events[0].id}"
