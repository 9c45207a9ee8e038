"""Reads the facts that stand in the services' databases, as the super user; changes nothing."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import orjson

from deploy.local.secrets import Secrets
from deploy.proof.checker.apps import AppEntry
from deploy.proof.checker.facts import (
    Decision,
    Deletion,
    Delivery,
    Document,
    Leaf,
    Parked,
    Place,
    Read,
    RecordRow,
    Sent,
)
from services.document.content import ContentUnreadableError, read, unseal
from shared.contracts.topics import ACCESS_CONTROL, AUDIT, DOCUMENT, HISTORY, NOTIFICATION
from shared.security import FileKeyProvider, SecurityError, Wrapped, context, decrypt, unwrap_with

_FLAGS = {
    **{name: name for name in ("activated", "suspended", "objected", "deceased", "break_glass", "regulation")},
    **{name: name for name in ("masks_by_default", "heirs_opposed")},
    "masked": "masked_in_emergency",
    "deletion": "deletion_due",
}
"""Flags of a record, and the columns that tell them."""
_RELATIONS = """
    SELECT record, ARRAY['administrator', professional, administrator] AS told
    FROM professional_right WHERE administrator IS NOT NULL
    UNION ALL SELECT record, ARRAY['team', key, kind] FROM care_team
    UNION ALL SELECT record, ARRAY['delegation', id::text, kind, state] FROM delegation
    UNION ALL SELECT id, ARRAY['opted_out', function] FROM record, unnest(opted_out) AS function
    UNION ALL SELECT record, ARRAY['emergency', request::text, professional, mode] FROM emergency
    UNION ALL SELECT record, ARRAY['confirmation', professional, colleague] FROM emergency_confirmation
    UNION ALL SELECT record, ARRAY['case', id::text, request::text, coalesce(professional, '')] FROM contest
    UNION ALL SELECT record, ARRAY['extract', id::text, kind, opened_by, coalesce(approved_by, ''),
                                   coalesce(refused_by, ''), (approved_until IS NOT NULL)::text, taken::text]
    FROM extract_case
    UNION ALL SELECT record, ARRAY['app', app] || ARRAY(SELECT unnest(scopes) COLLATE "C" ORDER BY 1) FROM app_agreement
"""
_DELETIONS = """
    SELECT d.record, d.confirmed, d.ended_at IS NOT NULL, r.deleted_because
    FROM deletion AS d JOIN record AS r ON r.id = d.record
"""
OWNERS = (ACCESS_CONTROL, DOCUMENT, HISTORY, NOTIFICATION, AUDIT)
TIMEOUT_S = 60.0
_STAY = {
    "decision": "false",
    "deletion": "false",
    "leaf": "false",
    "consulted": "false",
    "record_key": "wrapped_key IS NOT NULL",
    "delivery": "status <> 'suppressed'",
}
"""What may be left of a deleted record: that something was decided, read and traced, without a word of what; a key's
place without the key; that somebody asked for the record later, which is told to nobody."""
_LEASED = "(attempts > 0 AND next_attempt_at > clock_timestamp())"
"""A lease is longer than the minute in which a system heals: it has to outlast a slow mail relay."""


async def connect(admin_url: str, service: str) -> Any:
    """A connection of the super user to a service's database."""
    url = urlsplit(admin_url)._replace(path=f"/{service}").geturl()
    return await asyncpg.connect(url, timeout=TIMEOUT_S, command_timeout=TIMEOUT_S)


def _identity(record: UUID) -> bytes:
    return context(ACCESS_CONTROL, "identity", "traits", record)


def _of_age(identity: bytes) -> datetime:
    """00:00 in Paris on the 18th birthday; on 1 March for who was born on 29 February and has none."""
    born = date.fromisoformat(orjson.loads(identity)["traits"]["birth_date"])
    leap = (born.month, born.day) == (2, 29)
    return datetime(born.year + 18, 3 if leap else born.month, 1 if leap else born.day, tzinfo=ZoneInfo("Europe/Paris"))


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


