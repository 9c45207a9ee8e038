"""Accesses themselves: emergencies as the holder sees them, a colleague's confirmation, and contested accesses.

What somebody writes goes to access_control over internal HTTP before the request that it belongs to, under its id.
"""

from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field, StringConstraints

from services.gateway.api.changing import Professional
from services.gateway.api.door import Door, language_of
from services.gateway.api.records import Asked
from services.gateway.domain.answers import refusal
from services.gateway.domain.users import User
from shared.contracts.common import Actor, ActorKind, Code
from shared.contracts.http_access_control import CasesView, EmergenciesView
from shared.contracts.reasons import Reason
from shared.contracts.record_oversight import ConfirmEmergency, Contest


class Colleague(Asked):
    """Whose emergency is confirmed."""

    professional: Professional


class Confirmed(BaseModel):
    """The confirmation holds as long as an emergency does."""

    record: UUID


class Contested(Asked):
    """The access that is contested, as a trace tells it, and what the holder writes beside it."""

    request: UUID
    """The trace's correlation."""
    professional: Professional | None = None
    structure: Code | None = None
    text: Annotated[
        str | None, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), Field(repr=False)
    ] = None
    """Read by the holder's side and the operator alone."""
    opinion: Code | None = None
    """What the protected adult thinks of it: asked of the person in charge of the protection (AR-063)."""


class CaseOpened(BaseModel):
    """The operator answers it; its state stands in `GET /records/{record}/cases`."""

    record: UUID
    case: UUID


def oversight(door: Door) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["oversight"])

    @router.get("/records/{record}/emergencies")
    async def emergencies(record: UUID, request: Request, user: Annotated[User, Depends(door.user)]) -> EmergenciesView:
        """Emergencies with their reasons (AR-039); a representative sees none of a secret connection (AR-042)."""
        reader = await _reader(door, user, record, language_of(request))
        found = await door.owners.access_control.emergencies(record)
        if reader.kind is ActorKind.PATIENT:
            return found
        return EmergenciesView(emergencies=tuple(one for one in found.emergencies if not one.secret))

    @router.get("/records/{record}/cases")
    async def cases(record: UUID, request: Request, user: Annotated[User, Depends(door.user)]) -> CasesView:
        """Contested accesses and their answers; a representative sees none that a minor opened himself (AR-042)."""
        reader = await _reader(door, user, record, language_of(request))
        found = await door.owners.access_control.cases(record)
        if reader.kind is ActorKind.PATIENT:
            return found
        return CasesView(cases=tuple(one for one in found.cases if not one.secret))

    @router.post("/records/{record}/cases", status_code=201)
    async def contest(
        record: UUID, body: Contested, request: Request, user: Annotated[User, Depends(door.user)]
    ) -> CaseOpened:
        """Contest an access (AR-061): the operator answers in time, and may suspend who did wrong (AR-062)."""
        language = language_of(request)
        actor, case = await _reader(door, user, record, language), uuid4()
        if body.text is not None:
            await door.owners.access_control.write(record, case, body.text)
        named = {"professional": body.professional, "structure": body.structure, "opinion": body.opinion}
        asked = Contest.model_validate({"actor": actor, "case": case, "request": body.request, **named})
        decided = await door.requests.decide(record, asked, door.settings.rights_timeout_s)
        door.expect_permit(decided, actor, language)
        return CaseOpened(record=record, case=case)

    @router.post("/records/{record}/confirm-emergency")
    async def confirm(
        record: UUID, body: Colleague, request: Request, user: Annotated[User, Depends(door.user)]
    ) -> Confirmed:
        """A health professional confirms a colleague's emergency, where the installation asks for it (AR-033)."""
        language = language_of(request)
        actor = await door.acting(user, record, language)
        asked = ConfirmEmergency(actor=actor, professional=body.professional)
        decided = await door.requests.decide(record, asked, door.settings.rights_timeout_s)
        door.expect_permit(decided, actor, language)
        return Confirmed(record=record)

    return router


async def _reader(door: Door, user: User, record: UUID, language: str) -> Actor:
    """The holder, or who decides on rights for him; that he does so today is asked of access_control."""
    if not user.in_person:
        raise refusal((Reason.NOT_HOLDER,), language, user.actor)
    if not user.actor.authenticated:
        raise refusal((Reason.NOT_AUTHENTICATED,), language, user.actor)
    actor = await door.acting(user, record, language)
    if actor.kind is not ActorKind.PATIENT:
        await door.owners.access_control.rights(record, actor)
    return actor
