"""What the lane of decisions reads and writes: one statement to load a batch, two to save it, two to destroy."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from services.document.domain.masks import ByDefault
from services.document.domain.reminders import InUse, Treated
from services.document.domain.settlement import Destroyed, Entries, Entry, Settled, Status
from services.document.handlers import Change, deposit_of, named_by
from services.document.repository import masks, reminders
from shared.contracts.envelope import Message
from shared.database import Transaction
from shared.database.record_keys import RecordKeys

_MADE: Final = {
    "owners": "array_to_string(d.owners, ' ')",
    "masked_by_default": "EXISTS (SELECT FROM masked_by_default AS m WHERE m.record = d.record)",
}
SELECTED: Final = ", ".join(_MADE.get(one, f"d.{one}") for one in Entry._fields)
"""An `Entry` of the row `d`."""
_ASKED: Final = f"asked AS MATERIALIZED (SELECT {SELECTED} FROM document d WHERE d.id = ANY($1::uuid[]))"  # noqa: S608 - constants
_NAMED: Final = """
    SELECT record, unique_id FROM asked
    UNION SELECT record, replaces FROM asked WHERE replaces IS NOT NULL
"""
_TAKEN: Final = "d.status IN ('current', 'superseded', 'archived', 'deleted')"
_LOAD: Final = f"""
    WITH {_ASKED}, named AS ({_NAMED})
    SELECT * FROM asked
    UNION ALL
    SELECT {SELECTED} FROM named JOIN document d USING (record, unique_id)
    WHERE {_TAKEN} AND d.id <> ALL($1::uuid[])
"""  # noqa: S608 - put together of constants
"""For batches of deposits alone: nearly every one."""
_LOAD_CHAINS: Final = f"""
    WITH RECURSIVE {_ASKED}, older (record, unique_id) AS (
        SELECT record, replaces FROM asked WHERE id = ANY($2::uuid[]) AND replaces IS NOT NULL
        UNION
        SELECT d.record, d.replaces FROM older CROSS JOIN LATERAL (
            SELECT d.record, d.replaces FROM document d
            WHERE d.record = older.record AND d.unique_id = older.unique_id AND d.replaces IS NOT NULL
            AND ({_TAKEN} OR d.id = ANY($1::uuid[]))
            OFFSET 0
        ) AS d
    ), named AS ({_NAMED} UNION TABLE older)
    SELECT * FROM asked
    UNION ALL
    SELECT d.* FROM named CROSS JOIN LATERAL (
        SELECT {SELECTED} FROM document d
        WHERE d.record = named.record AND d.unique_id = named.unique_id AND {_TAKEN} AND d.id <> ALL($1::uuid[])
        OFFSET 0
    ) AS d
"""  # noqa: S608 - put together of constants
"""With the versions that the documents of $2 replaced, also by what is settled in this batch.

How many there are PostgreSQL guesses far too high: `OFFSET 0` keeps it from reading the whole table instead of looking
each one up by its index.
"""
_STORE: Final = """
    UPDATE document SET status = $2, settled_at = $3, masked = masked OR id = ANY($4::uuid[]) WHERE id = ANY($1::uuid[])
"""
"""For documents that simply became part of their records, all at one moment: nearly every batch."""
_SETTLE: Final = """
    UPDATE document AS d
    SET status = n.status,
        settled_at = coalesce(n.at, d.settled_at),
        reason = coalesce(n.reason, d.reason),
        because = coalesce(n.because, d.because),
        masked = coalesce(n.masked, d.masked),
        withheld = coalesce(n.withheld, d.withheld),
        hidden = coalesce(n.hidden, d.hidden),
        withheld_since = coalesce(n.withheld_since, d.withheld_since),
        replaces_document = coalesce(n.replaces, d.replaces_document),
        version = coalesce(n.version, d.version),
        held_by = n.held_by
    FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::bool[], $7::bool[], $8::bool[],
                $9::timestamptz[], $10::uuid[], $11::int[], $12::uuid[])
         AS n (id, status, at, reason, because, masked, withheld, hidden, withheld_since, replaces, version, held_by)
    WHERE d.id = n.id
