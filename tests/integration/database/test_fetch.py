"""A statement by itself: one round trip, no transaction left behind, the same time-outs as in a transaction."""

import asyncpg
import pytest

from shared.database import Database, is_transient
from tests.support.system import fresh_database, opened


@pytest.fixture
async def database(system):
    async with fresh_database(system, "CREATE TABLE note (id int PRIMARY KEY)") as url, opened(url) as pool:
        yield pool


async def test_a_statement_by_itself_gives_rows_and_is_counted(database):
    database.on_statements = (counted := []).append
    rows = await database.fetch("SELECT number FROM generate_series(1, $1::int) AS number", 3)
    assert [row["number"] for row in rows] == [1, 2, 3]
    assert counted == [1]


async def test_what_it_wrote_is_committed_and_what_failed_leaves_nothing(database):
    await database.fetch("INSERT INTO note VALUES (1)")
    with pytest.raises(asyncpg.UniqueViolationError):
        await database.fetch("INSERT INTO note VALUES (2), (1)")
    assert [row["id"] for row in await database.fetch("SELECT id FROM note")] == [1]


async def test_a_statement_that_takes_too_long_is_ended(database, monkeypatch):
    monkeypatch.setattr("shared.database._database.STATEMENT_TIMEOUT_S", 0.2)
    await database.close()
    await database.open()
    with pytest.raises(TimeoutError) as caught:
        await database.fetch("SELECT pg_sleep(30)")
    assert is_transient(caught.value)
    assert await database.fetch("SELECT 1 AS one")


async def test_a_database_that_is_not_open_is_said():
    with pytest.raises(asyncpg.InterfaceError, match="not open"):
        await Database("postgresql://nobody@127.0.0.1:1/none").fetch("SELECT 1")
