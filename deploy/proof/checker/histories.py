"""Reads what stands about people in history_ingestion and notification, and opens it, as the super user."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import orjson

from deploy.proof.checker.clients import Histories, Kept
from deploy.proof.checker.databases import Databases
from deploy.proof.checker.facts import Facts
from deploy.proof.checker.sources import Sources
from services.history_ingestion.repository.hashes import Hashes
from services.history_ingestion.repository.lines import content_context
from shared.contracts.insurance import ReimbursedCare
from shared.contracts.topics import HISTORY, NOTIFICATION, REIMBURSEMENTS, of_insurer
from shared.security import FileKeyProvider, SecurityError, Wrapped, decrypt, read_hex_key


async def read(sources: Sources, facts: Facts, insurer: str) -> Histories:
    """What stands there; lines are known by the insurer's ids that its topic holds."""
    databases = Databases(sources.admin_url, sources.services)
    hashes = Hashes(read_hex_key(sources.secrets.hash_key_file(HISTORY)))
    names = {hashes.line(insurer, name): name for name in _names(facts, insurer)}
    keys = await _keys(databases, sources)
    sql = "SELECT line, record, insurer, version, care_date, section, content FROM line WHERE insurer = $1"
    rows = await databases.rows(HISTORY, sql, insurer)
    indexed = await databases.rows(HISTORY, "SELECT record FROM person WHERE hash IS NOT NULL")
    reached = await databases.rows(NOTIFICATION, "SELECT record FROM contact")
    return Histories(
        tuple(_kept(row, names.get(row["line"]), keys.get(row["record"])) for row in rows),
        frozenset(row["record"] for row in indexed),
        frozenset(row["record"] for row in reached),
    )


def _names(facts: Facts, insurer: str) -> Iterable[str]:
    topic = of_insurer(REIMBURSEMENTS, insurer)
    for (name, _), records in facts.topics.items():
        for record in records if name == topic else ():
            try:
                yield ReimbursedCare.model_validate_json(record.value).line
            except ValueError:
                continue


async def _keys(databases: Databases, sources: Sources) -> dict[UUID, bytes]:
    provider = FileKeyProvider(sources.secrets.keys_dir(HISTORY), sources.secrets.current_kek(HISTORY))
    sql = "SELECT record, key_id, wrapped_key FROM record_key WHERE wrapped_key IS NOT NULL"
    rows = await databases.rows(HISTORY, sql)
    return {row["record"]: provider.unwrap(Wrapped(row["key_id"], row["wrapped_key"])) for row in rows}


def _kept(row: Any, name: str | None, key: bytes | None) -> Kept:
    content = None
    if key is not None:
        try:
            content = orjson.loads(decrypt(key, row["content"], content_context(row["line"])))
        except SecurityError:
            content = None
    return Kept(
        row["insurer"], name, row["record"], row["version"], row["care_date"].isoformat(), row["section"], content
    )
