"""Reading on permits: reads, their traces and what they show are one transaction."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from services.document.domain.settlement import IN_RECORD
from services.document.domain.visibility import Visibility, visibility
from services.document.repository.details import unseal_details
from shared.contracts.document_events import Consulted
from shared.contracts.http_document import DocumentEntry, DocumentFilters, SearchResult
from shared.database import Transaction
from shared.database.reads import Use, use_permits
from shared.database.record_keys import RecordDestroyedError, RecordKeys
from shared.messaging import Outbox
from shared.security import Permit, unwrap_with

SHOWN: Final = """
    record = $1 AND status = ANY($2::text[]) AND held_by IS NULL AND ($3 OR NOT hidden)
    AND (owners && $4::text[]
         OR (($5::text[] IS NULL OR type_code = ANY($5)) AND ($6 OR NOT masked) AND ($7 OR NOT withheld)))
"""
"""What may be shown; $1 to $7 are the record, statuses and the fields of `Visibility`."""
ENTRY: Final = (
    "id, record, unique_id, type_code, class_code, status, label, masked, withheld, hidden, content_type, size, sha1, "
    "settled_at, created, version, format_code, language, practice_setting, facility_type, service_start, "
    "service_stop, replaces_document, details"
)
_SEARCH: Final = f"""
    WITH shown AS MATERIALIZED (
        SELECT {ENTRY} FROM document WHERE {SHOWN}
        AND ($8::text IS NULL OR unique_id = $8)
        AND ($9::text[] IS NULL OR type_code = ANY($9))
        AND ($10::text[] IS NULL OR class_code = ANY($10))
        AND ($11::text[] IS NULL OR format_code = ANY($11))
        AND ($12::text[] IS NULL OR label = ANY($12) OR (masked AND NOT withheld AND 'MASQUE_PS' = ANY($12))
             OR (withheld AND 'INVISIBLE_PATIENT' = ANY($12))
             OR (hidden AND 'INVISIBLE_REPRESENTANTS_LEGAUX' = ANY($12)))
        AND ($13::timestamptz IS NULL OR settled_at >= $13) AND ($14::timestamptz IS NULL OR settled_at < $14)
        AND ($15::timestamptz IS NULL OR created >= $15) AND ($16::timestamptz IS NULL OR created < $16)
        AND ($17::timestamptz IS NULL OR coalesce(service_stop, service_start) >= $17)
        AND ($18::timestamptz IS NULL OR service_start < $18)
        AND ($19::text IS NULL OR $19 = ANY(owners))
    )
    SELECT $22::int AS place, (SELECT count(*) FROM shown) AS total, page.* FROM (SELECT) AS one
    LEFT JOIN (SELECT * FROM shown ORDER BY settled_at DESC, id LIMIT $20 OFFSET $21) AS page ON true
    ORDER BY page.settled_at DESC, page.id
"""  # noqa: S608 - put together of constants
_OPEN: Final = f"""
    SELECT $9::int AS place, {ENTRY}, object, content_key, sha256 FROM document WHERE {SHOWN} AND id = $8
"""  # noqa: S608 - put together of constants


@dataclass(frozen=True, slots=True)
class Found:
    """A document to give out: its entry, and how to open its content."""

    entry: DocumentEntry
    name: UUID
    content_key: bytes = field(repr=False)
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Search:
    """Asks for the documents within the permit's scope that pass the filters; always traced."""

    permit: Permit
    filters: DocumentFilters


@dataclass(frozen=True, slots=True)
class Opening:
    """Asks for one document within the permit's scope; traced where it is found."""

    permit: Permit
    document: UUID


Asked = Search | Opening
Seen = SearchResult | Found
Read = Seen | None
"""What a search finds, or an opening; None where there is no document to be seen."""
Rows = Mapping[int, Sequence[asyncpg.Record]]
"""What is found, by the place of what was asked."""


