"""When a read happens: each permit opens one read, before its end on the database's clock, and never after.

The row in `consulted` and what is read are one transaction. The transaction itself ends with the permit: a process
that is frozen between its look at the clock and its commit finds the transaction gone, so that a patient who was told
"blocked" once all permits had run out was told the truth (the design's invariants, "When is a block in force?").
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

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


async def use_permit(tx: Transaction, *, request: UUID, record: UUID, expires: datetime) -> datetime:
    """Use a permit, as the first statement of a read; gives the moment by the database's clock.

    Raises:
        PermitLateError, PermitUsedError: nothing may be read.
    """
    row = await tx.fetchrow(
        # the timer of a transaction is set anew only where it is off, so it is switched off first
        """
        WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
             used AS (
                 INSERT INTO consulted (request, record, read_at)
                 SELECT $1, $2, now FROM clock WHERE now < $3
                 ON CONFLICT (request) DO NOTHING RETURNING request
             )
        SELECT now, now < $3 AS in_time, EXISTS (SELECT FROM used) AS happens,
               set_config('transaction_timeout', '0', true),
               set_config('transaction_timeout', CASE WHEN now < $3
                   THEN greatest(1, floor(extract(epoch FROM $3 - now) * 1000))::bigint::text ELSE '5s' END, true)
        FROM clock
        """,
        request,
        record,
        expires,
    )
    if row is None or not row["in_time"]:
        raise PermitLateError
    if not row["happens"]:
        raise PermitUsedError
    moment: datetime = row["now"]
    return moment


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
