"""Records and their holders: what access_control says of a record's life, and what the gateway says of its holder."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from asyncpg import UniqueViolationError

from services.history_ingestion.handlers import NOBODY, OPEN, Destroyed, Person, PersonChange, Unindexed
from services.history_ingestion.repository.hashes import Hashes
from shared.contracts.envelope import Message
from shared.database import Transaction
from shared.database.record_keys import RecordDestroyedError, RecordKeys
from shared.security import context, decrypt, encrypt
from shared.terminology.ins import Ins

SERVICE = "history_ingestion"


class IndexedElsewhereError(Exception):
    """The INS leads to another record, or the record to another INS; nothing was changed."""


def _identity_context(record: UUID) -> bytes:
    return context(SERVICE, "person", "identity", record)


class PersonStore:
    """What the lane `decisions` loads and saves, and the index that the gateway fills."""

    def __init__(self, hashes: Hashes, keys: RecordKeys) -> None:
        self._hashes = hashes
        self._keys = keys

    async def load(self, tx: Transaction, messages: Sequence[Message[Any]]) -> Mapping[str, Person]:
        """The persons of these records; their INS is opened, since a record that opens is asked for by it."""
        records = {message.record for message in messages}
        rows = await tx.fetch(
            """
            SELECT record, state, identity, told, wanted, wanted_told, missed FROM person WHERE record = ANY($1::uuid[])
            """,
            list(records),
        )
        indexed = [row["record"] for row in rows if row["identity"] is not None]
        keys = await self._keys.get(tx, indexed) if indexed else {}
        found = {
            row["record"]: Person(
                row["state"], _opened(row, keys), row["told"], row["wanted"], row["wanted_told"], row["missed"]
            )
            for row in rows
        }
        return {str(record): found.get(record, NOBODY) for record in records}

    async def save(self, tx: Transaction, changes: Sequence[PersonChange | Destroyed | Unindexed]) -> None:
        """Write the last state of each record, but of those that were deleted; then destroy what is deleted now."""
        last = {change.record: change.person for change in changes if isinstance(change, PersonChange)}
        if last:
            await tx.execute(
                """
                INSERT INTO person (record, state, told, wanted, wanted_told, missed)
                SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::boolean[], $5::bigint[], $6::boolean[])
                    AS n (record, state, told, wanted, wanted_told, missed)
                WHERE NOT EXISTS (SELECT FROM record_key k WHERE k.record = n.record AND k.destroyed_at IS NOT NULL)
                ON CONFLICT (record) DO UPDATE SET state = excluded.state, told = excluded.told,
                    wanted = excluded.wanted, wanted_told = excluded.wanted_told, missed = excluded.missed
                """,
                list(last),
                [person.state for person in last.values()],
                [person.told for person in last.values()],
                [person.wanted for person in last.values()],
                [person.wanted_told for person in last.values()],
                [person.missed for person in last.values()],
            )

        unindexed = [change.record for change in changes if isinstance(change, Unindexed)]
        if unindexed:
            await tx.execute("UPDATE person SET hash = NULL, identity = NULL WHERE record = ANY($1::uuid[])", unindexed)
        destroyed = [change.record for change in changes if isinstance(change, Destroyed)]
        if destroyed:
            await self._keys.destroy(tx, destroyed)
            await tx.execute(
                """
                WITH lines AS (DELETE FROM line WHERE record = ANY($1::uuid[]))
                DELETE FROM person WHERE record = ANY($1::uuid[])
                """,
                destroyed,
            )

    async def index(self, tx: Transaction, record: UUID, ins: Ins, *, moved: bool = False) -> tuple[bool, bool]:
        """Let an INS lead to a record; the record's partition is locked. Repeating it changes nothing.

        Where it `moved`, the record had another one before.

        Returns:
            Whether the record is open, and whether the insurers are to be asked: it is, the INS is new here, and the
            holder wants the history.

        Raises:
            IndexedElsewhereError: it leads to another record already, or the record is another person's. The
                transaction is lost: leave it.
            RecordDestroyedError: the record was deleted.
        """
        hashed = self._hashes.person(ins.oid, ins.number)
        rows = await tx.fetch(
            "SELECT record, hash, state, wanted FROM person WHERE record = $1 OR hash = $2", record, hashed
        )
        if any(row["record"] != record or (row["hash"] not in {None, hashed} and not moved) for row in rows):
            raise IndexedElsewhereError
        is_open = any(row["state"] == OPEN for row in rows)
        if any(row["hash"] == hashed for row in rows):
            return is_open, False
        keys = await self._keys.ensure(tx, [record])
        if record in keys.destroyed:
            raise RecordDestroyedError
        identity = encrypt(keys[record], orjson.dumps([ins.oid, ins.number]), _identity_context(record))
        try:
            await tx.execute(
                """
                INSERT INTO person (record, hash, identity) VALUES ($1, $2, $3)
                ON CONFLICT (record) DO UPDATE SET hash = excluded.hash, identity = excluded.identity
                """,
                record,
                hashed,
                identity,
            )
        except UniqueViolationError:  # another call, at this moment, for another record
            raise IndexedElsewhereError from None
        return is_open, is_open and all(row["wanted"] for row in rows)


def _opened(row: Any, keys: Mapping[UUID, bytes]) -> Ins | None:
    key = keys.get(row["record"])
    if row["identity"] is None or key is None:
        return None
    oid, number = orjson.loads(decrypt(key, row["identity"], _identity_context(row["record"])))
    return Ins(oid, number)
