"""What a record was at a past moment, from what each change replaced and what it put there.

Kept is one row per thing that changed, in the order of the changes. At a moment a thing was what the last change before
it had put there; before its first change, what that one replaced; and what it is now where it never changed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.access_control.domain.changes import RELATIONS, Kept
from services.access_control.domain.oversight import NOTHING
from services.access_control.domain.record import Record

LIFE: Final = "life"
"""What is no relation, kept together: state, wishes, version, médecin traitant and the like."""
_NO_RELATIONS: Final[dict[str, Any]] = {name: {} for name, _ in RELATIONS}


def life(record: Record) -> Record:
    """A record without its relations, what stands beside it, and what is no decision: end of permits, majority."""
    bare: dict[str, Any] = {"permits_until": None, "majority": None, "oversight": NOTHING, **_NO_RELATIONS}
    return replace(record, **bare)


def kept(identity: UUID, before: Record, after: Record, now: datetime, *, secret: bool = False) -> tuple[Kept, ...]:
    """What to keep of a change.

    Args:
        identity: The record's id.
        before: The record before it.
        after: The record after it.
        now: The database's clock.
        secret: It was made in a minor's secret connection (AR-042).
    """
    return tuple(Kept(identity, what, key, was, now_is, now, secret) for what, key, was, now_is in _diff(before, after))


def record_at(record: Record, rows: Iterable[Kept], moment: datetime, *, secrets: bool = True) -> Record:
    """The record as it stood at a moment.

    Args:
        record: As it stands now, read before the rows were.
        rows: What was kept of it, in order.
        moment: The moment.
        secrets: False leaves out relations that a minor's secret connection made, as if it had not been: for
            representatives.
    """
    things: dict[tuple[str, Any], list[Kept]] = {}
    for row in rows:
        things.setdefault((row.what, row.key), []).append(row)
    values = {thing: _value(changes, moment, secrets=secrets) for thing, changes in things.items()}
    relations: dict[str, Any] = {name: _relation(getattr(record, name), values, name) for name in _NO_RELATIONS}
    alive: Record = values.get((LIFE, None)) or record
    today: dict[str, Any] = {name: getattr(record, name) for name in ("permits_until", "majority", "oversight")}
    return replace(alive, **today, **relations)


def _diff(before: Record, after: Record) -> Iterator[tuple[str, Any, Any, Any]]:
    was, now = life(before), life(after)
    if was != now:
        yield LIFE, None, was, now
    for name in _NO_RELATIONS:
        old, new = getattr(before, name), getattr(after, name)
        if old is not new:
            differ = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
            yield from ((name, key, old.get(key), new.get(key)) for key in differ)


def _value(changes: Sequence[Kept], moment: datetime, *, secrets: bool) -> Any:
    told = [row for row in changes if row.at <= moment and (secrets or row.what == LIFE or not row.secret)]
    return told[-1].after if told else changes[0].before


def _relation(now: Mapping[Any, Any], values: Mapping[tuple[str, Any], Any], name: str) -> dict[Any, Any]:
    changed = {key: value for (what, key), value in values.items() if what == name}
    return {key: value for key, value in {**now, **changed}.items() if value is not None}
