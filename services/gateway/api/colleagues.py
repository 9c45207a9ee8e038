"""Professionals who do more than read: administrators (AR-028), and who collects a consent for a colleague (AR-011)."""

from typing import Annotated

from fastapi import APIRouter, Depends

from services.gateway.api.changing import Changed, Changing, OfProfessional, UntilChanged, changing, fields
from services.gateway.api.door import Door
from shared.contracts.common import Code
from shared.contracts.record_requests import AdministratorRole, AuthoriseFor, NameAdministrator, RemoveAdministrator


class Collected(OfProfessional, UntilChanged):
    """Who may read by a consent that a colleague collected, and why it was he (AR-011)."""

    reason_code: Code


class Administration(OfProfessional):
    """Who is named administrator, in which role (AR-028)."""

    role: AdministratorRole


def colleagues(door: Door) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["rights"])
    change = changing(door)

    @router.post("/records/{record}/rights/authorise-for")
    async def authorise_for(body: Collected, asked: Annotated[Changing, Depends(change)]) -> Changed:
        """A member of the care team collects the holder's consent for a colleague (AR-011)."""
        return await asked.make(AuthoriseFor, **fields(body))

    @router.post("/records/{record}/rights/name-administrator")
    async def name_administrator(body: Administration, asked: Annotated[Changing, Depends(change)]) -> Changed:
        """Name an authorised professional administrator (AR-028)."""
        return await asked.make(NameAdministrator, **fields(body))

    @router.post("/records/{record}/rights/remove-administrator")
    async def remove_administrator(body: OfProfessional, asked: Annotated[Changing, Depends(change)]) -> Changed:
        """End that; the authorisation stays."""
        return await asked.make(RemoveAdministrator, **fields(body))

    return router
