"""Reading: `POST /search` and `POST /open`, each on a permit of its own."""

from fastapi import APIRouter, Response, params

from services.document.clients import ContentStore, ContentUnreadableError, beside, unseal
from services.document.repository import Found, Reads
from shared.contracts.http_document import DOCUMENT_HEADER, OpenRequest, SearchRequest, to_header
from shared.database import Database
from shared.http import Problem, reading_permit
from shared.observability import logger
from shared.security import KeyDestroyedError, PermitVerifier

_log = logger(__name__)


def reads(
    caller: params.Depends, database: Database, repository: Reads, content: ContentStore, permits: PermitVerifier
) -> APIRouter:
    """The routes; `caller` admits the gateway."""
    router = APIRouter(dependencies=[caller])

    @router.post("/search")
    async def search(asked: SearchRequest) -> Response:
        """List documents within the permit's scope; what is outside leaves no trace, not even in the total."""
        permit = reading_permit(permits, asked.permit)
        try:
            async with database.transaction() as tx:
                result = await repository.search(tx, permit, asked.filters)
        except KeyDestroyedError:
            raise _key_destroyed() from None
        return Response(result.model_dump_json(exclude_none=True), media_type="application/json")

    @router.post("/open")
    async def open_document(asked: OpenRequest) -> Response:
        """Give one document, byte for byte; one that may not be seen is answered like one that does not exist."""
        permit = reading_permit(permits, asked.permit)
        try:
            async with database.transaction() as tx:
                found = await repository.open(tx, permit, asked.document)
        except KeyDestroyedError:
            raise _key_destroyed() from None
        if found is None:
            raise Problem(404, "no_document", "There is no such document.", "Search the record's documents.")
        body = await _content(content, found)
        return Response(body, headers={DOCUMENT_HEADER: to_header(found.entry)}, media_type="application/octet-stream")

    return router


async def _content(content: ContentStore, found: Found) -> bytes:
    size = found.entry.size
    try:
        sealed = await content.get(found.name)
        return await beside(size, lambda: unseal(sealed, found.content_key, found.name, found.sha256, size))
    except ContentUnreadableError as error:
        _log.error("content_unreadable", record=found.entry.record, reason=str(error), exc_info=error)
        told = "The document's content is damaged or missing."
        raise Problem(500, "content_unreadable", told, "Tell the operator the document's id.") from None


def _key_destroyed() -> Problem:
    return Problem(410, "key_destroyed", "The key of this record was destroyed.", "Nothing of it can be read.")
