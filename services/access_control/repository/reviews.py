"""What is odd: counted beside the lanes from the decisions that they store anyway, so that no read pays for it.

A decision is visible to others when its transaction has committed, at the latest seconds after its moment. So what is
older than `SETTLED` is complete. One row remembers up to where it is counted and is locked meanwhile: however many
processes count, each decision counts once, and what a crash undoes is counted again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from services.access_control.domain.odd import NO_RELATION, Kind, Usual
from shared.contracts.access_reviews import ReviewRaised
from shared.contracts.topics import ACCESS_REVIEWS
from shared.database import Database
from shared.messaging import Emit, Outbox

SETTLED: Final = timedelta(seconds=30)
"""Several times the longest transaction (5 s)."""
PIECE: Final = timedelta(seconds=30)
"""Decisions of so long at once: each statement stays within the time-outs of the service's role."""
TELL_AT_ONCE: Final = 100
_FORGOTTEN: Final = timedelta(hours=3)
_SHOWN: Final = 1000
_CURSOR: Final = """
    SELECT counted_until, clock_timestamp() - $1::interval AS settled FROM review_cursor FOR UPDATE SKIP LOCKED
"""
_COUNT: Final = """
    WITH decided AS (
        SELECT date_trunc('hour', decided_at, 'UTC') AS hour, actor,
               coalesce(array_agg(DISTINCT record) FILTER (WHERE outcome = 'permit'), '{}') AS records,
               coalesce(array_agg(DISTINCT record) FILTER (WHERE reason = ANY($3::text[])), '{}') AS unrelated
        FROM decision WHERE decided_at >= $1 AND decided_at < $2 AND actor IS NOT NULL
        GROUP BY 1, 2
    ), counted AS (
        INSERT INTO actor_hour AS h (hour, actor, records, unrelated)
        SELECT hour, actor, records, unrelated FROM decided
        ON CONFLICT (hour, actor) DO UPDATE
        SET records = ARRAY(SELECT DISTINCT unnest(h.records || excluded.records)),
            unrelated = ARRAY(SELECT DISTINCT unnest(h.unrelated || excluded.unrelated))
        RETURNING hour, actor, cardinality(records) AS records, cardinality(unrelated) AS unrelated
    )
    INSERT INTO review AS r (kind, actor, period, counted, usual)
    SELECT $4::text, actor, hour, records, $5::int FROM counted WHERE records > $5::int
    UNION ALL
    SELECT $6::text, actor, hour, unrelated, $7::int FROM counted WHERE unrelated > $7::int
    ON CONFLICT (kind, actor, period) DO UPDATE SET counted = excluded.counted
"""
_COUNT_EMERGENCIES: Final = """
    WITH touched AS (
        SELECT DISTINCT professional, date_trunc('hour', since, 'UTC') AS hour FROM emergency
        WHERE since >= $1 AND since < $2 AND mode = 'bris_de_glace'
    )
    INSERT INTO review AS r (kind, actor, period, counted, usual)
    SELECT $3::text, t.professional, t.hour, count(*), $4::int FROM touched t JOIN emergency e
        ON e.professional = t.professional AND e.mode = 'bris_de_glace'
        AND e.since >= t.hour AND e.since < t.hour + interval '1 hour' AND e.since < $2
    GROUP BY t.professional, t.hour HAVING count(*) > $4::int
    ON CONFLICT (kind, actor, period) DO UPDATE SET counted = excluded.counted
"""


@dataclass(frozen=True, slots=True)
class Review:
    """One review, as an operator reads it."""

    id: UUID
    kind: str
    actor: str
    period: datetime
    counted: int
    usual: int
    raised_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    finding: str | None


@dataclass(frozen=True, slots=True)
class Seen:
    """A decision that a review is about."""

    decided_at: datetime
    record: UUID
    request: UUID
    outcome: str
    reason: str
    emergency: str | None
    """The reason's code, where the request began an emergency."""
    written: bool
    """A text stands beside it."""


