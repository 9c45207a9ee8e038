"""Cases of heirs and court experts: by batch for the lane, and as operators see them (AR-058, AR-065)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from services.access_control.domain.extracts import Applied, Extract
from services.access_control.domain.oversight import Oversight
from services.access_control.repository.sending import Sending
from services.access_control.repository.written import Written
from shared.contracts.common import Actor
from shared.contracts.envelope import Message
from shared.contracts.http_extracts import ExtractView
from shared.contracts.record_extracts import AnswerExtract, ExtractKind, ExtractPurpose, RequestExtract
from shared.contracts.record_requests import Consult
from shared.database import Database, Transaction

_SHOWN: Final = 500
_NAMING: Final = frozenset({RequestExtract, AnswerExtract, Consult})
_COLUMNS: Final = (
    "e.kind, e.purpose, e.types, e.since, e.until, e.opened_by, e.opened_at, e.approved_by, e.approved_until, "
    "e.refused_by, e.taken"
)
_LOAD: Final = f"""
    SELECT asked.id, w.record AS written, e.record, {_COLUMNS}
    FROM unnest($1::uuid[]) AS asked (id)
    LEFT JOIN written w ON w.subject = asked.id LEFT JOIN extract_case e ON e.id = asked.id
"""  # noqa: S608 - put together of constants
_LISTED: Final = f"""
    SELECT e.id, e.record, {_COLUMNS},
           CASE WHEN e.refused_by IS NOT NULL THEN 'refused'
                WHEN e.approved_until > clock_timestamp() THEN 'approved' ELSE 'waiting' END AS state
    FROM extract_case e
    WHERE $1 OR e.refused_by IS NULL ORDER BY e.opened_at DESC LIMIT $2
"""  # noqa: S608 - put together of constants


async def load(tx: Transaction, messages: Sequence[Message[Any]], found: defaultdict[UUID, Oversight]) -> None:
    """The cases that messages name, beside their records; one statement, and only where one is named."""
    naming = (message for message in messages if type(message.body) in _NAMING)
    asked = [(message.record, message.body.case) for message in naming if message.body.case is not None]
    if not asked:
        return
    rows = {row["id"]: row for row in await tx.fetch(_LOAD, list({case for _, case in asked}))}
    for record, case in asked:
        found[record] = _with(found[record], record, rows[case])


async def save(tx: Transaction, kept: Mapping[UUID, tuple[UUID, Extract]]) -> None:
    """Write cases as they stand; what was applied for never changes."""
    rows = [extract for _, extract in kept.values()]
    await tx.execute(
        """
        INSERT INTO extract_case (id, record, kind, purpose, types, since, until, opened_by, opened_at, approved_by,
                                  approved_until, refused_by, taken)
        SELECT id, record, kind, purpose, string_to_array(types, ','), since, until, opened_by, opened_at, approved_by,
               approved_until, refused_by, taken
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[],
                    $8::text[], $9::timestamptz[], $10::text[], $11::timestamptz[], $12::text[], $13::int[])
             AS n (id, record, kind, purpose, types, since, until, opened_by, opened_at, approved_by, approved_until,
                   refused_by, taken)
        ON CONFLICT (id) DO UPDATE SET approved_by = excluded.approved_by, approved_until = excluded.approved_until,
            refused_by = excluded.refused_by, taken = excluded.taken
        """,
        list(kept),
        [record for record, _ in kept.values()],
        [one.applied.kind.value for one in rows],
        [one.applied.purpose.value for one in rows],
        [",".join(sorted(one.applied.types)) for one in rows],
        [one.applied.since for one in rows],
        [one.applied.until for one in rows],
        [one.opened_by for one in rows],
        [one.opened_at for one in rows],
        [one.approved_by for one in rows],
        [one.approved_until for one in rows],
        [one.refused_by for one in rows],
        [one.taken for one in rows],
    )


class Extracts:
    """The cases, for operators."""

    def __init__(self, database: Database, written: Written, sending: Sending) -> None:
        self._database = database
        self._written = written
        self._sending = sending

    async def listed(self, *, refused: bool = False) -> tuple[ExtractView, ...]:
        """Cases, the last ones first; refused ones only where they are asked for. It names no applicant."""
        async with self._database.transaction() as tx:
            rows = await tx.fetch(_LISTED, refused, _SHOWN)
        return tuple(_view(row) for row in rows)

    async def paper(self, case: UUID, operator: Actor) -> str | None:
        """Who applied, and by which papers; that an operator read it is told. None: there is no such case."""
        async with self._database.transaction() as tx:
            known = await tx.fetchrow("SELECT FROM extract_case WHERE id = $1", case)
        return await self._written.read(case, operator, self._sending) if known is not None else None


def _with(known: Oversight, record: UUID, row: Any) -> Oversight:
    case: UUID = row["id"]
    if row["written"] == record:
        known = replace(known, texts=known.texts | {case})
    if row["record"] is None:
        return known
    if row["record"] != record:
        return replace(known, foreign=known.foreign | {case})
    return known.with_extract(case, _extract(row))


def _extract(row: Any) -> Extract:
    applied = Applied(
        kind=ExtractKind(row["kind"]),
        purpose=ExtractPurpose(row["purpose"]),
        types=frozenset(row["types"]),
        since=row["since"],
        until=row["until"],
    )
    return Extract(
        applied=applied,
        opened_by=row["opened_by"],
        opened_at=row["opened_at"],
        approved_by=row["approved_by"],
        approved_until=row["approved_until"],
        refused_by=row["refused_by"],
        taken=row["taken"],
    )


def _view(row: Any) -> ExtractView:
    return ExtractView(
        case=row["id"],
        record=row["record"],
        kind=row["kind"],
        purpose=row["purpose"],
        types=frozenset(row["types"]),
        since=row["since"],
        until=row["until"],
        opened_by=row["opened_by"],
        opened_at=row["opened_at"],
        state=row["state"],
        approved_by=row["approved_by"],
        approved_until=row["approved_until"],
        refused_by=row["refused_by"],
        taken=row["taken"],
    )
