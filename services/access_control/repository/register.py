"""The register of apps: entries are added, never changed or removed; the database itself refuses it."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from services.access_control.domain.policy import App
from services.access_control.domain.register import AppState, Entry, referenced
from shared.contracts.record_requests import AppScope
from shared.database import Database, Transaction


class Register:
    """The register, for the commands."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def decide(self, app: str, decision: Callable[[Entry | None], Entry]) -> Entry:
        """Add an entry. It holds for every decision that any process takes after this.

        Args:
            app: Its code.
            decision: From its last entry, None where it has none, to the one to add; may refuse by raising.
        """
        async with self._database.transaction() as tx:
            # two operators at the same time take turns; decisions go on reading
            await tx.execute("LOCK TABLE app_register IN SHARE ROW EXCLUSIVE MODE")
            last = await _last(tx, [app])
            entry = decision(last[0] if last else None)
            await tx.execute(
                """
                INSERT INTO app_register (app, state, name, scopes, types, decided_by, why)
                VALUES ($1, $2, $3, $4, $5, $6, $7)
                """,
                entry.app,
                entry.state.value,
                entry.name,
                sorted(entry.scopes),
                None if entry.types is None else sorted(entry.types),
                entry.by,
                entry.why,
            )
        return entry

    async def entries(self) -> list[Entry]:
        """The last entry of each app, by code."""
        async with self._database.transaction() as tx:
            return await _last(tx, None)

    async def history(self, app: str) -> list[Entry]:
        """Every entry of an app, in order."""
        async with self._database.transaction() as tx:
            rows = await tx.fetch("SELECT * FROM app_register WHERE app = $1 ORDER BY id", app)
        return [_entry(row) for row in rows]


async def load(tx: Transaction, apps: Collection[str], moment: datetime | None = None) -> Mapping[str, App]:
    """These apps as the rules take them, as the register is, or was at a moment; what is not referenced is left out."""
    return referenced(await _last(tx, apps, moment)) if apps else {}


async def _last(tx: Transaction, apps: Collection[str] | None, moment: datetime | None = None) -> list[Entry]:
    rows = await tx.fetch(
        """
        SELECT DISTINCT ON (app) * FROM app_register
        WHERE ($1::text[] IS NULL OR app = ANY($1::text[])) AND ($2::timestamptz IS NULL OR decided_at <= $2)
        ORDER BY app, id DESC
        """,
        None if apps is None else list(apps),
        moment,
    )
    return [_entry(row) for row in rows]


def _entry(row: Any) -> Entry:
    return Entry(
        app=row["app"],
        state=AppState(row["state"]),
        name=row["name"],
        scopes=frozenset(map(AppScope, row["scopes"])),
        types=None if row["types"] is None else frozenset(row["types"]),
        by=row["decided_by"],
        why=row["why"],
        at=row["decided_at"],
    )
