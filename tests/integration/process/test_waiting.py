"""A service that waits for its database holds no more of it the longer it waits."""

import asyncpg
import pytest

from shared.runtime import Parts, Runtime
from shared.service import _Process
from shared.settings import ServiceSettings
from tests.support.system import fresh_database


async def connections(url: str) -> int:
    watcher = await asyncpg.connect(url)
    try:
        found = await watcher.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'",
        )
    finally:
        await watcher.close()
    return int(found)


async def test_ten_attempts_at_a_database_without_its_migrations_leave_one_connection(system):
    async with fresh_database(system) as url:
        runtime = Runtime("document", ServiceSettings(database_url=url))
        attempt = _Process(runtime, Parts())._open_databases(runtime.relay_database())
        for _ in range(10):
            with pytest.raises(asyncpg.UndefinedTableError):
                await attempt()
        assert await connections(url) <= 1
        await runtime.database.close()
