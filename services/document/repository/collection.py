"""Removes what is of no use any more: contents of deleted records and of no deposit, refused deposits, used permits."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from services.document.content import ContentStore
from shared.database import Database, Transaction
from shared.database.reads import forget_permits
from shared.observability import logger

AT_ONCE: Final = 500
"""Removed at most in one turn, of each kind."""
_ASKED: Final = 5000
"""Names of contents compared with the rows in one statement."""

_log = logger(__name__)


class Collection:
    """The loop's work. Content goes only after the outcome of its deposit."""

    def __init__(
        self, database: Database, content: ContentStore, *, refused_s: float, orphan_s: float, consulted_s: float
    ) -> None:
        self._database = database
        self._content = content
        self._refused = timedelta(seconds=refused_s)
        self._consulted_s = consulted_s
        self._orphan_s = orphan_s
        self._turn = 0

    async def turn(self) -> bool:
        """One bounded turn; True where more is waiting."""
        discarded = await self._discarded()
        async with self._database.transaction() as tx:
            names = await _refused(tx, self._refused)
        # the rows are gone first: a content without a row is an orphan, a row without a content would be damage
        await self._content.remove(names)
        async with self._database.transaction() as tx:
            forgotten = await forget_permits(tx, older_than_s=self._consulted_s)
        orphans = await self._orphans()
        if names or orphans or discarded:
            _log.info("contents_removed", count=len(names) + orphans + discarded)
        return max(len(names), forgotten, orphans, discarded) >= AT_ONCE

    async def _discarded(self) -> int:
        """Contents of deleted records: their names are forgotten only after them, so that none is left behind."""
        async with self._database.transaction() as tx:
            rows = await tx.fetch("SELECT object FROM discarded ORDER BY object LIMIT $1", AT_ONCE)
        names = [row["object"] for row in rows]
        if names:
            await self._content.remove(names)
            async with self._database.transaction() as tx:
                await tx.execute("DELETE FROM discarded WHERE object = ANY($1::uuid[])", names)
        return len(names)

    async def _orphans(self) -> int:
        """Contents that were written while their deposit's transaction failed."""
        old = await self._content.older_than(self._orphan_s, self._turn)
        orphans: list[UUID] = []
        for start in range(0, len(old), _ASKED):
            async with self._database.transaction() as tx:
                orphans += await _unknown(tx, old[start : start + _ASKED])
        await self._content.remove(orphans[:AT_ONCE])
        if len(orphans) < AT_ONCE:
            self._turn += 1
        return len(orphans[:AT_ONCE])


async def _refused(tx: Transaction, age: timedelta) -> list[UUID]:
    """Remove rows of deposits refused long ago; gives the names of their contents."""
    rows = await tx.fetch(
        """
        WITH due AS (
            SELECT document FROM refusal WHERE refused_at < clock_timestamp() - $1::interval
            ORDER BY refused_at LIMIT $2 FOR UPDATE SKIP LOCKED
        ), done AS (
            DELETE FROM refusal USING due WHERE refusal.document = due.document
        )
        DELETE FROM document USING due WHERE document.id = due.document AND document.status = 'refused'
        RETURNING document.object
        """,
        age,
        AT_ONCE,
    )
    return [row["object"] for row in rows]


async def _unknown(tx: Transaction, names: Sequence[UUID]) -> list[UUID]:
    """Those names that no document has."""
    rows = await tx.fetch(
        "SELECT name FROM unnest($1::uuid[]) AS n (name) WHERE NOT EXISTS (SELECT FROM document WHERE object = name)",
        list(names),
    )
    return [row["name"] for row in rows]
