"""What a person wrote beside a code: kept encrypted under the record's key, shown to the holder, gone with the key.

It comes over internal HTTP before the request that it belongs to, under that request's own id; no topic carries it.
"""

from typing import Final
from uuid import UUID, uuid4

from services.access_control.repository.identities import NoRecordError
from services.access_control.repository.majorities import SERVICE
from services.access_control.repository.sending import Sending
from shared.contracts.access_oversight import TextRead
from shared.contracts.common import Actor
from shared.contracts.http_access_control import EmergencyView
from shared.database import Database, Transaction
from shared.database.record_keys import RecordKeys
from shared.messaging import lock_partitions
from shared.security import context, decrypt, encrypt

_MANY: Final = 500
"""Emergencies shown at most, the last ones."""


class Written:
    """The texts beside emergencies, and the emergencies that a holder sees."""

    def __init__(self, database: Database, keys: RecordKeys) -> None:
        self._database = database
        self._keys = keys

    async def note(self, record: UUID, subject: UUID, text: str) -> bool:
        """Keep a text; repeatable.

        Returns:
            False where another text, or one of another record, stands under that id.

        Raises:
            NoRecordError: nothing is kept of a record that is not there.
        """
        async with self._database.transaction() as tx:
            key = await self._key(tx, record)
            # held until the commit, so that a record that is destroyed meanwhile takes the text with it
            if await tx.fetchrow("SELECT FROM record WHERE id = $1 FOR KEY SHARE", record) is None:
                raise NoRecordError
            await tx.execute(
                "INSERT INTO written (subject, record, text) VALUES ($1, $2, $3) ON CONFLICT (subject) DO NOTHING",
                subject,
                record,
                encrypt(key, text.encode(), _context(subject)),
            )
            kept = await tx.fetchrow("SELECT record, text FROM written WHERE subject = $1", subject)
            return kept is not None and kept["record"] == record and open_text(key, kept["text"], subject) == text

    async def emergencies(self, record: UUID) -> tuple[EmergencyView, ...]:
        """A record's emergencies with what was written beside them, the last first.

        Raises:
            NoRecordError: there is none.
        """
        async with self._database.transaction() as tx:
            key = await self._key(tx, record)
            rows = await tx.fetch(
                """
                SELECT e.request, e.professional, e.mode, e.reason, e.since, e.until, e.secret, w.text
                FROM emergency e LEFT JOIN written w ON w.subject = e.request AND w.record = e.record
                WHERE e.record = $1 ORDER BY e.since DESC LIMIT $2
                """,
                record,
                _MANY,
            )
        return tuple(
            EmergencyView(**{**row, "text": open_text(key, row["text"], row["request"]) if row["text"] else None})
            for row in rows
        )

    async def read(self, subject: UUID, operator: Actor, sending: Sending) -> str | None:
        """What stands beside a request, for an operator; who read it is told in the same transaction. None: nothing.

        Args:
            subject: The request.
            operator: Who reads.
            sending: How it is told.
        """
        async with self._database.transaction() as tx:
            row = await tx.fetchrow("SELECT record, text FROM written WHERE subject = $1", subject)
            key = (await self._keys.get(tx, [row["record"]])).get(row["record"]) if row is not None else None
            if row is None or key is None:
                return None
            record: UUID = row["record"]
            text = open_text(key, row["text"], subject)
            await lock_partitions(tx, {sending.partition(record)})
            told = sending.outbox.root((TextRead(actor=operator, subject=subject),), cause=uuid4(), key=record)
            await sending.outbox.append(tx, told)
        return text

    async def _key(self, tx: Transaction, record: UUID) -> bytes:
        key = (await self._keys.get(tx, [record])).get(record)
        if key is None:
            raise NoRecordError
        return key


def _context(subject: UUID) -> bytes:
    return context(SERVICE, "written", "text", subject)


def open_text(key: bytes, text: bytes, subject: UUID) -> str:
    """A kept text again."""
    return decrypt(key, text, _context(subject)).decode()
