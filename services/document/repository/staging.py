"""Staging: rows of deposits and their requests leave in one transaction, and a repeat finds the first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import asyncpg

from services.document.domain.deposit import Accepted
from services.document.domain.settlement import Status
from services.document.repository.details import Details, seal_details
from shared.contracts.http_document import DepositState, DepositView
from shared.contracts.reasons import Reason
from shared.contracts.record_deposits import Deposit
from shared.database import Transaction
from shared.database.record_keys import RecordDestroyedError, RecordKeys
from shared.messaging import Outbox
from shared.security import wrap_with

_COLUMNS: Final = {
    "id": "uuid",
    "record": "uuid",
    "submitter": "text",
    "submitter_structure": "text",
    "unique_id": "text",
    "replaces": "text",
    "type_code": "text",
    "class_code": "text",
    "format_code": "text",
    "content_type": "text",
    "language": "text",
    "created": "timestamptz",
    "service_start": "timestamptz",
    "service_stop": "timestamptz",
    "practice_setting": "text",
    "facility_type": "text",
    "owners": "text",  # a list between blanks, which no directory number has
    "label": "text",
    "masked": "bool",
    "withheld": "bool",
    "hidden": "bool",
    "object": "uuid",
    "content_key": "bytea",
    "size": "bigint",
    "sha1": "bytea",
    "sha256": "bytea",
    "details": "bytea",
}
_NAMES: Final = ", ".join(_COLUMNS)
_VALUES: Final = _NAMES.replace("owners", "string_to_array(owners, ' ')")
_ARRAYS: Final = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_COLUMNS.values(), 1))
_INSERT: Final = (
    f"INSERT INTO document ({_NAMES}, withheld_since) "  # noqa: S608 - put together of constants
    f"SELECT {_VALUES}, CASE WHEN withheld THEN clock_timestamp() END FROM unnest({_ARRAYS}) AS n ({_NAMES}) "
    "ON CONFLICT (record, unique_id, submitter) DO NOTHING RETURNING object"
)
_STATES: Final = {
    Status.STAGED: DepositState.STAGED,
    Status.CURRENT: DepositState.STORED,
    Status.SUPERSEDED: DepositState.STORED,
    Status.ARCHIVED: DepositState.STORED,
    Status.DELETED: DepositState.STORED,
    Status.REFUSED: DepositState.REFUSED,
    Status.HELD: DepositState.HELD,
}

Place = tuple[UUID, str, str]
"""What a repeat has in common with the first: record, unique id and submitter."""
Replaced = Mapping[UUID, str | None]
"""By the name of a deposit's content: the unique id of what it replaces, None where it replaces nothing."""
_NOWHERE: Final = " "
"""No unique id begins with a blank."""


class UsedUniqueIdError(Exception):
    """The submitter used this unique id in this record before, for another content."""


class VanishedError(Exception):
    """The first deposit was collected just while its repeat came; the same request succeeds when sent again."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A deposit to be staged."""

    deposit: UUID
    """A new id."""
    accepted: Accepted
    name: UUID
    """The content's name in the content store, where it stands before this is staged."""
    content_key: bytes = field(repr=False)

    @property
    def record(self) -> UUID:
        """The record it goes into."""
        return self.accepted.metadata.record

    @property
    def place(self) -> Place:
        """What a repeat of it has too."""
        return self.record, self.accepted.metadata.unique_id, self.accepted.submitter


class Staging:
    """Writes deposits and tells their outcomes."""

    def __init__(self, keys: RecordKeys, outbox: Outbox) -> None:
        self._keys = keys
        self._outbox = outbox

    async def stage(self, tx: Transaction, asked: Sequence[Checked]) -> list[DepositView | Exception]:
        """Stage deposits and ask for their decisions; gives for each its view, the first's where it is a repeat.

        Acknowledged is what the transaction commits. Instead of a view stands UsedUniqueIdError, VanishedError or
        RecordDestroyedError where a deposit was not staged. The number of statements does not grow with that of
        deposits.
        """
        replaced = await _replaced(tx, asked)
        staged, destroyed = await self._insert(tx, asked, replaced)
        firsts = await _firsts(tx, [one for one in asked if one.name not in staged])
        await self._ask(tx, [one for one in asked if one.name in staged], replaced)

        def outcome(one: Checked) -> DepositView | Exception:
            if one.name in staged:
                return DepositView(deposit=one.deposit, state=DepositState.STAGED)
            if one.record in destroyed:
                return RecordDestroyedError()
            return _repeated(one, firsts.get(one.place))

        return [outcome(one) for one in asked]

    async def outcome(self, tx: Transaction, deposit: UUID) -> DepositView | None:
        """How far a deposit is; None where there is none of this id."""
        row = await tx.fetchrow(
            "SELECT id, status, version, reason, because, record, submitter FROM document WHERE id = $1", deposit
        )
        if row is None:
            return None
        return _view(row).model_copy(update={"record": row["record"], "submitter": row["submitter"]})

    async def _insert(
        self, tx: Transaction, asked: Sequence[Checked], replaced: Replaced
    ) -> tuple[set[UUID], frozenset[UUID]]:
        """Write the rows of those that repeat nothing, each other included.

        A record that is deleted at this very moment may get a row: its decision denies it, and it is collected then.

        Returns:
            The names of their contents, and the records of deposits that were deleted.
        """
        if not asked:
            return set(), frozenset()
        keys = await self._keys.ensure(tx, {one.record for one in asked})
        # in the order of the unique index, so that two writers of the same repeats don't wait for each other
        wanted = sorted((one for one in asked if one.record in keys), key=lambda one: one.place)
        rows = [_values(one, replaced[one.name], keys[one.record]) for one in wanted]
        found = await tx.fetch(_INSERT, *map(list, zip(*rows, strict=True))) if rows else []
        return {row["object"] for row in found}, keys.destroyed

    async def _ask(self, tx: Transaction, staged: Sequence[Checked], replaced: Replaced) -> None:
        outgoing = [
            message
            for one in staged
            for message in self._outbox.root((_request(one, replaced),), cause=one.deposit, key=one.record)
        ]
        await self._outbox.append(tx, outgoing)


