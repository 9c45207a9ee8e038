"""Who is shown which trace, and how an event looks as a trace.

The holder's side must not find out that a document is withheld: neither from its own traces nor from what followed or
failed because of it, nor from a deposit that was decided and then seems to lead nowhere. So such a reader sees a
deposit once, as the document that became part of the record, or as the decision that denied it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from services.audit.domain.events import Concealed, TracesConsulted, parts
from shared.contracts import access_decisions, document_events, history_events, notification_events
from shared.contracts.access_decisions import Decided, Outcome
from shared.contracts.common import AccessMode, Act, ActorKind, Body
from shared.contracts.document_events import Consulted, Deposited, DepositRefused, DocumentHeld
from shared.contracts.http_audit import Trace
from shared.contracts.notification_events import Suppressed
from shared.security import Permit

_MODELS: dict[str, type[Body]] = {
    model.type_name: model
    for model in (
        *access_decisions.MESSAGES,
        *document_events.MESSAGES,
        *history_events.MESSAGES,
        *notification_events.MESSAGES,
        TracesConsulted,
    )
}
_TELL_OF_WITHHELD = (DepositRefused, DocumentHeld, Suppressed)
"""A refused duplicate of a withheld document, a withheld deposit that failed, a notice not sent about one."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An event as the log gave it back."""

    id: UUID
    occurred_at: datetime
    event: bytes


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom traces are shown."""

    sees_withheld: bool
    hidden: frozenset[UUID] = frozenset()
    """Documents this reader may not know of."""

    @classmethod
    def of(cls, permit: Permit, concealed: Iterable[Concealed]) -> "Reader":
        """The reader that a permit names, with the record's concealed documents."""
        if permit.scope.withheld:
            return cls(sees_withheld=True)
        represents = permit.actor.kind is ActorKind.REPRESENTATIVE
        hidden = (item.document for item in concealed if item.withheld or (represents and item.from_representatives))
        return cls(sees_withheld=False, hidden=frozenset(hidden))


def trace(kept: Kept, reader: Reader) -> Trace | None:
    """The event as this reader may see it, or None."""
    head, payload = parts(kept.event)
    body = _body(head["type"], payload)
    if not _may_see(body, reader):
        return None
    return Trace(
        id=kept.id,
        at=kept.occurred_at,
        kind=head["type"],
        act=_of(body, "act"),
        outcome=_of(body, "outcome"),
        reasons=_of(body, "reasons") or (),
        actor=_of(body, "actor"),
        mode=_of(body, "mode") or AccessMode.NORMAL,
        professional=_of(body, "professional"),
        document=_of(body, "document"),
        notice=_of(body, "event"),
        correlation=head["correlationid"],
    )


def _of(body: Body | None, field: str) -> Any:
    return getattr(body, field, None)


def _body(type_name: str, payload: bytes) -> Body | None:
    model = _MODELS.get(type_name)
    if model is None:
        return None
    try:
        return model.model_validate_json(payload)
    except ValidationError:
        return None


def _may_see(body: Body | None, reader: Reader) -> bool:
    if reader.sees_withheld:
        return True
    if body is None or isinstance(body, _TELL_OF_WITHHELD):
        return False  # what can't be read might tell of a withheld document
    if isinstance(body, Decided):
        return not (body.act is Act.DEPOSIT and body.outcome is Outcome.PERMIT)
    if isinstance(body, Deposited | Consulted):
        return body.document not in reader.hidden
    return True
