"""Médecins traitants who were declared before anybody noted them: told once, so that they are reminded, too (AR-006).

A declaration is told when it is made. Who began to listen later knows none from before, and what is older than a month
stands in no outbox any more.
"""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from shared.contracts.access_decisions import TreatingDoctorKnown
from shared.contracts.envelope import named_id
from shared.database import Database, Transaction
from shared.messaging import Outbox, lock_partitions

AT_ONCE: Final = 100
_UNTOLD: Final = """
    SELECT u.record FROM declaration_untold u JOIN record r ON r.id = u.record
    WHERE r.state = 'open' AND r.deletion_due IS NULL AND NOT r.suspended AND NOT r.deceased LIMIT $1
"""
"""Nobody is reminded of a record that is not in use: it is told when it is again."""
_TOLD: Final = """
    WITH told AS (DELETE FROM declaration_untold WHERE record = ANY($1::uuid[]) RETURNING record)
    SELECT r.id, r.treating_doctor FROM told JOIN record r ON r.id = told.record ORDER BY r.id
"""


class Declarations:
    """The loop of one process; several of them tell nothing twice."""

    def __init__(self, database: Database, outbox: Outbox, partition: Callable[[UUID], int]) -> None:
        self._database = database
        self._outbox = outbox
        self._partition = partition

    async def once(self) -> bool:
        """Tell those of a bounded number of records; True where more may be waiting."""
        async with self._database.transaction() as tx:
            records = sorted(row["record"] for row in await tx.fetch(_UNTOLD, AT_ONCE))
        if records:
            async with self._database.transaction() as tx:
                await lock_partitions(tx, {self._partition(record) for record in records})
                await self._tell(tx, records)
        return len(records) == AT_ONCE

    async def _tell(self, tx: Transaction, records: list[UUID]) -> None:
        """Told is who it is now: under the partitions' turn no declaration comes in between."""
        outgoing = [
            message
            for row in await tx.fetch(_TOLD, records)
            if row["treating_doctor"] is not None
            for message in self._outbox.root(
                (TreatingDoctorKnown(professional=row["treating_doctor"]),),
                cause=named_id(row["id"], "treating-doctor-known"),
                key=row["id"],
            )
        ]
        await self._outbox.append(tx, outgoing)
