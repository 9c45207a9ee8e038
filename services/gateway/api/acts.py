"""Acts on a document that stands in a record: masking, announcing, revealing, archiving, deleting (domain rules, 4.9).

Two ways lead to the same: FHIR's PATCH (PDSm) and DELETE for software, and for an app one address that names the act,
without a patch. A request on a record goes by the record's id, which a document's id does not tell: FHIR's way names
it like a search, `patient=Patient/<record id>`, which a holder may leave out.

Who may is decided by access_control, which knows no document; what becomes of the document is document's. What is not
there and what may not be known is answered alike (AR-023).
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, TypeAdapter, ValidationError

from services.gateway.api.door import Door, language_of
from services.gateway.api.outcomes import JSON_PATCH, expect_content, expect_readable, prefers, resource
from services.gateway.api.urgency import one_header
from services.gateway.domain.answers import not_done
from services.gateway.domain.users import User
from services.gateway.fhir.errors import FhirError, operation_outcome
from services.gateway.fhir.patch import act_asked
from shared.contracts.access_decisions import Decided
from shared.contracts.common import Actor, Code, FurtherAct
from shared.contracts.document_changes import ActRefused, DocumentChanged
from shared.contracts.document_events import DocumentHeld
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.record_documents import BY_ACT, DocumentCommand
from shared.http import Problem
from shared.observability import logger

AT_REQUEST: Final = "carnet-holder-request"
"""`true`: a professional records that the holder asks for it."""
CASE: Final = "carnet-case"
"""For an operator who deletes: the holder's case that was found justified (AR-068)."""
OPINION: Final = "carnet-opinion"
"""What the protected adult thinks of it: asked of the person in charge of the protection (AR-063)."""
_VERSION = re.compile(r'(?:W/)?"(\d{1,9})"', re.ASCII)

_CODE: Final = TypeAdapter[str](Code)

_log = logger(__name__)


class DocumentAct(StrEnum):
    """What is done to a document."""

    MASK = "mask"
    UNMASK = "unmask"
    WITHHOLD = "withhold"
    ANNOUNCE = "announce"
    HIDE = "hide"
    REVEAL = "reveal"
    ARCHIVE = "archive"
    UNARCHIVE = "unarchive"
    DELETE = "delete"


class DocumentNow(BaseModel):
    """How the document stands after the act."""

    record: UUID
    document: UUID
    version: int
    """Of its metadata, as ETag; the same as before where it stood so already."""
    masked: bool
    withheld: bool
    hidden_from_representatives: bool


@dataclass(frozen=True, slots=True)
class Acting:
    """A request that asks for an act on a document."""

    door: Door
    request: Request
    response: Response
    user: User
    language: str

    async def do(self, record: UUID, actor: Actor, document: UUID, act: str) -> DocumentNow:
        """Have it decided and done.

        Raises:
            Problem: the denial with its reasons; why document did not do it; 500, 503 or 504 where that is unknown.
        """
        asked = _command(self.request, act, actor, document)
        told = await self.door.requests.act(record, asked, self.door.settings.deposit_timeout_s)
        match told:
            case Decided():
                self.door.expect_permit(told, actor, self.language)
            case ActRefused(reason=reason):
                _log.info("act_refused", request=told.request, code=reason)
                raise not_done(reason, self.language)
            case DocumentChanged():
                return _now(record, told)
            case DocumentHeld():
                _log.error("document_held", record=record, type=asked.type_name)
        held = "An unexpected error hurt this act; nothing of the document is shown until an operator looked at it."
        raise Problem(500, "document_held", held, "Tell the operator the correlation id.")


def acts(door: Door) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["documents"])

    async def acting(request: Request, response: Response, user: Annotated[User, Depends(door.user)]) -> Acting:
        return Acting(door, request, response, user, language_of(request))

    @router.patch("/fhir/DocumentReference/{document}", openapi_extra=_BODY)
    async def patch(document: str, asked: Annotated[Acting, Depends(acting)]) -> Response:
        """Add or take away one flag (securityLabel), archive or delete: one act, as JSON Patch."""
        expect_content(asked.request, JSON_PATCH)
        return await _by_fhir(asked, document, act_asked(await asked.request.body()))

    @router.delete("/fhir/DocumentReference/{document}")
    async def delete(document: str, asked: Annotated[Acting, Depends(acting)]) -> Response:
        """Delete it, logically (AR-051): by its author, or by an operator under a case."""
        return await _by_fhir(asked, document, FurtherAct.DELETE)

    @router.post("/records/{record}/documents/{document}/{act}")
    async def post(
        record: UUID, document: UUID, act: DocumentAct, asked: Annotated[Acting, Depends(acting)]
    ) -> DocumentNow:
        """The same without a patch."""
        actor = await door.acting(asked.user, record, asked.language)
        now = await asked.do(record, actor, document, act)
        asked.response.headers["etag"] = _etag(now)
        return now

    return router


