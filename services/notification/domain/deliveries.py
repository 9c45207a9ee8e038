"""The life of a notice in the ledger: planned, then sent, failed or suppressed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from services.notification.domain.notices import Event
from shared.contracts.common import ActorKind
from shared.contracts.http_notification import Language
from shared.contracts.notification_events import Channel

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
    """Whether the holder of a record can be told anything."""

    contact: bool


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notice to one recipient, as the ledger begins it."""

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


@dataclass(frozen=True, slots=True)
class Leaving:
    """A deleted record: after its last notice nothing is kept of it any more."""

    record: UUID
    cause: UUID
    """The message that said so."""


@dataclass(frozen=True, slots=True)
class Due:
    """A planned e-mail whose time has come, leased for one attempt."""

    notice: UUID
    record: UUID
    event: Event
    variant: str
    who: ActorKind | None
    occurred_at: datetime
    not_before: datetime
    attempt: int
    address: str | None
    """None where there is no contact."""
    language: Language

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
