"""What a decision makes of a staged document: part of the record, refused, or held."""

from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from shared.contracts.reasons import Reason


class Status(StrEnum):
    """Where a document stands in its life."""

    STAGED = "staged"
    CURRENT = "current"
    SUPERSEDED = "superseded"
    """Replaced by another (Deprecated in XDS)."""
    ARCHIVED = "archived"
    """Among what a search shows to who asks for it (Archived)."""
    DELETED = "deleted"
    """Shown to nobody any more; its row and content stay (AR-051)."""
    REFUSED = "refused"
    HELD = "held"
    """Hurt by an unexpected error; an operator looks at it."""


IN_RECORD: Final = (Status.CURRENT, Status.SUPERSEDED, Status.ARCHIVED)
"""Part of the record: what may be shown, and acted on."""
TAKEN: Final = (*IN_RECORD, Status.DELETED)
"""Their unique ids are taken, that of a deleted document for ever."""
HOLDERS_SIDE: Final = ("patient", "representative")
"""Kinds of actors (`ActorKind`) who are, or act for, the holder."""
OPEN: Final = (Status.STAGED, Status.HELD)
"""Without an outcome; what was held may be decided again."""


class Flags(NamedTuple):
    """Confidentiality flags of TRE_A07, which stand beside N."""

    masked: bool = False
    """MASQUE_PS."""
    withheld: bool = False
    """INVISIBLE_PATIENT."""
    hidden: bool = False
    """INVISIBLE_REPRESENTANTS_LEGAUX."""

    def with_those_of(self, other: "Flags") -> "Flags":
        """Both together: a replacement inherits the flags of what it replaces (AR-071)."""
        return Flags(self.masked or other.masked, self.withheld or other.withheld, self.hidden or other.hidden)


class Entry(NamedTuple):
    """What settling needs to know of one document; a row as it is loaded, since thousands are in a second."""

    record: UUID
    id: UUID
    unique_id: str
    status: str
    """A `Status`."""
    type_code: str
    class_code: str
    submitter: str
    """Kind and directory number of the depositor, as `professional:8…`; a holder is `patient:`."""
    submitter_structure: str | None
    owners: str
    """Directory numbers of depositor, authors and their structures, separated by blanks (R.1111-49)."""
    replaces: str | None
    """Unique id of the document to replace."""
    masked: bool
    withheld: bool
    hidden: bool
    withheld_since: datetime | None
    """Start of the withholding clock (CSP R.1111-53)."""
    version: int
    """Of its metadata."""
    held_by: UUID | None
    """The request for an act that failed unexpectedly on it: until that is done, nothing of it is shown."""
    masked_by_default: bool
    """The record's holder wants new documents masked (AR-025)."""

    @property
    def by_holders_side(self) -> bool:
        """True for what the holder, or who acts for the holder, deposited."""
        return self.submitter.partition(":")[0] in HOLDERS_SIDE

    @property
    def flags(self) -> Flags:
        """The flags together."""
        return Flags(self.masked, self.withheld, self.hidden)

    @property
    def number(self) -> str:
        """Directory number of the depositor; empty for a holder."""
        return self.submitter.partition(":")[2]


class Settled(NamedTuple):
    """A change of one document's row; None leaves a column as it is."""

    id: UUID
    status: Status
    at: datetime | None = None
    """When the document was settled."""
    reason: Reason | None = None
    because: str | None = None
    """Reasons of a denial, separated by commas."""
    flags: Flags | None = None
    masked_by_default: bool = False
    """Masked beside the flags that it came with, since the holder wants that (AR-025)."""
    withheld_since: datetime | None = None
    replaces: UUID | None = None
    version: int | None = None
    """For a change of what is already part of the record."""
    held_by: UUID | None = None
    """As in `Entry`; the one column that None clears."""

    def then(self, later: "Settled") -> "Settled":
        """Both as one change: what the later one says counts, and what it leaves stays."""
        flags = later.flags or self.flags
        both = (new if new is not None else old for old, new in zip(self, later, strict=True))
        return Settled._make(both)._replace(
            masked_by_default=flags is None and (self.masked_by_default or later.masked_by_default),
            held_by=later.held_by,
        )