async def _by_fhir(asked: Acting, document: str, act: FurtherAct) -> Response:
    expect_readable(asked.request)
    record, actor = await _addressed(asked)
    now = await asked.do(record, actor, _named(document, asked.language), act)
    place = f"{asked.door.base(asked.request)}/DocumentReference/{now.document}/_history/{now.version}"
    headers = {"etag": _etag(now)} | ({} if act is FurtherAct.DELETE else {"content-location": place})
    if prefers(asked.request, "return=minimal"):
        return Response(None, 200, headers)
    return resource(operation_outcome("informational", _told(now, act), severity="information"), 200, headers)


async def _addressed(asked: Acting) -> tuple[UUID, Actor]:
    """The record, named as in a search; where a holder names none, his own."""
    match asked.request.query_params.multi_items():
        case [] if asked.user.ins is not None:
            return await asked.door.own(asked.user, asked.language), asked.user.actor
        case [("patient", named)]:
            try:
                record = UUID(named.removeprefix("Patient/"))
            except ValueError:
                raise FhirError(400, "invalid", "expected patient=Patient/<record id>", "patient") from None
            return record, await asked.door.acting(asked.user, record, asked.language)
        case _:
            told = "name the record alone, by the subject of what a search gives: patient=Patient/<record id>"
            raise FhirError(400, "required", told, "patient")


def _named(document: str, language: str) -> UUID:
    """The document's id; what is none is answered like one of no document."""
    try:
        return UUID(document)
    except ValueError:
        raise not_done(FurtherReason.UNKNOWN_DOCUMENT, language) from None


def _command(request: Request, act: str, actor: Actor, document: UUID) -> DocumentCommand:
    """The message that a request asks for.

    Raises:
        Problem: 400 or 422 where a header can't be read, or says what the act does not know.
    """
    said: dict[str, Any] = {"version": _version(request.headers.getlist("if-match")), "opinion": _opinion(request)}
    asked = one_header(request, AT_REQUEST)
    if asked not in {None, "true", "false"}:
        raise Problem(
            422, "unreadable_header", f"{AT_REQUEST} is neither true nor false.", "Send one, or leave it out."
        )
    if (case := _case(request)) is not None:
        if act != FurtherAct.DELETE:
            raise Problem(422, "unexpected_case", "A case is for deleting alone.", f"Leave {CASE} out.")
        said["case"] = case
    return BY_ACT[FurtherAct(act)](actor=actor, document=document, at_request=asked == "true", **said)


def _case(request: Request) -> UUID | None:
    named = one_header(request, CASE)
    try:
        return None if named is None else UUID(named)
    except ValueError:
        raise Problem(422, "unreadable_header", f"{CASE} is no id of a case.", "Send the case's id.") from None


def _opinion(request: Request) -> str | None:
    told = one_header(request, OPINION)
    try:
        return None if told is None else _CODE.validate_python(told)
    except ValidationError:
        raise Problem(422, "unreadable_header", f"{OPINION} is no code.", "Send a short code, as agrees.") from None


def _version(if_match: list[str]) -> int | None:
    """The version that the author saw; None where any will do."""
    if not if_match or if_match == ["*"]:
        return None
    found = _VERSION.fullmatch(if_match[0].strip()) if len(if_match) == 1 else None
    if found is None:
        raise Problem(400, "unreadable_version", "If-Match holds no ETag of a document.", 'Send W/"<versionId>".')
    return int(found[1])


def _now(record: UUID, told: DocumentChanged) -> DocumentNow:
    return DocumentNow(
        record=record,
        document=told.document,
        version=told.version,
        masked=told.masked and not told.withheld,  # until it opens it is shown as withheld alone (AR-025)
        withheld=told.withheld,
        hidden_from_representatives=told.hidden_from_representatives,
    )


def _etag(now: DocumentNow) -> str:
    return f'W/"{now.version}"'


def _told(now: DocumentNow, act: FurtherAct) -> str:
    if act is FurtherAct.DELETE:
        return "The document is deleted."
    flags = {
        "MASQUE_PS": now.masked,
        "INVISIBLE_PATIENT": now.withheld,
        "INVISIBLE_REPRESENTANTS_LEGAUX": now.hidden_from_representatives,
    }
    return f"It is done. Flags of the document now: {', '.join(name for name, on in flags.items() if on) or 'none'}."


_BODY: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {JSON_PATCH: {"schema": {"type": "array"}}}},
}
