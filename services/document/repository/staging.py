"""Staging: the row of a deposit and its request leave in one transaction, and a repeat finds the first."""

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
from shared.database.record_keys import RecordKeys
from shared.messaging import Outbox
from shared.security import wrap_with

_COLUMNS: Final = (
    "id, record, submitter, submitter_structure, unique_id, replaces, type_code, class_code, format_code, "
    "content_type, language, created, service_start, service_stop, practice_setting, facility_type, owners, label, "
    "masked, withheld, hidden, object, content_key, size, sha1, sha256, details"
)
_PLACES: Final = ", ".join(f"${place}" for place in range(1, _COLUMNS.count(",") + 2))
_WITHHELD: Final = _COLUMNS.split(", ").index("withheld") + 1
_INSERT: Final = (
    f"INSERT INTO document ({_COLUMNS}, withheld_since) "  # noqa: S608 - put together of constants
    f"VALUES ({_PLACES}, CASE WHEN ${_WITHHELD} THEN clock_timestamp() END) "
    "ON CONFLICT (record, unique_id, submitter) DO NOTHING RETURNING id"
)
_STATES: Final = {
    Status.STAGED: DepositState.STAGED,
    Status.CURRENT: DepositState.STORED,
    Status.SUPERSEDED: DepositState.STORED,
    Status.REFUSED: DepositState.REFUSED,
    Status.HELD: DepositState.HELD,
}


class UsedUniqueIdError(Exception):
    """The submitter used this unique id in this record before, for another content."""


class UnknownTargetError(Exception):
    """The record has no document of the id that is to be replaced."""


class VanishedError(Exception):
    """The first deposit was collected just while its repeat came; the same request succeeds when sent again."""


class Staging:
    """Writes deposits and tells their outcomes."""

    def __init__(self, keys: RecordKeys, outbox: Outbox) -> None:
        self._keys = keys
        self._outbox = outbox

    async def stage(
        self, tx: Transaction, deposit: UUID, accepted: Accepted, name: UUID, content_key: bytes
    ) -> DepositView:
        """Stage a deposit and ask for its decision, or give the first outcome where it is a repeat.

        Args:
            tx: The transaction; acknowledged is what it commits.
            deposit: A new id.
            accepted: What was checked.
            name: The content's name in the content store, where it stands already.
            content_key: The content's own key.

        Raises:
            UsedUniqueIdError, UnknownTargetError, VanishedError: Nothing was staged.
        """
        record = accepted.metadata.record
        replaces = await self._target(tx, accepted)
        key = (await self._keys.ensure(tx, (record,)))[record]
        values = _values(deposit, accepted, replaces, name)
        sealed = (wrap_with(key, content_key), accepted.size, accepted.sha1, accepted.sha256)
        details = seal_details(_details(accepted), key, deposit)
        if await tx.fetchrow(_INSERT, *values, *sealed, details) is None:
            return await self._first(tx, accepted)
        body = Deposit(
            deposit=deposit,
            actor=accepted.metadata.actor,
            type_code=accepted.metadata.type_code,
            replaces=replaces is not None,
        )
        await self._outbox.append(tx, self._outbox.root((body,), cause=deposit, key=record))
        return DepositView(deposit=deposit, state=DepositState.STAGED)

    async def outcome(self, tx: Transaction, deposit: UUID) -> DepositView | None:
        """How far a deposit is; None where there is none of this id."""
        row = await tx.fetchrow("SELECT id, status, version, reason, because FROM document WHERE id = $1", deposit)
        return None if row is None else _view(row)

    @staticmethod
    async def _target(tx: Transaction, accepted: Accepted) -> str | None:
        """The unique id of what is to be replaced; whether it may be is settled with the decision."""
        metadata = accepted.metadata
        if metadata.replaces is not None or metadata.replaces_document is None:
            return metadata.replaces
        row = await tx.fetchrow(
            "SELECT unique_id FROM document WHERE id = $1 AND record = $2 AND status IN ('current', 'superseded')",
            metadata.replaces_document,
            metadata.record,
        )
        if row is None:
            raise UnknownTargetError
        unique_id: str = row["unique_id"]
        return unique_id

    @staticmethod
    async def _first(tx: Transaction, accepted: Accepted) -> DepositView:
        row = await tx.fetchrow(
            "SELECT id, status, version, reason, because, sha256 FROM document "
            "WHERE record = $1 AND unique_id = $2 AND submitter = $3",
            accepted.metadata.record,
            accepted.metadata.unique_id,
            accepted.submitter,
        )
        if row is None:
            raise VanishedError
        if row["sha256"] != accepted.sha256:
            raise UsedUniqueIdError
        return _view(row)


def _details(accepted: Accepted) -> Details:
    return Details(
        title=accepted.title,
        description=accepted.metadata.description,
        professionals=accepted.professionals,
        structures=accepted.structures,
    )


def _values(deposit: UUID, accepted: Accepted, replaces: str | None, name: UUID) -> tuple[object, ...]:
    """The values of the columns from `id` to `object`."""
    metadata = accepted.metadata
    return (
        deposit,
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
        list(accepted.owners),
        accepted.label,
        *accepted.flags,
        name,
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
