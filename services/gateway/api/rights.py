"""Rights on a record: who may read it, who is blocked; and how one stands oneself."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from services.gateway.api.changing import Changed, Changing, OfProfessional, UntilChanged, changing, fields
from services.gateway.api.door import Door, language_of
from services.gateway.domain.answers import refusal
from services.gateway.domain.users import User
from shared.contracts.common import ActorKind
from shared.contracts.http_access_control import RightsView, StandingView
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import Authorise, Block, Revoke, Unblock


class Authorisation(OfProfessional, UntilChanged):
    """Who may read, until an end date where there is one (AR-015)."""


def rights(door: Door) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["rights"])
    change = changing(door)

    @router.get("/records/{record}/rights")
    async def read(
        record: UUID, request: Request, response: Response, user: Annotated[User, Depends(door.user)]
    ) -> RightsView:
        """Everything the holder decided; ETag is the version that a change has to name. Also for who acts for him."""
        language = language_of(request)
        if not user.in_person:
            raise refusal((Reason.NOT_HOLDER,), language, user.actor)
        view = await door.owners.access_control.rights(record, await door.acting(user, record, language))
        response.headers["etag"] = f'"{view.rights_version}"'
        return view

    @router.get("/records/{record}/standing")
    async def standing(
        record: UUID, request: Request, response: Response, user: Annotated[User, Depends(door.user)]
    ) -> StandingView:
        """How a professional himself stands to the record (AR-014); ETag is the version for what he collects."""
        if user.actor.kind is not ActorKind.PROFESSIONAL:
            raise refusal((Reason.NO_BRANCH,), language_of(request), user.actor)
        view = await door.owners.access_control.standing(record, user.actor)
        response.headers["etag"] = f'"{view.rights_version}"'
        return view

    @router.post("/records/{record}/rights/authorise")
    async def authorise(body: Authorisation, asked: Annotated[Changing, Depends(change)]) -> Changed:
        """Let a professional read (AR-013)."""
        return await asked.make(Authorise, **fields(body))

    @router.post("/records/{record}/rights/revoke")
    async def revoke(body: OfProfessional, asked: Annotated[Changing, Depends(change)]) -> Changed:
        """Take an authorisation back."""
        return await asked.make(Revoke, **fields(body))

    @router.post("/records/{record}/rights/block")
    async def block(body: OfProfessional, asked: Annotated[Changing, Depends(change)]) -> Changed:
        """Block a professional, which beats every authorisation (AR-018); also by an administrator (AR-028)."""
        return await asked.make(Block, **fields(body))

    @router.post("/records/{record}/rights/unblock")
    async def unblock(body: OfProfessional, asked: Annotated[Changing, Depends(change)]) -> Changed:
        """End a block; a new authorisation is needed then (AR-020)."""
        return await asked.make(Unblock, **fields(body))

    return router
