"""A person's INS is replaced, or two of them turn out to be one person's: the index moves, never a record.

Everything is looked at again under the turns of the records concerned, so that a repeat changes nothing.
"""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid4

import asyncpg

from services.access_control.domain.past import kept as what_was
from services.access_control.repository import past
from services.access_control.repository.identities import (
    NoRecordError,
    delegate_index,
    identity,
    opened,
    person_index,
    sealed,
)
from services.access_control.repository.people import OpposedError
from services.access_control.repository.records import load_one
from shared.contracts.access_decisions import IdentityChanged, RecordHeld, RecordMerged
from shared.contracts.common import Actor
from shared.contracts.http_access_control import Traits
from shared.database import Database, Transaction
from shared.database.record_keys import RecordKeys
from shared.messaging import Outbox, lock_partitions
from shared.terminology import Ins


class IdentityTakenError(Exception):
    """The new INS has a record of its own: the two have to be merged."""


class Moves:
    """Moves what leads to records."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        keys: RecordKeys,
        hash_key: bytes,
        partition: Callable[[UUID], int],
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._keys = keys
        self._hash_key = hash_key
        self._partition = partition

    async def change(self, old: Ins, new: Ins, traits: Traits | None, actor: Actor, *, freed: bool) -> UUID:
        """Let the new INS lead to the record of the old one, and the old one to nothing.

        Args:
            old: what leads to the record so far.
            new: what leads to it from now on.
            traits: as they came with the new INS; None where they stay.
            actor: the operator.
            freed: the old INS is another person's, who may have a record opened.

        Raises:
            NoRecordError: the old INS has no record, and the new one none that it was moved to.
            IdentityTakenError, OpposedError: of the new INS; nothing was changed.
        """
        was, becomes = self._index(old), self._index(new)
        async with self._database.transaction() as tx:
            record = await self._record(tx, was)
            if record is None:
                return await self._moved_before(tx, was, becomes, unmarked=freed)
            await lock_partitions(tx, {self._partition(record)})
            if was == becomes or await self._record(tx, was) != record:  # the same person, or another call was first
                return await self._moved_before(tx, was, becomes, unmarked=freed)
            await self._expect_free(tx, becomes)
            await _reindex(tx, was, becomes)
            if not freed:
                await _mark(tx, was)
                await self._move_delegate(tx, old, new)
            await self._identify(tx, record, new, traits)
            await self._tell(tx, record, IdentityChanged(actor=actor))
        return record

    async def merge(self, old: Ins, kept: Ins, actor: Actor) -> UUID:
        """Hold the record of the old INS for the operator, and let nothing lead to it; gives the one that is kept.

        Raises:
            NoRecordError: one of them has no record.
        """
        was, stays = self._index(old), self._index(kept)
        async with self._database.transaction() as tx:
            held, into = await self._record(tx, was), await self._record(tx, stays)
            if into is None:
                raise NoRecordError
            if held is None or held == into:
                return await self._moved_before(tx, was, stays)
            await lock_partitions(tx, {self._partition(held), self._partition(into)})
            if (await self._record(tx, was), await self._record(tx, stays)) != (held, into):
                return await self._moved_before(tx, was, stays)  # another call was first
            await tx.execute("DELETE FROM person WHERE hash = $1", was)
            await _mark(tx, was)
            await self._move_delegate(tx, old, kept)
            await self._hold(tx, held, into)
            cause = uuid4()
            told = (RecordMerged(actor=actor, into=into), RecordHeld(request=cause))
            outgoing = self._outbox.root(told, cause=cause, key=held)
            await self._outbox.append(tx, outgoing)
        return into

    async def _hold(self, tx: Transaction, record: UUID, into: UUID) -> None:
        before = await load_one(tx, self._keys, record)
        await past.save(tx, what_was(record, before, replace(before, held=True), await tx.clock()))
        await tx.execute("UPDATE record SET held = true, merged_into = $2 WHERE id = $1", record, into)

    async def _moved_before(self, tx: Transaction, was: bytes, becomes: bytes, *, unmarked: bool = False) -> UUID:
        """The record to which a repeat finds everything moved already; of a freed INS no mark is left."""
        row = await tx.fetchrow("SELECT moved FROM person WHERE hash = $1", was)
        moved = row["moved"] if row is not None else unmarked
        record = await self._record(tx, becomes)
        if record is None or not (moved or was == becomes):
            raise NoRecordError
        return record

    async def _move_delegate(self, tx: Transaction, old: Ins, new: Ins) -> None:
        """Let the person find what they may do for others; who was invited stays written as it was."""
        hashes = (delegate_index(self._hash_key, one) for one in (old, new))
        await tx.execute("UPDATE delegate SET hash = $2 WHERE hash = $1", *hashes)

    async def _expect_free(self, tx: Transaction, index: bytes) -> None:
        """Take the new INS; what it was moved away from before may be its own again."""
        row = await tx.fetchrow("SELECT record, moved FROM person WHERE hash = $1 FOR UPDATE", index)
        if row is None:
            return
        if row["moved"]:
            await tx.execute("DELETE FROM person WHERE hash = $1", index)
        elif row["record"] is None:
            raise OpposedError
        else:
            raise IdentityTakenError

    async def _identify(self, tx: Transaction, record: UUID, ins: Ins, traits: Traits | None) -> None:
        key = await self._keys.living(tx, record)
        row = await tx.fetchrow("SELECT traits FROM identity WHERE record = $1", record)
        if key is None or row is None:
            raise NoRecordError
        person = identity(ins, traits or opened(key, row["traits"], record).traits)
        await tx.execute(
            "UPDATE identity SET traits = $2 WHERE record = $1", record, await sealed(tx, self._keys, record, person)
        )

    async def _tell(self, tx: Transaction, record: UUID, body: IdentityChanged) -> None:
        await self._outbox.append(tx, self._outbox.root((body,), cause=uuid4(), key=record))

    @staticmethod
    async def _record(tx: Transaction, index: bytes) -> UUID | None:
        row: asyncpg.Record | None = await tx.fetchrow("SELECT record FROM person WHERE hash = $1", index)
        return row["record"] if row is not None else None

    def _index(self, ins: Ins) -> bytes:
        return person_index(self._hash_key, ins)


async def _reindex(tx: Transaction, was: bytes, becomes: bytes) -> None:
    try:
        await tx.execute("UPDATE person SET hash = $2, since = clock_timestamp() WHERE hash = $1", was, becomes)
    except asyncpg.UniqueViolationError:  # a record was opened for it, or opposed, at this moment
        raise IdentityTakenError from None


async def _mark(tx: Transaction, index: bytes) -> None:
    """Note that an INS was replaced: it leads to no record, and opens none."""
    await tx.execute("INSERT INTO person (hash, moved) VALUES ($1, true)", index)
