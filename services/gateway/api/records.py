"""Records: opening, finding one's own, the history of reimbursed care, and the acts of insurers and operators."""

import asyncio
from typing import Annotated, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from services.gateway.api.door import Door, language_of
from services.gateway.api.terms import terms
from services.gateway.domain.answers import refusal
from services.gateway.domain.users import User
from shared.contracts.access_decisions import Decided
from shared.contracts.common import ActorKind, Owner
from shared.contracts.http_access_control import InsView, OpenedRecord, OpenRecord, Oppose, RecordLife, Traits
from shared.contracts.http_history import HistoryView
from shared.contracts.http_notification import Contact
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import DeclareTreatingDoctor, Release
from shared.http import Problem

RPPS_ID = r"^8[0-9]{11}$"
_UNDECIDED: Final = frozenset({Reason.INTERNAL_ERROR, Reason.LATE})
_CREATED: Final = 201


class Asked(BaseModel):
    """A request's body: what is not known is refused, so that nothing is silently left undone."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Opening(Asked):
    """Whose record is opened, and how the holder is reached."""

    ins: InsView
    traits: Traits
    contact: Contact


class OwnRecord(BaseModel):
    """A holder's record."""

    record: UUID
    state: RecordLife


class Opposition(Asked):
    """The holder-to-be opposes the opening of a record, or withdraws that (CSP R.1111-40)."""

    opposed: bool = True


class Declaration(Asked):
    """The insurance declares the médecin traitant of a person, or with null that there is none (AR-066)."""

    ins: InsView
    professional: Annotated[str, StringConstraints(pattern=RPPS_ID)] | None


class Released(BaseModel):
    """The hold on a record is ended."""

    record: UUID
    released: bool = True


def records(door: Door) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["records"])
    work = _Records(door)

    @router.post("/records", status_code=_CREATED)
    async def open_record(
        opening: Opening, request: Request, response: Response, user: Annotated[User, Depends(door.user)]
    ) -> OpenedRecord:
        """Open a person's record, or find the one that is there (200); a repeat completes what an error cut short."""
        opened = await work.open(opening, user, language_of(request))
        response.status_code = _CREATED if opened.opened else 200
        return opened

    @router.get("/records/me")
    async def mine(request: Request, user: Annotated[User, Depends(door.user)]) -> OwnRecord:
        """A holder's own record: its id, by which all else is addressed, and its state."""
        record = await door.own(user, language_of(request))
        view = await door.owners.access_control.rights(record)
        return OwnRecord(record=record, state=view.state)

    @router.put("/records/me/opposition", status_code=204)
    async def oppose(opposition: Opposition, request: Request, user: Annotated[User, Depends(door.user)]) -> None:
        """Oppose the opening of one's own record, or withdraw the opposition."""
        if user.ins is None or not user.in_person:
            raise refusal((Reason.NOT_HOLDER,), language_of(request), user.actor)
        ins = InsView(matricule=user.ins.number, oid=user.ins.oid)
        await door.owners.access_control.oppose(Oppose(ins=ins, opposed=opposition.opposed, actor=user.actor))

    @router.get("/records/{record}/history")
    async def history(record: UUID, request: Request, user: Annotated[User, Depends(door.user)]) -> HistoryView:
        """The last 24 months of reimbursed care."""
        language = language_of(request)
        actor = await door.acting(user, record, language)
        permit = await door.permit(actor, record, Owner.HISTORY, language, on=terms(request))
        return await door.owners.histories.read(permit)

    @router.post("/records/{record}/release")
    async def release(record: UUID, request: Request, user: Annotated[User, Depends(door.user)]) -> Released:
        """An operator ends the hold that an unexpected error put on a record."""
        language = language_of(request)
        await door.addressed(user, record, language)
        decided = await door.requests.decide(record, Release(actor=user.actor), door.settings.rights_timeout_s)
        door.expect_permit(decided, user.actor, language)
        return Released(record=record)

    @router.post("/treating-doctor", status_code=202)
    async def declare(
        declaration: Declaration, request: Request, user: Annotated[User, Depends(door.user)]
    ) -> dict[str, bool]:
        """An insurer's declaration; the answer never tells whether the person has a record."""
        if user.actor.kind is not ActorKind.INSURER:
            raise refusal((Reason.NO_BRANCH,), language_of(request), user.actor)
        await work.declare(declaration, user)
        return {"taken": True}

    return router


class _Records:
    """The acts that need more than one step."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._owners = door.owners

    async def open(self, opening: Opening, user: User, language: str) -> OpenedRecord:
        """Open the record where access_control lets it, then tell those who need the identity or the address.

        Each step may be repeated; the record is told only when all are done. An address that is known is replaced by
        the person alone: whoever else opens could send the holder's messages elsewhere.
        """
        ins = self._door.identity(opening.ins)
        if user.is_holder and (user.ins != ins or not user.in_person):
            raise refusal((Reason.NOT_HOLDER,), language, user.actor)
        wanted = OpenRecord(ins=opening.ins, traits=opening.traits, actor=user.actor)
        opened = await self._owners.access_control.open(wanted)
        await asyncio.gather(
            self._owners.histories.index(opened.record, ins),
            self._owners.contacts.put(opened.record, opening.contact, keep=not user.is_holder),
        )
        return opened

    async def declare(self, declaration: Declaration, user: User) -> None:
        """Put the declaration on the record's lane.

        A person without a record gets a record id of nobody: the request takes the same way and the same time and is
        denied there, so that neither answer nor delay tells the two apart.
        """
        ins = self._door.identity(declaration.ins)
        record = await self._owners.access_control.find(ins) or uuid4()
        asked = DeclareTreatingDoctor(actor=user.actor, professional=declaration.professional)
        expect_decided(await self._door.requests.decide(record, asked, self._door.settings.rights_timeout_s))


def expect_decided(decided: Decided) -> None:
    """Pass where an act was decided, whatever the decision: an insurer is told no more.

    Raises:
        Problem: 503 where it could not be decided.
    """
    if not _UNDECIDED.isdisjoint(decided.reasons):
        raise Problem(503, "undecided", "The act could not be decided.", "Repeat it: a repeat is safe.")