class Reads:
    """Reads happen here."""

    def __init__(self, keys: RecordKeys, outbox: Outbox) -> None:
        self._keys = keys
        self._outbox = outbox

    async def read(self, tx: Transaction, asked: Sequence[Asked]) -> list[Read | Exception]:
        """Do reads together; gives for each what is seen, or why none happens.

        That is PermitLateError, PermitUsedError, or RecordDestroyedError.

        The number of statements does not grow with that of reads.

        Raises:
            PermitLateError: Nothing was read; those whose permits still live may be tried again.
            KeyDestroyedError, UndecryptableError: Nothing was read, on account of one of the records.
        """
        permits = [one.permit for one in asked]
        used = await use_permits(tx, [Use(one.id, one.record, one.expires, one.issued) for one in permits])
        happening = {place: asked[place] for place, moment in enumerate(used) if isinstance(moment, datetime)}
        if not happening:
            return [error for error in used if isinstance(error, Exception)]
        rows = await _rows(tx, happening)
        keys = await self._keys.get(tx, {one.permit.record for one in happening.values()})
        seen: dict[int, Read | Exception] = {
            place: RecordDestroyedError()
            if one.permit.record in keys.destroyed
            else _seen(one, rows[place], keys.get(one.permit.record))
            for place, one in happening.items()
        }
        await self._trace(tx, [happening[place] for place, read in seen.items() if isinstance(read, Seen)])
        return [one if isinstance(one, Exception) else seen[place] for place, one in enumerate(used)]

    async def _trace(self, tx: Transaction, reads: Sequence[Asked]) -> None:
        outgoing = [
            message
            for one in reads
            for message in self._outbox.root((_consulted(one),), cause=one.permit.id, key=one.permit.record)
        ]
        await self._outbox.append(tx, outgoing)


async def _rows(tx: Transaction, asked: Mapping[int, Asked]) -> Rows:
    searches = [_search_places(place, one) for place, one in asked.items() if isinstance(one, Search)]
    openings = [_open_places(place, one) for place, one in asked.items() if isinstance(one, Opening)]
    rows: dict[int, list[asyncpg.Record]] = defaultdict(list)
    for sql, arguments in ((_SEARCH, searches), (_OPEN, openings)):
        for row in await tx.fetch_each(sql, arguments) if arguments else ():
            rows[row["place"]].append(row)
    return rows


def _seen(one: Asked, rows: Sequence[asyncpg.Record], key: bytes | None) -> Read:
    if isinstance(one, Search):
        entries = tuple(entry_of(row, key) for row in rows if row["id"] is not None and key is not None)
        return SearchResult(total=rows[0]["total"] if key else 0, entries=entries)
    if not rows or key is None:
        return None
    (row,) = rows
    return Found(entry_of(row, key), row["object"], unwrap_with(key, row["content_key"]), row["sha256"])


def _consulted(one: Asked) -> Consulted:
    permit, document = one.permit, one.document if isinstance(one, Opening) else None
    return Consulted(request=permit.id, actor=permit.actor, mode=permit.mode, document=document)


def _search_places(place: int, one: Search) -> tuple[object, ...]:
    """The values of `_SEARCH`."""
    filters = one.filters
    return (
        *places(one.permit, sorted(filters.statuses)),
        filters.unique_id,
        *(list(codes) or None for codes in (filters.types, filters.classes, filters.formats, filters.labels)),
        *(moment for r in (filters.deposited, filters.created, filters.period) for moment in (r.start, r.end)),
        filters.author,
        filters.count,
        filters.offset,
        place,
    )


def _open_places(place: int, one: Opening) -> tuple[object, ...]:
    """The values of `_OPEN`."""
    return *places(one.permit, sorted(IN_RECORD)), one.document, place


def places(permit: Permit, statuses: Sequence[str]) -> tuple[object, ...]:
    """The values of `SHOWN`, $1 to $7."""
    seen: Visibility = visibility(permit)
    types = None if seen.types is None else list(seen.types)
    return permit.record, list(statuses), seen.hidden, list(seen.own), types, seen.masked, seen.withheld


def entry_of(row: asyncpg.Record, key: bytes) -> DocumentEntry:
    """A row as it is shown, opened by the record's key.

    One that is masked when it opens is told as withheld alone: both flags together are none that XDS knows (AR-026).
    """
    details = unseal_details(row["details"], key, row["id"])
    flags = zip(
        ("MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX"),
        (row["masked"] and not row["withheld"], row["withheld"], row["hidden"]),
        strict=True,
    )
    return DocumentEntry(
        document=row["id"],
        record=row["record"],
        unique_id=row["unique_id"],
        type_code=row["type_code"],
        class_code=row["class_code"],
        status=row["status"],
        confidentiality=frozenset({row["label"], *(code for code, set_ in flags if set_)}),
        content_type=row["content_type"],
        size=row["size"],
        sha1=row["sha1"].hex(),
        deposited=row["settled_at"],
        created=row["created"],
        title=details.title,
        description=details.description,
        version=row["version"],
        format_code=row["format_code"],
        language=row["language"],
        professionals=details.professionals,
        structures=details.structures,
        practice_setting=row["practice_setting"],
        facility_type=row["facility_type"],
        service_start=row["service_start"],
        service_stop=row["service_stop"],
        replaces=row["replaces_document"],
    )
