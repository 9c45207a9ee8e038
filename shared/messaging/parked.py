"""Parked messages: what could not be handled is kept as it came, encrypted, with the reason; nothing is lost.

Parking happens in the transaction that moves the lane's progress, so the line goes on behind a parked message. It stays
open until an operator has it replayed or discards it (`replay`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import asyncpg
import orjson
from aiokafka import ConsumerRecord

from shared.database import Database, Transaction
from shared.messaging._decode import Fault, identity_of
from shared.messaging.outbox import Outgoing


@dataclass(frozen=True, slots=True)
class Sealed:
    """Encrypted bytes and the key they were encrypted with, itself wrapped by a key-encryption key."""

    key_id: str
    wrapped_key: bytes
    ciphertext: bytes


Seal = Callable[[bytes, UUID], Sealed]
"""Encrypts what is parked, bound to the id of its row."""
Unseal = Callable[[Sealed, UUID], bytes]
"""Decrypts it again; `SecurityError` where its key is gone or it was altered."""


class Resolution(StrEnum):
    """What came of a parked message in the end."""

    REPLAYED = "replayed"
    """Its handler took it, late."""
    DISCARDED = "discarded"
    """Nothing came of it, and nothing will."""


class Parked(NamedTuple):
    """What is known of a parked message without its content."""

    id: UUID
    topic: str
    partition: int
    offset: int
    number: int | None
    consumer: str
    reason: str
    """Why it was parked: a reason code."""
    detail: str
    """Why, as a sentence without any value of the message."""
    first_seen: datetime
    attempts: int
    """How often it was tried: when it was parked, and by replays that failed."""
    resolved_at: datetime | None
    resolution: Resolution | None
    resolved_by: str | None
    resolved_why: str | None


_PARKED = """
    SELECT id, topic, partition, "offset", number, consumer, reason, detail, first_seen, attempts, resolved_at,
           resolution, resolved_by, resolved_why
    FROM parked
"""
_IN_ORDER = 'topic, consumer, partition, number, "offset"'


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """One message to park."""

    record: ConsumerRecord
    number: int | None
    fault: Fault


def original_bytes(record: ConsumerRecord) -> bytes:
    """A record as one piece of bytes: key, headers and value, so that it can be handled again later."""
    return orjson.dumps(
        {
            "key": (record.key or b"").hex(),
            "headers": [[name, (value or b"").hex()] for name, value in record.headers],
            "value": (record.value or b"").hex(),
            "timestamp": record.timestamp,
        },
    )


async def park(tx: Transaction, consumer: str, rows: Sequence[ParkedRow], seal: Seal) -> None:
    """Keep messages in the consumer's own table, in the transaction that moves its progress."""
    if not rows:
        return
    ids = [identity_of(row.record) for row in rows]
    sealed = [seal(original_bytes(row.record), identity) for row, identity in zip(rows, ids, strict=True)]
    await tx.execute(
        """
        INSERT INTO parked (id, topic, partition, "offset", number, consumer, reason, detail, key_id, wrapped_key,
                            original)
        SELECT id, topic, partition, "offset", number, $11, reason, detail, key_id, wrapped_key, original
        FROM unnest($1::uuid[], $2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::text[],
                    $9::bytea[], $10::bytea[])
             AS p (id, topic, partition, "offset", number, reason, detail, key_id, wrapped_key, original)
        ON CONFLICT (id) DO UPDATE SET attempts = parked.attempts + 1
        """,
        ids,
        [row.record.topic for row in rows],
        [row.record.partition for row in rows],
        [row.record.offset for row in rows],
        [row.number for row in rows],
        [row.fault.reason.value for row in rows],
        [row.fault.detail for row in rows],
        [item.key_id for item in sealed],
        [item.wrapped_key for item in sealed],
        [item.ciphertext for item in sealed],
        consumer,
    )


