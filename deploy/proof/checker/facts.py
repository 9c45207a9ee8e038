"""What is compared: rows of each service's database and records of Kafka, read once the system is quiet. No opinion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from deploy.proof.checker.apps import Register

Place = tuple[str, int]
"""A topic and a partition."""


class Record(NamedTuple):
    """A record of Kafka as it stands there."""

    offset: int
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    value: bytes


class Sent(NamedTuple):
    """A row of an outbox."""

    number: int
    id: UUID
    type: str
    key: str
    correlation: UUID
    payload: bytes


class Decision(NamedTuple):
    """A row of access_control's decisions."""

    record: UUID
    outcome: str
    reason: str
    rights_version: int
    decided_at: datetime


class RecordRow(NamedTuple):
    """A record in access_control, with its rights and relations."""

    closed: bool
    held: bool
    rights_version: int
    treating: str | None
    authorised: Mapping[str, datetime | None]
    blocked: frozenset[str]
    flags: frozenset[str] = frozenset()
    """What is true of it: `activated`, `suspended`, `break_glass` …"""
    relations: frozenset[tuple[str, ...]] = frozenset()
    """Teams, administrators, delegations, functions that are not wanted, emergencies, colleagues' words and contested
    accesses, each as its kind and what it is."""
    gone: bool = False
    """Deleted, and confirmed by every owner: what stands here is the tombstone."""


class Document(NamedTuple):
    """A deposit in the document service."""

    record: UUID
    status: str
    unique_id: str
    submitter: str
    replaces: bool
    sha256: bytes
    reason: str | None
    object: UUID
    type_code: str = ""
    owners: tuple[str, ...] = ()
    """Directory numbers of depositor, authors and their structures."""
    masked: bool = False
    withheld: bool = False
    hidden: bool = False
    """From representatives."""
    version: int = 1
    """Of its metadata."""


class Leaf(NamedTuple):
    """A leaf of the audit log; `event` is the salted event as decrypted, None where it was not looked into."""

    position: int
    record: UUID
    place: Place | None
    number: int | None
    event_id: UUID
    type: str
    commitment: bytes
    leaf_hash: bytes
    event: bytes | None
    broken: bool = False
    """True where the stored event does not decrypt."""


class Delivery(NamedTuple):
    """A row of notification's ledger."""

    notice: UUID
    record: UUID
    event: str
    about: UUID
    channel: str
    status: str
    leased: bool = False
    """Planned, and taken by an attempt that may still end: one whose process died is tried again after its lease."""
    recipient: str | None = None
    """Directory number or delegation of who is told; None: the holder."""
    silence: str | None = None
    """Why it was recorded and not sent."""


class Parked(NamedTuple):
    """A message that a consumer parked."""

    service: str
    topic: str
    partition: int
    offset: int
    reason: str


class Read(NamedTuple):
    """A read that happened."""

    request: UUID
    record: UUID
    at: datetime


class Mail(NamedTuple):
    """An e-mail that left: who it was to, its Message-ID, and everything but the recipient."""

    to: str
    message_id: str
    rest: str


class Deletion(NamedTuple):
    """How far the deletion of a record is."""

    confirmed: frozenset[str]
    """The services that destroyed what they kept."""
    ended: bool
    because: str = "request"
    """Who or what wanted it: `request` is the holder's side."""


class Spot(StrEnum):
    """Where a system writes, and nothing of a person may stand."""

    TOPICS = "topics"
    OUTBOXES = "outboxes"
    PARKED = "parked messages"
    MAILS = "e-mails"
    PROBLEMS = "problems answered"
    LOGS = "logs"
    METRICS = "metrics pages"
    CONTENT = "the content store"


@dataclass(frozen=True)
class Sightings:
    """Where words that identify a person, or show a content, were looked for, and where they were seen."""

    words: int = 0
    """None: nobody looked."""
    numbers: int = 0
    """So many of them are a person's number."""
    searched: Mapping[Spot, int] = field(default_factory=dict)
    """Records, rows, files and pages that were looked at."""
    found: Mapping[tuple[Spot, str], int] = field(default_factory=dict)
    """How often, by place: all of them are faults."""
    allowed: int = 0
    """How often a number was seen where it may stand: in an insurer's lines, and where it is asked for a person."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a run says that it did, at least: a claim about things of that kind that looked at none proves nothing."""

    requests: int = 0
    repeats: int = 0
    """Requests that were sent several times."""
    deposits: int = 0
    reads: int = 0
    restrictions: int = 0
    """Changes that take access away."""
    emergencies: int = 0
    poison: int = 0
    """Requests that can't be read."""
    mails: int = 0
    deletions: int = 0
    words: int = 0
    """Words that may stand nowhere."""
    problems: int = 0
    """Refusals that were answered, and kept."""


@dataclass(frozen=True)
class Acknowledged:
    """What whoever sent was told to be safe; empty where the checker was not told."""

    requests: frozenset[UUID] = frozenset()
    deposits: Mapping[UUID, bytes] = field(default_factory=dict)
    """SHA-256 of the content by the id that was answered."""
    sent_hashes: frozenset[bytes] | None = None
    """SHA-256 of every content that was sent; None: not told."""
    records: frozenset[UUID] | None = None
    """Records into which these contents were sent, where others work on the system too; None: all."""
    texts: frozenset[UUID] = frozenset()
    """Requests beside which a text was handed over: of a deleted record none stands anywhere any more."""

    @property
    def told(self) -> bool:
        """True where somebody told what he sent, be it nothing."""
        return self.sent_hashes is not None or self.records is not None


@dataclass(frozen=True)
class Facts:
    """Everything the checks look at."""

    partitions: int
    topics: Mapping[Place, Sequence[Record]]
    """Every topic of the registry that is numbered or asked of access_control, in Kafka's order."""
    outboxes: Mapping[Place, Sequence[Sent]]
    """By number."""
    counters: Mapping[Place, int]
    cursors: Mapping[Place, int]
    progress: Mapping[tuple[str, str, int], tuple[int, int]]
    """By service, topic and partition: last number, last offset."""
    records: Mapping[UUID, RecordRow]
    decisions: Mapping[UUID, Decision]
    documents: Mapping[UUID, Document]
    leaves: Sequence[Leaf]
    tree_size: int
    deliveries: Sequence[Delivery]
    reads: Mapping[str, Sequence[Read]]
    """By owner."""
    parked: Sequence[Parked]
    mails: Sequence[Mail]
    canaries: Sightings
    apps: Register = field(default_factory=dict)
    """What the operator decided about apps."""
    majorities: Mapping[UUID, datetime] = field(default_factory=dict)
    """When holders who are represented come of age."""
    concealed: Mapping[UUID, tuple[bool, bool]] = field(default_factory=dict)
    """Documents of which audit conceals traces: from the holder's side, and from representatives."""
    contents_checked: int = 0
    """Contents opened and compared with their hash."""
    contents_broken: int = 0
    acknowledged: Acknowledged = Acknowledged()
    texts: frozenset[UUID] = frozenset()
    """What a text stands beside: requests and cases."""
    deletions: Mapping[UUID, Deletion] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)
    """Rows that tables still have of records that are gone, by service and table; a key that is there counts, too."""
    leased: frozenset[UUID] = frozenset()
    """Records with a notice that an attempt has taken and not ended: their holders are not told all yet."""

    @property
    def deleted(self) -> frozenset[UUID]:
        """Records that somebody had deleted."""
        return frozenset(self.deletions)
