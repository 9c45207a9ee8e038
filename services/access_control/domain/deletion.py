"""A deletion on its way: announced until every owner has confirmed that it destroyed what it kept (AR-055).

First those who hold what is in the record, and audit its traces; then notification, which tells the holder that it is
done before it forgets how the holder is reached; last this service itself, of which a tombstone stays.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from shared.contracts.access_decisions import DeletionAnnounced, RecordDeleted
from shared.contracts.topics import AUDIT, DOCUMENT, HISTORY, NOTIFICATION

FIRST: Final = frozenset({DOCUMENT, HISTORY, AUDIT})
LAST: Final = frozenset({NOTIFICATION})


class Because(StrEnum):
    """Why a record is deleted."""

    REQUEST = "request"
    """The holder's express request (AR-055)."""
    ARCHIVE = "archive"
    """Ten years after closure (AR-054)."""
    OPPOSITION = "opposition"
    """The person opposed an automatic opening that was foreseen (AR-001)."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """How far the deletion of one record is."""

    because: Because
    latest: datetime
    """When it has to be done at the latest."""
    announced_at: datetime
    """When it was told last."""
    round: int = 1
    """How often it was told to those who are still to confirm: from 1 again when it is notification's turn."""
    confirmed: AbstractSet[str] = frozenset()
    """The services that did."""
    ended_at: datetime | None = None
    """When the last one did, and this service forgot the holder."""

    @property
    def is_told(self) -> bool:
        """True once only notification is to confirm."""
        return self.confirmed >= FIRST

    def confirmed_by(self, owner: str, now: datetime) -> "Deletion":
        """The deletion after one more confirmation; the same object where it changes nothing."""
        if self.ended_at is not None or owner in self.confirmed or owner not in FIRST | LAST:
            return self
        after = replace(self, confirmed=self.confirmed | {owner})
        if after.confirmed >= FIRST | LAST:
            return replace(after, ended_at=now)
        return replace(after, announced_at=now, round=1) if after.is_told and not self.is_told else after

    def repeated(self, now: datetime) -> "Deletion":
        """The deletion as it is told once more."""
        return replace(self, announced_at=now, round=self.round + 1)

    def told(self) -> DeletionAnnounced | RecordDeleted:
        """What is told to those who are still to confirm."""
        if self.is_told:
            return RecordDeleted(because=self.because.value, round=self.round)
        return DeletionAnnounced(because=self.because.value, latest=self.latest, round=self.round)