def restored(row: Parked, original: bytes) -> ConsumerRecord:
    """A parked message as Kafka gave it; the reverse of `original_bytes`."""
    kept = orjson.loads(original)
    key, value = bytes.fromhex(kept["key"]), bytes.fromhex(kept["value"])
    headers = tuple((name, bytes.fromhex(text)) for name, text in kept["headers"])
    sizes = (len(key), len(value))
    return ConsumerRecord(
        row.topic, row.partition, row.offset, kept["timestamp"], 0, key or None, value, None, *sizes, headers
    )


async def listed(database: Database, *, resolved: bool, topic: str, most: int) -> list[Parked]:
    """Parked messages in the order to replay them in; with `resolved` those, too; without a topic of all."""
    rows = await database.fetch(
        f"{_PARKED} WHERE ($1 OR resolved_at IS NULL) AND ($2 = '' OR topic = $2) ORDER BY {_IN_ORDER} LIMIT $3",
        resolved,
        topic,
        most,
    )
    return [_row(row) for row in rows]


async def found(database: Database, identity: UUID) -> Parked | None:
    """One parked message by its id."""
    rows = await database.fetch(f"{_PARKED} WHERE id = $1", identity)
    return _row(rows[0]) if rows else None


async def content(database: Database, identity: UUID) -> Sealed:
    """The content of a parked message that is there, encrypted."""
    (row,) = await database.fetch("SELECT key_id, wrapped_key, original FROM parked WHERE id = $1", identity)
    return Sealed(*row)


async def before(database: Database, row: Parked) -> list[UUID]:
    """Open messages of the same lane that stood before this one in its partition, in order.

    Numbers tell where both have one: offsets are others after a topic was sent again.
    """
    rows = await database.fetch(
        """
        SELECT id FROM parked
        WHERE resolved_at IS NULL AND topic = $1 AND partition = $2 AND consumer = $3 AND id <> $4
          AND CASE WHEN number IS NULL OR $5::bigint IS NULL THEN "offset" < $6 ELSE number < $5 END
        ORDER BY number, "offset"
        """,
        row.topic,
        row.partition,
        row.consumer,
        row.id,
        row.number,
        row.offset,
    )
    return [one["id"] for one in rows]


async def resolve(tx: Transaction, identity: UUID, resolution: Resolution, by: str, why: str) -> bool:
    """Say what came of an open message; False where it was resolved before. Its row stays locked until the end."""
    status = await tx.execute(
        """
        UPDATE parked SET resolved_at = clock_timestamp(), resolution = $2, resolved_by = $3, resolved_why = $4
        WHERE id = $1 AND resolved_at IS NULL
        """,
        identity,
        resolution,
        by,
        why,
    )
    return status == "UPDATE 1"


async def tried(tx: Transaction, identity: UUID) -> None:
    """Count a replay that failed."""
    await tx.execute("UPDATE parked SET attempts = attempts + 1 WHERE id = $1", identity)


async def answered(tx: Transaction, row: Parked, outgoing: Sequence[Outgoing]) -> bool:
    """True where one of these messages was sent when the row was parked: a lane may answer what it can't handle.

    What a message causes has ids that follow from it, so a second answer of a type has the id of the first; where not
    even the envelope could be read, the answer follows from the row.
    """
    rows = await tx.fetch(
        """
        SELECT FROM outbox
        WHERE (topic, partition) IN (SELECT * FROM unnest($1::text[], $2::int[]))
          AND (message_id = ANY($3::uuid[]) OR cause = $5)
          AND created_on BETWEEN ($4 AT TIME ZONE 'UTC')::date AND ($4 AT TIME ZONE 'UTC')::date + 1
        LIMIT 1
        """,
        [message.place[0] for message in outgoing],
        [message.place[1] for message in outgoing],
        [message.id for message in outgoing],
        row.first_seen,
        row.id,
    )
    return bool(rows)


def _row(row: asyncpg.Record) -> Parked:
    parked = Parked(*row)
    return parked._replace(resolution=Resolution(parked.resolution)) if parked.resolution else parked
