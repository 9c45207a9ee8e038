"""Automatic openings: foreseen, told to the person, and done when the window of opposition is over (AR-001).

Locks are taken in one order by all who open or oppose: the partition of the record, the foreseen opening, the person.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from services.access_control.domain.deletion import Because, Deletion
from services.access_control.domain.record import State
from services.access_control.repository.deletions import Clock, begin
from services.access_control.repository.identities import Identity, sealed
from shared.contracts.access_decisions import DeletionAnnounced, OpeningForeseen, RecordDeleted, RecordOpened
from shared.contracts.common import Actor
from shared.contracts.envelope import named_id
from shared.contracts.http_access_control import ForeseenOpening
from shared.database import Database, Transaction
from shared.database.record_keys import RecordKeys
from shared.messaging import Outbox, lock_partitions

AT_ONCE: Final = 100
DROPPED_WITHIN: Final = timedelta(days=90)
"""An identity that nobody wanted kept is to be gone as soon as an express deletion (AR-055)."""


class Openings:
    """Foreseen openings: noted, done by the clock, taken over by who opens earlier, dropped by who opposes."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        keys: RecordKeys,
        partition: Callable[[UUID], int],
        *,
        window: timedelta,
        clock: Clock = Transaction.clock,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._keys = keys
        self._partition = partition
        self._window = window
        self._clock = clock

    async def foresee(self, tx: Transaction, index: bytes, person: Identity, actor: Actor) -> ForeseenOpening:
        """Note that a person's record will be opened, and have it told; a repeat gives the first."""
        known = await _foreseen(tx, index)
        if known is not None:
            return ForeseenOpening(record=known["record"], opens_at=known["opens_at"])
        record = uuid4()
        await lock_partitions(tx, {self._partition(record)})
        opens_at = await self._clock(tx) + self._window
        traits = await sealed(tx, self._keys, record, person)
        noted = await tx.fetchrow(
            """
            INSERT INTO foreseen_opening (hash, record, traits, actor, opens_at) VALUES ($1, $2, $3, $4::jsonb, $5)
            ON CONFLICT (hash) DO UPDATE SET hash = excluded.hash RETURNING record, opens_at
            """,
            *(index, record, traits, actor.model_dump_json(exclude_none=True), opens_at),
        )
        if noted is None or noted["record"] == record:
            foreseen = OpeningForeseen(actor=actor, at=opens_at)
            await self._outbox.append(tx, self._outbox.root((foreseen,), cause=uuid4(), key=record))
            return ForeseenOpening(record=record, opens_at=opens_at)
        return ForeseenOpening(record=noted["record"], opens_at=noted["opens_at"])  # another call was first

    async def taken_over(self, tx: Transaction, index: bytes) -> UUID:
        """The id of a record that is to be opened now: the one that was foreseen, or a new one. Its turn is taken."""
        known = await _foreseen(tx, index)
        record: UUID = known["record"] if known is not None else uuid4()
        await lock_partitions(tx, {self._partition(record)})
        if known is not None:
            await tx.execute("DELETE FROM foreseen_opening WHERE record = $1", record)
        return record

    async def dropped(self, tx: Transaction, index: bytes) -> None:
        """Drop an opening that the person opposes, with all that was kept for it anywhere."""
        known = await _foreseen(tx, index)
        if known is None:
            return
        await lock_partitions(tx, {self._partition(known["record"])})
        gone = await tx.fetch("DELETE FROM foreseen_opening WHERE record = $1 RETURNING record", known["record"])
        await self._drop(tx, [row["record"] for row in gone])

    async def once(self) -> bool:
        """Open a bounded number of records whose window is over; True where more may be waiting."""
        async with self._database.transaction() as tx:
            now = await self._clock(tx)
            rows = await tx.fetch(
                "SELECT record FROM foreseen_opening WHERE opens_at <= $1 ORDER BY opens_at LIMIT $2", now, AT_ONCE
            )
        records = [row["record"] for row in rows]
        if records:
            async with self._database.transaction() as tx:
                await lock_partitions(tx, {self._partition(record) for record in records})
                await self._open(tx, records, await self._clock(tx))
        return len(rows) == AT_ONCE

    async def _open(self, tx: Transaction, records: Sequence[UUID], now: datetime) -> None:
        due = await tx.fetch(
            "DELETE FROM foreseen_opening WHERE record = ANY($1::uuid[]) AND opens_at <= $2 "
            "RETURNING hash, record, traits, actor",
            records,
            now,
        )
        due.sort(key=lambda row: row["hash"])  # as everybody does who writes several persons
        indexed = await tx.fetch(
            "INSERT INTO person (hash, record) SELECT * FROM unnest($1::bytea[], $2::uuid[]) "
            "ON CONFLICT (hash) DO NOTHING RETURNING record",
            [row["hash"] for row in due],
            [row["record"] for row in due],
        )
        first = {row["record"] for row in indexed}
        opened = [row for row in due if row["record"] in first]
        if opened:
            await self._create(tx, opened)
        # who opposed, or opened, at the very moment at which it was foreseen
        await self._drop(tx, [row["record"] for row in due if row["record"] not in first])

    async def _create(self, tx: Transaction, rows: Sequence[Any]) -> None:
        await tx.execute(
            """
            WITH opened AS (
                INSERT INTO record (id, state) SELECT n.record, $3 FROM unnest($1::uuid[]) AS n (record) RETURNING id
            )
            INSERT INTO identity (record, traits)
            SELECT n.record, n.traits FROM unnest($1::uuid[], $2::bytea[]) AS n (record, traits)
            """,
            [row["record"] for row in rows],
            [row["traits"] for row in rows],
            State.OPEN.value,
        )
        outgoing = []
        for row in rows:
            told = RecordOpened(actor=Actor.model_validate_json(row["actor"]))
            cause = named_id(row["record"], "clock/open")
            outgoing += self._outbox.root((told,), cause=cause, key=row["record"])
        await self._outbox.append(tx, outgoing)

    async def _drop(self, tx: Transaction, records: Sequence[UUID]) -> None:
        """Have everybody destroy what was kept for records that never will be; a tombstone stays, as of a deletion."""
        if not records:
            return
        now = await self._clock(tx)
        latest = now + DROPPED_WITHIN
        await tx.execute(
            """
            INSERT INTO record (id, state, closed_at, deletion_due, deleted_because)
            SELECT record, $2, $3, $4, $5 FROM unnest($1::uuid[]) AS n (record)
            """,
            *(list(records), State.CLOSED.value, now, latest, Because.OPPOSITION.value),
        )
        deletion = Deletion(Because.OPPOSITION, latest, now)
        await begin(tx, dict.fromkeys(records, deletion))
        told: DeletionAnnounced | RecordDeleted = deletion.told()
        outgoing = []
        for record in records:
            outgoing += self._outbox.root((told,), cause=named_id(record, "dropped"), key=record)
        await self._outbox.append(tx, outgoing)


async def _foreseen(tx: Transaction, index: bytes) -> Any:
    return await tx.fetchrow("SELECT record, opens_at FROM foreseen_opening WHERE hash = $1", index)
