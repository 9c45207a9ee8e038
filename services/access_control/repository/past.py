"""What each change replaced and put there: written with the change, read to rebuild what a record was."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, get_args, get_type_hints
from uuid import UUID

from pydantic import TypeAdapter

from services.access_control.domain.changes import RELATIONS, Kept
from services.access_control.domain.past import LIFE
from services.access_control.domain.record import Record
from shared.database import Transaction

_LEFT_OUT: Final = {name for name, _ in RELATIONS} | {"permits_until", "majority", "oversight"}


async def save(tx: Transaction, rows: Sequence[Kept]) -> None:
    """Write what changes replaced, in their order."""
    await tx.execute(
        """
        INSERT INTO past_right (record, what, key, before, after, at, secret)
        SELECT n.record, n.what, n.key::jsonb, n.before::jsonb, n.after::jsonb, n.at, n.secret
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::boolean[])
             WITH ORDINALITY AS n (record, what, key, before, after, at, secret, place)
        ORDER BY n.place
        """,
        [row.record for row in rows],
        [row.what for row in rows],
        [json.dumps(row.key) for row in rows],
        [_written(row.what, row.before) for row in rows],
        [_written(row.what, row.after) for row in rows],
        [row.at for row in rows],
        [row.secret for row in rows],
    )


async def load(tx: Transaction, record: UUID) -> list[Kept]:
    """What was kept of a record's changes, in their order."""
    rows = await tx.fetch(
        "SELECT what, key, before, after, at, secret FROM past_right WHERE record = $1 ORDER BY id", record
    )
    return [
        Kept(
            record=record,
            what=row["what"],
            key=_key(row["key"]),
            before=_value(row["what"], row["before"]),
            after=_value(row["what"], row["after"]),
            at=row["at"],
            secret=row["secret"],
        )
        for row in rows
    ]


def _key(text: str) -> Any:
    """A key of two parts is a pair."""
    key = json.loads(text)
    return tuple(key) if isinstance(key, list) else key


@cache
def _adapters() -> Mapping[str, TypeAdapter[Any]]:
    """How the values of each relation are written: the types that `Record` names."""
    hints = get_type_hints(Record)
    values = {name: get_args(hints[name])[1] for name, _ in RELATIONS}
    return {name: TypeAdapter(value) for name, value in values.items()} | {LIFE: TypeAdapter(Record)}


def _written(what: str, value: Any) -> str | None:
    if value is None:
        return None
    return _adapters()[what].dump_json(value, exclude=_LEFT_OUT if what == LIFE else None).decode()


def _value(what: str, text: str | None) -> Any:
    return _adapters()[what].validate_json(text) if text is not None else None
