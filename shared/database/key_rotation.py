"""Rotation: the records' keys are wrapped anew by the present key-encryption key (KEK), and an old one is retired.

Nothing that the keys encrypt is touched. The rows themselves say how far it is: whoever was interrupted begins again,
and passes over what is done. Services read and write beside it, since a key opens under either KEK.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from shared.database._database import Database
from shared.security import FileKeyProvider, KeyProvider

AT_ONCE: Final = 10_000
"""Rows of one batch: two statements, far below the server's limit of a transaction's time."""
LANES: Final = 3
"""Parts of the table at the same time: while the database writes one batch, the keys of another are wrapped."""
_ALL: Final = (1 << 128) - 1
_FIRST: Final = UUID(int=0)
_NEXT: Final = """
WITH part AS MATERIALIZED (
    SELECT record, key_id, wrapped_key FROM record_key WHERE record > $1 AND record <= $2 ORDER BY record LIMIT $3
)
SELECT key_id, count(*) AS seen, (SELECT record FROM part ORDER BY record DESC LIMIT 1) AS last,
       array_agg(record) FILTER (WHERE key_id <> $4 AND wrapped_key IS NOT NULL) AS records,
       array_agg(wrapped_key) FILTER (WHERE key_id <> $4 AND wrapped_key IS NOT NULL) AS keys
FROM part GROUP BY key_id
"""
"""The next rows, by KEK: arrays cost half of what rows do."""
_REPLACE: Final = """
UPDATE record_key AS k SET key_id = $4, wrapped_key = n.new
FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS n (record, old, new)
WHERE k.record = n.record AND k.wrapped_key = n.old AND n.new IS NOT NULL
"""
"""A key that was destroyed or wrapped anew meanwhile is not the one that was read: it stays."""


class StillWrappedError(Exception):
    """The KEK is the current one, or keys are still wrapped by it: it is not retired."""


@dataclass
class Told:
    """What was done so far."""

    seen: int = 0
    """Rows looked at, those of deleted records included."""
    rewrapped: int = 0
    unopened: Counter[str] = field(default_factory=Counter)
    """By KEK, the keys that don't open under it: they were altered. They stay as they are."""


class Rotation:
    """Wraps the keys of one service's `record_key` anew, in batches of their own transaction each."""

    def __init__(self, database: Database, provider: KeyProvider, at_once: int = AT_ONCE) -> None:
        self._database = database
        self._provider = provider
        self._at_once = at_once

    async def whole(self, tell: Callable[[Told], None] = lambda _: None) -> Told:
        """Go once through all rows, in batches; `tell` hears after each how far it is.

        Raises:
            KeyDestroyedError: a key is wrapped by a KEK that is gone.
        """
        told = Told()
        lanes = [asyncio.create_task(self._lane(number, told, tell)) for number in range(LANES)]
        try:
            await asyncio.gather(*lanes)
        finally:
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)
        return told

    async def _lane(self, number: int, told: Told, tell: Callable[[Told], None]) -> None:
        """One of the equal shares of all ids that there can be."""
        after, until = UUID(int=_ALL * number // LANES), UUID(int=_ALL * (number + 1) // LANES)
        while (last := await self.batch(after, until, told)) is not None:
            after = last
            tell(told)

    async def batch(self, after: UUID, until: UUID, told: Told) -> UUID | None:
        """Wrap the keys of the next rows anew, two statements; gives the last row's record, None behind the last."""
        current = self._provider.current
        async with self._database.transaction() as tx:
            groups = await tx.fetch(_NEXT, after, until, self._at_once, current)
            records: list[UUID] = []
            old: list[bytes] = []
            new: list[bytes | None] = []
            for group in groups:
                if group["keys"] is not None:
                    records += group["records"]
                    old += group["keys"]
                    wrapped = self._provider.rewrap_each(group["key_id"], group["keys"])
                    told.unopened[group["key_id"]] += wrapped.count(None)
                    new += wrapped
            status = await tx.execute(_REPLACE, records, old, new, current) if records else "UPDATE 0"
        told.seen += sum(group["seen"] for group in groups)
        told.rewrapped += int(status.rpartition(" ")[2])
        return groups[0]["last"] if groups else None


class Retirement:
    """Destroys a KEK that wraps nothing any more. Fails closed: what it would make unreadable keeps it alive."""

    def __init__(self, database: Database, provider: FileKeyProvider, at_once: int = AT_ONCE) -> None:
        self._database = database
        self._provider = provider
        self._at_once = at_once

    async def retire(self, kek: str) -> None:
        """Destroy a KEK.

        A process that still takes it for the current one might wrap a new key by it while rows are looked through.
        So it is set aside first, and who is writing then is waited for: whoever comes later reads back what he wrote
        (`RecordKeys.ensure`), finds no KEK and commits nothing.

        Raises:
            StillWrappedError: it is the current one, or wraps a key; nothing was done.
            KeyDestroyedError: there is none of this id.
        """
        if kek == self._provider.current:
            raise StillWrappedError(f"{kek} wraps new keys: make another one the current one first")
        try:
            await self._look(kek)
            self._provider.set_aside(kek)
            async with self._database.transaction() as tx:
                await tx.execute("LOCK TABLE record_key IN SHARE MODE")
            await self._look(kek)
        except BaseException:
            self._provider.put_back(kek)
            raise
        self._provider.destroy(kek)

    async def _look(self, kek: str) -> None:
        """Raises StillWrappedError where a key is wrapped by this KEK."""
        after: UUID | None = _FIRST
        while after is not None:
            (row,) = await self._database.fetch(
                """
                SELECT (array_agg(record ORDER BY record DESC))[1] AS last, count(*) FILTER (WHERE key_id = $3) AS held
                FROM (SELECT record, key_id FROM record_key WHERE record > $1 ORDER BY record LIMIT $2) AS part
                """,
                after,
                self._at_once,
                kek,
            )
            if row["held"]:
                raise StillWrappedError(f"keys are still wrapped by {kek}: rotate first, then retire it")
            after = row["last"]
