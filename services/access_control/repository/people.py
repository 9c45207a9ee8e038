"""From a person to a record: openings, look-ups, oppositions, and the holder's view of rights.

The index knows keyed hashes of INS alone; traits and INS stand encrypted under the record's key.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from services.access_control.domain.record import Record, State
from services.access_control.repository.identities import Identity, identity, person_index, sealed
from services.access_control.repository.openings import Openings
from services.access_control.repository.records import load_one
from shared.contracts.access_decisions import RecordOpened
from shared.contracts.common import Actor
from shared.contracts.http_access_control import ForeseenOpening, OpenedRecord, Traits
from shared.database import Database, Transaction
from shared.database.record_keys import RecordKeys
from shared.messaging import Outbox
from shared.terminology import Ins


class OpposedError(Exception):
    """The person opposed the opening of a record."""


class MovedError(Exception):
    """The INS was replaced by another: the person is known by that one."""


class BeingDeletedError(Exception):
    """The person's record is being deleted: another can be opened once every owner has confirmed."""


class RecordExistsError(Exception):
    """There is a record already: closing it is for its holder."""


class People:
    """The index of persons, and what is kept of their identity."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        keys: RecordKeys,
        hash_key: bytes,
        openings: Openings,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._keys = keys
        self._hash_key = hash_key
        self._openings = openings

    async def open(self, ins: Ins, traits: Traits, actor: Actor) -> OpenedRecord:
        """The person's record, opened where there was none.

        Raises:
            OpposedError: the person opposed it.
            MovedError: the person is known by another INS.
            BeingDeletedError: the record that was there is being deleted.
        """
        index = self._index(ins)
        async with self._database.transaction() as tx:
            known = await self._known(tx, index)
            if known is None:
                record = await self._openings.taken_over(tx, index)
                if await self._indexed(tx, index, record):
                    await self._create(tx, record, identity(ins, traits), actor)
                    return OpenedRecord(record=record, opened=True)
                known = await self._known(tx, index)
        # someone else was first; a row that is gone again was an opposition under withdrawal
        _expect_current(known)
        if known is None or known["record"] is None:
            raise OpposedError
        if known["deletion_due"] is not None:
            raise BeingDeletedError
        return OpenedRecord(record=known["record"], opened=False)

    async def foresee(self, ins: Ins, traits: Traits, actor: Actor) -> ForeseenOpening:
        """Have the person's record opened automatically when the window of opposition is over (AR-001).

        Raises:
            OpposedError: the person opposed it.
            MovedError: the person is known by another INS.
        """
        index = self._index(ins)
        async with self._database.transaction() as tx:
            known = await self._known(tx, index)
            if known is None:
                return await self._openings.foresee(tx, index, identity(ins, traits), actor)
        _expect_current(known)
        if known["record"] is None:
            raise OpposedError
        return ForeseenOpening(record=known["record"], opened=True)

    async def look_up(self, persons: Sequence[Ins]) -> dict[Ins, UUID | None]:
        """The persons' records; None where there is none, be it opposed or not."""
        indexes = {ins: self._index(ins) for ins in persons}
        if not indexes:
            return {}
        rows = await self._database.fetch(
            "SELECT hash, record FROM person WHERE hash = ANY($1)", list(indexes.values())
        )
        found = {row["hash"]: row["record"] for row in rows}
        return {ins: found.get(index) for ins, index in indexes.items()}

    async def oppose(self, ins: Ins) -> None:
        """Note an opposition to the opening of a record (CSP R.1111-40).

        Raises:
            RecordExistsError: there is a record.
            MovedError: the person is known by another INS.
        """
        index = self._index(ins)
        async with self._database.transaction() as tx:
            await self._openings.dropped(tx, index)
            await tx.execute("INSERT INTO person (hash) VALUES ($1) ON CONFLICT (hash) DO NOTHING", index)
            known = await self._known(tx, index)
        _expect_current(known)
        if known is not None and known["record"] is not None:
            raise RecordExistsError

    async def withdraw_opposition(self, ins: Ins) -> None:
        """Forget an opposition; where there is none, nothing changes."""
        async with self._database.transaction() as tx:
            await tx.execute("DELETE FROM person WHERE hash = $1 AND record IS NULL AND NOT moved", self._index(ins))

    async def rights(self, record: UUID) -> tuple[Record, datetime]:
        """A record with its rights, and the database's clock to compare ends with."""
        async with self._database.transaction() as tx:
            return await load_one(tx, self._keys, record), await tx.clock()

    def _index(self, ins: Ins) -> bytes:
        return person_index(self._hash_key, ins)

    @staticmethod
    async def _known(tx: Transaction, index: bytes) -> asyncpg.Record | None:
        """The person's row: with a record, or without one where its opening is opposed."""
        return await tx.fetchrow(
            "SELECT record, moved, deletion_due FROM person LEFT JOIN record ON id = record WHERE hash = $1",
            index,
        )

    @staticmethod
    async def _indexed(tx: Transaction, index: bytes, record: UUID) -> bool:
        """Index the person; False where another opening or an opposition was first."""
        inserted = await tx.fetchrow(
            "INSERT INTO person (hash, record) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING RETURNING hash",
            index,
            record,
        )
        return inserted is not None

    async def _create(self, tx: Transaction, record: UUID, person: Identity, actor: Actor) -> None:
        await tx.execute("INSERT INTO record (id, state) VALUES ($1, $2)", record, State.OPEN.value)
        await tx.execute(
            "INSERT INTO identity (record, traits) VALUES ($1, $2)",
            record,
            await sealed(tx, self._keys, record, person),
        )
        opened = self._outbox.root((RecordOpened(actor=actor),), cause=uuid4(), key=record)
        await self._outbox.append(tx, opened)


def _expect_current(known: asyncpg.Record | None) -> None:
    """End where the INS was replaced by another."""
    if known is not None and known["moved"]:
        raise MovedError
