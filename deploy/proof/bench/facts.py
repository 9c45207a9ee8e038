"""What the databases tell of a run: how far everything is, and when what happened.

Connections are kept, so that looks are cheap. Moments are those that the services' statements noted shortly before
their commit, on the one clock of this machine.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

from deploy.proof.checker.databases import OWNERS, connect
from shared.contracts.access_decisions import Decided
from shared.contracts.document_events import Deposited
from shared.contracts.topics import (
    ACCESS_CONTROL,
    ACCESS_DECISIONS,
    AUDIT,
    DOCUMENT,
    HISTORY,
    NOTIFICATION,
    RECORD_REQUESTS,
    Topic,
)

_LOOK_S: Final = 0.1
QUIET_TIMEOUT_S: Final = 120.0


class NotQuietError(RuntimeError):
    """What was begun did not come to its end in time."""


class Flow:
    """Looks into the databases of a running system as their super user, and changes nothing."""

    def __init__(self, admin_url: str, topics: Mapping[str, Topic], services: Collection[str] = OWNERS) -> None:
        self._admin_url = admin_url
        self._owners = [service for service in OWNERS if service in services]
        self._topics = topics
        self._stack = AsyncExitStack()
        self._connections: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        for service in self._owners:
            connection = await connect(self._admin_url, service)
            self._stack.push_async_callback(connection.close)
            self._connections[service] = connection
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def behind(self) -> dict[str, int]:
        """Messages that wait, by reader and topic (`relay` for those not yet sent), without what waits for nobody."""
        states = await asyncio.gather(*(self._state(service) for service in self._owners))
        given = {place: last for counters, _, _ in states for place, last in counters.items()}
        waiting: dict[str, int] = {}
        for service, (counters, cursors, progress) in zip(self._owners, states, strict=True):
            unsent = sum(last - cursors.get(place, 0) for place, last in counters.items())
            unread = {
                topic: sum(
                    given.get((name, part), 0) - done for (name, part), done in progress.items() if name == topic
                )
                for topic, _ in progress
                if self._topics[topic].numbered
            }
            for what, count in {"relay": unsent, **unread}.items():
                if count:
                    waiting[f"{service} {what}"] = count
        return waiting

    async def _state(self, service: str) -> tuple[dict[Any, int], dict[Any, int], dict[Any, int]]:
        rows = await self._connections[service].fetch(
            """
            SELECT 'c' AS kind, topic, partition, last AS number FROM outbox_counter
            UNION ALL SELECT 'r', topic, partition, number FROM relay_cursor
            UNION ALL SELECT 'p', topic, partition, last_number FROM progress
            """
        )
        found: dict[str, dict[Any, int]] = {"c": {}, "r": {}, "p": {}}
        for row in rows:
            found[row["kind"]][row["topic"], row["partition"]] = row["number"]
        return found["c"], found["r"], found["p"]

    async def until_quiet(self, timeout_s: float = QUIET_TIMEOUT_S, *, but: str = "") -> None:
        """Wait until everything was sent and read; `but` names a reader that is stopped.

        Raises:
            NotQuietError: It does not come to rest; the text says what waits.
        """
        end = time.monotonic() + timeout_s
        while True:
            waiting = {what: count for what, count in (await self.behind()).items() if not but or but not in what}
            if not waiting:
                return
            if time.monotonic() > end:
                raise NotQuietError(
                    f"not at rest after {timeout_s:g} s; waiting: {waiting}. The services' logs say why."
                )
            await asyncio.sleep(_LOOK_S)

    async def until_mailed(self, timeout_s: float = QUIET_TIMEOUT_S) -> None:
        """Wait until no e-mail is left to be sent. Raises NotQuietError."""
        end = time.monotonic() + timeout_s
        while left := await self._connections[NOTIFICATION].fetchval(
            "SELECT count(*) FROM delivery WHERE status = 'planned'"
        ):
            if time.monotonic() > end:
                raise NotQuietError(f"{left} e-mails are not sent after {timeout_s:g} s: see notification's log.")
            await asyncio.sleep(0.25)

    async def now(self) -> datetime:
        """The databases' clock."""
        moment: datetime = await self._connections[self._owners[0]].fetchval("SELECT clock_timestamp()")
        return moment

    async def staged(self, since: datetime) -> dict[UUID, datetime]:
        """When each deposit was staged."""
        rows = await self._connections[DOCUMENT].fetch(
            "SELECT id, staged_at FROM document WHERE staged_at >= $1", since
        )
        return {row[0]: row[1] for row in rows}

    async def decided(self, since: datetime) -> list[datetime]:
        """When deposits were decided, in order; those of one batch at the same moment."""
        rows = await self._connections[ACCESS_CONTROL].fetch(
            """
            SELECT created_at FROM outbox
            WHERE type = $1 AND created_at >= $2 AND payload LIKE '%"act":"deposit"%' ORDER BY created_at
            """,
            Decided.type_name,
            since,
        )
        return [row[0] for row in rows]

    async def stored(self, since: datetime) -> dict[UUID, datetime]:
        """When each deposit was stored: when its event was numbered, in the transaction that stored it."""
        rows = await self._connections[DOCUMENT].fetch(
            "SELECT correlation, created_at FROM outbox WHERE type = $1 AND created_at >= $2",
            Deposited.type_name,
            since,
        )
        return {row[0]: row[1] for row in rows}

    async def traced(self, since: datetime) -> dict[UUID, datetime]:
        """When the storing of each deposit became a leaf of the audit log."""
        rows = await self._connections[AUDIT].fetch(
            "SELECT correlation, recorded_at FROM leaf WHERE type = $1 AND occurred_at >= $2",
            Deposited.type_name,
            since,
        )
        return {row[0]: row[1] for row in rows}

    async def noticed(self, since: datetime) -> dict[UUID, tuple[datetime, datetime | None]]:
        """When the notice of each deposit was recorded in the ledger, and when its e-mail was handed over."""
        rows = await self._connections[NOTIFICATION].fetch(
            "SELECT correlation, created_at, sent_at FROM delivery WHERE created_at >= $1 AND event = 'AJOUT_DOCUMENT'",
            since,
        )
        return {row[0]: (row[1], row[2]) for row in rows}

    async def receipts(self, since: datetime) -> list[tuple[datetime, str]]:
        """When lines were answered, and with which fate; those of one batch at the same moment."""
        rows = await self._connections[HISTORY].fetch(
            """
            SELECT created_at, jsonb_array_elements(convert_from(payload, 'UTF8')::jsonb -> 'receipts') ->> 'fate'
            FROM outbox WHERE topic LIKE 'insurance.receipts.%' AND created_at >= $1 ORDER BY created_at
            """,
            since,
        )
        return [(row[0], row[1]) for row in rows]

    async def lines_taken(self) -> int:
        """Lines read, kept and answered since the beginning; cheap."""
        count = await self._connections[HISTORY].fetchval(
            "SELECT coalesce(sum(last_offset + 1), 0) FROM progress WHERE topic LIKE 'insurance.reimbursements.%'"
        )
        return int(count)

    async def documents_of(self, record: UUID) -> list[UUID]:
        """Documents that stand in a record."""
        rows = await self._connections[DOCUMENT].fetch(
            "SELECT id FROM document WHERE record = $1 AND status = 'current'", record
        )
        return [row[0] for row in rows]

    async def requests(self) -> tuple[int, int, datetime]:
        """Requests handled since the beginning, decisions that do not stand in Kafka yet, and the moment; cheap."""
        row = await self._connections[ACCESS_CONTROL].fetchrow(
            """
            SELECT (SELECT coalesce(sum(last_offset + 1), 0)::int FROM progress WHERE topic = $1),
                   (SELECT coalesce(sum(c.last - r.number), 0)::int
                    FROM outbox_counter c JOIN relay_cursor r USING (topic, partition) WHERE c.topic = $2),
                   clock_timestamp()
            """,
            RECORD_REQUESTS,
            ACCESS_DECISIONS,
        )
        return row[0], row[1], row[2]

    async def told(self, since: datetime) -> list[datetime]:
        """When decisions were numbered, in order; those of one batch at the same moment."""
        rows = await self._connections[ACCESS_CONTROL].fetch(
            "SELECT created_at FROM outbox WHERE type = $1 AND created_at >= $2 ORDER BY created_at",
            Decided.type_name,
            since,
        )
        return [row[0] for row in rows]

    async def reasons(self, since: datetime) -> Counter[str]:
        """How many requests were decided for each reason."""
        rows = await self._connections[ACCESS_CONTROL].fetch(
            "SELECT reason, count(*) FROM decision WHERE decided_at >= $1 GROUP BY reason", since
        )
        return Counter({row[0]: row[1] for row in rows})

    async def rights_versions(self) -> dict[UUID, int]:
        """The version of the rights of each record whose rights were ever changed."""
        rows = await self._connections[ACCESS_CONTROL].fetch(
            "SELECT id, rights_version FROM record WHERE rights_version > 0"
        )
        return {row[0]: row[1] for row in rows}
