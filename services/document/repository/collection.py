"""Removes what is of no use any more: contents of deleted records and of no deposit, refused deposits, used permits."""

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Removed:
    """How many were removed, by kind."""

    discarded: int = 0
    """Contents of deleted records."""
    refused: int = 0
    """Deposits refused long ago, with their contents."""
    orphans: int = 0
    """Contents of no deposit."""
    permits: int = 0
    """Permits used long ago."""

    def __add__(self, other: "Removed") -> "Removed":
        """Both together."""
        return Removed(
            self.discarded + other.discarded,
            self.refused + other.refused,
            self.orphans + other.orphans,
            self.permits + other.permits,
        )

    @property
    def contents(self) -> int:
        """Contents that left the store."""
        return self.discarded + self.refused + self.orphans

    @property
    def full(self) -> bool:
        """Whether more may be waiting: as many as may be were removed of one kind."""
        return max(self.discarded, self.refused, self.orphans, self.permits) >= AT_ONCE


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
        removed = await self._once()
        if removed.contents:
            _log.info("contents_removed", count=removed.contents)
        return removed.full

    async def whole(self) -> Removed:
        """Turns until every part of the store had its own and nothing more was found; gives all that was removed."""
        removed, found = Removed(), True
        while found:
            part = Removed()
            for _ in range(await self._content.parts()):
                while (once := await self._once()).full:
                    part += once
                part += once
            # what was removed may have been all of a segment, and the others moved up: once more around
            removed, found = removed + part, bool(part.contents)
        return removed

    async def _once(self) -> Removed:
        discarded = await self._discarded()
        async with self._database.transaction() as tx:
            names = await _refused(tx, self._refused)
        # the rows are gone first: a content without a row is an orphan, a row without a content would be damage
        await self._content.remove(names)
        async with self._database.transaction() as tx:
            forgotten = await forget_permits(tx, older_than_s=self._consulted_s)
        return Removed(discarded, len(names), await self._orphans(), forgotten)

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
