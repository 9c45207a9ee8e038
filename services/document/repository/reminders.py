"""Reminders: chosen without locks, looked at again under those of their records, told once (AR-006, AR-030)."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.document.domain.reminders import SUMMARIES, SUMMARY_EVERY, UNANNOUNCED, InUse, Treated
from shared.contracts.common import Body
from shared.contracts.document_events import SummaryDue, UpdateToTell
from shared.contracts.envelope import named_id
from shared.database import Database, Transaction
from shared.messaging import Outbox, lock_partitions

AT_ONCE: Final = 100
Clock = Callable[[Transaction], Awaitable[datetime]]

_UNANNOUNCED: Final = """
    d.status IN ('current', 'archived') AND d.withheld AND d.reminded_at IS NULL
    AND d.withheld_since <= $1::timestamptz - $2::interval
    AND NOT EXISTS (SELECT FROM treatment AS t WHERE t.record = d.record AND t.out_of_use)
"""
_TELL: Final = f"""
    WITH due AS (
        SELECT d.id, d.record, d.withheld_since, d.hidden, EXISTS (
            SELECT FROM document AS o
            WHERE o.record = d.record AND o.withheld_since = d.withheld_since AND o.reminded_at IS NOT NULL
        ) AS told
        FROM document AS d WHERE d.record = ANY($3::uuid[]) AND {_UNANNOUNCED}
    )
    UPDATE document AS d SET reminded_at = $1 FROM due WHERE d.id = due.id
    RETURNING due.record, due.withheld_since, due.hidden, due.told
"""  # noqa: S608 - put together of constants
"""A replacement has the clock of what it replaces, and is not told of again (AR-071)."""
_NO_SUMMARY: Final = "t.professional IS NOT NULL AND NOT t.out_of_use AND t.year_from <= $1::timestamptz - $2::interval"
_REMIND: Final = f"""
    WITH due AS (
        SELECT t.record, t.professional FROM treatment AS t WHERE t.record = ANY($3::uuid[]) AND {_NO_SUMMARY}
    ),
    filed AS (
        SELECT due.record, max(d.settled_at) AS at FROM due JOIN document AS d USING (record)
        WHERE d.type_code = ANY($4::text[]) AND d.status IN ('current', 'superseded', 'archived')
              AND due.professional = ANY(d.owners) AND d.settled_at > $1::timestamptz - $2::interval
        GROUP BY due.record
    )
    UPDATE treatment AS t SET year_from = coalesce(filed.at, $1)
    FROM due LEFT JOIN filed USING (record) WHERE t.record = due.record
    RETURNING t.record, t.professional, filed.at IS NULL AS due
"""  # noqa: S608 - put together of constants


async def save(tx: Transaction, changes: Sequence[Treated | InUse]) -> None:
    """Note who treats whom, and which records are in use; of several changes of one record the last counts."""
    treated = {change.record: change.professional for change in changes if isinstance(change, Treated)}
    if treated:
        await tx.execute(
            """
            INSERT INTO treatment (record, professional, year_from)
            SELECT n.record, n.professional, clock_timestamp()
            FROM unnest($1::uuid[], $2::text[]) AS n (record, professional)
            ON CONFLICT (record) DO UPDATE SET professional = excluded.professional, year_from = excluded.year_from
            WHERE treatment.professional IS DISTINCT FROM excluded.professional
            """,
            list(treated),
            list(treated.values()),
        )
    used = {change.record: change.used for change in changes if isinstance(change, InUse)}
    if used:
        await tx.execute(
            """
            INSERT INTO treatment (record, out_of_use) SELECT * FROM unnest($1::uuid[], $2::boolean[])
            ON CONFLICT (record) DO UPDATE SET out_of_use = excluded.out_of_use
            """,
            list(used),
            [not one for one in used.values()],
        )


class Reminders:
    """The loops of one process; several of them tell nothing twice."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        partition: Callable[[UUID], int],
        *,
        clock: Clock = Transaction.clock,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._partition = partition
        self._clock = clock

    async def unannounced(self) -> bool:
        """Have holders told of an update after two weeks without an announcement; True where more may be waiting."""
        # withheld documents are looked at, not records: a batch of one record's says so as "more"
        sql = f"SELECT d.record FROM document AS d WHERE {_UNANNOUNCED} ORDER BY d.withheld_since LIMIT {AT_ONCE}"  # noqa: S608 - constants

        async def tell(tx: Transaction, records: Sequence[UUID], now: datetime) -> None:
            due: dict[UUID, list[Any]] = {}
            for row in await tx.fetch(_TELL, now, UNANNOUNCED, records):
                if not row["told"]:
                    due.setdefault(row["record"], []).append(row)
            for record, rows in due.items():
                first = min(row["withheld_since"] for row in rows)
                body = UpdateToTell(hidden_from_representatives=all(row["hidden"] for row in rows))
                await self._emit(tx, record, body, f"unannounced/{first.isoformat()}")

        return await self._turn(sql, UNANNOUNCED, tell)

    async def summaries(self) -> bool:
        """Have médecins traitants told that a year went by without a summary; True where more may be waiting."""
        sql = f"SELECT t.record FROM treatment AS t WHERE {_NO_SUMMARY} ORDER BY t.year_from LIMIT {AT_ONCE}"  # noqa: S608 - constants

        async def remind(tx: Transaction, records: Sequence[UUID], now: datetime) -> None:
            for row in await tx.fetch(_REMIND, now, SUMMARY_EVERY, records, list(SUMMARIES)):
                if row["due"]:
                    body = SummaryDue(professional=row["professional"])
                    await self._emit(tx, row["record"], body, f"summary/{now.isoformat()}")

        return await self._turn(sql, SUMMARY_EVERY, remind)

    async def _turn(self, sql: str, after: Any, act: Callable[[Transaction, Sequence[UUID], datetime], Any]) -> bool:
        async with self._database.transaction() as tx:
            rows = await tx.fetch(sql, await self._clock(tx), after)
        records = sorted({row["record"] for row in rows})
        if records:
            async with self._database.transaction() as tx:
                await lock_partitions(tx, {self._partition(record) for record in records})
                await act(tx, records, await self._clock(tx))
        return len(rows) == AT_ONCE

    async def _emit(self, tx: Transaction, record: UUID, body: Body, name: str) -> None:
        await self._outbox.append(tx, self._outbox.root((body,), cause=named_id(record, name), key=record))
