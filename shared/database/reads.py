"""When a read happens: each permit opens one read, before its end on the database's clock, and never after.

Where this clock is known to be behind the one by which permits live, it is put forward by that much (`Behind`).

The row in `consulted` and what is read are one transaction. The transaction itself ends with the permit: a process
that is frozen between its look at the clock and its commit finds the transaction gone, so that a patient who was told
"blocked" once all permits had run out was told the truth (the design's invariants, "When is a block in force?").

Reads may share a transaction. It then ends with the first of the permits on which something happens in it, so none of
its reads outlives its own permit. A permit that is late or used has no row and no part in it. Where the transaction
ends that way nothing happened on any of them, and the permits that still live may be tried again.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from shared.database._database import Database, Transaction

CONSULTED_TABLE = """
-- Each permit opens at most one read; a read happens when its row commits.
CREATE TABLE consulted (
    request uuid PRIMARY KEY,
    record uuid NOT NULL,
    read_at timestamptz NOT NULL
);
CREATE INDEX consulted_due ON consulted (read_at);
"""
FORGET_AT_ONCE = 500
USED_KEPT_S = 86_400.0
"""A used permit is remembered for a day; it lived for seconds."""


class PermitLateError(Exception):
    """The permit had run out on the database's clock when the read would have happened."""


class PermitUsedError(Exception):
    """The permit was used before; each read is a request of its own."""


class Use(NamedTuple):
    """A permit that is to open a read."""

    request: UUID
    record: UUID
    expires: datetime
    issued: datetime | None = None
    """When it was signed: by as much as that is still to come here, this database's clock is behind."""


Used = datetime | PermitLateError | PermitUsedError
"""The moment of a read by the database's clock, or why it does not happen."""


async def use_permits(tx: Transaction, uses: Sequence[Use]) -> list[Used]:
    """Use permits, as the first statement of reads that are done together; gives for each whether it happens.

    Only what happens counts for the time that is left to the transaction. The clock is looked at once more for that:
    the row of a permit that another transaction is using just now is waited for.

    Raises:
        PermitLateError: One that would happen ran out during such a wait: nothing may be read on any of them. Those
            that are still in time may be tried anew.
    """
    rows = await tx.fetch(
        # the timer of a transaction is set anew only where it is off, so it is switched off first
        """
        WITH known AS MATERIALIZED (
                 SELECT greatest($4::interval, max(issued) - clock_timestamp()) AS behind
                 FROM unnest($5::timestamptz[]) AS p (issued)
             ),
             clock AS MATERIALIZED (SELECT clock_timestamp() + behind AS now, behind FROM known),
             asked AS MATERIALIZED (
                 SELECT place, request, record, expires, now, behind, now < expires AS in_time
                 FROM clock, unnest($1::uuid[], $2::uuid[], $3::timestamptz[])
                     WITH ORDINALITY AS n (request, record, expires, place)
             ),
             used AS (
                 INSERT INTO consulted (request, record, read_at)
                 SELECT request, record, now FROM asked WHERE in_time ORDER BY request, place
                 ON CONFLICT (request) DO NOTHING RETURNING request
             ),
             rest AS MATERIALIZED (
                 SELECT floor(extract(epoch FROM min(expires - behind) - clock_timestamp()) * 1000)::bigint AS ms
                 FROM used JOIN asked USING (request) WHERE in_time
             ),
             ending AS MATERIALIZED (
                 SELECT ms, set_config('transaction_timeout', '0', true),
                        set_config('transaction_timeout', greatest(1, ms)::text, true)
                 FROM rest WHERE ms IS NOT NULL
             )
        SELECT request, now, behind, in_time, used.request IS NOT NULL AS happens, ending.ms
        FROM asked LEFT JOIN used USING (request) LEFT JOIN ending ON true ORDER BY place
        """,
        [use.request for use in uses],
        [use.record for use in uses],
        [use.expires for use in uses],
        tx.behind.by,
        [use.issued for use in uses],
    )
    if rows:
        tx.behind.seen(rows[0]["behind"])
    if any(row["in_time"] and row["happens"] and row["ms"] < 1 for row in rows):
        raise PermitLateError
    return _told(rows)


def _told(rows: Sequence[asyncpg.Record]) -> list[Used]:
    """What each permit is told; of those that are used twice here the first one opens its read."""
    told: list[Used] = []
    opened: set[UUID] = set()
    for row in rows:
        if not row["in_time"]:
            told.append(PermitLateError())
        elif not row["happens"] or row["request"] in opened:
            told.append(PermitUsedError())
        else:
            opened.add(row["request"])
            told.append(row["now"])
    return told


async def use_permit(
    tx: Transaction, *, request: UUID, record: UUID, expires: datetime, issued: datetime | None = None
) -> datetime:
    """Use one permit, as the first statement of a read; gives the moment by the database's clock.

    Raises:
        PermitLateError, PermitUsedError: nothing may be read.
    """
    (used,) = await use_permits(tx, (Use(request, record, expires, issued),))
    if isinstance(used, Exception):
        raise used
    return used


async def forget_permits(tx: Transaction, *, older_than_s: float) -> int:
    """Forget permits used so long ago that they can't come again; a bounded number at once, which is given."""
    rows = await tx.fetch(
        """
        DELETE FROM consulted WHERE request IN (
            SELECT request FROM consulted WHERE read_at < clock_timestamp() - make_interval(secs => $1)
            ORDER BY read_at LIMIT $2 FOR UPDATE SKIP LOCKED
        ) RETURNING request
        """,
        older_than_s,
        FORGET_AT_ONCE,
    )
    return len(rows)


def forgetting(database: Database) -> Callable[[], Awaitable[bool]]:
    """The work of a loop that forgets used permits of yesterday and before."""

    async def forget() -> bool:
        async with database.transaction() as tx:
            return await forget_permits(tx, older_than_s=USED_KEPT_S) == FORGET_AT_ONCE

    return forget
