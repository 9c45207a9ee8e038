"""Extracts for heirs and court experts: `POST /extract`, one archive on one permit (AR-065)."""

import asyncio
import io
import mimetypes
import zipfile
from collections.abc import Callable, Sequence
from typing import Final

from fastapi import APIRouter, Request, Response

from services.document.api.lean import Check, body_of, post
from services.document.api.reads import content_of
from services.document.content import ContentStore
from services.document.repository import Extracts, ExtractTooLargeError, Found
from shared.contracts.http_document import SearchResult
from shared.contracts.http_extracts import LISTING, MOST_BYTES, MOST_DOCUMENTS, TakeExtract
from shared.http import Problem, reading_permit
from shared.security import PermitVerifier

_LIKE_NO_OTHER: Final = (1980, 1, 1, 0, 0, 0)
"""When a file of the archive was made is said of none: the listing tells each document's own times."""


def extracts(
    check: Check, repository: Extracts, content: ContentStore, permits: PermitVerifier, *, claim: Callable[[], None]
) -> APIRouter:
    """The route; `check` admits the gateway, `claim` says that someone waits."""
    router = APIRouter()

    @post(router, "/extract", check)
    async def take(request: Request) -> Response:
        """Give what the case covers, and trace it with the case; the permit opens nothing else, and nothing twice."""
        asked = await body_of(request, TakeExtract)
        permit = reading_permit(permits, asked.permit, extract=True)
        if permit.extract is None:
            raise Problem(403, "permit_other_act", "The permit is for no extract.", "Ask for the extract again.")
        claim()
        try:
            found = await repository.take(permit, permit.extract)
        except ExtractTooLargeError:
            told = f"An extract holds at most {MOST_DOCUMENTS} documents and {MOST_BYTES} bytes."
            raise Problem(413, "extract_too_large", told, "Open a case with a narrower scope.") from None
        contents = [await content_of(content, one) for one in found]
        archive = await asyncio.to_thread(_archive, found, contents)
        return Response(archive, media_type="application/zip")

    return router


def _archive(found: Sequence[Found], contents: Sequence[bytes]) -> bytes:
    """The listing, and each document under its id."""
    entries = tuple(one.entry for one in found)
    listing = SearchResult(total=len(entries), entries=entries).model_dump_json(exclude_none=True, indent=2)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(zipfile.ZipInfo(LISTING, _LIKE_NO_OTHER), listing)
        for entry, body in zip(entries, contents, strict=True):
            ending = mimetypes.guess_extension(entry.content_type) or ".bin"
            archive.writestr(zipfile.ZipInfo(f"{entry.document}{ending}", _LIKE_NO_OTHER), body)
    return made.getvalue()
