"""Sessions, teams, delegations and agreements by batch: one statement reads them all, one per table writes them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.access_control.domain.changes import (
    AgreementChanged,
    Change,
    DelegationChanged,
    SessionChanged,
    TeamChanged,
)
from services.access_control.domain.relations import Agreement, Delegation, DelegationState, Team
from shared.contracts.record_requests import AppScope, DelegationKind, DelegationScope, TeamKind
from shared.database import Transaction

_LOAD: Final = """
    SELECT record, 'session' AS what, to_jsonb(s) AS row
    FROM session_consent s WHERE record = ANY($1::uuid[]) AND until > clock_timestamp()
    UNION ALL
    SELECT record, 'team', to_jsonb(t) FROM care_team t WHERE record = ANY($1::uuid[])
    UNION ALL
    SELECT record, 'delegation', to_jsonb(d) FROM delegation d WHERE record = ANY($1::uuid[])
    UNION ALL
    SELECT record, 'app', to_jsonb(a) FROM app_agreement a WHERE record = ANY($1::uuid[])
"""


@dataclass(slots=True)
class Relations:
    """What stands beside a record's rights of professionals."""

    sessions: dict[tuple[str, str], datetime] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=dict)
    delegations: dict[str, Delegation] = field(default_factory=dict)
    apps: dict[str, Agreement] = field(default_factory=dict)

    def need_majority(self) -> bool:
        """True where something ends when the holder comes of age (AR-045)."""
        represented = any(one.kind is DelegationKind.LEGAL_REPRESENTATION for one in self.delegations.values())
        consented = any(team.by_representative for team in self.teams.values())
        return represented or consented or any(app.by_representative for app in self.apps.values())


async def load(tx: Transaction, records: Iterable[UUID]) -> dict[UUID, Relations]:
    """The relations of these records; a record without any is left out."""
    found: dict[UUID, Relations] = {}
    for row in await tx.fetch(_LOAD, list(records)):
        _add(found.setdefault(row["record"], Relations()), row["what"], json.loads(row["row"]))
    return found


async def save(tx: Transaction, changes: Sequence[Change]) -> None:
    """Write what changed; of several changes of one row the last counts."""
    sessions: dict[tuple[Any, ...], datetime | None] = {}
    teams: dict[tuple[Any, ...], Team | None] = {}
    delegations: dict[tuple[Any, ...], Delegation | None] = {}
    apps: dict[tuple[Any, ...], Agreement | None] = {}
    for change in changes:
        match change:
            case SessionChanged():
                sessions[change.record, *change.who] = change.until
            case TeamChanged():
                teams[change.record, change.key] = change.team
            case DelegationChanged():
                delegations[change.record, UUID(change.id)] = change.delegation
            case AgreementChanged():
                apps[change.record, change.app] = change.agreement
            case _:
                pass
    if sessions:
        await _save_sessions(tx, sessions)
    if teams:
        await _save_teams(tx, teams)
    if delegations:
        await _save_delegations(tx, delegations)
    if apps:
        await _save_apps(tx, apps)


def _add(relations: Relations, what: str, row: Mapping[str, Any]) -> None:
    match what:
        case "session":
            relations.sessions[row["professional"], row["structure"]] = datetime.fromisoformat(row["until"])
        case "team":
            relations.teams[row["key"]] = Team(
                kind=TeamKind(row["kind"]),
                since=datetime.fromisoformat(row["since"]),
                until=datetime.fromisoformat(row["until"]),
                collector=row["collector"],
                by_representative=row["by_representative"],
            )
        case "delegation":
            relations.delegations[row["id"]] = Delegation(
                kind=DelegationKind(row["kind"]),
                state=DelegationState(row["state"]),
                scopes=frozenset(map(DelegationScope, row["scopes"])),
                expires=datetime.fromisoformat(row["expires"]),
                until=_moment(row["until"]),
                professional=row["professional"],
            )
        case _:
            relations.apps[row["app"]] = Agreement(
                scopes=frozenset(map(AppScope, row["scopes"])),
                until=_moment(row["until"]),
                by_representative=row["by_representative"],
            )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None


