"""The log in PostgreSQL: leaves, the tree's size, concealed documents, and reads that happened."""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.audit.domain.events import (
    SALT_BYTES,
    Concealed,
    Entry,
    Forgotten,
    TracesConsulted,
    commitment,
    of_own,
)
from services.audit.domain.merkle import leaf_hash
from services.audit.domain.sight import Around, Asked, Reader
from services.audit.domain.traces import Event, Kept, around, read, trace, wanted
from shared.contracts.common import Act
from shared.contracts.document_events import Consulted, Deposited
from shared.contracts.envelope import Message, derived_id
from shared.contracts.http_audit import ReadTraces, Trace
from shared.database import Database, Transaction
from shared.database.reads import use_permit
from shared.database.record_keys import RecordKeys
from shared.messaging import Raw
from shared.security import Permit, context, decrypt, encrypt_each, new_key

_LEAST_CHUNK = 50
_NO_TRACE = UUID(int=0)


COLUMNS = (
    "index",
    "record",
    "topic",
    "partition",
    "number",
    "event_id",
    "type",
    "occurred_at",
    "correlation",
    "commitment",
    "leaf_hash",
    "event",
)


class Log:
    """Appends entries."""

    def __init__(self, keys: RecordKeys) -> None:
        self._keys = keys

    async def load(self, _tx: Transaction, _messages: Sequence[Message[Raw]]) -> Mapping[str, None]:
        """Nothing: what is appended depends on nothing that stands in the log."""
        return {"": None}

    async def save(self, tx: Transaction, changes: Sequence[Entry | Forgotten]) -> None:
        """Append entries in their order, gap-free; then forget what deleted records' say."""
        if not changes:
            return
        entries = [change for change in changes if isinstance(change, Entry)]
        keys = await self._keys.ensure(tx, {entry.record for entry in entries})
        await _conceal(tx, [(entry.record, entry.concealed) for entry in entries if entry.concealed])
        forgotten = [change.record for change in changes if isinstance(change, Forgotten)]
        if forgotten:
            await self._keys.destroy(tx, forgotten)
            await tx.execute("DELETE FROM concealed_document WHERE record = ANY($1::uuid[])", forgotten)
        rows = _leaves(entries, keys)
        first = await _grow(tx, len(rows))
        await tx.copy("leaf", COLUMNS, [(first + at, *row) for at, row in enumerate(rows)])


def _leaves(entries: Sequence[Entry], keys: Mapping[UUID, bytes]) -> list[tuple[object, ...]]:
    """Rows but for the index: commitments, and salted events encrypted each under its record's key.

    What comes of a deleted record has its leaf, too; its event is encrypted under a key that nobody keeps.
    """
    random = os.urandom(SALT_BYTES * len(entries))
    salts = [random[at : at + SALT_BYTES] for at in range(0, len(random), SALT_BYTES)]
    texts = [
        (keys.get(entry.record) or new_key(), salt + entry.event, _place(entry.id))
        for entry, salt in zip(entries, salts, strict=True)
    ]
    rows: list[tuple[object, ...]] = []
    for entry, salt, sealed in zip(entries, salts, encrypt_each(texts), strict=True):
        record, identity, type_name, occurred_at, correlation, event, topic, partition, number, _ = entry
        committed = commitment(salt, event)
        place = (record, topic, partition, number, identity, type_name, occurred_at, correlation)
        rows.append((*place, committed, leaf_hash(committed), sealed))
    return rows


async def _grow(tx: Transaction, count: int) -> int:
    """Take the next indices; the tree's row is held until the commit, so this stands as late as possible."""
    row = await tx.fetchrow("UPDATE tree SET size = size + $1 RETURNING size - $1 AS first", count)
    if row is None:
        raise RuntimeError("the tree has no row: the database was not made by this service's migrations; migrate it")
    first: int = row["first"]
    return first


def _place(event_id: UUID) -> bytes:
    return context("audit", "leaf", "event", event_id)


async def _conceal(tx: Transaction, found: Sequence[tuple[UUID, Concealed]]) -> None:
    """Note from whom documents are concealed; the last version counts, also where an earlier one comes after it."""
    last: dict[tuple[UUID, UUID], Concealed] = {}
    for record, item in found:
        known = last.setdefault((record, item.document), item)
        if known.version < item.version:
            last[record, item.document] = item
    if not last:
        return
    await tx.execute(
        """
        INSERT INTO concealed_document (record, document, withheld, from_representatives, version)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::boolean[], $5::int[])
        ON CONFLICT (record, document) DO UPDATE
        SET withheld = excluded.withheld, from_representatives = excluded.from_representatives,
            version = excluded.version
        WHERE concealed_document.version < excluded.version
        """,
        [record for record, _ in last],
        [document for _, document in last],
        [item.withheld for item in last.values()],
        [item.from_representatives for item in last.values()],
        [item.version for item in last.values()],
    )


