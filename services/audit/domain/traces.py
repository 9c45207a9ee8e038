"""How an event looks as a trace, to a reader who may see it (`domain/sight.py`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import ValidationError

from services.audit.domain.events import TracesConsulted, parts
from services.audit.domain.sight import Around, Asked, Reader, asked, may_see
from shared.contracts import (
    access_decisions,
    access_extracts,
    access_oversight,
    document_changes,
    document_events,
    history_events,
    notification_events,
)
from shared.contracts.access_decisions import Decided
from shared.contracts.common import AccessMode, Act, Body
from shared.contracts.document_changes import ActRefused
from shared.contracts.document_events import Consulted, Deposited
from shared.contracts.http_audit import Trace

_MODELS: dict[str, type[Body]] = {
    model.type_name: model
    for model in (
        *access_decisions.MESSAGES,
        *access_oversight.MESSAGES,
        *access_extracts.MESSAGES,
        *document_events.MESSAGES,
        *document_changes.MESSAGES,
        *history_events.MESSAGES,
        *notification_events.MESSAGES,
        TracesConsulted,
    )
}


@dataclass(frozen=True, slots=True)
class Kept:
    """An event as the log gave it back."""

    id: UUID
    occurred_at: datetime
    event: bytes


class Event(NamedTuple):
    """An event that was read."""

    kept: Kept
    correlation: UUID
    kind: str
    body: Body | None
    """None where it can't be read, or is of a type that is not known here."""


def read(kept: Kept) -> Event:
    """An event out of its bytes."""
    head, payload = parts(kept.event)
    return Event(kept, UUID(head["correlationid"]), head["type"], _body(head["type"], payload))


def wanted(events: Sequence[Event], reader: Reader) -> Asked:
    """What else of the log has to be known before these are shown."""
    return asked(((event.kept.occurred_at, event.body) for event in events), reader)


def around(found: Sequence[Event], wanted: Asked) -> Around:
    """What these events say of what was asked."""
    bodies = [event.body for event in found]
    reads: dict[UUID, set[UUID | None]] = {}
    for body in bodies:
        if isinstance(body, Consulted) and body.request in wanted.requests:
            reads.setdefault(body.request, set()).add(body.document)
    return Around(
        documents=wanted.documents & {body.document for body in bodies if isinstance(body, Deposited)},
        about={event.kept.id: event.body for event in found if event.kept.id in wanted.about},
        reads={request: frozenset(documents) for request, documents in reads.items()},
    )


def trace(event: Event, reader: Reader, around: Around) -> Trace | None:
    """The event as this reader may see it, or None."""
    kept, correlation, kind, body = event
    if not may_see(kept.occurred_at, body, reader, around):
        return None
    return Trace(
        id=kept.id,
        at=kept.occurred_at,
        kind=kind,
        act=_act(body),
        further_act=_further_act(body),
        outcome=_of(body, "outcome"),
        reasons=_of(body, "reasons") or (),
        further_reasons=_further_reasons(body),
        actor=_of(body, "actor"),
        mode=_of(body, "mode") or AccessMode.NORMAL,
        emergency_reason=body.emergency.reason if isinstance(body, Decided) and body.emergency else None,
        professional=_of(body, "professional"),
        subject=_subject(body),
        document=_of(body, "document"),
        notice=_of(body, "event"),
        recipient=_of(body, "recipient"),
        correlation=correlation,
    )


def _of(body: Body | None, field: str) -> Any:
    return getattr(body, field, None)


def _subject(body: Body | None) -> str | None:
    """What it is about: a team, a delegation, an app; of a contested access or an extract its case."""
    found = _of(body, "subject") or _of(body, "case")
    return None if found is None else str(found)


def _act(body: Body | None) -> Act | None:
    """The act; where it is one of the further ones, only a decision has a word here: `unknown`."""
    act = _of(body, "act")
    return act if isinstance(act, Act) else None


def _further_act(body: Body | None) -> str | None:
    """The act where `Act` has no word for it: beside it in a decision, in its place in a change of consents or life."""
    act = _of(body, "act")
    return _of(body, "further_act") if act is None or isinstance(act, Act) else str(act)


def _further_reasons(body: Body | None) -> tuple[str, ...]:
    """The finer codes of a decision, or why an act that was permitted was not done to the document."""
    return (body.reason,) if isinstance(body, ActRefused) else _of(body, "further_reasons") or ()


def _body(type_name: str, payload: bytes) -> Body | None:
    model = _MODELS.get(type_name)
    if model is None:
        return None
    try:
        return model.model_validate_json(payload)
    except ValidationError:
        return None
