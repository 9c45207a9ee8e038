"""A holder's rights on his record: who may read it, who is blocked, whether it is open.

Every change names the version of the rights that its author saw (ETag, If-Match), so that one made on an older view is
a conflict. It is answered only when it is in force for every read: when the last permit given before has run out.
"""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, StringConstraints

from services.gateway.api.door import Door, language_of
from services.gateway.api.records import Asked
from services.gateway.domain.answers import refusal
from services.gateway.domain.users import User
from shared.contracts.common import Actor
from shared.contracts.http_access_control import RightsView
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import Authorise, Block, Close, Reopen, Revoke, RightsCommand, Unblock
from shared.http import Problem

PROFESSIONAL_ID: Final = r"^[0134568][A-Za-z0-9/.-]{5,40}$"
LONGEST_WAIT_S: Final = 15.0
"""Longer than any permit lives; more is a fault of clocks."""
_VERSION = re.compile(r'(?:W/)?"(\d{1,9})"', re.ASCII)


class Verb(StrEnum):
    """What a holder may change."""

    AUTHORISE = "authorise"
    REVOKE = "revoke"
    BLOCK = "block"
    UNBLOCK = "unblock"
    CLOSE = "close"
    REOPEN = "reopen"


class Change(Asked):
    """About whom, and until when."""

    professional: Annotated[str, StringConstraints(pattern=PROFESSIONAL_ID)] | None = None
    """Directory number (idNat); for all but close and reopen."""
    until: AwareDatetime | None = None
    """End of an authorisation (AR-015)."""


class Changed(BaseModel):
    """The change is in force."""

    record: UUID
    rights_version: int


_BARE: Final[dict[Verb, type[RightsCommand]]] = {Verb.CLOSE: Close, Verb.REOPEN: Reopen}
_NAMED: Final[dict[Verb, Callable[..., RightsCommand]]] = {
    Verb.REVOKE: Revoke,
    Verb.BLOCK: Block,
    Verb.UNBLOCK: Unblock,
}


def rights(door: Door) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["rights"])

    @router.get("/records/{record}/rights")
    async def read(
        record: UUID, request: Request, response: Response, user: Annotated[User, Depends(door.user)]
    ) -> RightsView:
        """State of the record and standing of professionals; ETag is the version that a change has to name."""
        await _expect_holder(door, user, record, language_of(request))
        view = await door.owners.access_control.rights(record)
        response.headers["etag"] = f'"{view.rights_version}"'
        return view

    @router.post("/records/{record}/rights/{verb}")
    async def change(
        *,
        record: UUID,
        verb: Verb,
        request: Request,
        response: Response,
        user: Annotated[User, Depends(door.user)],
        body: Change | None = None,
    ) -> Changed:
        """Change one right; 428 without If-Match, 412 where the rights changed meanwhile."""
        version = expected_version(request.headers.getlist("if-match"))
        asked = command(verb, body or Change(), user.actor, version)
        language = language_of(request)
        await _expect_holder(door, user, record, language)
        decided = await door.requests.decide(record, asked, door.settings.rights_timeout_s)
        door.expect_permit(decided, user, language)
        await _in_force(decided.in_force_at)
        response.headers["etag"] = f'"{decided.rights_version}"'
        return Changed(record=record, rights_version=decided.rights_version)

    return router


def expected_version(if_match: list[str]) -> int:
    """The version of the rights that the author of a change saw.

    Raises:
        Problem: 428 where none is named.
    """
    found = _VERSION.fullmatch(if_match[0].strip()) if len(if_match) == 1 else None
    if found is None:
        raise Problem(
            428,
            "version_required",
            "A change of rights has to name the version of the rights that it was made on.",
            "Read the rights, and send their ETag in If-Match.",
        )
    return int(found[1])


def command(verb: Verb, change: Change, actor: Actor, version: int) -> RightsCommand:
    """The message for a change.

    Raises:
        Problem: 422 where the change says too little or too much for its verb.
    """
    if verb in _BARE:
        if change != Change():
            raise Problem(422, "unexpected_fields", f"{verb.value} takes no fields.", "Send an empty body.")
        return _BARE[verb](actor=actor, rights_version=version)
    if change.professional is None:
        told = f"{verb.value} needs the professional's directory number."
        raise Problem(422, "professional_missing", told, "Send professional.")
    if verb is Verb.AUTHORISE:
        return Authorise(actor=actor, rights_version=version, professional=change.professional, until=change.until)
    if change.until is not None:
        raise Problem(422, "unexpected_fields", f"{verb.value} has no end date.", "Leave until out.")
    return _NAMED[verb](actor=actor, rights_version=version, professional=change.professional)


async def _expect_holder(door: Door, user: User, record: UUID, language: str) -> None:
    """Rights are the holder's alone, and only on his own record."""
    if not user.is_holder:
        raise refusal((Reason.NOT_HOLDER,), language, user.actor)
    await door.addressed(user, record, language)


async def _in_force(moment: datetime | None) -> None:
    if moment is not None:
        left = (moment - datetime.now(UTC)).total_seconds()
        await asyncio.sleep(min(max(left, 0.0), LONGEST_WAIT_S))
