"""Which reader may see which event.

The holder's side must not find out that a document is withheld: neither from its own traces nor from what followed or
failed because of it, nor from something that was permitted and then seems to lead nowhere. Such a reader therefore sees
a deposit once, as the document that became part of the record, or as the decision that denied it; a read as what was
read; and an act on a document only where that document is known to be part of the record and is concealed from nobody
he stands for: a withheld document looks as one that there never was. When it opens all of this is shown, with the dates
at which it happened (domain rules, 4.9).

Topics are not in step with each other, so what is decided may be here before the document that it is about: what is not
known yet is not shown.

A minor's representatives find out nothing of a secret connection (AR-042): neither what was asked and done in it, nor
that somebody else than the holder was told of something.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from services.audit.domain.events import Concealed
from shared.contracts.access_decisions import Decided, Outcome
from shared.contracts.access_oversight import CaseAnswered, TextRead
from shared.contracts.common import Act, ActorKind, Body, Owner
from shared.contracts.document_changes import ActRefused, DocumentChanged
from shared.contracts.document_events import Consulted, Deposited, DepositRefused, DocumentHeld, UpdateToTell
from shared.contracts.notification_events import Notified, Silence, Suppressed
from shared.security import Permit

READ_BY: Final = timedelta(seconds=30)
"""When a permitted read has happened and is known here, or never will be: a permit lives 5 s, audit is seconds behind.

Until then it is not known what was read; later a permit of which no read is known is shown as such.
"""
_OF_ANY_CONNECTION: Final = (TextRead, CaseAnswered)
"""What the operator does about an access; whether that was under a secret connection stands elsewhere."""
_TELL_OF_WITHHELD: Final = (DepositRefused, DocumentHeld)
"""A refused duplicate of a withheld document, a withheld deposit that failed."""
_OF_A_CONCEALED: Final = frozenset({Silence.WITHHELD, Silence.HIDDEN})
"""Silences that end with the concealment: the notice is then shown as the event that it is about."""


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom traces are shown."""

    sees_withheld: bool
    now: datetime
    """By the clock of the decisions: when the read was permitted."""
    hidden: frozenset[UUID] = frozenset()
    """Documents this reader may not know of."""
    represents: bool = False
    """Acts for the holder, and may know nothing of a secret connection."""

    @classmethod
    def of(cls, permit: Permit, concealed: Iterable[Concealed]) -> "Reader":
        """The reader that a permit names, with the record's concealed documents."""
        represents = permit.actor.kind is ActorKind.REPRESENTATIVE
        if permit.scope.withheld and not represents:
            return cls(sees_withheld=True, now=permit.issued)
        hidden = (item.document for item in concealed if item.withheld or (represents and item.from_representatives))
        return cls(sees_withheld=False, now=permit.issued, hidden=frozenset(hidden), represents=represents)


@dataclass(frozen=True, slots=True)
class Asked:
    """What else of the log has to be known to say who may see some events."""

    documents: frozenset[UUID] = frozenset()
    """Whether these became part of the record."""
    about: frozenset[UUID] = frozenset()
    """The events of these ids, of which notices kept silent."""
    requests: frozenset[UUID] = frozenset()
    """What was read on these."""

    def __bool__(self) -> bool:
        """False in the usual case: the events say it themselves."""
        return bool(self.documents or self.about or self.requests)


@dataclass(frozen=True, slots=True)
class Around:
    """What else of the log is known."""

    documents: frozenset[UUID] = frozenset()
    """Those that became part of the record."""
    about: Mapping[UUID, Body | None] = field(default_factory=dict)
    reads: Mapping[UUID, frozenset[UUID | None]] = field(default_factory=dict)
    """By request what was read: documents, None where it was a list."""


def asked(events: Iterable[tuple[datetime, Body | None]], reader: Reader) -> Asked:
    """What has to be known beside these events, given with the moments at which they occurred."""
    if reader.sees_withheld:
        return Asked()
    documents, about, requests = set(), set(), set()
    for at, body in events:
        if isinstance(body, Suppressed) and body.reason in _OF_A_CONCEALED:
            about.add(body.about)
        elif isinstance(body, Decided | ActRefused) and body.document is not None:
            documents.add(body.document)
        elif isinstance(body, Decided) and _permits_a_read(body) and (reader.hidden or not _is_past(at, reader)):
            requests.add(body.request)
    return Asked(frozenset(documents), frozenset(about), frozenset(requests))


def may_see(at: datetime, body: Body | None, reader: Reader, around: Around) -> bool:
    """Whether a reader may see an event that occurred at a moment; None for a body that can't be read."""
    if reader.sees_withheld:
        return True
    if body is None or isinstance(body, _TELL_OF_WITHHELD):
        return False  # what can't be read might tell of a withheld document
    if reader.represents and (_is_secret(body) or _of_hidden(body)):
        return False
    match body:
        case Suppressed():
            seen = _of_what_is_seen(at, body, reader, around)
        case Decided():
            seen = _may_see_decision(at, body, reader, around)
        case ActRefused():
            seen = _is_known(body.document, reader, around)
        case DocumentChanged():
            seen = reader.hidden.isdisjoint({body.document, body.version_of})
        case Deposited() | Consulted():
            seen = body.document not in reader.hidden
        case _:
            seen = True
    return seen


def _may_see_decision(at: datetime, body: Decided, reader: Reader, around: Around) -> bool:
    if body.act is Act.DEPOSIT and body.outcome is Outcome.PERMIT:
        return False
    if body.document is not None:
        return _is_known(body.document, reader, around)
    if not _permits_a_read(body) or _begins_an_emergency(body):
        return True
    read = around.reads.get(body.request)
    return _is_past(at, reader) if read is None else not read <= reader.hidden


def _of_what_is_seen(at: datetime, body: Suppressed, reader: Reader, around: Around) -> bool:
    if body.reason not in _OF_A_CONCEALED:
        return False
    about = around.about.get(body.about)
    return isinstance(about, Deposited | Consulted | DocumentChanged | UpdateToTell) and may_see(
        at, about, reader, around
    )


def _is_known(document: UUID, reader: Reader, around: Around) -> bool:
    return document in around.documents and document not in reader.hidden


def _permits_a_read(body: Decided) -> bool:
    """Of documents: there alone something is concealed."""
    return body.act is Act.CONSULT and body.outcome is Outcome.PERMIT and body.owner is Owner.DOCUMENT


def _begins_an_emergency(body: Decided) -> bool:
    """It is told with its reason whatever was read then (AR-038, AR-039)."""
    return body.emergency is not None and body.emergency.first is None


def _is_past(at: datetime, reader: Reader) -> bool:
    return at + READ_BY < reader.now


def _of_hidden(body: Body) -> bool:
    """Told because of documents that are hidden from representatives, without naming one (AR-041)."""
    return isinstance(body, UpdateToTell) and body.hidden_from_representatives


def _is_secret(body: Body) -> bool:
    """Done under a secret connection, or told to somebody else or done by the operator, be it about that."""
    actor = getattr(body, "actor", None)
    told_to_others = isinstance(body, Notified) and body.recipient is not None
    may_be_about_it = isinstance(body, _OF_ANY_CONNECTION)
    return told_to_others or may_be_about_it or (actor is not None and actor.secret)
