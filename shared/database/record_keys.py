"""The key of each record, one per owner: what describes a person is encrypted under it, and unreadable without it.

A destroyed key leaves its row behind without it: a record that was deleted never gets another.
"""

from collections.abc import Collection, Iterable
from uuid import UUID

from shared.database._database import Transaction
from shared.security import KeyProvider, Wrapped, new_key

RECORD_KEY_TABLE = """
-- One key per record, wrapped by a key-encryption key; to destroy the row is to make all its fields unreadable.
CREATE TABLE record_key (
    record uuid PRIMARY KEY,
    key_id text NOT NULL,
    wrapped_key bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
"""
KEYS_ARE_DESTROYED = """
-- Of a deleted record the row stays, without its key: whoever comes late finds no key and makes none.
ALTER TABLE record_key
    ALTER COLUMN wrapped_key DROP NOT NULL,
    ADD COLUMN destroyed_at timestamptz,
    ADD CHECK ((wrapped_key IS NULL) = (destroyed_at IS NOT NULL));
"""
"""What each service's migrations add to the table."""


class RecordDestroyedError(Exception):
    """The record was deleted, and its key destroyed: nothing of it can be read, nothing can be added."""


class Opened(dict[UUID, bytes]):
    """Keys by record; those of deleted records are not among them."""

    destroyed: frozenset[UUID] = frozenset()
    """The records whose keys were asked for and are destroyed."""


class RecordKeys:
    """Makes, opens and destroys the keys of records. They are not kept in memory: a destroyed key is gone at once."""

    def __init__(self, provider: KeyProvider) -> None:
        self._provider = provider

    async def get(self, tx: Transaction, records: Iterable[UUID]) -> Opened:
        """The keys that exist, by record.

        Raises:
            KeyDestroyedError: the key-encryption key of one of them is gone.
        """
        rows = await tx.fetch(
            "SELECT record, key_id, wrapped_key FROM record_key WHERE record = ANY($1::uuid[])",
            list(set(records)),
        )
        kept = {record: Wrapped(key_id, wrapped) for record, key_id, wrapped in rows if wrapped is not None}
        found = Opened(zip(kept, self._provider.unwrap_each(list(kept.values())), strict=True))
        found.destroyed = frozenset(record for record, _, wrapped in rows if wrapped is None)
        return found

    async def living(self, tx: Transaction, record: UUID) -> bytes | None:
        """The key of one record; None where it never had one.

        Raises:
            RecordDestroyedError: it was deleted.
            KeyDestroyedError: its key-encryption key is gone.
        """
        keys = await self.get(tx, [record])
        if record in keys.destroyed:
            raise RecordDestroyedError
        return keys.get(record)

    async def ensure(self, tx: Transaction, records: Iterable[UUID]) -> Opened:
        """The keys of these records; missing ones are made, in at most two statements beyond those of `get`.

        Deleted records get none: they are left out, and named by `destroyed`.
        """
        wanted = set(records)
        keys = await self.get(tx, wanted)
        missing = sorted(wanted - keys.keys() - keys.destroyed)
        if not missing:
            return keys
        made = [self._provider.wrap(new_key()) for _ in missing]
        await tx.execute(
            """
            INSERT INTO record_key (record, key_id, wrapped_key)
            SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[]) ON CONFLICT (record) DO NOTHING
            """,
            missing,
            [wrapped.kek for wrapped in made],
            [wrapped.key for wrapped in made],
        )
        more = await self.get(tx, missing)
        keys.update(more)
        keys.destroyed |= more.destroyed
        return keys

    async def destroy(self, tx: Transaction, records: Collection[UUID]) -> None:
        """Destroy the keys of deleted records, also where there was none; repeating it changes nothing."""
        await tx.execute(
            """
            INSERT INTO record_key (record, key_id, destroyed_at)
            SELECT record, '', clock_timestamp() FROM unnest($1::uuid[]) AS n (record)
            ON CONFLICT (record) DO UPDATE SET key_id = '', wrapped_key = NULL, destroyed_at = excluded.destroyed_at
            WHERE record_key.destroyed_at IS NULL
            """,
            sorted(set(records)),
        )
