"""Reading: `POST /search` and `POST /open`, each on a permit of its own."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, cast
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.document.api.lean import Check, body_of, post
from services.document.content import ContentStore, ContentUnreadableError, beside, unseal
from services.document.repository import Asked, Found, Opening, Read, Reads, Search
from shared.contracts.http_document import (
    DOCUMENT_HEADER,
    DocumentFilters,
    OpenRequest,
    SearchRequest,
    SearchResult,
    to_header,
)
from shared.database import Database, is_transient
from shared.database.reads import PermitLateError
from shared.http import Problem, reading_permit
from shared.observability import logger
from shared.security import Permit, PermitVerifier
from shared.together import Together

GATHER_S: Final = 0.01
"""Least time between the beginnings of two transactions, in seconds."""
LINGER_S: Final = 0.008
"""How long the first read waits for others at most, in seconds: its permit lives for five."""
CLOCKS: Final = timedelta(seconds=0.1)
"""How far the clocks of this process and the database are taken to differ."""

_log = logger(__name__)


def reads(
    check: Check,
    database: Database,
    repository: Reads,
    content: ContentStore,
    permits: PermitVerifier,
    *,
    claim: Callable[[], None],
) -> APIRouter:
    """The routes; `check` admits the gateway, `claim` says that someone waits."""
    router = APIRouter()
    work = _Reading(database, repository, claim)

    @post(router, "/search", check)
    async def search(request: Request) -> Response:
        """List documents within the permit's scope; what is outside leaves no trace, not even in the total."""
        asked = await body_of(request, SearchRequest)
        result = await work.search(reading_permit(permits, asked.permit), asked.filters)
        return Response(result.model_dump_json(exclude_none=True), media_type="application/json")

    @post(router, "/open", check)
    async def open_document(request: Request) -> Response:
        """Give one document, byte for byte; one that may not be seen is answered like one that does not exist."""
        asked = await body_of(request, OpenRequest)
        found = await work.open(reading_permit(permits, asked.permit), asked.document)
        if found is None:
            raise Problem(404, "no_document", "There is no such document.", "Search the record's documents.")
        body = await content_of(content, found)
        return Response(body, headers={DOCUMENT_HEADER: to_header(found.entry)}, media_type="application/octet-stream")

    return router


class _Reading:
    """Reads that come at the same time share a transaction."""

    def __init__(self, database: Database, repository: Reads, claim: Callable[[], None]) -> None:
        self._claim = claim
        self._database = database
        self._repository = repository
        self._together = Together(self._read, gather_s=GATHER_S, linger_s=LINGER_S)

    async def search(self, permit: Permit, filters: DocumentFilters) -> SearchResult:
        """The documents looked for."""
        return cast("SearchResult", await self._done(Search(permit, filters)))

    async def open(self, permit: Permit, document: UUID) -> Found | None:
        """The document asked for, or None."""
        return cast("Found | None", await self._done(Opening(permit, document)))

    async def _done(self, asked: Asked) -> Read:
        self._claim()
        return await self._together.do(asked)

    async def _read(self, batch: list[Asked]) -> list[Read | Exception]:
        try:
            async with self._database.transaction() as tx:
                return await self._repository.read(tx, batch)
        except Exception as error:
            if len(batch) > 1 and is_transient(error) and _one_ended(batch):
                # the transaction ended with that permit; as no fault that passes, this has each tried by itself
                raise PermitLateError from error
            raise


def _one_ended(batch: Sequence[Asked]) -> bool:
    return min(one.permit.expires for one in batch) < datetime.now(UTC) + CLOCKS


async def content_of(content: ContentStore, found: Found) -> bytes:
    """A document's bytes, checked against its metadata.

    Raises:
        Problem: 500 where the content is damaged or missing.
    """
    document, size = found.entry.document, found.entry.size
    try:
        sealed = await content.get(found.name)
        return await beside(size, lambda: unseal(sealed, found.content_key, document, found.sha256, size))
    except ContentUnreadableError as error:
        _log.error("content_unreadable", record=found.entry.record, reason=str(error), exc_info=error)
        told = "The document's content is damaged or missing."
        raise Problem(500, "content_unreadable", told, "Tell the operator the document's id.") from None
