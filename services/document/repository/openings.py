"""Withheld documents that open by themselves: chosen without locks, looked at again under those of their records."""

from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from services.document.domain.acts import opened
from services.document.domain.opening import CLOCK, SOONEST, opens_at
from services.document.domain.settlement import Entry
from services.document.handlers import changed
from services.document.repository.decisions import SELECTED, settle
from services.document.repository.reminders import AT_ONCE, Clock
from shared.contracts.common import FurtherAct
from shared.contracts.envelope import named_id
from shared.database import Database, Transaction
from shared.messaging import Outbox, lock_partitions

_WITHHELD: Final = "d.withheld AND d.status IN ('current', 'superseded', 'archived', 'deleted') AND d.held_by IS NULL"
OPENS: Final = "((d.withheld_since AT TIME ZONE 'Europe/Paris') + interval '1 month') AT TIME ZONE 'Europe/Paris'"
"""`opens_at` for choosing; of the two equal hours of an autumn night it takes the later one."""
_CHOOSE: Final = f"""
    SELECT d.id, d.record, d.withheld_since FROM document AS d
    WHERE {_WITHHELD} AND d.withheld_since <= $1::timestamptz - $2::interval AND {OPENS} <= $1
    ORDER BY d.withheld_since LIMIT {AT_ONCE}
"""  # noqa: S608 - put together of constants
_AGAIN: Final = f"SELECT {SELECTED} FROM document AS d WHERE d.id = ANY($1::uuid[]) AND {_WITHHELD} ORDER BY d.id"  # noqa: S608 - constants


class Openings:
    """The loop of one process; several of them open nothing twice. A record that is out of use is no exception."""

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

    async def once(self) -> bool:
        """Open what was withheld for a month (AR-031); True where more may be waiting."""
        async with self._database.transaction() as tx:
            now = await self._clock(tx)
            rows = await tx.fetch(_CHOOSE, now, SOONEST)
        due = [row for row in rows if opens_at(row["withheld_since"]) <= now]
        if due:
            async with self._database.transaction() as tx:
                await lock_partitions(tx, {self._partition(row["record"]) for row in due})
                await self._open(tx, [row["id"] for row in due])
        return len(due) == AT_ONCE

    async def _open(self, tx: Transaction, documents: Sequence[UUID]) -> None:
        """Open those that nobody announced since they were chosen."""
        entries = [Entry._make(row) for row in await tx.fetch(_AGAIN, documents)]
        if not entries:
            return
        done = [opened({}, entry) for entry in entries]
        await settle(tx, [row for one in done for row in one.changes])
        outgoing = [
            message
            for entry, one in zip(entries, done, strict=True)
            for message in self._outbox.root(
                changed(one, FurtherAct.OPEN_BY_TIME, CLOCK),
                cause=named_id(entry.id, f"clock/{FurtherAct.OPEN_BY_TIME}"),
                key=entry.record,
            )
        ]
        await self._outbox.append(tx, outgoing)
