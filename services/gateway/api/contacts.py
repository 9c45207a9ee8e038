"""How others than the holder are told of a record: the médecin traitant (AR-038) and who acts for the holder.

The holder's side says it of both, the médecin traitant and a delegate of himself alone. Addresses go to notification
and stand in no trace; who gave one does.
"""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from services.gateway.api.door import Door, language_of
from services.gateway.domain.answers import refusal
from services.gateway.domain.users import User
from shared.contracts.common import Actor, ActorKind, Code
from shared.contracts.http_notification import Contact, OtherContact
from shared.contracts.reasons import Reason
from shared.http import Problem

_ACTING: Final = frozenset({"PENDING", "ACCEPTED"})
"""Delegations whose delegate is still told of something."""


def contacts(door: Door) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["contacts"])

    @router.put("/records/{record}/contacts/{recipient}", status_code=204)
    async def put(
        record: UUID, recipient: Code, contact: Contact, request: Request, user: Annotated[User, Depends(door.user)]
    ) -> None:
        """Say how the médecin traitant (by directory number) or a delegate (by delegation) is told of the record."""
        delegation = _delegation(recipient)
        to = recipient if delegation is None else str(delegation)
        actor = await _entitled(door, user, record, to, language_of(request))
        await door.owners.contacts.put_other(record, to, said_by(actor, contact))

    return router


def said_by(actor: Actor, contact: Contact) -> OtherContact:
    """The address, with who gave it."""
    return OtherContact(email=contact.email, language=contact.language, actor=actor)


def _delegation(recipient: str) -> UUID | None:
    try:
        return UUID(recipient)
    except ValueError:
        return None


async def _entitled(door: Door, user: User, record: UUID, to: str, language: str) -> Actor:
    """Who gives the address, as he stands to the record.

    Raises:
        Problem: 403 with the reason where he may not; 404 where nobody of that number or delegation is told anything.
    """
    if user.actor.kind is ActorKind.PROFESSIONAL:
        return await _treating(door, user, record, to, language)
    if not user.in_person:
        raise refusal((Reason.NOT_HOLDER,), language, user.actor)
    if not user.actor.authenticated:
        raise refusal((Reason.NOT_AUTHENTICATED,), language, user.actor)
    actor = await door.acting(user, record, language, _delegation(to))
    if actor.kind is not ActorKind.PATIENT and str(actor.delegation) == to:
        return await _delegate(door, user, actor, language)
    view = await door.owners.access_control.rights(record, actor)
    told = {view.treating_doctor, *(str(one.delegation) for one in view.delegations if one.state in _ACTING)}
    if to not in told:
        why = "Nobody of that number is told of this record: neither the treating doctor nor somebody who acts for you."
        raise Problem(404, "unknown_recipient", why, "Read the rights, which name the treating doctor and delegations.")
    return actor


async def _treating(door: Door, user: User, record: UUID, to: str, language: str) -> Actor:
    """The médecin traitant, for himself; any other professional is told no more than that he may not."""
    if to != user.actor.number or not (await door.owners.access_control.standing(record, user.actor)).treating:
        raise refusal((Reason.NO_BRANCH,), language, user.actor)
    return user.actor


async def _delegate(door: Door, user: User, actor: Actor, language: str) -> Actor:
    """A delegate, or one who is invited, for himself."""
    own = await door.owners.access_control.delegations(user.ins) if user.ins is not None else ()
    if not any(one.delegation == actor.delegation and one.state in _ACTING for one in own):
        raise refusal((Reason.NOT_HOLDER,), language, user.actor)
    return actor
