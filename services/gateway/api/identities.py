"""What the operator does to records of persons: automatic openings, an INS that changed, two of one person (AR-001).

access_control decides first; then whoever needs identity or address is told. Every step may be repeated.
"""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from services.gateway.api.door import Door, language_of
from services.gateway.api.records import Asked, Opening
from services.gateway.domain.answers import refusal
from services.gateway.domain.users import User
from shared.contracts.common import ActorKind
from shared.contracts.http_access_control import (
    ChangeIdentity,
    ForeseenOpening,
    InsView,
    MergeIdentities,
    OpenRecord,
    Traits,
)
from shared.contracts.reasons import Reason


class IdentityChange(Asked):
    """A person's INS was replaced by another; the record stays."""

    old: InsView
    new: InsView
    traits: Traits | None = None
    """As they came with the new INS; none: they stay as they were."""
    freed: bool = False
    """The old INS was never this person's."""


class Merging(Asked):
    """Two INS, each with a record, are one person's: the record of `kept` stays in use."""

    old: InsView
    kept: InsView


class Moved(BaseModel):
    """The record that the person's INS leads to."""

    record: UUID


def identities(door: Door) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["identities"])
    owners = door.owners

    def expect_operator(user: User, request: Request) -> None:
        if user.actor.kind is not ActorKind.OPERATOR:
            raise refusal((Reason.NO_BRANCH,), language_of(request), user.actor)

    @router.post("/openings", status_code=202)
    async def foresee(body: Opening, request: Request, user: Annotated[User, Depends(door.user)]) -> ForeseenOpening:
        """Have a person's record opened when the time to oppose it is over; the person is told (AR-001)."""
        expect_operator(user, request)
        ins = door.identity(body.ins)
        wanted = OpenRecord(ins=body.ins, traits=body.traits, actor=user.actor)
        foreseen = await owners.access_control.foresee(wanted)
        if not foreseen.opened:  # whoever has a record has said how he is reached
            await asyncio.gather(
                owners.histories.index(foreseen.record, ins),
                owners.contacts.put(foreseen.record, body.contact, keep=True),
            )
        return foreseen

    @router.post("/identities/change")
    async def change(body: IdentityChange, request: Request, user: Annotated[User, Depends(door.user)]) -> Moved:
        """Let another INS lead to a person's record, and the old one to nothing."""
        expect_operator(user, request)
        door.identity(body.old)
        new = door.identity(body.new)
        asked = ChangeIdentity(old=body.old, new=body.new, actor=user.actor, traits=body.traits, freed=body.freed)
        record = await owners.access_control.change_identity(asked)
        await owners.histories.index(record, new, moved=True)
        return Moved(record=record)

    @router.post("/identities/merge")
    async def merge(body: Merging, request: Request, user: Annotated[User, Depends(door.user)]) -> Moved:
        """Keep one of a person's two records in use; the other is held for the operator."""
        expect_operator(user, request)
        door.identity(body.old)
        door.identity(body.kept)
        asked = MergeIdentities(old=body.old, kept=body.kept, actor=user.actor)
        return Moved(record=await owners.access_control.merge_identities(asked))

    return router
