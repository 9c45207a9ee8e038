"""What is deleted when its time is over: lines out of the window, and what was kept to recognise repeats."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from services.history_ingestion.domain.window import today_in_paris, window_start
from shared.database import Database
from shared.messaging import lock_partitions
from shared.messaging.outbox import KEEP

AT_ONCE = 2000
"""Rows at most in one transaction, so that no lane waits long for its turn on a record."""


class Ageing:
    """Deletes a bounded number of rows at a time."""

    def __init__(self, database: Database, partition: Callable[[UUID], int], at_once: int = AT_ONCE) -> None:
        self._database = database
        self._partition = partition
        self._at_once = at_once

    async def once(self) -> bool:
        """One turn; True where more may be waiting."""
        async with self._database.transaction() as tx:
            now = await tx.clock()
        return any([await self._lines(now), await self._seen(now), await self._taken(now)])

    async def _lines(self, now: datetime) -> bool:
        """Lines whose care left the window: chosen without locks, deleted under the locks of their records."""
        limit = window_start(today_in_paris(now))
        async with self._database.transaction() as tx:
            due = await tx.fetch(
                "SELECT line, record FROM line WHERE care_date < $1 ORDER BY care_date LIMIT $2", limit, self._at_once
            )
        if due:
            async with self._database.transaction() as tx:
                await lock_partitions(tx, {self._partition(row["record"]) for row in due})
                await tx.execute(
                    # a correction may have brought it back into the window, or to another record, meanwhile
                    """
                    DELETE FROM line USING unnest($1::uuid[], $2::uuid[]) AS due (line, record)
                    WHERE line.line = due.line AND line.record = due.record AND care_date < $3
                    """,
                    [row["line"] for row in due],
                    [row["record"] for row in due],
                    limit,
                )
        return len(due) == self._at_once

    async def _seen(self, now: datetime) -> bool:
        """Versions last raised before the window: every version sent by then is of care that is outside by now."""
        async with self._database.transaction() as tx:
            status = await tx.execute(
                """
                DELETE FROM line_seen WHERE ctid = ANY (ARRAY(
                    SELECT ctid FROM line_seen WHERE seen_on < $1 LIMIT $2 FOR UPDATE SKIP LOCKED
                )) AND seen_on < $1
                """,
                window_start(today_in_paris(now)),
                self._at_once,
            )
        return _all_of(status, self._at_once)

    async def _taken(self, now: datetime) -> bool:
        """Messages that no topic holds any more."""
        async with self._database.transaction() as tx:
            status = await tx.execute(
                """
                DELETE FROM taken WHERE ctid = ANY (ARRAY(SELECT ctid FROM taken WHERE taken_on < $1 LIMIT $2))
                """,
                (now - KEEP - timedelta(days=1)).date(),
                self._at_once,
            )
        return _all_of(status, self._at_once)


def _all_of(status: str, limit: int) -> bool:
    return status == f"DELETE {limit}"
