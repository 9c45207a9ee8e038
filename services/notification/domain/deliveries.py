"""The life of a notice in the ledger: planned, then sent, failed or suppressed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from services.notification.domain.letters import Matter
from services.notification.domain.notices import Event, Notice
from shared.contracts.common import ActorKind
from shared.contracts.notification_events import Channel, Silence

_MOST_DOUBLINGS = 20


class Status(StrEnum):
    """How far a notice is."""

    PLANNED = "planned"
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"


class Answer(StrEnum):
    """What came of handing an e-mail to the relay."""

    ACCEPTED = "accepted"
    LATER = "later"
    """Not now: SMTP 4xx, no connection, a fault of the relay or of our account there."""
    NEVER = "never"
    """This e-mail will not be taken: SMTP 5xx for the recipient or the message."""
    NOBODY = "nobody"
    """There is no contact."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Who can be told of a record, and of what he was told or must not be told."""

    contact: bool
    """The holder has an address."""
    others: frozenset[str] = frozenset()
    """Directory numbers and delegations with an address."""
    told: Mapping[UUID, datetime] = field(default_factory=dict)
    """Accesses that were told lately, and when their first read was."""
    silent: Mapping[UUID, Silence] = field(default_factory=dict)
    """Documents of which the holder's side is told nothing, and why."""

    deceased: bool = False
    """A death was told; it is looked for where an extract is, as are the cases."""
    cases: Mapping[UUID, bool] = field(default_factory=dict)
    """Cases for extracts that are known: True for a court expert's."""
    waiting: tuple["Waiting", ...] = ()
    """Extracts under cases that are not known yet."""

    def silence(self, notice: Notice, access: UUID | None, at: datetime, window: timedelta) -> Silence | None:
        """Why a notice is not sent; None where it is."""
        if notice.silence is not None:
            return notice.silence
        if notice.document is not None and notice.document in self.silent:
            return self.silent[notice.document]
        first = self.told.get(access) if access is not None else None
        if first is not None and abs(at - first) < window:  # topics are not in step with each other
            return Silence.SAME_ACCESS
        reached = self.contact if notice.to is None else notice.to in self.others
        return None if reached or notice.contact_follows else Silence.NO_ADDRESS

    def after(self, delivery: "Delivery") -> "Reach":
        """What the record's next event finds."""
        subject = delivery.subject
        if subject is None:
            return self
        if delivery.silence is None:
            return replace(self, told={**self.told, subject: delivery.occurred_at})
        return replace(self, silent={**self.silent, subject: delivery.silence})

    def without(self, document: UUID) -> "Reach":
        """Nothing has to be kept silent of a document any more."""
        if document not in self.silent:
            return self
        return replace(self, silent={one: why for one, why in self.silent.items() if one != document})


class Delivery(NamedTuple):
    """A notice to one recipient, as the ledger begins it: its columns, by their names.

    A tuple, since thousands are made each second.
    """

    notice: UUID
    record: UUID
    event: Event
    variant: str
    who: ActorKind | None
    about: UUID
    correlation: UUID
    channel: Channel
    status: Status
    occurred_at: datetime
    not_before: datetime
    recipient: str | None = None
    """Directory number of the médecin traitant, or the delegation whose delegate is told; None: the holder."""
    silence: Silence | None = None
    subject: UUID | None = None
    """What later events ask for: the access that is told by it, or the document that it is silent about."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A document that nobody has to be kept from knowing: its notices say so to later events no more."""

    record: UUID
    document: UUID


@dataclass(frozen=True, slots=True)
class Death:
    """The holder's death was told, or taken back."""

    record: UUID
    undone: bool


@dataclass(frozen=True, slots=True)
class ExtractCase:
    """A case for extracts; of those that waited for it nothing waits any more."""

    record: UUID
    case: UUID
    experts: bool


class Waiting(NamedTuple):
    """An extract that was given out under a case which is not known yet: the topics are not in step with each other."""

    record: UUID
    case: UUID
    request: UUID
    about: UUID
    """The first event that told of it, of which the rest is."""
    correlation: UUID
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Leaving:
    """A deleted record: after its last notice nothing is kept of it any more."""

    record: UUID
    cause: UUID
    """The message that said so."""


Change = Delivery | Opened | Death | ExtractCase | Waiting | Leaving
"""What the lane writes."""


@dataclass(frozen=True, slots=True)
class Due:
    """A planned e-mail whose time has come, leased for one attempt."""

    notice: UUID
    record: UUID
    matter: Matter
    not_before: datetime
    attempt: int
    address: str | None
    """None where there is no contact."""

    def __repr__(self) -> str:
        """Without the address."""
        return f"Due({self.notice}, attempt {self.attempt})"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt means for the ledger."""

    notice: UUID
    attempt: int
    status: Status
    next_attempt_at: datetime


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long an e-mail is tried."""

    first: timedelta
    longest: timedelta
    give_up_after: timedelta

    def pause(self, attempt: int) -> timedelta:
        """How long to wait after an attempt (from 1): doubled each time, up to the longest."""
        doublings = min(attempt - 1, _MOST_DOUBLINGS)
        return min(self.first * (1 << doublings), self.longest)


def outcome(due: Due, answer: Answer, now: datetime, patience: Patience) -> Outcome:
    """What an answer means for the notice."""
    status, at = Status.PLANNED, now
    if answer is Answer.ACCEPTED:
        status = Status.SENT
    elif answer is Answer.NOBODY:
        status = Status.SUPPRESSED
    elif answer is Answer.NEVER or now - due.not_before >= patience.give_up_after:
        status = Status.FAILED
    else:
        at = now + patience.pause(due.attempt)
    return Outcome(due.notice, due.attempt, status, at)


def message_id(notice: UUID, domain: str) -> str:
    """The Message-ID of a notice, the same at every attempt: a repeat is recognised by mail programs."""
    return f"<{notice}@{domain}>"
