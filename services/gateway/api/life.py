"""The life of a record: what its holder decides, and the acts of the insurance and the operator."""

from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from services.gateway.api.changing import Bare, Changed, Changing, changing, fields, present_version
from services.gateway.api.door import Door, language_of
from services.gateway.api.records import Asked, expect_decided
from services.gateway.domain.answers import refusal
from services.gateway.domain.users import User
from shared.contracts.common import Actor, ActorKind, Body, Capacity
from shared.contracts.http_access_control import InsView, Oppose
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import (
    Activate,
    Close,
    CloseUncontested,
    Decease,
    Lift,
    Object,
    Reopen,
    RequestDeletion,
    RightsCommand,
    Suspend,
)
from shared.http import Problem, RemoteError


class HoldersVerb(StrEnum):
    """What the holder's side decides about the record as a whole."""

    ACTIVATE = "activate"
    CLOSE = "close"
    REOPEN = "reopen"
    OBJECT = "object"
    REQUEST_DELETION = "request-deletion"


class AuthoritysVerb(StrEnum):
    """What the insurance and the operator do to a record; it gives them no reading (AR-002)."""

    SUSPEND = "suspend"
    LIFT = "lift"
    CLOSE_UNCONTESTED = "close-uncontested"
    DECEASE = "decease"


class AuthoritysAct(Asked):
    """What is said besides."""

    undone: bool = False
    """For `decease`: the death was told by error."""


class InsuredAct(AuthoritysAct):
    """Whose record it is about; the insurance knows persons, and never whether they have a record."""

    ins: InsView


class InsuredOpposition(Asked):
    """A person told a counsellor of the health insurance that he wants no record (AR-001, AR-073)."""

    ins: InsView


class Done(BaseModel):
    """The act was permitted."""

    record: UUID
    rights_version: int


_HOLDERS: Final[dict[HoldersVerb, type[RightsCommand]]] = {
    HoldersVerb.ACTIVATE: Activate,
    HoldersVerb.CLOSE: Close,
    HoldersVerb.REOPEN: Reopen,
    HoldersVerb.OBJECT: Object,
    HoldersVerb.REQUEST_DELETION: RequestDeletion,
}


_RECORD_EXISTS: Final = "record_exists"


def life(door: Door) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["life"])
    change = changing(door)

    @router.post("/records/{record}/rights/{verb}")
    async def decide(
        verb: HoldersVerb, asked: Annotated[Changing, Depends(change)], body: Bare | None = None
    ) -> Changed:
        """Activate, close (AR-054), reopen; object to a suspension (AR-057); have the record deleted (AR-055)."""
        return await asked.make(_HOLDERS[verb], **fields(body or Bare()))

    @router.post("/records/{record}/{verb}")
    async def act(
        record: UUID,
        verb: AuthoritysVerb,
        request: Request,
        user: Annotated[User, Depends(door.user)],
        body: AuthoritysAct | None = None,
    ) -> Done:
        """Suspend the record, lift that, close it after six weeks without an objection (AR-057), tell a death."""
        language = language_of(request)
        actor = await door.acting(user, record, language)
        message = authoritys(verb, body or AuthoritysAct(), actor)
        decided = await door.requests.decide(record, message, door.settings.rights_timeout_s)
        door.expect_permit(decided, actor, language)
        return Done(record=record, rights_version=decided.rights_version)

    @router.post("/insured/{verb}", status_code=202)
    async def act_on_insured(
        verb: AuthoritysVerb, body: InsuredAct, request: Request, user: Annotated[User, Depends(door.user)]
    ) -> dict[str, bool]:
        """The same by an insurer, who names a person; the answer never tells whether the person has a record."""
        if user.actor.kind is not ActorKind.INSURER:
            raise refusal((Reason.NO_BRANCH,), language_of(request), user.actor)
        message = authoritys(verb, body, user.actor)
        record = await door.owners.access_control.find(door.identity(body.ins)) or uuid4()
        expect_decided(await door.requests.decide(record, message, door.settings.rights_timeout_s))
        return {"taken": True}

    @router.put("/insured/opposition", status_code=204)
    async def oppose(body: InsuredOpposition, request: Request, user: Annotated[User, Depends(door.user)]) -> None:
        """Record a person's opposition for him: no record is opened, and one that is there is closed."""
        if user.actor.capacity is not Capacity.COUNSELLOR:
            raise refusal((Reason.NO_BRANCH,), language_of(request), user.actor)
        ins = door.identity(body.ins)
        try:
            await door.owners.access_control.oppose(Oppose(ins=body.ins, actor=user.actor))
        except RemoteError as error:
            record = await door.owners.access_control.find(ins) if error.code == _RECORD_EXISTS else None
            if record is None:
                raise
            closed = Close(actor=user.actor, rights_version=await present_version(door, record))
            decided = await door.requests.decide(record, closed, door.settings.rights_timeout_s)
            door.expect_permit(decided, user.actor, language_of(request))

    return router


def authoritys(verb: AuthoritysVerb, said: AuthoritysAct, actor: Actor) -> Body:
    """The message for an act of the insurance or the operator.

    Raises:
        Problem: 422 where something other than a death is to be undone.
    """
    if verb is AuthoritysVerb.DECEASE:
        return Decease(actor=actor, undone=said.undone)
    if said.undone:
        raise Problem(422, "unexpected_fields", f"{verb.value} can't be undone so.", "Leave undone out.")
    match verb:
        case AuthoritysVerb.SUSPEND:
            return Suspend(actor=actor)
        case AuthoritysVerb.LIFT:
            return Lift(actor=actor)
        case AuthoritysVerb.CLOSE_UNCONTESTED:
            return CloseUncontested(actor=actor)