"""
_UNCHANGED: Final = (None, None, None)


_DESTROY: Final = """
    WITH gone AS (DELETE FROM document WHERE record = ANY($1::uuid[]) RETURNING id, object),
         unmasked AS (DELETE FROM masked_by_default WHERE record = ANY($1::uuid[])),
         untreated AS (DELETE FROM treatment WHERE record = ANY($1::uuid[])),
         forgotten AS (DELETE FROM refusal USING gone WHERE refusal.document = gone.id)
    INSERT INTO discarded (object) SELECT object FROM gone ON CONFLICT (object) DO NOTHING
"""
"""Removes the rows of deleted records; their contents, unreadable from here on, are left to the collection."""


class Decisions:
    """The documents that decisions are about, by record."""

    def __init__(self, keys: RecordKeys) -> None:
        self._keys = keys

    async def load(self, tx: Transaction, messages: Sequence[Message[Any]]) -> Mapping[str, Entries]:
        """The documents decided on, those of the same unique ids, and what documents that orders name have replaced.

        Returns:
            For each record of the batch.
        """
        found: dict[str, Entries] = {message.key: {} for message in messages}
        deposits, named = _asked(messages)
        if not deposits and not named:
            return found
        asked = list(deposits | named)
        for row in await (tx.fetch(_LOAD_CHAINS, asked, list(named)) if named else tx.fetch(_LOAD, asked)):
            entry = Entry._make(row)
            entries = found.get(str(entry.record))
            if entries is not None:
                entries[entry.id] = entry
        return found

    async def save(self, tx: Transaction, changes: Sequence[Change]) -> None:
        """Write outcomes, and note what was refused for the collection, and what reminders need; then destroy."""
        settled = [change for change in changes if isinstance(change, Settled)]
        if settled:
            await settle(tx, merged(settled))
        await masks.save(tx, [change for change in changes if isinstance(change, ByDefault)])
        await reminders.save(tx, [change for change in changes if isinstance(change, Treated | InUse)])
        destroyed = [change.record for change in changes if isinstance(change, Destroyed)]
        if destroyed:
            await self._keys.destroy(tx, destroyed)
            await tx.execute(_DESTROY, destroyed)


def _asked(messages: Sequence[Message[Any]]) -> tuple[set[UUID], set[UUID]]:
    """The deposits decided on, and the documents that orders name."""
    deposits: set[UUID] = set()
    named: set[UUID] = set()
    for message in messages:
        if (deposit := deposit_of(message)) is not None:
            deposits.add(deposit)
        elif (document := named_by(message)) is not None:
            named.add(document)
    return deposits, named


async def settle(tx: Transaction, rows: Sequence[Settled]) -> None:
    """Write changes of documents, at most one for each, and note what was refused for the collection."""
    stored = Settled(rows[0].id, Status.CURRENT, rows[0].at)
    masked = [row.id for row in rows if row.masked_by_default]
    if stored.at is not None and all(row[1:] == stored[1:] for row in map(_plain, rows)):
        await tx.execute(_STORE, [row.id for row in rows], Status.CURRENT.value, stored.at, masked)
        return
    flags = [row.flags or ((True, None, None) if row.masked_by_default else _UNCHANGED) for row in rows]
    await tx.execute(
        _SETTLE,
        [row.id for row in rows],
        [row.status.value for row in rows],
        [row.at for row in rows],
        [row.reason and row.reason.value for row in rows],
        [row.because for row in rows],
        [masks for masks, _, _ in flags],
        [withheld for _, withheld, _ in flags],
        [hidden for _, _, hidden in flags],
        [row.withheld_since for row in rows],
        [row.replaces for row in rows],
        [row.version for row in rows],
        [row.held_by for row in rows],
    )
    refused = [row for row in rows if row.status is Status.REFUSED]
    if refused:
        await tx.execute(
            "INSERT INTO refusal (document, refused_at) SELECT * FROM unnest($1::uuid[], $2::timestamptz[]) "
            "ON CONFLICT (document) DO NOTHING",
            [row.id for row in refused],
            [row.at for row in refused],
        )


def _plain(row: Settled) -> Settled:
    return row._replace(masked_by_default=False) if row.masked_by_default else row


def merged(changes: Sequence[Settled]) -> list[Settled]:
    """One change per document: one that is stored and replaced in the same batch keeps what both say."""
    rows: dict[UUID, Settled] = {}
    for change in changes:
        earlier = rows.get(change.id)
        rows[change.id] = change if earlier is None else earlier.then(change)
    return list(rows.values())
