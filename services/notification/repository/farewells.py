"""Deleted records: after their last notice nothing is kept of them."""

from collections.abc import Callable, Sequence
from uuid import UUID

from shared.contracts.notification_events import RecordDestroyed
from shared.database import Database, Transaction
from shared.database.record_keys import RecordKeys
from shared.messaging import Outbox, lock_partitions

FAREWELLS_AT_ONCE = 100
_ALL_TOLD = "NOT EXISTS (SELECT FROM delivery AS d WHERE d.record = l.record AND d.status = 'planned')"


class Farewells:
    """Destroys what is kept of deleted records, once nothing is left to be told."""

    def __init__(self, database: Database, outbox: Outbox, keys: RecordKeys, partition: Callable[[UUID], int]) -> None:
        self._database = database
        self._outbox = outbox
        self._keys = keys
        self._partition = partition

    async def once(self) -> bool:
        """One bounded turn: chosen without locks, done under those of the records. True where more may be waiting."""
        async with self._database.transaction() as tx:
            due = await tx.fetch(
                f"SELECT record FROM leaving AS l WHERE {_ALL_TOLD} ORDER BY since LIMIT $1",  # noqa: S608 - a constant
                FAREWELLS_AT_ONCE,
            )
        if due:
            async with self._database.transaction() as tx:
                await lock_partitions(tx, {self._partition(row["record"]) for row in due})
                await self._destroy(tx, [row["record"] for row in due])
        return len(due) == FAREWELLS_AT_ONCE

    async def _destroy(self, tx: Transaction, records: Sequence[UUID]) -> None:
        rows = await tx.fetch(
            # another process may have been first, or another notice have been begun
            f"DELETE FROM leaving AS l WHERE record = ANY($1::uuid[]) AND {_ALL_TOLD} RETURNING record, cause",  # noqa: S608 - a constant
            records,
        )
        gone = [row["record"] for row in rows]
        await self._keys.destroy(tx, gone)
        await tx.execute(
            """
            WITH told AS (DELETE FROM delivery WHERE record = ANY($1::uuid[])),
                 others AS (DELETE FROM other_contact WHERE record = ANY($1::uuid[])),
                 deaths AS (DELETE FROM deceased WHERE record = ANY($1::uuid[])),
                 cases AS (DELETE FROM extract_case WHERE record = ANY($1::uuid[])),
                 waiting AS (DELETE FROM extract_waiting WHERE record = ANY($1::uuid[]))
            DELETE FROM contact WHERE record = ANY($1::uuid[])
            """,
            gone,
        )
        outgoing = [
            message
            for row in rows
            for message in self._outbox.root((RecordDestroyed(),), cause=row["cause"], key=row["record"])
        ]
        await self._outbox.append(tx, outgoing)
