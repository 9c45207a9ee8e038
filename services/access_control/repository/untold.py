"""What was decided before its owner followed it, told once: médecins traitants (AR-006), opt-outs of functions.

A change is told when it is made. Who began to listen later knows none from before, and what is older than a month
stands in no outbox any more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from shared.contracts.access_decisions import FunctionsKnown, TreatingDoctorKnown
from shared.contracts.common import Body
from shared.contracts.envelope import named_id
from shared.database import Database, Transaction
from shared.messaging import Outbox, lock_partitions

AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that is still to be told of records."""

    name: str
    """What the message's id is derived from, with the record."""
    due: str
    """Selects at most `$1` records of which it is to be told now."""
    told: str
    """Notes that it is told of the records `$1`, and gives their ids and what is told of them."""
    body: Callable[[Any], Body | None]
    """The message, from what `told` gives; None where nothing is left to tell."""


DECLARATIONS: Final = Notice(
    "treating-doctor-known",
    # nobody is reminded of a record that is not in use: it is told when it is again
    """
    SELECT u.record FROM declaration_untold u JOIN record r ON r.id = u.record
    WHERE r.state = 'open' AND r.deletion_due IS NULL AND NOT r.suspended AND NOT r.deceased LIMIT $1
    """,
    """
    WITH told AS (DELETE FROM declaration_untold WHERE record = ANY($1::uuid[]) RETURNING record)
    SELECT r.id, r.treating_doctor FROM told JOIN record r ON r.id = told.record ORDER BY r.id
    """,
    lambda doctor: TreatingDoctorKnown(professional=doctor) if doctor is not None else None,
)

OPT_OUTS: Final = Notice(
    "functions-known",
    "SELECT record FROM opt_out_untold LIMIT $1",
    """
    WITH told AS (DELETE FROM opt_out_untold WHERE record = ANY($1::uuid[]) RETURNING record)
    SELECT r.id, r.opted_out FROM told JOIN record r ON r.id = told.record
    WHERE r.deletion_due IS NULL ORDER BY r.id
    """,
    lambda functions: FunctionsKnown(unwanted=tuple(sorted(functions))),
)
"""Whatever the record's state: a closed one may be opened again."""


class Untold:
    """The loop of one process; several of them tell nothing twice."""

    def __init__(self, database: Database, outbox: Outbox, partition: Callable[[UUID], int], *, notice: Notice) -> None:
        self._database = database
        self._outbox = outbox
        self._partition = partition
        self._notice = notice

    @property
    def name(self) -> str:
        """What is told."""
        return self._notice.name

    async def once(self) -> bool:
        """Tell it of a bounded number of records; True where more may be waiting."""
        async with self._database.transaction() as tx:
            records = sorted(row["record"] for row in await tx.fetch(self._notice.due, AT_ONCE))
        if records:
            async with self._database.transaction() as tx:
                await lock_partitions(tx, {self._partition(record) for record in records})
                await self._tell(tx, records)
        return len(records) == AT_ONCE

    async def _tell(self, tx: Transaction, records: list[UUID]) -> None:
        """Told is what holds now: under the partitions' turn no change comes in between."""
        outgoing = []
        for record, known in await tx.fetch(self._notice.told, records):
            body = self._notice.body(known)
            if body is not None:
                outgoing += self._outbox.root((body,), cause=named_id(record, self._notice.name), key=record)
        await self._outbox.append(tx, outgoing)
