"""What every change of rights needs: who asks and as whom, the version he saw, the decision, and its coming into force.

Every change names the version of the rights that its author saw (ETag, If-Match), so that one made on an older view is
a conflict. It is answered only when it is in force for every read: when the last permit given before has run out.
Whether an actor may make a change is decided by access_control; here an identity becomes an actor, no more.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel

from services.gateway.api.door import Door, language_of
from services.gateway.api.records import Asked
from services.gateway.domain.users import User, directory_number
from shared.contracts.common import Actor, ActorKind, Code
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import RightsCommand
from shared.http import Problem, RemoteError

LONGEST_WAIT_S: Final = 15.0
"""Longer than any permit lives; more is a fault of clocks."""
ANY: Final = "*"
"""In If-Match: on whatever version there is."""
AUTHORITIES: Final = frozenset({ActorKind.INSURER, ActorKind.OPERATOR})
_VERSION = re.compile(r'(?:W/)?"(\d{1,9})"', re.ASCII)

Professional = Annotated[str, AfterValidator(directory_number)]
"""Directory number (idNat) of a professional, in the form in which tokens are read; RPPS may come without its `8`."""


class Bare(Asked):
    """A change that says nothing of its own."""

    opinion: Code | None = None
    """What the protected adult thinks of it: asked of the person in charge of the protection (AR-063)."""


class OfProfessional(Bare):
    """A change about one professional."""

    professional: Professional


class UntilChanged(Bare):
    """A change that may have an end."""

    until: AwareDatetime | None = None


class Changed(BaseModel):
    """The change is in force."""

    record: UUID
    rights_version: int


@dataclass(frozen=True, slots=True)
class Changing:
    """A change that somebody wants to make on a record."""

    door: Door
    record: UUID
    user: User
    version: int
    """Of the rights, as the author saw them."""
    language: str
    response: Response

    async def actor(self, named: UUID | None = None) -> Actor:
        """Who asks, as he stands to the record; `named` is the delegation that it is about."""
        return await self.door.acting(self.user, self.record, self.language, named)

    async def make(self, message: type[RightsCommand], *, actor: Actor | None = None, **fields: Any) -> Changed:
        """Have it decided, and wait until it is in force.

        Args:
            message: What is asked.
            actor: Who asks, where that is known already.
            fields: What the message says besides.

        Raises:
            Problem: the denial with its reasons; 412 where the rights changed meanwhile; 503 or 504 undecided.
        """
        who = actor or await self.actor()
        asked = message(actor=who, rights_version=self.version, **fields)
        decided = await self.door.requests.decide(self.record, asked, self.door.settings.rights_timeout_s)
        self.door.expect_permit(decided, who, self.language)
        await in_force(decided.in_force_at)
        self.response.headers["etag"] = f'"{decided.rights_version}"'
        return Changed(record=self.record, rights_version=decided.rights_version)


def changing(door: Door) -> Callable[..., Awaitable[Changing]]:
    """The dependency of a route that changes rights."""

    async def gather(
        record: UUID, request: Request, response: Response, user: Annotated[User, Depends(door.user)]
    ) -> Changing:
        if_match = request.headers.getlist("if-match")
        if if_match == [ANY] and user.actor.kind in AUTHORITIES:
            version = await present_version(door, record)
        else:
            version = expected_version(if_match)
        return Changing(door, record, user, version, language_of(request), response)

    return gather


async def present_version(door: Door, record: UUID) -> int:
    """The version of the rights as they are: for who decides by law, and may not see them (AR-002). 0: no record."""
    try:
        return (await door.owners.access_control.rights(record)).rights_version
    except RemoteError as error:
        if error.code == Reason.NO_RECORD:
            return 0
        raise


def fields(body: BaseModel) -> dict[str, Any]:
    """What a body says, as the fields of the message that it asks for."""
    return {name: getattr(body, name) for name in type(body).model_fields}


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


async def in_force(moment: datetime | None) -> None:
    """Wait until the last permit given before has run out."""
    if moment is not None:
        left = (moment - datetime.now(UTC)).total_seconds()
        await asyncio.sleep(min(max(left, 0.0), LONGEST_WAIT_S))
