"""What clients of the doors asked and were told, and what insurers published: written down as it came. No opinion."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from shared.contracts.reasons import Reason

UNKNOWN_FROM = 500
"""From this status on an answer leaves open whether anything happened."""


class Attempt(NamedTuple):
    """One request to one door, and how it ended."""

    what: str
    door: int
    sent: datetime
    ended: datetime
    status: int | None
    """None: no answer came, because of a time-out or a broken connection."""
    code: str = ""
    """Reason code of a refusal or an error."""
    clear: bool = True
    """An error has a code, and a sentence for people."""
    refusable: bool = True
    """It may be refused; False for what whoever asks has a right to."""

    @property
    def unknown(self) -> bool:
        """True where nobody knows from it what happened."""
        return self.status is None or self.status >= UNKNOWN_FROM

    @property
    def answered(self) -> bool:
        """True where what was asked for was given or done."""
        return self.status is not None and self.status < 300  # noqa: PLR2004 - success, as HTTP says it


class Taken(NamedTuple):
    """An answer to a deposit that says what became of it."""

    status: int
    at: datetime
    deposit: UUID | None = None
    """Its id, as answered; None in a refusal."""
    record: UUID | None = None
    """The record in which the answer shows it; None where it shows none."""
    unique_id: str | None = None
    """The same."""

    @property
    def stored(self) -> bool:
        """True where it was told to be stored; 202 says only that it is taken."""
        return self.status in {200, 201}


@dataclass
class Dropped:
    """One document as a client deposits it: whatever it repeats has the same identifiers and content."""

    record: UUID
    unique_id: str
    sha256: bytes
    good: bool = True
    """False for what may not be stored: broken, somebody else's, or from who may not feed."""
    answers: list[Taken] = field(default_factory=list)


class Looked(NamedTuple):
    """A read: what was asked of which owner, and what was shown."""

    owner: str
    record: UUID
    reader: str | None
    """Directory number of a doctor who deposited nothing and is not the médecin traitant; None: the holder."""
    attempt: Attempt
    shown: tuple[str, ...] = ()
    """The marks in the answer, each of which belongs to one record: unique ids, hashes of contents, labels of lines."""
    wanted: str | None = None
    """The one mark that was asked for."""
    whole: bool = False
    """It shows all documents that there are."""


class Changed(NamedTuple):
    """A change of one professional's rights, made on a version."""

    record: UUID
    verb: str
    professional: str
    version: int
    attempt: Attempt
    told: int | None = None
    """The version answered."""
    about: UUID | None = None
    """The record answered."""


class Acted(NamedTuple):
    """An act on a document, asked for once."""

    record: UUID
    document: UUID
    act: str
    """A `FurtherAct`: `mask` and `unmask` by the holder, `delete` by who deposited it."""
    attempt: Attempt
    version: int | None = None
    """The document's, as answered."""


@dataclass
class Clients:
    """All that clients of the doors asked and were told."""

    attempts: list[Attempt] = field(default_factory=list)
    deposits: list[Dropped] = field(default_factory=list)
    looks: list[Looked] = field(default_factory=list)
    changes: list[Changed] = field(default_factory=list)
    acted: list[Acted] = field(default_factory=list)
    opened: dict[str, list[UUID]] = field(default_factory=dict)
    """The records answered to each person's openings."""
    marks: dict[str, UUID] = field(default_factory=dict)
    """The record to which a mark belongs."""
    given_up: list[str] = field(default_factory=list)
    """What was never answered in a way that tells the outcome."""

    @property
    def records(self) -> set[UUID]:
        """Records that nobody else works on."""
        return {record for records in self.opened.values() for record in records}


Insured = tuple[str, str]
"""OID and number of an INS."""


@dataclass
class Published:
    """What one insurer published."""

    insurer: str
    confirmed: set[UUID] = field(default_factory=set)
    """Messages that Kafka confirmed."""
    wrong: dict[UUID, Reason] = field(default_factory=dict)
    """Messages that have to be rejected, and the reason that they are owed."""
    again: int = 0
    """Batches that were published once more."""
    settled: Mapping[Insured, UUID] = field(default_factory=dict)
    """Persons whose record was open, and known to history, before their first line was published, and stays open."""
    given_up: list[str] = field(default_factory=list)


class Kept(NamedTuple):
    """A line as it stands in a history, opened."""

    insurer: str
    line: str | None
    """The insurer's id; None where no line that was published has this hash."""
    record: UUID
    version: int
    care_date: str
    section: str
    content: Mapping[str, object] | None
    """None where it does not open."""


class Histories(NamedTuple):
    """What stands in the services about people: lines, index and addresses."""

    kept: tuple[Kept, ...]
    indexed: frozenset[UUID]
    """Records that an INS leads to, in history_ingestion."""
    reached: frozenset[UUID]
    """Records whose holder has an address, in notification."""
