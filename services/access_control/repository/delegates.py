"""Who acts for a holder: found by a keyed hash of the INS, and encrypted under the record's key otherwise.

A delegation's rules know an id alone; this is the only way from a person to it.
"""

from uuid import UUID

from services.access_control.repository.identities import delegate_index
from services.access_control.repository.majorities import SERVICE
from shared.contracts.http_access_control import DelegateOf, InsView
from shared.database import Database
from shared.database.record_keys import RecordKeys
from shared.security import context, encrypt
from shared.terminology import Ins


class Delegates:
    """The persons behind delegations."""

    def __init__(self, database: Database, keys: RecordKeys, hash_key: bytes) -> None:
        self._database = database
        self._keys = keys
        self._hash_key = hash_key

    async def note(self, record: UUID, delegation: UUID, ins: Ins) -> bool:
        """Note who is invited, before the invitation is sent; repeatable.

        Returns:
            False where that id stands for somebody else already, or there is no such record.
        """
        index = self._index(ins)
        async with self._database.transaction() as tx:
            key = (await self._keys.get(tx, [record])).get(record)
            if key is None:
                return False
            told = InsView(matricule=ins.number, oid=ins.oid).model_dump_json().encode()
            await tx.execute(
                """
                INSERT INTO delegate (delegation, record, hash, identity) VALUES ($1, $2, $3, $4)
                ON CONFLICT (delegation) DO NOTHING
                """,
                delegation,
                record,
                index,
                encrypt(key, told, context(SERVICE, "delegate", "identity", delegation)),
            )
            known = await tx.fetchrow("SELECT record, hash FROM delegate WHERE delegation = $1", delegation)
        return known is not None and (known["record"], known["hash"]) == (record, index)

    async def of(self, ins: Ins) -> list[DelegateOf]:
        """The records for which a person is invited to act, acts, or acted; what has not ended first."""
        async with self._database.transaction() as tx:
            rows = await tx.fetch(
                """
                SELECT d.record, d.id, d.kind, d.state, r.rights_version
                FROM delegate w JOIN delegation d ON d.record = w.record AND d.id = w.delegation
                     JOIN record r ON r.id = d.record
                WHERE w.hash = $1
                ORDER BY d.record, d.until IS NOT NULL AND d.until <= clock_timestamp(), d.changed_at DESC, d.id
                """,
                self._index(ins),
            )
        return [
            DelegateOf(
                record=row["record"],
                delegation=row["id"],
                kind=row["kind"],
                state=row["state"],
                rights_version=row["rights_version"],
            )
            for row in rows
        ]

    def _index(self, ins: Ins) -> bytes:
        return delegate_index(self._hash_key, ins)
