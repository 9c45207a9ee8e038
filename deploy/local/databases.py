"""One database and one login role per service, in a server that runs. Repeating it changes nothing.

A role owns its own database and may not even connect to another's. Its time-outs end whatever a frozen process holds.
"""

import asyncio
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import asyncpg

TIMEOUTS: Mapping[str, str] = {
    "transaction_timeout": "5s",
    "idle_in_transaction_session_timeout": "5s",
    "statement_timeout": "5s",
    "lock_timeout": "4s",
}
"""Per role; migrations set their own for their session."""
_TIMEOUT_S = 30.0
_PORT = 5432
_COMMON = ("postgres", "template1")
"""Databases that every server has, and that it lets everybody into."""
_OF_THE_SERVER = frozenset(
    {"sslmode", "sslnegotiation", "sslrootcert", "sslcrl", "ssl_min_protocol_version", "ssl_max_protocol_version"}
)
"""What a URL's query says about the server and not about who connects: it holds for every role."""


class DatabaseError(RuntimeError):
    """A server can't be used. The text has the next step, and no password."""


def ensure(admin_url: str, passwords: Mapping[str, str], *, alone: bool = False) -> None:
    """Make or update the database and role of each service (name -> password). Not inside a running event loop.

    `alone`: nobody else uses the server, so that its common databases are closed to the roles, too.
    Raises DatabaseError.
    """
    asyncio.run(ensure_async(admin_url, passwords, alone=alone))


async def ensure_async(admin_url: str, passwords: Mapping[str, str], *, alone: bool = False) -> None:
    """As `ensure`, for a running event loop."""
    try:
        admin = await asyncpg.connect(admin_url, timeout=_TIMEOUT_S, command_timeout=_TIMEOUT_S)
        try:
            for service, password in passwords.items():
                await _ensure_role(admin, service, password)
                await _ensure_database(admin, service)
            for name in _COMMON if alone else ():
                await admin.execute(f"REVOKE ALL ON DATABASE {_identifier(name)} FROM PUBLIC")
        finally:
            await admin.close()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseError(
            f"PostgreSQL at {address(admin_url)} did not make roles and databases ({reason(error)}): check "
            "that it is of version 18 and answers there and, where CARNET_POSTGRES names it, that its user is a super "
            "user."
        ) from error


def reason(error: Exception) -> str:
    """The first line of what the server or its client says, without detail and hint; the error's type if nothing."""
    return str(error).partition("\n")[0] or type(error).__name__


def check(admin_url: str) -> None:
    """Raises DatabaseError where this is no URL of a server."""
    try:
        parts = urlsplit(admin_url)
        known = parts.scheme in {"postgresql", "postgres"} and parts.hostname and (parts.port or _PORT)
    except ValueError:
        known = None
    if not known:
        raise DatabaseError("CARNET_POSTGRES is no URL: set it to postgresql://admin:password@host:port.")


def address(url: str) -> str:
    """Where a server is and how it is reached, `host:port` or `host:port/?sslmode=…`, without who connects."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    query = _query(parts.query)
    return f"{host}:{parts.port or _PORT}" + (f"/?{query}" if query else "")


def url_for(admin_url: str, service: str, password: str | None = None, database: str | None = None) -> str:
    """The service's own URL on the server of `admin_url`; without a password where none is given."""
    secret = "" if password is None else f":{quote(password, safe='')}"
    host, _, _ = address(admin_url).partition("/")
    query = _query(urlsplit(admin_url).query)
    return urlunsplit(("postgresql", f"{service}{secret}@{host}", f"/{database or service}", query, ""))


def _query(query: str) -> str:
    return urlencode([(name, value) for name, value in parse_qsl(query) if name in _OF_THE_SERVER], safe="/")


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
