"""Depositing: `POST /deposits` checks, stores and stages; `GET /deposits/{deposit}` tells the outcome."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from services.document.api.lean import Check, post
from services.document.content import LARGE, ContentStore, beside, seal
from services.document.domain.deadline import in_time
from services.document.domain.deposit import Accepted, RefusedDeposit, accept
from services.document.domain.inspected import BrokenContent
from services.document.repository import Checked, Staging, UsedUniqueIdError, VanishedError
from services.document.settings import Settings
from shared.contracts.common import ActorKind
from shared.contracts.http_document import DEPOSIT_HEADER, DepositMetadata, DepositView, HeaderError, from_header
from shared.database import Database
from shared.database.record_keys import RecordDestroyedError
from shared.http import Problem
from shared.observability import DEPOSITS_BY_DEADLINE
from shared.security import new_key
from shared.together import Together

_ON_DUTY: Final = frozenset({ActorKind.PROFESSIONAL, ActorKind.STRUCTURE})
"""Who has to deposit in time."""
_STATUS: Final = {"too_large": 413, "unknown_format": 415}
GATHER_S: Final = 0.025
"""Least time between the beginnings of two transactions, in seconds. What is staged together travels together: each
transaction costs one more in every service behind, however much it holds."""
LINGER_S: Final = 0.008
"""How long the first deposit waits for others at most, in seconds."""


def deposits(
    check: Check, database: Database, staging: Staging, content: ContentStore, settings: Settings
) -> APIRouter:
    """The routes; `check` admits the gateway."""
    router = APIRouter(dependencies=[Depends(check)])
    work = _Deposits(database, staging, content, settings)

    @post(router, "/deposits", check)
    async def deposit(request: Request) -> Response:
        """Take a document; 202 once content, row and request are safe, also for a repeat."""
        metadata = _metadata(request)
        return _answer(await work.take(await request.body(), metadata), 202)

    @router.get("/deposits/{deposit}")
    async def outcome(deposit: UUID) -> Response:
        """How far a deposit is."""
        async with database.transaction() as tx:
            view = await staging.outcome(tx, deposit)
        if view is None:
            raise Problem(404, "no_deposit", "There is no deposit of this id.", "Send the document again.")
        return _answer(view, 200)

    return router


@dataclass(slots=True)
class _Taken:
    """A checked deposit on its way into content store and database."""

    deposit: UUID
    accepted: Accepted
    key: bytes = field(repr=False)
    sealed: bytes = field(repr=False)
    name: UUID | None = None
    """The content's name in the store, once it stands there."""


class _Deposits:
    """What happens to a deposit until it is acknowledged; those who come at the same time share a transaction."""

    def __init__(self, database: Database, staging: Staging, content: ContentStore, settings: Settings) -> None:
        self._database = database
        self._staging = staging
        self._content = content
        self._settings = settings
        self._together = Together(self._stage, gather_s=GATHER_S, linger_s=LINGER_S)

    async def take(self, content: bytes, metadata: DepositMetadata) -> DepositView:
        """Check, seal, keep and stage a deposit.

        Raises:
            Problem: Why the deposit is not taken.
        """
        accepted = await self._accepted(content, metadata)
        key = new_key()
        sealed = await beside(len(content), lambda: seal(content, key, metadata.deposit))
        taken = _Taken(metadata.deposit, accepted, key, sealed)
        if len(sealed) >= LARGE:
            await self._keep([taken])  # nobody waits for the large content of another
        try:
            view = await self._together.do(taken)
        except (UsedUniqueIdError, VanishedError) as error:
            await self._discard(taken)
            raise _problem(error) from None
        except RecordDestroyedError:
            await self._discard(taken)
            raise
        # whatever else went wrong may have been committed: such a content is left to the collection
        if view.deposit != metadata.deposit:
            await self._discard(taken)
        else:
            _count(accepted)
        return view

    async def _stage(self, batch: list[_Taken]) -> list[DepositView | Exception]:
        """Keep and stage what came together. A content stands in the store before a row names it."""
        await self._keep([one for one in batch if one.name is None])
        checked = [Checked(one.deposit, one.accepted, one.name, one.key) for one in batch if one.name is not None]
        async with self._database.transaction() as tx:
            return await self._staging.stage(tx, checked)

    async def _keep(self, batch: list[_Taken]) -> None:
        if batch:
            for one, name in zip(batch, await self._content.put([one.sealed for one in batch]), strict=True):
                one.name = name

    async def _discard(self, taken: _Taken) -> None:
        if taken.name is not None:
            await self._content.remove([taken.name])

    async def _accepted(self, content: bytes, metadata: DepositMetadata) -> Accepted:
        limits = self._settings
        try:
            return await beside(
                len(content),
                lambda: accept(
                    content,
                    metadata,
                    max_bytes=limits.max_content_bytes,
                    max_patient_bytes=limits.max_patient_bytes,
                ),
            )
        except (BrokenContent, RefusedDeposit) as error:
            raise Problem(_STATUS.get(error.code, 422), error.code, error.sentence) from None


def _count(accepted: Accepted) -> None:
    """Tell whether a deposit that was staged now, and is no repeat, came in time (AR-005)."""
    metadata = accepted.metadata
    if metadata.actor.kind in _ON_DUTY:
        told = metadata.created, accepted.service_start, metadata.service_stop
        outcome = "on_time" if in_time(datetime.now(UTC), *told) else "late"
        DEPOSITS_BY_DEADLINE.labels(metadata.actor.kind.value, outcome).inc()


def _metadata(request: Request) -> DepositMetadata:
    header = request.headers.get(DEPOSIT_HEADER)
    if header is None:
        told = f"The header {DEPOSIT_HEADER} with the document's metadata is missing."
        raise Problem(400, "no_metadata", told, "Send DepositMetadata as JSON in base64.")
    try:
        return from_header(DepositMetadata, header)
    except HeaderError as error:
        told = f"The header {DEPOSIT_HEADER}: {error}."
        raise Problem(422, "invalid_metadata", told, "Send DepositMetadata as JSON in base64.") from None


def _problem(error: Exception) -> Problem:
    if isinstance(error, UsedUniqueIdError):
        told = "This unique id was used before by the same depositor in this record, for another content."
        return Problem(409, "unique_id_used", told, "Give the document a unique id of its own.")
    return Problem(503, "repeat", "The first deposit was removed just now.", "Send the document again.")


def _answer(view: DepositView, status: int) -> Response:
    return Response(view.model_dump_json(exclude_none=True), status, media_type="application/json")
