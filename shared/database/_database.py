"""A pool with time-outs, and transactions that count their statements."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

import asyncpg

from shared.database._behind import Behind

CONNECT_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 3.0
STATEMENT_TIMEOUT_S = 6.0
"""A little above the server's own limits, so that the server's error is the one that is seen."""

PLAN_LIFETIME_S = 30
"""A plan is kept for so long at most: one that was made while a table was small costs much once it has grown."""


async def _keep_session(_connection: object) -> None:
    """Nothing to reset: sessions hold no state between transactions, and a reset costs a round trip each time."""


class Transaction:
    """One READ COMMITTED transaction. Statements run one after another on one connection."""

    def __init__(self, connection: Any, behind: Behind) -> None:
        self.connection = connection
        self.behind = behind
        self.statements = 0
        self.begun = ""
        """Status of the statement that the transaction began with, for example `SELECT 3`."""
        self.last = ""
        """What is sent with COMMIT."""
        self._after_commit: list[Callable[[], None]] = []

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Run one statement and give its rows."""
        self.statements += 1
        rows: list[asyncpg.Record] = await self.connection.fetch(sql, *arguments)
        return rows

    async def fetch_each(self, sql: str, arguments: Iterable[Sequence[object]]) -> list[asyncpg.Record]:
        """Run one statement with each of several lists of arguments, in one round trip; gives all their rows."""
        self.statements += 1
        rows: list[asyncpg.Record] = await self.connection.fetchmany(sql, arguments)
        return rows

    async def fetchrow(self, sql: str, *arguments: object) -> asyncpg.Record | None:
        """Run one statement and give its first row."""
        self.statements += 1
        row: asyncpg.Record | None = await self.connection.fetchrow(sql, *arguments)
        return row

    async def execute(self, sql: str, *arguments: object) -> str:
        """Run one statement and give its status, for example `UPDATE 3`."""
        self.statements += 1
        status: str = await self.connection.execute(sql, *arguments)
        return status

    async def copy(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Write many rows into a table by COPY: the fastest way where no conflict is possible."""
        self.statements += 1
        await self.connection.copy_records_to_table(table, columns=columns, records=rows)

    async def clock(self) -> datetime:
        """The database's clock: the one that decides about deadlines and expiry."""
        row = await self.fetchrow("SELECT clock_timestamp() AS now")
        if row is None:
            raise RuntimeError("PostgreSQL gave no clock")
        now: datetime = row["now"]
        return now

    def with_commit(self, sql: str) -> None:
        """Have a last statement, without arguments or rows to look at, run in one round trip with COMMIT."""
        self.statements += 1
        self.last = f"{sql};"

    def after_commit(self, call: Callable[[], None]) -> None:
        """Have something done once the transaction is committed, such as waking the relay."""
        self._after_commit.append(call)

    def committed(self) -> None:
        """Run what waits for the commit."""
        for call in self._after_commit:
            call()


class Database:
    """The pool of one service's own database."""

    def __init__(self, url: str, password: str | None = None, *, pool: int = 8, durable: bool = True) -> None:
        """Name the database.

        Args:
            url: `postgresql://role@host:port/database`.
            password: of the role.
            pool: connections at most.
            durable: False commits asynchronously; only for what may be repeated, such as the relay's cursor.
        """
        self._url = url
        self._commit = "on" if durable else "off"
        self._password = password
        self._size = pool
        self._pool: Any = None
        self.behind = Behind()
        """How far its clock is known to be behind access_control's: no permit lives longer for it."""
        self.on_statements: Callable[[int], None] | None = None
        """Told after each transaction, and after a statement by itself, how many statements it took; tests listen."""

    async def open(self) -> None:
        """Connect; what is open already stays as it is, so that whoever tries again gathers no connections.

        Raises:
            OSError, asyncpg.PostgresError: the server is not there or refuses; callers wait and try again.
        """
        if self._pool is not None:
            return
        self._pool = await asyncpg.create_pool(
            self._url,
            password=self._password,
            min_size=1,
            max_size=self._size,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=STATEMENT_TIMEOUT_S,
            reset=_keep_session,
            max_cached_statement_lifetime=PLAN_LIFETIME_S,
            server_settings={
                "application_name": "carnet",
                "synchronous_commit": self._commit,
                # a plan is kept while its tables grow: it has to go by an index from the beginning
                "enable_seqscan": "off",
            },
        )

    async def close(self) -> None:
        """Close all connections, after what is running or at the latest after a few seconds."""
        if self._pool is None:
            return
        pool, self._pool = self._pool, None
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await pool.close()
        except TimeoutError:
            pool.terminate()

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Run one statement by itself and give its rows: one round trip, for what needs no transaction around it."""
        if self._pool is None:
            raise asyncpg.InterfaceError("the database is not open")
        async with self._pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection:
            rows: list[asyncpg.Record] = await connection.fetch(sql, *arguments)
        if self.on_statements is not None:
            self.on_statements(1)
        return rows

    @asynccontextmanager
    async def transaction(self, first: str = "") -> AsyncIterator[Transaction]:
        """One transaction: committed where the block ends, rolled back where it raises.

        Args:
            first: A statement without arguments, such as a lock, that costs no round trip of its own.

        Raises:
            asyncpg.InFailedSQLTransactionError: a statement had failed and the block went on: nothing was done.
        """
        if self._pool is None:
            raise asyncpg.InterfaceError("the database is not open")
        async with self._pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection:
            tx = Transaction(connection, self.behind)
            tx.statements += bool(first)
            try:
                tx.begun = await connection.execute(f"BEGIN;{first}")
                yield tx
                ended = await connection.execute(f"{tx.last}COMMIT")
            except BaseException:
                await _roll_back(connection)
                raise
            if ended != "COMMIT":
                raise asyncpg.InFailedSQLTransactionError("a statement failed before: all was rolled back")
            if self.on_statements is not None:
                self.on_statements(tx.statements)
            tx.committed()


async def _roll_back(connection: Any) -> None:
    """Leave no transaction behind; a connection that can't do that is not used again."""
    try:
        await connection.execute("ROLLBACK")
    except Exception:  # noqa: BLE001 - what made the transaction fail is what is told
        with suppress(asyncpg.InterfaceError):  # it is gone already
            connection.terminate()
