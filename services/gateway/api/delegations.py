"""Delegations: inviting somebody to act for the holder, answering, ending; and for whom one may act oneself.

Who is invited goes to access_control over internal HTTP alone; on the record's lane travels the delegation's id.
"""

from typing import Annotated, Any, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from services.gateway.api.changing import Bare, Changed, Changing, Professional, UntilChanged, changing, present_version
from services.gateway.api.contacts import said_by
from services.gateway.api.door import Door, language_of
from services.gateway.api.records import expect_decided
from services.gateway.domain.answers import refusal
from services.gateway.domain.users import User
from shared.contracts.common import Actor, ActorKind
from shared.contracts.http_access_control import DelegateOf, InsView
from shared.contracts.http_notification import Contact
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import Answer, DelegationKind, DelegationScope, EndDelegation, Invite
from shared.http import Problem, RemoteError
from shared.observability import logger

_log = logger(__name__)
_TRIES: Final = 3
_NOT_NOTED: Final = "delegation_taken"
"""What access_control answers where there is no such record, among others."""
_NEVER_INVITING: Final = frozenset({ActorKind.PROFESSIONAL, ActorKind.STRUCTURE})
"""Nobody's identity is noted at their word; that they may not invite is for access_control to say."""


class Invitation(UntilChanged):
    """Who is invited to act for the holder, as what, and for what."""

    ins: InsView
    kind: DelegationKind
    scopes: frozenset[DelegationScope] = frozenset()
    """What a carer or helper may do; legal representatives and protectors may do all."""
    contact: Contact | None = None
    """How the invited one is told of the invitation."""
    professional: Professional | None = None
    """Directory number of an invited professional; needed of `HEALTHCARE_PROFESSIONAL`, since a block ends it."""


class InsuredInvitation(UntilChanged):
    """The insurance tells who represents a minor, or is in charge of an adult's protection (AR-063)."""

    insured: InsView
    """Whose record it is; the insurance knows persons, and never whether they have a record."""
    ins: InsView
    kind: DelegationKind


class Invited(Changed):
    """The invitation waits for its answer."""

    delegation: UUID
    contact_kept: bool = False
    """The invited one can be told: his address was given, and is kept."""


class OfDelegation(Bare):
    """A delegation by its id."""

    delegation: UUID


class AnswerGiven(OfDelegation):
    """The invited one's answer."""

    accepted: bool


class OwnDelegations(BaseModel):
    """For whom one acts, acted or is invited to act."""

    delegations: tuple[DelegateOf, ...]


def delegations(door: Door) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["delegations"])
    change = changing(door)

    @router.get("/delegations/me")
    async def mine(request: Request, user: Annotated[User, Depends(door.user)]) -> OwnDelegations:
        """One's own delegations: each with its record, and the version that an answer names in If-Match."""
        if user.ins is None or not user.in_person:
            raise refusal((Reason.NO_BRANCH,), language_of(request), user.actor)
        return OwnDelegations(delegations=await door.owners.access_control.delegations(user.ins))

    @router.post("/records/{record}/rights/invite")
    async def invite(body: Invitation, asked: Annotated[Changing, Depends(change)]) -> Invited:
        """Invite somebody to act for the holder; the answer's `delegation` is the invitation's id."""
        delegation, actor = uuid4(), await asked.actor()
        if actor.kind not in _NEVER_INVITING and actor.app is None:
            await _note(door, asked.record, delegation, body.ins)
        told: dict[str, Any] = {"kind": body.kind, "scopes": body.scopes, "until": body.until, "opinion": body.opinion}
        told["professional"] = body.professional
        changed = await asked.make(Invite, actor=actor, delegation=delegation, **told)
        kept = body.contact is not None and await _reachable(door, asked.record, delegation, body.contact, actor)
        return Invited(
            record=changed.record, rights_version=changed.rights_version, delegation=delegation, contact_kept=kept
        )

    @router.post("/insured/invite", status_code=202)
    async def invite_for_insured(
        body: InsuredInvitation, request: Request, user: Annotated[User, Depends(door.user)]
    ) -> dict[str, bool]:
        """The same by an insurer, who names a person; the answer never tells whether the person has a record."""
        if user.actor.kind is not ActorKind.INSURER:
            raise refusal((Reason.NO_BRANCH,), language_of(request), user.actor)
        await _invite_for_insured(door, user.actor, body)
        return {"taken": True}

    @router.post("/records/{record}/rights/answer")
    async def answer(body: AnswerGiven, asked: Annotated[Changing, Depends(change)]) -> Changed:
        """The invited one accepts or refuses."""
        actor: Actor = await asked.actor(body.delegation)
        return await asked.make(Answer, actor=actor, delegation=body.delegation, accepted=body.accepted)

    @router.post("/records/{record}/rights/end-delegation")
    async def end_delegation(body: OfDelegation, asked: Annotated[Changing, Depends(change)]) -> Changed:
        """End a delegation: the holder's side, the delegate himself, the insurance or the operator."""
        actor: Actor = await asked.actor(body.delegation)
        return await asked.make(EndDelegation, actor=actor, delegation=body.delegation, opinion=body.opinion)

    return router


async def _invite_for_insured(door: Door, actor: Actor, body: InsuredInvitation) -> None:
    """Every step is taken for nobody's record, too, so that neither answer nor delay tells the two apart."""
    door.identity(body.ins)
    record = await door.owners.access_control.find(door.identity(body.insured)) or uuid4()
    delegation = uuid4()
    try:
        await _note(door, record, delegation, body.ins)
    except RemoteError as error:
        if error.code != _NOT_NOTED:
            raise
    told: dict[str, Any] = {"delegation": delegation, "kind": body.kind, "until": body.until}
    for _ in range(_TRIES):
        asked = Invite(actor=actor, rights_version=await present_version(door, record), **told)
        decided = await door.requests.decide(record, asked, door.settings.rights_timeout_s)
        expect_decided(decided)
        if Reason.STALE_RIGHTS not in decided.reasons:
            break
    else:
        raise Problem(503, "undecided", "The rights kept changing meanwhile.", "Repeat it.")


async def _reachable(door: Door, record: UUID, delegation: UUID, contact: Contact, actor: Actor) -> bool:
    """Keep how an invited one is told; False where it could not be kept, which undoes no invitation."""
    try:
        await door.owners.contacts.put_other(record, str(delegation), said_by(actor, contact))
    except RemoteError as error:
        _log.warning("contact_not_kept", code=error.code)
        return False
    return True


async def _note(door: Door, record: UUID, delegation: UUID, ins: InsView) -> None:
    await door.owners.access_control.note_delegate(record, delegation, door.identity(ins))