class Databases:
    """The databases of all services that own one and run here."""

    def __init__(self, admin_url: str, services: Sequence[str] = OWNERS) -> None:
        self._admin_url = admin_url
        self.services = [service for service in OWNERS if service in services]

    async def rows(self, service: str, sql: str, *arguments: object) -> list[Any]:
        """The rows of one statement; none of a service that does not run here."""
        if service not in self.services:
            return []
        connection = await connect(self._admin_url, service)
        try:
            found: list[Any] = await connection.fetch(sql, *arguments)
            return found
        finally:
            await connection.close()

    async def everywhere(self, sql: str) -> list[tuple[str, Any]]:
        """The rows of one statement in every database, with the service's name."""
        found = await asyncio.gather(*(self.rows(service, sql) for service in self.services))
        return [(service, row) for service, rows in zip(self.services, found, strict=True) for row in rows]

    async def outboxes(self) -> dict[Place, list[Sent]]:
        """Every outbox whole, by number."""
        sql = "SELECT topic, partition, number, message_id, type, key, correlation, payload FROM outbox ORDER BY number"
        found: dict[Place, list[Sent]] = defaultdict(list)
        for _, row in await self.everywhere(sql):
            found[row["topic"], row["partition"]].append(Sent(*tuple(row)[2:]))
        return dict(found)

    async def counters(self) -> dict[Place, int]:
        """The last number given, by place."""
        return {(row[0], row[1]): row[2] for _, row in await self.everywhere("TABLE outbox_counter")}

    async def cursors(self) -> dict[Place, int]:
        """The last number known to be sent, by place."""
        rows = await self.everywhere("SELECT topic, partition, number FROM relay_cursor")
        return {(row[0], row[1]): row[2] for _, row in rows}

    async def progress(self) -> dict[tuple[str, str, int], tuple[int, int]]:
        """How far each service has read."""
        rows = await self.everywhere("SELECT topic, partition, last_number, last_offset FROM progress")
        return {(service, row[0], row[1]): (row[2], row[3]) for service, row in rows}

    async def decisions(self) -> dict[UUID, Decision]:
        """Decisions on requests."""
        sql = "SELECT request, record, outcome, reason, rights_version, decided_at FROM decision"
        return {row[0]: Decision(*tuple(row)[1:]) for row in await self.rows(ACCESS_CONTROL, sql)}

    async def records(self) -> dict[UUID, RecordRow]:
        """Records with their rights."""
        authorised: dict[UUID, dict[str, Any]] = defaultdict(dict)
        blocked: dict[UUID, set[str]] = defaultdict(set)
        sql = "SELECT record, professional, standing, until FROM professional_right WHERE standing <> 'none'"
        for row in await self.rows(ACCESS_CONTROL, sql):
            if row["standing"] == "blocked":
                blocked[row["record"]].add(row["professional"])
            else:
                authorised[row["record"]][row["professional"]] = row["until"]
        relations: dict[UUID, set[tuple[str, ...]]] = defaultdict(set)
        for row in await self.rows(ACCESS_CONTROL, _RELATIONS):
            relations[row["record"]].add(tuple(row["told"]))
        gone = {record for record, one in (await self.deletions()).items() if one.ended}
        return {
            row["id"]: RecordRow(
                closed=row["state"] == "closed",
                held=row["held"],
                rights_version=row["rights_version"],
                treating=row["treating_doctor"],
                authorised=dict(authorised[row["id"]]),
                blocked=frozenset(blocked[row["id"]]),
                flags=frozenset(name for name, column in _FLAGS.items() if row[column]),
                relations=frozenset(relations[row["id"]]),
                gone=row["id"] in gone,
            )
            for row in await self.rows(ACCESS_CONTROL, "TABLE record")
        }

    async def deletions(self) -> dict[UUID, Deletion]:
        """Every deletion that was asked for."""
        rows = await self.rows(ACCESS_CONTROL, _DELETIONS)
        return {row[0]: Deletion(frozenset(row[1]), row[2], row[3]) for row in rows}

    async def texts(self) -> frozenset[UUID]:
        """What a text stands beside."""
        return frozenset(row["subject"] for row in await self.rows(ACCESS_CONTROL, "SELECT subject FROM written"))

    async def leased(self) -> frozenset[UUID]:
        """Records with a notice that an attempt has taken."""
        sql = f"SELECT DISTINCT record FROM delivery WHERE status = 'planned' AND {_LEASED}"  # noqa: S608 - constants
        return frozenset(row["record"] for row in await self.rows(NOTIFICATION, sql))

    async def left(self) -> dict[str, int]:
        """How many rows every table that knows records still has of those that are gone."""
        gone = [record for record, one in (await self.deletions()).items() if one.ended]
        if not gone:
            return {}
        tables = (
            "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' "
            "AND column_name = 'record' AND data_type = 'uuid' AND table_name IN (SELECT tablename FROM pg_tables)"
        )
        found: dict[str, int] = {}
        for service, row in await self.everywhere(tables):
            name = row["table_name"]
            sql = f"SELECT count(*) FROM {name} WHERE record = ANY($1::uuid[]) AND {_STAY.get(name, 'true')}"  # noqa: S608 - names of tables and constants
            (count,) = (await self.rows(service, sql, gone))[0]
            if count:
                found[f"{service}.{name}"] = count
        return found

    async def apps(self) -> dict[str, list[AppEntry]]:
        """The register of apps."""
        scopes = "CASE WHEN state = 'reviewed' THEN scopes ELSE '{}' END"
        sql = f"SELECT app, decided_at, {scopes} FROM app_register ORDER BY id"  # noqa: S608 - a constant
        found: dict[str, list[AppEntry]] = defaultdict(list)
        for app, at, referenced in await self.rows(ACCESS_CONTROL, sql):
            found[app].append(AppEntry(at, frozenset(referenced)))
        return dict(found)

    async def majorities(self, secrets: Secrets) -> dict[UUID, datetime]:
        """When those holders come of age whom somebody represents, or was invited to."""
        sql = (
            "SELECT record, traits FROM identity "
            "WHERE record IN (SELECT record FROM delegation WHERE kind = 'LEGAL_REPRESENTATION')"
        )
        rows = await self.rows(ACCESS_CONTROL, sql)
        keys = await self._keys(ACCESS_CONTROL, secrets) if rows else {}
        return {
            row["record"]: _of_age(decrypt(keys[row["record"]], row["traits"], _identity(row["record"])))
            for row in rows
            if row["record"] in keys
        }

    async def documents(self) -> dict[UUID, Document]:
        """Deposits."""
        sql = (
            "SELECT id, record, status, unique_id, submitter, replaces IS NOT NULL, sha256, reason, object, "
            "type_code, owners, masked, withheld, hidden, version FROM document"
        )
        found = {row["id"]: Document(*tuple(row)[1:]) for row in await self.rows(DOCUMENT, sql)}
        return {document: row._replace(owners=tuple(row.owners)) for document, row in found.items()}

    async def concealed(self) -> dict[UUID, tuple[bool, bool]]:
        """Documents of which audit conceals traces: from the holder's side, and from representatives."""
        sql = "SELECT document, withheld, from_representatives FROM concealed_document"
        return {row[0]: (row[1], row[2]) for row in await self.rows(AUDIT, sql)}

    async def waiting(self) -> bool:
        """True where a staged document waits, a planned notice that nobody has taken, or a deletion to be confirmed."""
        staged = await self.rows(DOCUMENT, "SELECT 1 FROM document WHERE status = 'staged' LIMIT 1")
        sql = f"SELECT 1 FROM delivery WHERE status = 'planned' AND NOT {_LEASED} LIMIT 1"  # noqa: S608 - constants
        if staged or await self.rows(NOTIFICATION, sql):
            return True
        under_way = {record for record, one in (await self.deletions()).items() if not one.ended}
        return bool(under_way - await self.leased()) and set(self.services) == set(OWNERS)

    async def reads(self) -> dict[str, list[Read]]:
        """Reads that happened, by owner."""
        found = {}
        for owner, column in ((DOCUMENT, "read_at"), (HISTORY, "read_at"), (AUDIT, "read_at")):
            rows = await self.rows(owner, f"SELECT request, record, {column} FROM consulted")  # noqa: S608 - constants
            found[owner] = [Read(*row) for row in rows]
        return found

    async def deliveries(self) -> list[Delivery]:
        """The ledger of notices."""
        leased = f"status = 'planned' AND {_LEASED}"
        columns = f"notice, record, event, about, channel, status, {leased}, recipient, silence"
        sql = f"SELECT {columns} FROM delivery"  # noqa: S608 - constants
        return [Delivery(*row) for row in await self.rows(NOTIFICATION, sql)]

    async def parked(self) -> list[Parked]:
        """What was parked; its content stays encrypted."""
        rows = await self.everywhere('SELECT topic, partition, "offset", reason FROM parked')
        return [Parked(service, *row) for service, row in rows]

    async def parked_rows(self) -> list[tuple[str, bytes]]:
        """Everything that stands in the tables of what was parked, by service, as it stands there."""
        rows = await self.everywhere("TABLE parked")
        return [(service, b"\n".join(map(_bytes, row))) for service, row in rows]

    async def tree_size(self) -> int:
        """How many leaves the log says it has."""
        rows = await self.rows(AUDIT, "SELECT size FROM tree")
        return int(rows[0]["size"]) if rows else 0

    async def leaves(self, secrets: Secrets, opened: int) -> list[Leaf]:
        """The log in its order; of at most `opened` leaves, spread evenly, the events are decrypted.

        Not of deleted records: nobody can read those any more.
        """
        sql = (
            "SELECT index, record, topic, partition, number, event_id, type, commitment, leaf_hash, event "
            "FROM leaf ORDER BY index"
        )
        rows = await self.rows(AUDIT, sql)
        keys = await self._keys(AUDIT, secrets)
        deleted = {row[0] for row in await self.rows(AUDIT, "SELECT record FROM record_key WHERE wrapped_key IS NULL")}
        step = max(1, len(rows) // opened) if opened else len(rows) + 1
        found = []
        for at, row in enumerate(rows):
            place = (row["topic"], row["partition"]) if row["topic"] is not None else None
            event, broken = None, False
            if at % step == 0 and row["record"] not in deleted:
                try:
                    event = decrypt(keys[row["record"]], row["event"], context(AUDIT, "leaf", "event", row["event_id"]))
                except (SecurityError, KeyError):
                    broken = True
            found.append(
                Leaf(row[0], row[1], place, row[4], row[5], row[6], row[7], row[8], event, broken),
            )
        return found

    async def contents(self, secrets: Secrets, folder: Path, opened: int) -> tuple[int, int]:
        """Open at most so many stored contents and compare each with its hash: how many, and how many are broken."""
        sql = "SELECT id, record, object, content_key, sha256, size FROM document WHERE status = 'current' LIMIT $1"
        rows = await self.rows(DOCUMENT, sql, opened)
        keys = await self._keys(DOCUMENT, secrets)
        broken = 0
        for row in rows:
            try:
                key = unwrap_with(keys[row["record"]], row["content_key"])
                unseal(read(folder, row["object"]), key, row["id"], row["sha256"], row["size"])
            except (OSError, KeyError, SecurityError, ContentUnreadableError):
                broken += 1
        return len(rows), broken

    async def _keys(self, service: str, secrets: Secrets) -> Mapping[UUID, bytes]:
        provider = FileKeyProvider(secrets.keys_dir(service), secrets.current_kek(service))
        rows = await self.rows(
            service, "SELECT record, key_id, wrapped_key FROM record_key WHERE wrapped_key IS NOT NULL"
        )
        return {row["record"]: provider.unwrap(Wrapped(row["key_id"], row["wrapped_key"])) for row in rows}
