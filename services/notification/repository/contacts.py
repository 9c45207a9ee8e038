"""How people are reached; addresses are encrypted under the record's key."""

from collections.abc import Collection, Sequence
from uuid import UUID

from shared.contracts.envelope import named_id
from shared.contracts.http_notification import Contact
from shared.database import Transaction
from shared.database.record_keys import RecordDestroyedError, RecordKeys
from shared.security import context, decrypt, encrypt


class Contacts:
    """How holders are reached; addresses are encrypted under the record's key."""

    def __init__(self, keys: RecordKeys) -> None:
        self._keys = keys

    async def put(self, tx: Transaction, record: UUID, contact: Contact, *, keep: bool = False) -> None:
        """Keep the contact of a record instead of the one there was. The record's partition is locked by the caller.

        Args:
            tx: The transaction.
            record: The record.
            contact: The address.
            keep: One that is there stays.

        Raises:
            RecordDestroyedError: the record was deleted.
        """
        key = await self._key(tx, record)
        await tx.execute(
            """
            INSERT INTO contact (record, email, language) VALUES ($1, $2, $3)
            ON CONFLICT (record) DO UPDATE
            SET email = excluded.email, language = excluded.language, changed_at = clock_timestamp() WHERE NOT $4
            """,
            record,
            encrypt(key, contact.email.encode(), _place(record)),
            contact.language,
            keep,
        )

    async def of(self, tx: Transaction, records: Sequence[UUID]) -> dict[UUID, Contact]:
        """The contacts that exist and can be read."""
        keys = await self._keys.get(tx, records)
        rows = await tx.fetch("SELECT record, email, language FROM contact WHERE record = ANY($1::uuid[])", list(keys))
        return {
            row["record"]: Contact(
                email=decrypt(keys[row["record"]], row["email"], _place(row["record"])).decode(),
                language=row["language"],
            )
            for row in rows
        }

    async def put_other(self, tx: Transaction, record: UUID, recipient: str, contact: Contact) -> bool:
        """Keep how somebody else is reached about a record. The record's partition is locked by the caller.

        Args:
            tx: The transaction.
            record: The record.
            recipient: A professional's directory number, or a delegation.
            contact: The address.

        Returns:
            False where that is kept already.

        Raises:
            RecordDestroyedError: the record was deleted.
        """
        key = await self._key(tx, record)
        known = (await self.of_others(tx, [(record, recipient)])).get((record, recipient))
        if known is not None and (known.email, known.language) == (contact.email, contact.language):
            return False
        await tx.execute(
            """
            INSERT INTO other_contact (record, recipient, email, language) VALUES ($1, $2, $3, $4)
            ON CONFLICT (record, recipient) DO UPDATE
            SET email = excluded.email, language = excluded.language, changed_at = clock_timestamp()
            """,
            record,
            recipient,
            encrypt(key, contact.email.encode(), _other_place(record, recipient)),
            contact.language,
        )
        return True

    async def of_others(self, tx: Transaction, wanted: Collection[tuple[UUID, str]]) -> dict[tuple[UUID, str], Contact]:
        """The contacts of these recipients about these records, where they exist and can be read."""
        keys = await self._keys.get(tx, {record for record, _ in wanted})
        known = [(record, recipient) for record, recipient in wanted if record in keys]
        rows = await tx.fetch(
            """
            SELECT record, recipient, email, language
            FROM unnest($1::uuid[], $2::text[]) AS w (record, recipient) JOIN other_contact USING (record, recipient)
            """,
            [record for record, _ in known],
            [recipient for _, recipient in known],
        )
        return {
            (row["record"], row["recipient"]): Contact(
                email=decrypt(
                    keys[row["record"]], row["email"], _other_place(row["record"], row["recipient"])
                ).decode(),
                language=row["language"],
            )
            for row in rows
        }

    async def _key(self, tx: Transaction, record: UUID) -> bytes:
        keys = await self._keys.ensure(tx, [record])
        if record in keys.destroyed:
            raise RecordDestroyedError
        return keys[record]


def _place(record: UUID) -> bytes:
    return context("notification", "contact", "email", record)


def _other_place(record: UUID, recipient: str) -> bytes:
    return context("notification", "other_contact", "email", named_id(record, recipient))
