"""A stock of records and rights, written into access_control's database at once: no holder made them one by one."""

import time
from typing import Any, Final
from uuid import UUID

from deploy.proof.bench.bed import BenchError
from deploy.proof.checker.databases import connect
from shared.contracts.topics import ACCESS_CONTROL

RIGHTS_EACH: Final = 10
"""Authorised professionals of each record."""
_RECORDS_AT_ONCE: Final = 40_000
_FILL: Final = """
WITH made AS (
    INSERT INTO record (id, state)
    SELECT (lpad(to_hex(n * 4294967296 / $2), 8, '0') || substr(h, 1, 4) || '4' || substr(h, 5, 3) || 'a'
            || substr(h, 8, 15))::uuid, 'open'
    FROM (SELECT n::bigint, md5($1 || n::text) AS h FROM generate_series($3::int, $4::int) AS n) AS numbered
    RETURNING id
)
INSERT INTO professional_right (record, professional, standing)
SELECT made.id, '8' || lpad(p::text, 11, '0'), 'authorised' FROM made, generate_series(1, $5::int) AS p
"""
"""Ids spread evenly over all that there can be, and rise: indexes are filled at their end, which is fast."""


async def fill(admin_url: str, name: str, rights: int, within_s: float) -> float:
    """Add so many rights, and the records that they stand on; gives the seconds it took.

    Args:
        admin_url: of the super user.
        name: another name gives other records.
        rights: how many.
        within_s: longest that it may take.

    Raises:
        BenchError: it takes longer.
    """
    began = time.monotonic()
    records = rights // RIGHTS_EACH
    connection = await connect(admin_url, ACCESS_CONTROL)
    try:
        await connection.execute("SET session_replication_role = replica")  # references hold by the way it is made
        await connection.execute("SET synchronous_commit = off")
        for first in range(0, records, _RECORDS_AT_ONCE):
            last = min(records, first + _RECORDS_AT_ONCE) - 1
            await connection.execute(_FILL, name, records, first, last, RIGHTS_EACH)
            if time.monotonic() - began > within_s:
                done = (last + 1) * RIGHTS_EACH
                raise BenchError(f"{done} of {rights} rights were stored within {within_s:g} s: take fewer (--rights)")
        await connection.execute("VACUUM (ANALYZE) record, professional_right")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
    return time.monotonic() - began


async def some_records(admin_url: str, count: int) -> list[UUID]:
    """Records of the stock, drawn evenly; all of them where there are no more."""
    connection = await connect(admin_url, ACCESS_CONTROL)
    try:
        rows: list[Any] = await connection.fetch("SELECT id FROM record ORDER BY md5(id::text) LIMIT $1", count)
    finally:
        await connection.close()
    return [row["id"] for row in rows]
