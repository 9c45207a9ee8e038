"""Parked messages: what could not be handled is kept as it came, encrypted, with the reason; nothing is lost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson
from aiokafka import ConsumerRecord

from shared.database import Transaction
from shared.messaging._decode import Fault, identity_of


@dataclass(frozen=True, slots=True)
class Sealed:
    """Encrypted bytes and the key they were encrypted with, itself wrapped by a key-encryption key."""

    key_id: str
    wrapped_key: bytes
    ciphertext: bytes


Seal = Callable[[bytes, UUID], Sealed]
"""Encrypts what is parked, bound to the id of its row."""


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
