"""What holders decided about professionals: read and written by batch, one statement each."""

from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import UUID

from services.access_control.domain.record import Right
from shared.contracts.record_requests import AdministratorRole
from shared.database import Transaction

Rights = Mapping[UUID, Mapping[str, Right]]

_AUTHORISED: Final = "authorised"
_BLOCKED: Final = "blocked"
_NONE: Final = "none"
_NO_RIGHT: Final = Right()
_LOAD: Final = """
    SELECT record, professional, standing, until, administrator, collector, why, by_representative
    FROM professional_right WHERE record = ANY($1::uuid[]) AND standing <> $2
"""
_LOAD_SOME: Final = f"{_LOAD} AND professional = ANY($3::text[])"
"""By the whole primary key, which holds these columns beside it: one place of the index for who is named, however many
rights a record has."""


async def load(tx: Transaction, records: Collection[UUID], whose: Collection[str] | None = None) -> Rights:
    """The rights on these records; a record without any is left out.

    Args:
        tx: A transaction.
        records: Their ids.
        whose: Directory numbers of whose rights are needed; None: of everybody.
    """
    asked = list(records), _NONE
    rows = await (tx.fetch(_LOAD, *asked) if whose is None else tx.fetch(_LOAD_SOME, *asked, list(whose)))
    found: dict[UUID, dict[str, Right]] = {}
    for row in rows:
        found.setdefault(row["record"], {})[row["professional"]] = _right(row)
    return found


def _right(row: Any) -> Right:
    return Right(
        blocked=row["standing"] == _BLOCKED,
        until=row["until"],
        administrator=AdministratorRole(row["administrator"]) if row["administrator"] else None,
        collector=row["collector"],
        why=row["why"],
        by_representative=row["by_representative"],
    )


async def save(tx: Transaction, rights: Mapping[tuple[UUID, str], Right | None]) -> None:
    """Write what was decided, by record and professional; None: there is nothing any more."""
    told = [right or _NO_RIGHT for right in rights.values()]
    await tx.execute(
        """
        INSERT INTO professional_right
            (record, professional, standing, until, administrator, collector, why, by_representative)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[],
                             $7::text[], $8::boolean[])
        ON CONFLICT (record, professional) DO UPDATE
        SET standing = excluded.standing, until = excluded.until, administrator = excluded.administrator,
            collector = excluded.collector, why = excluded.why, by_representative = excluded.by_representative,
            changed_at = excluded.changed_at
        """,
        [record for record, _ in rights],
        [professional for _, professional in rights],
        [_standing(right) for right in rights.values()],
        [right.until for right in told],
        [right.administrator.value if right.administrator else None for right in told],
        [right.collector for right in told],
        [right.why for right in told],
        [right.by_representative for right in told],
    )


def _standing(right: Right | None) -> str:
    if right is None:
        return _NONE
    return _BLOCKED if right.blocked else _AUTHORISED
