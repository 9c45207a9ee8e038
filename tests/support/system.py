"""The real Kafka and PostgreSQL of a run: one of each, shared by all workers; databases are cloned from a template."""

import asyncio
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from deploy.kafka.topics import Admin
from shared.contracts.topics import Topic, registry
from shared.database import Database
from shared.database.migrations import upgrade
from shared.messaging import Kafka, keep_days

START_TIMEOUT_S = 400.0
"""Containers are built first; processes of this machine take seconds."""
SERVICES = Path("services")
PARTITIONS = 4
INSURERS = ("amo-test",)


@dataclass(frozen=True)
class System:
    """How to reach the run's broker and database server."""

    bootstrap: str
    password: str
    postgres: str

    def admin(self) -> Admin:
        return Admin(self.bootstrap, self.password)

    def kafka(self, prefix: str = "", session_timeout_s: float = 2.0) -> Kafka:
        """As super user, with topics of one's own behind a prefix."""
        return Kafka(self.bootstrap, "admin", self.password, None, session_timeout_s, prefix)

    def topics(self, prefix: str, *extra: Topic, partitions: int = PARTITIONS) -> dict[str, Topic]:
        """Make all topics of the registry, and more, behind a prefix; gives them by their plain names."""
        plain = registry(INSURERS, partitions) | {topic.name: topic for topic in extra}
        self.admin().ensure_topics({prefix + name: self.behind(prefix, topic) for name, topic in plain.items()})
        return plain

    @staticmethod
    def behind(prefix: str, topic: Topic) -> Topic:
        return replace(topic, name=prefix + topic.name)


def start(shared: Path, owner: int, backend: str = "local") -> System:
    """The run's system; the first worker that asks starts it."""
    folder = shared / "testbed"
    folder.mkdir(exist_ok=True)
    state = folder / "state.json"
    with (shared / "testbed.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not state.exists():
            program = [sys.executable, "-m", "tests.support.holder", str(folder), str(owner), backend]
            with (folder / "holder.log").open("w") as log:
                subprocess.run(program, stdout=log, stderr=log, check=True)
            deadline = time.monotonic() + START_TIMEOUT_S
            while not state.exists():
                if (folder / "failed").exists() or time.monotonic() > deadline:
                    raise RuntimeError(f"the test system did not start: {(folder / 'holder.log').read_text()[-2000:]}")
                time.sleep(0.05)
    return System(**json.loads(state.read_text()))


def owner_of_run() -> int:
    """The process that ends last: pytest itself, the controller where there are workers."""
    return os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()


@asynccontextmanager
async def fresh_database(system: System, sql: str | None = None, service: str | None = None) -> AsyncIterator[str]:
    """The URL of a new database: empty with some SQL run in it, or migrated as a service's."""
    name = f"t_{uuid4().hex[:16]}"
    admin = await asyncpg.connect(system.postgres)
    try:
        template = await _template(admin, system, service) if service else "template1"
        async with _locked(admin):
            # a third faster than through the log, which nobody reads here
            await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        url = url_of(system, name)
        if sql:
            connection = await asyncpg.connect(url)
            await connection.execute(sql)
            await connection.close()
        yield url
        await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    finally:
        await admin.close()


def url_of(system: System, database: str) -> str:
    return urlsplit(system.postgres)._replace(path=f"/{database}").geturl()


@asynccontextmanager
async def _locked(admin: asyncpg.Connection) -> AsyncIterator[None]:
    """CREATE DATABASE refuses a template that another session is copying or filling."""
    await admin.execute("SELECT pg_advisory_lock(4711)")
    try:
        yield
    finally:
        await admin.execute("SELECT pg_advisory_unlock(4711)")


async def _template(admin: asyncpg.Connection, system: System, service: str) -> str:
    name = f"template_{service}"
    async with _locked(admin):
        if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            unfinished = f"unfinished_{service}"
            await admin.execute(f"DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)")
            await admin.execute(f"CREATE DATABASE {unfinished}")
            await asyncio.to_thread(upgrade, SERVICES / service / "migrations", url_of(system, unfinished), None)
            async with opened(url_of(system, unfinished)) as database, database.transaction() as tx:
                await keep_days(tx)  # as each test does, which finds them made
            await admin.execute(f"ALTER DATABASE {unfinished} RENAME TO {name}")
    return name


@asynccontextmanager
async def opened(url: str, *, durable: bool = True, pool: int = 4) -> AsyncIterator[Database]:
    """A pool on a database."""
    database = Database(url, pool=pool, durable=durable)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def eventually(check: Callable[[], Awaitable[object]], timeout_s: float = 60.0) -> None:
    """Wait until a check neither raises AssertionError nor gives False."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            if await check() is not False:
                return
            failure: AssertionError | None = None
        except AssertionError as error:
            failure = error
        if time.monotonic() > deadline:
            raise failure or AssertionError(f"not so after {timeout_s} s")
        await asyncio.sleep(0.05)
