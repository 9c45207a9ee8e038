"""Finding and opening documents (ITI-67, ITI-68). Each is a read of its own: asked, decided, permitted, traced."""

import base64
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from services.gateway.api.door import Door, language_of
from services.gateway.api.outcomes import FORM, expect_content, expect_readable, resource, wants_resource
from services.gateway.api.terms import terms
from services.gateway.domain.mapping import entry_view, filters
from services.gateway.domain.users import User
from services.gateway.fhir.errors import FhirError
from services.gateway.fhir.search import DocumentSearch, parse_search
from services.gateway.fhir.views import document_reference, ids_of_binary, searchset
from shared.contracts.common import Actor, Owner
from shared.contracts.http_document import SearchResult
from shared.http import Problem

MOST_PARAMETERS: Final = 64
_LEFT_OUT: Final = frozenset({"patient", "patient.identifier", "subject:Patient.identifier", "_offset"})
_UNTRUSTED: Final = {"content-security-policy": "sandbox; default-src 'none'", "content-disposition": "attachment"}
"""A document is somebody else's content: no browser shall run it as ours."""

Parameters = list[tuple[str, str]]


def documents(door: Door) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/fhir", tags=["documents"])

    @router.post("/DocumentReference/_search", openapi_extra=_FORM)
    async def search_by_form(request: Request, user: Annotated[User, Depends(door.user)]) -> Response:
        """ITI-67 by form: only here an INS may stand (`patient.identifier`)."""
        expect_content(request, FORM)
        parameters = _parameters((await request.body()) + _also(request))
        return await _search(door, request, user, parse_search(parameters, posted=True), parameters)

    @router.get("/DocumentReference")
    async def search(request: Request, user: Annotated[User, Depends(door.user)]) -> Response:
        """ITI-67 by address: `patient=Patient/<record id>`, which a holder may leave out."""
        parameters = _parameters(request.scope["query_string"])
        return await _search(door, request, user, parse_search(parameters, posted=False), parameters)

    @router.get("/Binary/{binary}")
    async def opened(binary: str, request: Request, user: Annotated[User, Depends(door.user)]) -> Response:
        """ITI-68: one document, byte for byte; as a Binary resource where the client asks for FHIR."""
        ids = ids_of_binary(binary)
        if ids is None:
            raise Problem(404, "no_document", "There is no such document.", "Take the address from a search.")
        record, document = ids
        language = language_of(request)
        actor = await door.acting(user, record, language)
        permit = await door.permit(actor, record, Owner.DOCUMENT, language, on=terms(request))
        found = await door.owners.documents.open(permit, document)
        headers = {"etag": f'W/"{found.entry.version}"', **_UNTRUSTED}
        if not wants_resource(request):
            return Response(found.content, headers=headers, media_type=found.entry.content_type)
        data = base64.b64encode(found.content).decode()
        shown = {"resourceType": "Binary", "id": binary, "contentType": found.entry.content_type, "data": data}
        return resource(shown, headers=headers)

    return router


async def _search(door: Door, request: Request, user: User, wanted: DocumentSearch, parameters: Parameters) -> Response:
    expect_readable(request)
    looked_for = filters(wanted)
    language = language_of(request)
    record, actor = await _record(door, user, wanted, language)
    permit = await door.permit(actor, record, Owner.DOCUMENT, language, on=terms(request))
    result = await door.owners.documents.search(permit, looked_for)
    resources = [document_reference(entry_view(entry)) for entry in result.entries]
    base = door.base(request)
    link, following = _links(base, record, wanted, parameters, result)
    return resource(searchset(resources, base=base, link=link, total=result.total, following=following))


async def _record(door: Door, user: User, wanted: DocumentSearch, language: str) -> tuple[UUID, Actor]:
    """Whose documents are searched, and who does it: a holder's own, or the patient that the search names."""
    if wanted.patient is None and wanted.record is None:
        if user.ins is None:
            told = "name the patient: patient.identifier in a form, or patient=Patient/<record id> in the address"
            raise FhirError(400, "required", told, "patient")
        return await door.own(user, language), user.actor
    if wanted.patient is None:
        named = wanted.record or UUID(int=0)
        return named, await door.acting(user, named, language)
    record, actor = await door.named(user, wanted.patient, language)
    if wanted.record not in {None, record}:
        raise FhirError(400, "conflict", "patient and patient.identifier name two patients; send one", "patient")
    return record, actor


def _links(
    base: str, record: UUID, wanted: DocumentSearch, parameters: Parameters, result: SearchResult
) -> tuple[str, str | None]:
    """Addresses of this page and the next, with the record's id in place of any identity."""
    kept = [("patient", f"Patient/{record}")]
    kept += [(name, value) for name, value in parameters if value and name not in _LEFT_OUT]

    def page(offset: int) -> str:
        return f"{base}/DocumentReference?{urlencode([*kept, ('_offset', str(offset))] if offset else kept)}"

    seen = wanted.offset + len(result.entries)
    return page(wanted.offset), page(seen) if result.entries and seen < result.total else None


def _also(request: Request) -> bytes:
    """Parameters in the address of a search by form; an identity among them is refused like in a GET."""
    query: bytes = request.scope["query_string"]
    if query:
        parse_search(_parameters(query), posted=False)
    return b"&" + query if query else b""


def _parameters(text: bytes) -> Parameters:
    try:
        return parse_qsl(text.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_PARAMETERS, errors="strict")
    except ValueError:
        told = f"the parameters can't be read; send at most {MOST_PARAMETERS}, in UTF-8 and percent-encoded"
        raise FhirError(400, "structure", told) from None


_FORM: Final[dict[str, Any]] = {"requestBody": {"content": {FORM: {"schema": {"type": "object"}}}}}
