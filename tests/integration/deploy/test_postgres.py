"""A real PostgreSQL of our own: services are apart, time-outs are set, commits outlive a kill."""

import asyncio

import asyncpg
import pytest

from deploy.local import databases, migrations
from deploy.local.postgres import Postgres

pytestmark = pytest.mark.timeout(120)
PASSWORDS = {"audit": "it's / a:password", "document": "another"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Postgres(tmp_path_factory.mktemp("postgres") / "server", "super'user@/").start()
    databases.ensure(server.admin_url, PASSWORDS, alone=True)
    yield server
    server.stop()


def _url(server, service, **other):
    return databases.url_for(server.admin_url, service, PASSWORDS[service], **other)


async def _value(url, query):
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("name", "value"), [*databases.TIMEOUTS.items(), ("synchronous_commit", "on"), ("fsync", "on")]
)
async def test_settings_of_a_service_s_session(server, name, value):
    assert await _value(_url(server, "audit"), f"SHOW {name}") == value


async def test_service_owns_its_database_and_no_other(server):
    await _value(_url(server, "audit"), "CREATE TABLE IF NOT EXISTS own (n int)")
    for database in ("document", "postgres", "template1"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
            await _value(_url(server, "audit", database=database), "SELECT 1")


async def test_in_somebody_s_server_what_everybody_may_stays(server):
    admin = await asyncpg.connect(server.admin_url)
    try:
        await admin.execute("GRANT CONNECT ON DATABASE postgres TO PUBLIC")
        await databases.ensure_async(server.admin_url, PASSWORDS)
        assert await _value(_url(server, "audit", database="postgres"), "SELECT 1") == 1
    finally:
        await admin.close()
        await databases.ensure_async(server.admin_url, PASSWORDS, alone=True)


async def test_a_server_that_does_not_take_us_is_told_with_the_next_step(server):
    port = server.port
    for url in (f"postgresql://postgres:guess-it@127.0.0.1:{port}/postgres", _url(server, "audit")):
        with pytest.raises(databases.DatabaseError, match=rf"127.0.0.1:{port}.*CARNET_POSTGRES.*super user") as caught:
            await databases.ensure_async(url, PASSWORDS)
        assert "\n" not in str(caught.value)
        assert not [word for word in ("guess-it", *PASSWORDS.values()) if word in str(caught.value)]


async def test_what_the_server_s_url_says_of_ssl_holds_for_the_roles(server):
    """This server has none: a role that was told to insist on it may not connect without."""
    url = databases.url_for(f"{server.admin_url}?sslmode=require", "audit", PASSWORDS["audit"])
    with pytest.raises(ConnectionError, match="SSL"):
        await _value(url, "SELECT 1")
    with pytest.raises(databases.DatabaseError, match="SSL"):
        await asyncio.to_thread(migrations.upgrade, f"{server.admin_url}?sslmode=require", PASSWORDS)


async def test_no_connection_without_the_password(server):
    for password in (None, "guess"):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await _value(databases.url_for(server.admin_url, "audit", password), "SELECT 1")


async def test_frozen_transaction_is_ended(server):
    connection = await asyncpg.connect(_url(server, "audit"))
    try:
        await connection.execute("SET transaction_timeout = '200ms'")
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await connection.execute("BEGIN; SELECT pg_sleep(3); COMMIT")
    finally:
        connection.terminate()


async def test_new_password_replaces_the_old(server):
    await databases.ensure_async(server.admin_url, {"document": "newer"})
    with pytest.raises(asyncpg.InvalidPasswordError):
        await _value(_url(server, "document"), "SELECT 1")
    await databases.ensure_async(server.admin_url, PASSWORDS)
    assert await _value(_url(server, "document"), "SELECT 1") == 1


async def test_commits_outlive_a_kill(server):
    await _value(_url(server, "audit"), "CREATE TABLE kept AS SELECT 42 AS n")
    server.kill()
    assert not server.running
    server.start()
    assert await _value(_url(server, "audit"), "SELECT n FROM kept") == 42


def test_role_names_are_checked(server):
    with pytest.raises(ValueError, match="no name for a role"):
        databases.ensure(server.admin_url, {'x"; DROP DATABASE audit; --': "y"})
