"""The topic registry: from it topics, ACLs and the AsyncAPI document are made, and nothing else names a topic.

Every record-keyed topic has the same number of partitions and the record id as key, so that one record has one
partition number everywhere. Each numbered topic has one writing service.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from shared.contracts import (
    access_decisions,
    access_extracts,
    access_oversight,
    access_reviews,
    audit_events,
    document_changes,
    document_events,
    flow_statistics,
    history_events,
    insurance,
    notification_events,
    record_deposits,
    record_documents,
    record_extracts,
    record_oversight,
    record_requests,
)
from shared.contracts.common import Body
from shared.contracts.envelope import is_id

RETENTION = timedelta(days=30)
"""How long record-keyed topics keep messages; as long as the outboxes that could send them again."""


class Key(StrEnum):
    """What decides the partition of a message."""

    RECORD = "record id"
    INSURER = "the insurer's choice"
    SOURCE = "partition of the lines"
    SERVICE = "service"
    REVIEW = "review id"


_IDS = frozenset({Key.RECORD, Key.REVIEW})
"""Keys that are random ids: pseudonyms."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic: who writes and reads it, what is in it."""

    name: str
    about: str
    key: Key
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    messages: tuple[type[Body], ...]
    numbered: bool
    """Written from an outbox: numbers without gaps per partition, so that it can be wiped and sent again."""
    partitions: int
    retention: timedelta = RETENTION

    @property
    def record_keyed(self) -> bool:
        """True where the key is the record id."""
        return self.key is Key.RECORD

    def takes(self, key: str) -> bool:
        """True for a key that may stand in the topic: where it is an id, it is one, and so names nobody."""
        return self.key not in _IDS or is_id(key)


RECORD_REQUESTS = "record.requests"
RECORD_DEPOSITS = "record.deposits"
ACCESS_DECISIONS = "access.decisions"
ACCESS_REVIEWS = "access.reviews"
DOCUMENT_EVENTS = "document.events"
HISTORY_EVENTS = "history.events"
NOTIFICATION_EVENTS = "notification.events"
AUDIT_EVENTS = "audit.events"
FLOW_STATISTICS = "flow.statistics"
REIMBURSEMENTS = "insurance.reimbursements"
RECEIPTS = "insurance.receipts"
BACKFILL_REQUESTS = "insurance.backfill-requests"

GATEWAY = "gateway"
ACCESS_CONTROL = "access_control"
DOCUMENT = "document"
HISTORY = "history_ingestion"
NOTIFICATION = "notification"
AUDIT = "audit"
OPERATOR = "operator"
"""Reads `flow.statistics` for dashboards, and `access.reviews`."""
SERVICES = (GATEWAY, ACCESS_CONTROL, DOCUMENT, HISTORY, NOTIFICATION, AUDIT)
INSURANCE_PARTITIONS = 4


def of_insurer(topic: str, insurer: str) -> str:
    """The name of an insurer's own topic, for example `insurance.receipts.amo-test`."""
    return f"{topic}.{insurer}"


def principal_of_insurer(insurer: str) -> str:
    """The Kafka principal of an insurer."""
    return f"insurer-{insurer}"


def registry(insurers: tuple[str, ...], partitions: int) -> dict[str, Topic]:
    """All topics by name, for these insurers and this number of partitions of record-keyed topics."""
    topics = [*_record_keyed(partitions), _reviews(), _statistics()]
    for insurer in insurers:
        topics += _of_insurer(insurer)
    return {topic.name: topic for topic in topics}


def _record_keyed(partitions: int) -> list[Topic]:
    def topic(name: str, about: str, writer: str, readers: tuple[str, ...], messages: tuple[type[Body], ...]) -> Topic:
        numbered = writer != GATEWAY  # the gateway has no database, so no outbox and no numbers
        return Topic(name, about, Key.RECORD, (writer,), readers, messages, numbered, partitions)

    return [
        topic(
            RECORD_REQUESTS,
            "Reads and rights asked of a record.",
            GATEWAY,
            (ACCESS_CONTROL,),
            record_requests.MESSAGES + record_oversight.MESSAGES + record_extracts.MESSAGES + record_documents.MESSAGES,
        ),
        topic(
            RECORD_DEPOSITS,
            "Deposits whose content is staged; a lane of its own, so that a backlog never delays a read.",
            DOCUMENT,
            (ACCESS_CONTROL,),
            record_deposits.MESSAGES,
        ),
        topic(
            ACCESS_DECISIONS,
            "Permit or deny for each request; life and rights of records.",
            ACCESS_CONTROL,
            (GATEWAY, DOCUMENT, HISTORY, NOTIFICATION, AUDIT),
            access_decisions.MESSAGES + access_oversight.MESSAGES + access_extracts.MESSAGES,
        ),
        topic(
            DOCUMENT_EVENTS,
            "What happened to documents.",
            DOCUMENT,
            (GATEWAY, NOTIFICATION, AUDIT),
            document_events.MESSAGES + document_changes.MESSAGES,
        ),
        topic(
            HISTORY_EVENTS,
            "What happened to the history of reimbursed care.",
            HISTORY,
            (NOTIFICATION, AUDIT),
            history_events.MESSAGES,
        ),
        topic(
            NOTIFICATION_EVENTS,
            "What was told to whom.",
            NOTIFICATION,
            (AUDIT,),
            notification_events.MESSAGES,
        ),
        topic(
            AUDIT_EVENTS,
            "What the log witnesses of deletions.",
            AUDIT,
            (ACCESS_CONTROL,),
            audit_events.MESSAGES,
        ),
    ]


def _of_insurer(insurer: str) -> list[Topic]:
    principal = principal_of_insurer(insurer)

    def topic(  # noqa: PLR0917
        base: str,
        about: str,
        key: Key,
        writer: str,
        reader: str,
        messages: tuple[type[Body], ...],
    ) -> Topic:
        numbered = writer == HISTORY
        name = of_insurer(base, insurer)
        return Topic(name, about, key, (writer,), (reader,), messages, numbered, INSURANCE_PARTITIONS)

    return [
        topic(
            REIMBURSEMENTS,
            "Reimbursed care lines, corrections and cancellations of this insurer.",
            Key.INSURER,
            principal,
            HISTORY,
            insurance.REIMBURSEMENTS,
        ),
        topic(RECEIPTS, "The fate of each line.", Key.SOURCE, HISTORY, principal, insurance.RECEIPTS),
        topic(
            BACKFILL_REQUESTS,
            "Persons whose last 24 months are asked for.",
            Key.INSURER,
            HISTORY,
            principal,
            insurance.BACKFILL_REQUESTS,
        ),
    ]


def _reviews() -> Topic:
    return Topic(
        ACCESS_REVIEWS,
        "Accesses out of the usual, for an operator to look at; keyed by the review, no record's topic.",
        Key.REVIEW,
        (ACCESS_CONTROL,),
        (OPERATOR,),
        access_reviews.MESSAGES,
        numbered=True,
        partitions=1,
    )


def _statistics() -> Topic:
    return Topic(
        FLOW_STATISTICS,
        "Counts, rates, lags and ages each second; no record, no person.",
        Key.SERVICE,
        SERVICES,
        (OPERATOR,),
        flow_statistics.MESSAGES,
        numbered=False,
        partitions=1,
        retention=timedelta(days=1),
    )


def message_types(topic: Topic) -> dict[str, type[Body]]:
    """The messages of a topic by the name that travels as `ce_type`."""
    return {message.type_name: message for message in topic.messages}
