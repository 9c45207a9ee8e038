"""Extracts for heirs and court experts by operators' cases (AR-058, AR-065): opened, approved by another, taken once.

Who applied and by which papers goes to access_control over internal HTTP, under the case's id. Who an operator is, is
told by his own token alone; whether he may, and whether two are two, is decided by access_control.
"""

from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints

from services.gateway.api.door import Door, language_of
from services.gateway.api.records import Asked
from services.gateway.domain.answers import refusal
from services.gateway.domain.users import User
from shared import terminology
from shared.contracts.common import Actor, ActorKind, Body, Owner
from shared.contracts.http_extracts import ExtractsView, PaperView
from shared.contracts.reasons import Reason
from shared.contracts.record_extracts import AnswerExtract, ExtractKind, ExtractPurpose, RequestExtract


def _known_type(code: str) -> str:
    if terminology.document_type(code) is None:
        raise ValueError("no type of document that is known: expected codes of TRE_A05, such as 11488-4")
    return code


class Application(Asked):
    """For whom, what for, of which documents at most: types, a period with both its ends, or both."""

    kind: ExtractKind
    purpose: ExtractPurpose
    types: frozenset[Annotated[str, AfterValidator(_known_type)]] = frozenset()
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    """End of the period of care, exclusive."""
    paper: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), Field(repr=False)]
    """Who applies, and the reference of the supporting papers; read by operators alone."""


class Answer(StrEnum):
    """What another operator answers."""

    APPROVE = "approve"
    REFUSE = "refuse"


class Answered(Asked):
    """On what the answer is given."""

    taken: int = Field(0, ge=0)
    """How many extracts had been taken, as `GET /extracts` told: an approval sent again allows no further one."""


class CaseOf(BaseModel):
    """The case is open, or answered."""

    record: UUID
    case: UUID


_FILES: Final = {"content-disposition": 'attachment; filename="extract.zip"', "cache-control": "no-store"}


def extracts(door: Door) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["extracts"])

    def operator(user: User, request: Request) -> Actor:
        if user.actor.kind is not ActorKind.OPERATOR:
            raise refusal((Reason.NO_BRANCH,), language_of(request), user.actor)
        return user.actor

    async def decided(record: UUID, asked: Body, actor: Actor, request: Request) -> None:
        found = await door.requests.decide(record, asked, door.settings.rights_timeout_s)
        door.expect_permit(found, actor, language_of(request))

    @router.get("/extracts")
    async def listed(
        request: Request, user: Annotated[User, Depends(door.user)], *, refused: bool = False
    ) -> ExtractsView:
        """The cases with what was applied for, the last ones first; with `refused` refused ones, too."""
        operator(user, request)
        return await door.owners.access_control.extracts(refused=refused)

    @router.get("/extracts/{case}/paper")
    async def paper(case: UUID, request: Request, user: Annotated[User, Depends(door.user)]) -> PaperView:
        """Who applies, and by which papers; that an operator read it stands in the record's traces."""
        return await door.owners.access_control.paper(case, operator(user, request))

    @router.post("/records/{record}/extracts", status_code=201)
    async def opened(
        record: UUID, body: Application, request: Request, user: Annotated[User, Depends(door.user)]
    ) -> CaseOf:
        """Open a case; another operator has to approve each extract."""
        actor, case = operator(user, request), uuid4()
        await door.owners.access_control.write(record, case, body.paper)
        told: dict[str, Any] = body.model_dump(exclude={"paper"})
        await decided(record, RequestExtract(actor=actor, case=case, **told), actor, request)
        return CaseOf(record=record, case=case)

    @router.post("/records/{record}/extracts/{case}/take")
    async def taken(record: UUID, case: UUID, request: Request, user: Annotated[User, Depends(door.user)]) -> Response:
        """Take the one extract that was approved, as a ZIP archive; the approval is used up, be it received or not."""
        actor = operator(user, request)
        permit = await door.permit(actor, record, Owner.DOCUMENT, language_of(request), case=case)
        archive = await door.owners.documents.extract(permit, door.settings.request_timeout_s)
        return Response(archive, media_type="application/zip", headers=_FILES)

    @router.post("/records/{record}/extracts/{case}/{answer}")
    async def answered(  # noqa: PLR0917 - what stands in the address, and the body
        record: UUID,
        case: UUID,
        answer: Answer,
        request: Request,
        user: Annotated[User, Depends(door.user)],
        body: Answered | None = None,
    ) -> CaseOf:
        """Approve one extract, or refuse the case for good: by another operator than the one who opened it."""
        actor, told = operator(user, request), body or Answered()
        asked = AnswerExtract(actor=actor, case=case, accepted=answer is Answer.APPROVE, taken=told.taken)
        await decided(record, asked, actor, request)
        return CaseOf(record=record, case=case)

    return router