class Reviews:
    """Counts, tells and shows what is odd."""

    def __init__(self, database: Database, outbox: Outbox | None = None, usual: Usual | None = None) -> None:
        """Name the parts.

        Args:
            database: This service's.
            outbox: Needed to tell of reviews alone.
            usual: What nobody looks at.
        """
        self._database = database
        self._outbox = outbox
        self._usual = usual or Usual()

    async def count(self) -> bool:
        """Count a piece of what was decided; True where more is waiting."""
        async with self._database.transaction() as tx:
            cursor = await tx.fetchrow(_CURSOR, SETTLED)
            if cursor is None:
                return False  # another process is at it
            start, settled = cursor["counted_until"], cursor["settled"]
            end = min(settled, start + PIECE)
            if end <= start:
                return False
            codes, usual = sorted(str(code) for code in NO_RELATION), self._usual
            hourly = (Kind.RECORDS.value, usual.records, Kind.NO_RELATION.value, usual.no_relation)
            await tx.execute(_COUNT, start, end, codes, *hourly)
            await tx.execute(_COUNT_EMERGENCIES, start, end, Kind.BREAK_GLASS.value, usual.break_glass)
            await tx.execute("DELETE FROM actor_hour WHERE hour < $1", end - _FORGOTTEN)
            await tx.execute("UPDATE review_cursor SET counted_until = $1", end)
        return bool(end < settled)

    async def tell(self) -> bool:
        """Tell of reviews that were raised, each once; True where more are waiting."""
        if self._outbox is None:
            raise RuntimeError("reviews are told through an outbox, and none was given")
        async with self._database.transaction() as tx:
            rows = await tx.fetch(
                """
                UPDATE review SET told_at = clock_timestamp() WHERE id IN (
                    SELECT id FROM review WHERE told_at IS NULL ORDER BY raised_at LIMIT $1 FOR UPDATE SKIP LOCKED
                ) RETURNING id, kind, actor, period, counted, usual
                """,
                TELL_AT_ONCE,
            )
            told = [one for row in rows for one in self._outbox.root((_raised(row),), cause=row["id"], key=row["id"])]
            await self._outbox.append(tx, told)
        return len(rows) == TELL_AT_ONCE

    async def listed(self, *, closed: bool = False, actor: str = "") -> list[Review]:
        """Reviews, the last ones first: the open ones, or all."""
        async with self._database.transaction() as tx:
            rows = await tx.fetch(
                """
                SELECT id, kind, actor, period, counted, usual, raised_at, closed_at, closed_by, finding FROM review
                WHERE ($1 OR closed_at IS NULL) AND ($2 = '' OR actor = $2) ORDER BY raised_at DESC LIMIT $3
                """,
                closed,
                actor,
                _SHOWN,
            )
        return [Review(*row) for row in rows]

    async def seen(self, review: UUID) -> list[Seen] | None:
        """What was decided for the actor in the period of a review, as far as decisions are kept; None: no such one."""
        async with self._database.transaction() as tx:
            found = await tx.fetchrow("SELECT kind, actor, period FROM review WHERE id = $1", review)
            if found is None:
                return None
            rows = await tx.fetch(
                """
                SELECT d.decided_at, d.record, d.request, d.outcome, d.reason, e.reason AS emergency,
                       w.subject IS NOT NULL AS written
                FROM decision d
                LEFT JOIN emergency e ON e.request = d.request
                LEFT JOIN written w ON w.subject = d.request AND w.record = d.record
                WHERE d.decided_at >= $2::timestamptz AND d.decided_at < $2::timestamptz + $3::interval AND d.actor = $1
                ORDER BY d.decided_at LIMIT $4
                """,
                found["actor"],
                found["period"],
                timedelta(days=1) if found["kind"].endswith(".day") else timedelta(hours=1),
                _SHOWN,
            )
        return [Seen(*row) for row in rows]

    async def close(self, review: UUID, by: str, *, founded: bool) -> bool:
        """Close an open review with what was found; False where there is no open one."""
        async with self._database.transaction() as tx:
            status = await tx.execute(
                """
                UPDATE review SET closed_at = clock_timestamp(), closed_by = $2, finding = $3
                WHERE id = $1 AND closed_at IS NULL
                """,
                review,
                by,
                "founded" if founded else "unfounded",
            )
        return status == "UPDATE 1"


def _raised(row: Any) -> Emit:
    body = ReviewRaised(
        review=row["id"],
        kind=row["kind"],
        actor=row["actor"],
        period=row["period"],
        counted=row["counted"],
        usual=row["usual"],
    )
    return Emit(body, topic=ACCESS_REVIEWS, key=str(row["id"]))
