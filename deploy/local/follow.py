"""Following one request or deposit through all services by its id: what their databases and logs know of it.

Services that do thousands of messages a second write no line per message: what each sent stands in its outbox for 30
days, with the correlation, and what came of it in its own rows. A database is read as its own role, and only read.
Nothing shown identifies anybody: ids, types, states and reason codes.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from deploy.local import databases
from shared.contracts.topics import AUDIT, DOCUMENT, GATEWAY, NOTIFICATION

_TIMEOUT_S = 10.0
_UNTOLD = frozenset({"event", "service", "instance", "module", "level", "timestamp", "correlation", "where"})
"""Fields of a log line that the table tells otherwise, or that tell nothing here."""

_SENT = """
    SELECT created_at AS at, 'sent ' || type AS what,
           concat_ws(' ', topic || '/' || partition || ' number ' || number, body->>'outcome', body->>'reason',
                     (SELECT string_agg(one, ',') FROM jsonb_array_elements_text(body->'reasons') AS one)) AS told
    FROM (SELECT *, convert_from(payload, 'UTF8')::jsonb AS body FROM outbox WHERE correlation = $1) AS sent
"""
_OWN: Mapping[str, str] = {
    DOCUMENT: """
        SELECT staged_at AS at, 'deposit staged' AS what, type_code AS told FROM document WHERE id = $1
        UNION ALL SELECT settled_at, 'deposit ' || status, coalesce(because, reason, '') FROM document
        WHERE id = $1 AND settled_at IS NOT NULL
    """,
    NOTIFICATION: """
        SELECT created_at AS at, 'notice planned' AS what, event || ' by ' || channel AS told FROM delivery
        WHERE correlation = $1
        UNION ALL SELECT coalesce(sent_at, created_at), 'notice ' || status, event || ', attempts: ' || attempts
        FROM delivery WHERE correlation = $1 AND status <> 'planned'
    """,
    AUDIT: "SELECT recorded_at AS at, 'leaf ' || index AS what, type AS told FROM leaf WHERE correlation = $1",
}
"""Beside the outbox: what a service's own rows tell."""


@dataclass(frozen=True, slots=True, order=True)
class Fact:
    """Something that is known of a request or deposit."""

    at: datetime
    service: str
    what: str
    told: str


class UnaskedError(Exception):
    """A database did not answer; what it knows is missing."""


def in_databases(server: str, passwords: Mapping[str, str], correlation: UUID) -> list[Fact]:
    """What the databases of all services know, in the order of time.

    Args:
        server: `postgresql://host:port`.
        passwords: The services' roles, with their passwords; the gateway has no database.
        correlation: The id.

    Raises:
        UnaskedError: a database can't be asked; says which and what to do.
    """
    return asyncio.run(_asked(server, passwords, correlation))


def in_logs(folder: Path, correlation: UUID) -> Iterator[Fact]:
    """What the logs tell: lines that bear the id, as the correlation or as the request."""
    for path in sorted(folder.glob("*.log")):
        with path.open(errors="replace") as lines:
            for line in lines:
                if str(correlation) in line and (fact := _of_line(line)) is not None:
                    yield fact


async def _asked(server: str, passwords: Mapping[str, str], correlation: UUID) -> list[Fact]:
    owners = [(service, password) for service, password in passwords.items() if service != GATEWAY]
    answers = await asyncio.gather(*(_of(server, *owner, correlation) for owner in owners))
    return sorted(fact for facts in answers for fact in facts)


async def _of(server: str, service: str, password: str, correlation: UUID) -> list[Fact]:
    try:
        connection = await asyncpg.connect(
            databases.url_for(server, service, password),
            timeout=_TIMEOUT_S,
            command_timeout=_TIMEOUT_S,
            server_settings={"default_transaction_read_only": "on"},
        )
        try:
            rows = [
                row
                for statement in (_SENT, _OWN.get(service))
                if statement is not None
                for row in await connection.fetch(statement, correlation)
            ]
        finally:
            await connection.close()
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise UnaskedError(
            f"The database of {service} can't be asked ({type(error).__name__}): see `carnet status`.",
        ) from error
    return [Fact(row["at"].astimezone(UTC), service, row["what"], row["told"]) for row in rows]


def _of_line(line: str) -> Fact | None:
    try:
        found: dict[str, Any] = json.loads(line)
        at = datetime.fromisoformat(found["timestamp"])
        told = " ".join(f"{name}={value}" for name, value in found.items() if name not in _UNTOLD)
        return Fact(at, found["service"], f"log: {found['event']}", told)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # a line of another program, or cut off