class Destroyed(NamedTuple):
    """A record of which nothing is kept any more."""

    record: UUID


Entries = dict[UUID, Entry]
"""The documents of one record that a batch is about: those decided on, and those with the same unique ids."""


class Settlement(NamedTuple):
    """An outcome: the record's documents afterwards, the rows that change, and the document with its final flags."""

    entries: Entries
    changes: tuple[Settled, ...]
    document: Entry
    target: UUID | None = None
    """The document that was replaced."""
    refused: Reason | None = None


def permitted(entries: Entries, staged: Entry, at: datetime) -> Settlement:
    """A staged document becomes current, if its unique id is new and what it replaces can be replaced."""
    if _find(entries, staged.unique_id) is not None:
        return refused(entries, staged, Reason.DUPLICATE, at)
    if staged.replaces is None:
        masked = staged.masked_by_default and not staged.masked
        document = staged._replace(status=Status.CURRENT, masked=staged.masked or masked)
        change = Settled(staged.id, Status.CURRENT, at, masked_by_default=masked)
        return Settlement({**entries, staged.id: document}, (change,), document)
    target = _find(entries, staged.replaces)
    if target is None or not may_replace(staged, target):
        return refused(entries, staged, Reason.UNKNOWN_TARGET, at)
    if target.status != Status.CURRENT or target.held_by is not None:
        return refused(entries, staged, Reason.UNKNOWN_TARGET, at)
    return _replaced(entries, staged, target, at)


def refused(entries: Entries, staged: Entry, reason: Reason, at: datetime, because: str | None = None) -> Settlement:
    """A staged document does not become part of the record."""
    document = staged._replace(status=Status.REFUSED)
    change = Settled(staged.id, Status.REFUSED, at, reason, because)
    return Settlement({**entries, staged.id: document}, (change,), document, refused=reason)


def may_replace(staged: Entry, target: Entry) -> bool:
    """True for the author or depositor, for the structure of either, and for the holder's own (domain rule D)."""
    if staged.submitter == target.submitter:
        return True
    owners = target.owners.split()
    return any(who in owners for who in (staged.number, staged.submitter_structure))


def predecessors(entries: Entries, document: Entry) -> list[Entry]:
    """The older versions of a document of the record: what it replaced, what that replaced and so on, the newest first.

    A deleted one is among them, since it does not cut the chain.
    """
    if document.replaces is None:
        return []
    taken = {one.unique_id: one for one in entries.values() if one.status in TAKEN and one.id != document.id}
    older: list[Entry] = []
    newest: Entry | None = document
    # what was passed is taken out: rows that contradict each other end the chain instead of going round
    while newest is not None and (newest := taken.pop(newest.replaces or "", None)) is not None:
        older.append(newest)
    return older


def _replaced(entries: Entries, staged: Entry, target: Entry, at: datetime) -> Settlement:
    flags = staged.flags.with_those_of(target.flags).with_those_of(Flags(masked=staged.masked_by_default))
    since = target.withheld_since or staged.withheld_since
    document = staged._replace(status=Status.CURRENT, withheld_since=since, **flags._asdict())
    old = target._replace(status=Status.SUPERSEDED, version=target.version + 1)
    changes = (
        Settled(old.id, Status.SUPERSEDED, version=old.version),
        Settled(staged.id, Status.CURRENT, at, flags=flags, withheld_since=since, replaces=target.id),
    )
    return Settlement({**entries, old.id: old, staged.id: document}, changes, document, target.id)


def _find(entries: Entries, unique_id: str) -> Entry | None:
    """The document of the record with this unique id."""
    for entry in entries.values():
        if entry.unique_id == unique_id and entry.status in TAKEN:
            return entry
    return None
