"""One database and one login role per service, in a server that runs. Repeating it changes nothing.

A role owns its own database and may not even connect to another's. Its time-outs end whatever a frozen process holds.
"""

import asyncio
from collections.abc import Mapping
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

TIMEOUTS: Mapping[str, str] = {
    "transaction_timeout": "5s",
    "idle_in_transaction_session_timeout": "5s",
    "statement_timeout": "5s",
    "lock_timeout": "4s",
}
"""Per role; migrations set their own for their session."""
_TIMEOUT_S = 30.0


def ensure(admin_url: str, passwords: Mapping[str, str]) -> None:
    """Make or update the database and role of each service (name -> password). Not inside a running event loop."""
    asyncio.run(ensure_async(admin_url, passwords))


async def ensure_async(admin_url: str, passwords: Mapping[str, str]) -> None:
    """As `ensure`, for a running event loop."""
    admin = await asyncpg.connect(admin_url, timeout=_TIMEOUT_S, command_timeout=_TIMEOUT_S)
    try:
        for service, password in passwords.items():
            await _ensure_role(admin, service, password)
            await _ensure_database(admin, service)
    finally:
        await admin.close()


def url_for(admin_url: str, service: str, password: str | None = None, database: str | None = None) -> str:
    """The service's own URL on the server of `admin_url`; without a password where none is given."""
    parts = urlsplit(admin_url)
    secret = "" if password is None else f":{quote(password, safe='')}"
    host = f"{parts.hostname}:{parts.port or 5432}"
    return urlunsplit(("postgresql", f"{service}{secret}@{host}", f"/{database or service}", "", ""))


async def _ensure_role(admin: asyncpg.Connection, service: str, password: str) -> None:
    role = _identifier(service)
    exists = await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", service)
    verb = "ALTER" if exists else "CREATE"
    literal = await admin.fetchval("SELECT quote_literal($1)", password)
    await admin.execute(
        f"{verb} ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD {literal}",
    )
    for name, value in TIMEOUTS.items():
        await admin.execute(f"ALTER ROLE {role} SET {name} = '{value}'")


async def _ensure_database(admin: asyncpg.Connection, service: str) -> None:
    name = _identifier(service)
    if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", service):
        await admin.execute(f"CREATE DATABASE {name} OWNER {name}")
    await admin.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")


def _identifier(name: str) -> str:
    if not name.replace("_", "").isalnum():
        raise ValueError(f"{name!r} is no name for a role: letters, digits and underscores only.")
    return f'"{name}"'
