"""What stood beside a record at any moment, as far as somebody's decisions depend on it: for looks that nobody takes.

Emergencies, suspensions and the register keep what has ended, so a past moment is told from them as it was. Of a
colleague's confirmations the last one is kept alone.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from services.access_control.domain.oversight import Confirmation, Emergency, Oversight
from services.access_control.repository import register
from shared.contracts.common import AccessMode, Actor
from shared.database import Transaction

_AROUND: Final = """
    SELECT * FROM (
        SELECT DISTINCT ON (professional, mode) 'emergency' AS what, professional, mode, request, reason AS said, until
        FROM emergency WHERE record = $1 AND professional = ANY($2::text[]) AND since <= $3 AND ($4 OR NOT secret)
        ORDER BY professional, mode, since DESC
    ) AS emergencies
    UNION ALL
    SELECT 'confirmation', professional, NULL, NULL::uuid, colleague, until
    FROM emergency_confirmation WHERE record = $1 AND professional = ANY($2::text[]) AND until - $5::interval <= $3
    UNION ALL
    SELECT DISTINCT 'suspension', actor, NULL, NULL::uuid, NULL::text, NULL::timestamptz
    FROM actor_suspension WHERE actor = ANY($2::text[]) AND suspended_at <= $3 AND (ended_at IS NULL OR ended_at > $3)
"""
_THAT_DAY: Final = """
    SELECT professional, count(*)::int AS accesses FROM emergency
    WHERE professional = ANY($1::text[]) AND mode = $2 AND since <= $3
      AND since >= (($3 AT TIME ZONE 'Europe/Paris')::date)::timestamp AT TIME ZONE 'Europe/Paris'
    GROUP BY professional
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """About whom something is asked."""

    actors: Collection[Actor] = ()
    apps: Collection[str] = ()
    """Named beside those by which the actors act."""


async def load(
    tx: Transaction,
    record: UUID,
    asked: Asked,
    moment: datetime,
    *,
    emergency: timedelta,
    count_day: bool,
    secrets: bool,
) -> Oversight:
    """What stood beside a record.

    Args:
        tx: A transaction.
        record: Its id.
        asked: About whom.
        moment: When.
        emergency: How long a confirmation lasts.
        count_day: Something is decided on how often each has broken the glass on that day.
        secrets: False leaves out what began in a minor's secret connection (AR-042).
    """
    numbers = sorted({number for actor in asked.actors for number in (actor.number, actor.structure) if number})
    apps = {*asked.apps, *(actor.app for actor in asked.actors if actor.app)}
    rows = await tx.fetch(_AROUND, record, numbers, moment, secrets, emergency) if numbers else []
    day = await tx.fetch(_THAT_DAY, numbers, AccessMode.EMERGENCY.value, moment) if numbers and count_day else []
    return Oversight(
        emergencies={
            (row["professional"], AccessMode(row["mode"])): Emergency(row["request"], row["said"], row["until"])
            for row in _of(rows, "emergency")
        },
        today={row["professional"]: row["accesses"] for row in day},
        confirmations={
            row["professional"]: Confirmation(row["said"], row["until"]) for row in _of(rows, "confirmation")
        },
        suspended=frozenset(row["professional"] for row in _of(rows, "suspension")),
        apps=await register.load(tx, apps, moment),
    )


def _of(rows: Collection[Any], what: str) -> list[Any]:
    return [row for row in rows if row["what"] == what]