async def _replaced(tx: Transaction, asked: Sequence[Checked]) -> Replaced:
    """What each deposit replaces.

    Whether it may be replaced is settled with the decision, and so is whether it is there: were this answered now,
    a document that is there and may not be seen could be told from one that is not.
    """
    replaced: dict[UUID, str | None] = {}
    by_id: dict[UUID, tuple[UUID, UUID]] = {}
    for one in asked:
        metadata = one.accepted.metadata
        if metadata.replaces is None and metadata.replaces_document is not None:
            by_id[one.name] = (metadata.record, metadata.replaces_document)
        else:
            replaced[one.name] = metadata.replaces
    if not by_id:
        return replaced
    rows = await tx.fetch(
        "SELECT record, id, unique_id FROM document "
        "WHERE id = ANY($1::uuid[]) AND status IN ('current', 'superseded', 'archived')",
        [document for _, document in by_id.values()],
    )
    found = {(row["record"], row["id"]): row["unique_id"] for row in rows}
    return replaced | {name: found.get(target, f"{_NOWHERE}{target[1]}") for name, target in by_id.items()}


async def _firsts(tx: Transaction, repeats: Sequence[Checked]) -> Mapping[Place, asyncpg.Record]:
    if not repeats:
        return {}
    places = [one.place for one in repeats]
    rows = await tx.fetch(
        """
        SELECT record, unique_id, submitter, id, status, version, reason, because, sha256
        FROM unnest($1::uuid[], $2::text[], $3::text[]) AS n (record, unique_id, submitter)
        JOIN document USING (record, unique_id, submitter)
        """,
        *map(list, zip(*places, strict=True)),
    )
    return {(row["record"], row["unique_id"], row["submitter"]): row for row in rows}


def _repeated(one: Checked, first: asyncpg.Record | None) -> DepositView | Exception:
    """The first's outcome, where what came again is the same."""
    if first is None:
        return VanishedError()
    return _view(first) if first["sha256"] == one.accepted.sha256 else UsedUniqueIdError()


def _request(one: Checked, replaced: Replaced) -> Deposit:
    metadata = one.accepted.metadata
    return Deposit(
        deposit=one.deposit,
        actor=metadata.actor,
        type_code=metadata.type_code,
        replaces=replaced[one.name] is not None,
        mode=metadata.mode,
    )


def _details(accepted: Accepted) -> Details:
    return Details(
        title=accepted.title,
        description=accepted.metadata.description,
        professionals=accepted.professionals,
        structures=accepted.structures,
    )


def _values(one: Checked, replaces: str | None, key: bytes) -> tuple[object, ...]:
    """The values of `_COLUMNS`."""
    accepted, metadata = one.accepted, one.accepted.metadata
    return (
        one.deposit,
        metadata.record,
        accepted.submitter,
        metadata.actor.structure,
        metadata.unique_id,
        replaces,
        metadata.type_code,
        accepted.class_code,
        metadata.format_code,
        accepted.content_type,
        accepted.language,
        metadata.created,
        accepted.service_start,
        metadata.service_stop,
        metadata.practice_setting,
        metadata.facility_type,
        " ".join(accepted.owners),
        accepted.label,
        *accepted.flags,
        one.name,
        wrap_with(key, one.content_key),
        accepted.size,
        accepted.sha1,
        accepted.sha256,
        seal_details(_details(accepted), key, one.deposit),
    )


def _view(row: asyncpg.Record) -> DepositView:
    state = _STATES[Status(row["status"])]
    stored = state is DepositState.STORED
    return DepositView(
        deposit=row["id"],
        state=state,
        reason=None if row["reason"] is None else Reason(row["reason"]),
        because=tuple(Reason(code) for code in (row["because"] or "").split(",") if code),
        document=row["id"] if stored else None,
        version=row["version"],
    )
