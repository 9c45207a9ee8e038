"""Who is shown which trace, and how an event looks as a trace.

The holder's side must not find out that a document is withheld: neither from its own traces nor from what followed or
failed because of it, nor from a deposit that was decided and then seems to lead nowhere. So such a reader sees a
deposit once, as the document that became part of the record, or as the decision that denied it.

A minor's representatives find out nothing of a secret connection (AR-042): neither what was asked and done in it, nor
that somebody else than the holder was told of something.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from services.audit.domain.events import Concealed, TracesConsulted, parts
from shared.contracts import (
    access_decisions,
    access_extracts,
    access_oversight,
    document_changes,
    document_events,
    history_events,
    notification_events,
)
from shared.contracts.access_decisions import Decided, Outcome
from shared.contracts.access_oversight import CaseAnswered, TextRead
from shared.contracts.common import AccessMode, Act, ActorKind, Body
from shared.contracts.document_events import Consulted, Deposited, DepositRefused, DocumentHeld, UpdateToTell
from shared.contracts.http_audit import Trace
from shared.contracts.notification_events import Notified, Suppressed
from shared.security import Permit

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
_OF_ANY_CONNECTION = (TextRead, CaseAnswered)
"""What the operator does about an access; whether that was under a secret connection stands elsewhere."""
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
    represents: bool = False
    """Acts for the holder, and may know nothing of a secret connection."""

    @classmethod
    def of(cls, permit: Permit, concealed: Iterable[Concealed]) -> "Reader":
        """The reader that a permit names, with the record's concealed documents."""
        represents = permit.actor.kind is ActorKind.REPRESENTATIVE
        if permit.scope.withheld and not represents:
            return cls(sees_withheld=True)
        hidden = (item.document for item in concealed if item.withheld or (represents and item.from_representatives))
        return cls(sees_withheld=False, hidden=frozenset(hidden), represents=represents)


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
        act=_act(body),
        further_act=_further_act(body),
        outcome=_of(body, "outcome"),
        reasons=_of(body, "reasons") or (),
        further_reasons=_of(body, "further_reasons") or (),
        actor=_of(body, "actor"),
        mode=_of(body, "mode") or AccessMode.NORMAL,
        emergency_reason=body.emergency.reason if isinstance(body, Decided) and body.emergency else None,
        professional=_of(body, "professional"),
        subject=_subject(body),
        document=_of(body, "document"),
        notice=_of(body, "event"),
        recipient=_of(body, "recipient"),
        correlation=head["correlationid"],
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
    if reader.represents and (_is_secret(body) or _of_hidden(body)):
        return False
    if isinstance(body, Decided):
        return not (body.act is Act.DEPOSIT and body.outcome is Outcome.PERMIT)
    if isinstance(body, Deposited | Consulted):
        return body.document not in reader.hidden
    return True


def _of_hidden(body: Body) -> bool:
    """Told because of documents that are hidden from representatives, without naming one (AR-041)."""
    return isinstance(body, UpdateToTell) and body.hidden_from_representatives


def _is_secret(body: Body) -> bool:
    """Done under a secret connection, or told to somebody else or done by the operator, be it about that."""
    actor = _of(body, "actor")
    told_to_others = isinstance(body, Notified) and body.recipient is not None
    may_be_about_it = isinstance(body, _OF_ANY_CONNECTION)
    return told_to_others or may_be_about_it or (actor is not None and actor.secret)
