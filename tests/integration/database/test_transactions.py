"""A transaction is done or not done, whatever ends it, and leaves its connection as it found it."""

import asyncio

import asyncpg
import pytest

from shared.database import is_transient
from tests.support.system import fresh_database, opened

SQL = "CREATE TABLE word (word text PRIMARY KEY)"


@pytest.fixture
async def database(system):
    """With one connection, so that whatever a transaction leaves behind meets the next one."""
    async with fresh_database(system, SQL) as url, opened(url, pool=1) as pool:
        yield pool


async def words(database):
    async with database.transaction() as tx:
        return [row["word"] for row in await tx.fetch("SELECT word FROM word ORDER BY word")]


async def test_what_a_block_did_is_there_when_it_has_ended(database):
    told = []
    async with database.transaction() as tx:
        tx.after_commit(lambda: told.append(1))
        await tx.execute("INSERT INTO word VALUES ($1)", "one")
        assert told == []
    assert told == [1]
    assert await words(database) == ["one"]


async def test_a_block_that_raises_did_nothing(database):
    told = []
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with database.transaction() as tx:
            tx.after_commit(lambda: told.append(1))
            await tx.execute("INSERT INTO word VALUES ($1)", "one")
            raise ZeroDivisionError
    assert told == []
    assert await words(database) == []


async def test_a_statement_that_fails_is_told_and_the_connection_serves_again(database):
    with pytest.raises(asyncpg.UniqueViolationError):
        async with database.transaction() as tx:
            await tx.execute("INSERT INTO word VALUES ('one'), ('one')")
    assert await words(database) == []


async def test_a_block_that_goes_on_after_a_failed_statement_is_told_that_nothing_was_done(database):
    with pytest.raises(asyncpg.InFailedSQLTransactionError):  # noqa: PT012
        async with database.transaction() as tx:
            await tx.execute("INSERT INTO word VALUES ('one')")
            with pytest.raises(asyncpg.UniqueViolationError):
                await tx.execute("INSERT INTO word VALUES ('one')")
    assert await words(database) == []


@pytest.mark.parametrize("at", ["first", "statement", "between"])
async def test_who_is_cancelled_leaves_no_transaction_behind(database, at):
    began = asyncio.Event()

    async def slow():
        asyncio.get_running_loop().call_later(0.1, began.set)
        async with database.transaction("SELECT pg_sleep(5)" if at == "first" else "") as tx:
            await tx.execute("INSERT INTO word VALUES ('one')")
            await (tx.execute("SELECT pg_sleep(5)") if at == "statement" else asyncio.sleep(5))

    task = asyncio.create_task(slow())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await words(database) == []


@pytest.mark.parametrize("at", ["statement", "commit"])
async def test_a_connection_that_broke_is_not_used_again(database, at):
    with pytest.raises(Exception) as caught:  # noqa: PT012 - the driver tells a lost connection in several ways
        async with database.transaction() as tx:
            await tx.execute("INSERT INTO word VALUES ('one')")
            row = await tx.fetchrow("SELECT pg_backend_pid() AS pid")
            await end(database, row["pid"])
            if at == "statement":
                await tx.execute("INSERT INTO word VALUES ('two')")
    assert is_transient(caught.value)
    assert await words(database) == []


async def end(database, pid):
    """End a session from another one, as a server that restarts does."""
    other = await asyncpg.connect(database._url)
    await other.execute("SELECT pg_terminate_backend($1)", pid)
    await other.close()
    await asyncio.sleep(0.05)


async def test_the_first_statement_comes_with_the_beginning_and_the_last_with_the_end(database):
    counted = []
    database.on_statements = counted.append
    async with database.transaction("INSERT INTO word VALUES ('first'), ('other')") as tx:
        assert tx.begun == "INSERT 0 2"
        tx.with_commit("INSERT INTO word VALUES ('last')")
        assert await tx.fetch("SELECT FROM word WHERE word = 'last'") == []
    assert counted == [3]
    assert await words(database) == ["first", "last", "other"]


@pytest.mark.parametrize("first", [True, False])
async def test_a_first_or_last_statement_that_fails_undoes_all(database, first):
    bad = "INSERT INTO word VALUES ('one'), ('one')"
    with pytest.raises(asyncpg.UniqueViolationError):
        async with database.transaction(bad if first else "INSERT INTO word VALUES ('one')") as tx:
            tx.with_commit(bad)
    assert await words(database) == []


async def test_a_lock_that_was_waited_for_lets_the_next_statement_see_what_was_committed_meanwhile(system):
    """Locking and beginning share a round trip, not a snapshot."""
    async with fresh_database(system, SQL) as url, opened(url, pool=2) as database:
        async with database.transaction("LOCK TABLE word IN EXCLUSIVE MODE") as tx:
            await tx.execute("INSERT INTO word VALUES ('one')")
            second = asyncio.create_task(seen_behind_the_lock(database))
            await asyncio.sleep(0.1)
            assert not second.done()
        assert await second == ["one"]


async def seen_behind_the_lock(database):
    async with database.transaction("LOCK TABLE word IN EXCLUSIVE MODE") as tx:
        return [row["word"] for row in await tx.fetch("SELECT word FROM word")]


async def test_a_plan_goes_by_an_index_although_the_table_is_still_small(database):
    """It is kept while the table grows; statistics come a minute later at the earliest."""
    async with database.transaction() as tx:
        rows = await tx.fetch("EXPLAIN SELECT FROM word JOIN unnest($1::text[]) AS n (word) USING (word)", ["one"])
    plan = " ".join(row["QUERY PLAN"] for row in rows)
    assert "Index" in plan
    assert "Seq Scan" not in plan