def _columns(keys: Iterable[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows of keys as one list per column, also where there is none."""
    rows = list(keys)
    return [[row[place] for row in rows] for place in range(width)]


def _split(rows: Mapping[tuple[Any, ...], Any]) -> tuple[list[tuple[Any, ...]], dict[tuple[Any, ...], Any]]:
    """Keys of rows that are gone, and the rows to write: what one statement does in its two halves."""
    return [key for key, value in rows.items() if value is None], {
        key: value for key, value in rows.items() if value is not None
    }


async def _save_sessions(tx: Transaction, sessions: Mapping[tuple[Any, ...], datetime | None]) -> None:
    gone, kept = _split(sessions)
    await tx.execute(
        """
        WITH gone AS (
            DELETE FROM session_consent AS s
            USING unnest($1::uuid[], $2::text[], $3::text[]) AS g (record, professional, structure)
            WHERE s.record = g.record AND s.professional = g.professional AND s.structure = g.structure
        )
        INSERT INTO session_consent (record, professional, structure, until)
        SELECT * FROM unnest($4::uuid[], $5::text[], $6::text[], $7::timestamptz[])
        ON CONFLICT (record, professional, structure) DO UPDATE SET until = excluded.until
        """,
        *_columns(gone, 3),
        *_columns(kept, 3),
        list(kept.values()),
    )


async def _save_teams(tx: Transaction, teams: Mapping[tuple[Any, ...], Team | None]) -> None:
    gone, kept = _split(teams)
    rows: list[Team] = list(kept.values())
    await tx.execute(
        """
        WITH gone AS (
            DELETE FROM care_team AS t USING unnest($1::uuid[], $2::text[]) AS g (record, key)
            WHERE t.record = g.record AND t.key = g.key
        )
        INSERT INTO care_team (record, key, kind, since, until, collector, by_representative)
        SELECT * FROM unnest($3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::text[],
                             $9::boolean[])
        ON CONFLICT (record, key) DO UPDATE
        SET kind = excluded.kind, since = excluded.since, until = excluded.until, collector = excluded.collector,
            by_representative = excluded.by_representative
        """,
        *_columns(gone, 2),
        *_columns(kept, 2),
        [team.kind.value for team in rows],
        [team.since for team in rows],
        [team.until for team in rows],
        [team.collector for team in rows],
        [team.by_representative for team in rows],
    )


async def _save_delegations(tx: Transaction, delegations: Mapping[tuple[Any, ...], Delegation | None]) -> None:
    """A delegation never goes: what has ended stays as EXPIRED."""
    _, kept = _split(delegations)
    rows: list[Delegation] = list(kept.values())
    await tx.execute(
        """
        INSERT INTO delegation (record, id, kind, state, scopes, expires, until, professional)
        SELECT n.record, n.id, n.kind, n.state, string_to_array(n.scopes, ','), n.expires, n.until, n.professional
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[],
                    $8::text[])
             AS n (record, id, kind, state, scopes, expires, until, professional)
        ON CONFLICT (record, id) DO UPDATE SET state = excluded.state, changed_at = clock_timestamp()
        """,
        *_columns(kept, 2),
        [one.kind.value for one in rows],
        [one.state.value for one in rows],
        [joined(one.scopes) for one in rows],
        [one.expires for one in rows],
        [one.until for one in rows],
        [one.professional for one in rows],
    )


async def _save_apps(tx: Transaction, apps: Mapping[tuple[Any, ...], Agreement | None]) -> None:
    gone, kept = _split(apps)
    rows: list[Agreement] = list(kept.values())
    await tx.execute(
        """
        WITH gone AS (
            DELETE FROM app_agreement AS a USING unnest($1::uuid[], $2::text[]) AS g (record, app)
            WHERE a.record = g.record AND a.app = g.app
        )
        INSERT INTO app_agreement (record, app, scopes, until, by_representative)
        SELECT n.record, n.app, string_to_array(n.scopes, ','), n.until, n.by_representative
        FROM unnest($3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::boolean[])
             AS n (record, app, scopes, until, by_representative)
        ON CONFLICT (record, app) DO UPDATE
        SET scopes = excluded.scopes, until = excluded.until, by_representative = excluded.by_representative
        """,
        *_columns(gone, 2),
        *_columns(kept, 2),
        [joined(one.scopes) for one in rows],
        [one.until for one in rows],
        [one.by_representative for one in rows],
    )


def joined(codes: Iterable[str]) -> str:
    """A set of codes as one text: arrays of arrays can't be unnested row by row."""
    return ",".join(sorted(str(code) for code in codes))
