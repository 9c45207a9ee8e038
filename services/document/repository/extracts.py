"""An extract for an heir or a court expert: all documents that one permit covers, and their traces (AR-065)."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from services.document.repository.reads import ENTRY, SHOWN, Found, entry_of, places
from shared.contracts.document_events import Consulted
from shared.contracts.http_extracts import MOST_BYTES, MOST_DOCUMENTS
from shared.database import Database
from shared.database.reads import Use, use_permits
from shared.database.record_keys import RecordDestroyedError, RecordKeys
from shared.messaging import Outbox
from shared.security import Extract, Permit, unwrap_with

_STANDING: Final = ("archived", "current")
"""What was replaced is no part of a minimal extract."""
_EXTRACT: Final = f"""
    SELECT {ENTRY}, object, content_key, sha256 FROM document WHERE {SHOWN}
    AND ($8::timestamptz IS NULL OR coalesce(service_start, created) >= $8)
    AND ($9::timestamptz IS NULL OR coalesce(service_stop, service_start, created) < $9)
    ORDER BY settled_at, id LIMIT $10
"""  # noqa: S608 - put together of constants


class ExtractTooLargeError(Exception):
    """More than one extract holds; nothing was read and nothing traced."""


class Extracts:
    """Extracts happen here."""

    def __init__(self, database: Database, keys: RecordKeys, outbox: Outbox) -> None:
        self._database = database
        self._keys = keys
        self._outbox = outbox

    async def take(self, permit: Permit, extract: Extract) -> tuple[Found, ...]:
        """What the permit covers, oldest deposit first; each document leaves a trace with the case.

        Raises:
            PermitLateError, PermitUsedError, RecordDestroyedError: nothing was read.
            ExtractTooLargeError: likewise.
        """
        async with self._database.transaction() as tx:
            (used,) = await use_permits(tx, [Use(permit.id, permit.record, permit.expires, permit.issued)])
            if isinstance(used, Exception):
                raise used
            shown = places(permit, _STANDING)
            rows = await tx.fetch(_EXTRACT, *shown, extract.since, extract.until, MOST_DOCUMENTS + 1)
            if len(rows) > MOST_DOCUMENTS or sum(row["size"] for row in rows) > MOST_BYTES:
                raise ExtractTooLargeError
            keys = await self._keys.get(tx, {permit.record})
            if permit.record in keys.destroyed:
                raise RecordDestroyedError
            key = keys.get(permit.record)
            found = tuple(_found(row, key) for row in rows) if key is not None else ()
            told = _told(permit, extract, found)
            await self._outbox.append(tx, self._outbox.root(told, cause=permit.id, key=permit.record))
        return found


def _found(row: Any, key: bytes) -> Found:
    return Found(entry_of(row, key), row["object"], unwrap_with(key, row["content_key"]), row["sha256"])


def _told(permit: Permit, extract: Extract, found: Sequence[Found]) -> tuple[Consulted, ...]:
    """One event for each document; where there was none, one that tells so."""
    documents: tuple[UUID | None, ...] = tuple(one.entry.document for one in found) or (None,)
    return tuple(
        Consulted(request=permit.id, actor=permit.actor, mode=permit.mode, document=document, case=extract.case)
        for document in documents
    )
