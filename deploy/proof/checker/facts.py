"""What is compared: rows of each service's database and records of Kafka, read once the system is quiet. No opinion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
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
    canaries: Mapping[str, int]
    """Places where a canary was found, and how often: all of them are faults."""
    apps: Register = field(default_factory=dict)
    """What the operator decided about apps."""
    majorities: Mapping[UUID, datetime] = field(default_factory=dict)
    """When holders who are represented come of age."""
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
