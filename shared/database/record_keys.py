"""The key of each record, one per owner: what describes a person is encrypted under it, and unreadable without it."""

from collections.abc import Iterable
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


class RecordKeys:
    """Makes and opens the keys of records. Keys are not kept in memory: a destroyed key must be gone at once."""

    def __init__(self, provider: KeyProvider) -> None:
        self._provider = provider

    async def get(self, tx: Transaction, records: Iterable[UUID]) -> dict[UUID, bytes]:
        """The keys that exist, by record.

        Raises:
            KeyDestroyedError: the key-encryption key of one of them is gone.
        """
        rows = await tx.fetch(
            "SELECT record, key_id, wrapped_key FROM record_key WHERE record = ANY($1::uuid[])",
            list(set(records)),
        )
        return {row["record"]: self._provider.unwrap(Wrapped(row["key_id"], row["wrapped_key"])) for row in rows}

    async def ensure(self, tx: Transaction, records: Iterable[UUID]) -> dict[UUID, bytes]:
        """The keys of these records; missing ones are made, in at most two statements beyond those of `get`."""
        wanted = set(records)
        keys = await self.get(tx, wanted)
        missing = sorted(wanted - keys.keys())
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
        return keys | await self.get(tx, missing)