class Traces:
    """Reads traces on a permit, and makes the read a leaf of its own in the same transaction."""

    def __init__(self, database: Database, keys: RecordKeys, log: Log) -> None:
        self._database = database
        self._keys = keys
        self._log = log

    async def read(self, permit: Permit, query: ReadTraces) -> list[Trace]:
        """The newest traces that the permit's reader may see. The read happens when this transaction commits.

        Raises:
            PermitLateError, PermitUsedError, RecordDestroyedError: nothing was read.
        """
        async with self._database.transaction() as tx:
            now = await use_permit(
                tx, request=permit.id, record=permit.record, expires=permit.expires, issued=permit.issued
            )
            traces = await self._page(tx, permit, query)
            await self._log.save(tx, [_consulted(permit, query, now)])
        return traces

    async def _page(self, tx: Transaction, permit: Permit, query: ReadTraces) -> list[Trace]:
        key = await self._keys.living(tx, permit.record)
        if key is None:
            return []
        reader = Reader.of(permit, await _concealed(tx, permit.record))
        chunk = max(_LEAST_CHUNK, 2 * query.count)
        before: tuple[datetime | None, UUID] = (query.until, query.after or _NO_TRACE)
        shown: list[Trace] = []
        while True:  # a page is full or the end: its length must not tell that something was left out
            rows = await _older(tx, permit.record, query.since, before, chunk)
            events = _read(key, rows)
            known = await _around(tx, permit.record, key, wanted(events, reader))
            shown += [seen for event in events if (seen := trace(event, reader, known)) is not None]
            if len(shown) >= query.count or len(rows) < chunk:
                return shown[: query.count]
            before = (rows[-1]["occurred_at"], rows[-1]["event_id"])


def _read(key: bytes, rows: Sequence[Any]) -> list[Event]:
    return [
        read(
            Kept(one["event_id"], one["occurred_at"], decrypt(key, one["event"], _place(one["event_id"]))[SALT_BYTES:])
        )
        for one in rows
    ]


async def _around(tx: Transaction, record: UUID, key: bytes, wanted: Asked) -> Around:
    """What else is in the log of what is wanted; nothing is, in the usual case."""
    if not wanted:
        return Around()
    rows = await tx.fetch(
        """
        SELECT event_id, occurred_at, event FROM leaf
        WHERE record = $1
          AND (event_id = ANY($2) OR (type = $3 AND correlation = ANY($4)) OR (type = $5 AND $6))
        """,
        record,
        list(wanted.about),
        Consulted.type_name,
        list(wanted.requests),  # a read's request is the root of what follows from it
        Deposited.type_name,
        bool(wanted.documents),
    )
    return around(_read(key, rows), wanted)


def _consulted(permit: Permit, query: ReadTraces, now: datetime) -> Entry:
    body = TracesConsulted(
        request=permit.id,
        actor=permit.actor,
        act=Act.CONSULT,
        mode=permit.mode,
        since=query.since,
        until=query.until,
    )
    own_id = derived_id(permit.id, body.type_name, 0)
    return of_own(body, record=permit.record, id=own_id, cause=permit.id, time=now)


async def _concealed(tx: Transaction, record: UUID) -> list[Concealed]:
    rows = await tx.fetch(
        """
        SELECT document, withheld, from_representatives, version FROM concealed_document
        WHERE record = $1 AND (withheld OR from_representatives)
        """,
        record,
    )
    return [Concealed(*row) for row in rows]


async def _older(
    tx: Transaction,
    record: UUID,
    since: datetime | None,
    before: tuple[datetime | None, UUID],
    count: int,
) -> list[Any]:
    return await tx.fetch(
        """
        SELECT event_id, occurred_at, event FROM leaf
        WHERE record = $1
          AND occurred_at >= coalesce($2::timestamptz, '-infinity')
          AND (occurred_at, event_id) < (coalesce($3::timestamptz, 'infinity'), $4::uuid)
        ORDER BY occurred_at DESC, event_id DESC LIMIT $5
        """,
        record,
        since,
        *before,
        count,
    )


async def leaf_hashes(tx: Transaction, first: int, count: int) -> list[bytes]:
    """Leaf hashes in the order of the log, from index `first` on."""
    rows = await tx.fetch(
        "SELECT leaf_hash FROM leaf WHERE index >= $1 ORDER BY index LIMIT $2",
        first,
        count,
    )
    return [row["leaf_hash"] for row in rows]
