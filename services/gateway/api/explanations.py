"""Explain, and see as: why somebody may look or act or not, and what others would see, now and after a change.

For the holder and who decides for him. Nothing is read, permitted, changed or traced by it.
"""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import AwareDatetime, ConfigDict, Field, ValidationError

from services.gateway.api.changing import Bare, OfProfessional, fields
from services.gateway.api.colleagues import Administration
from services.gateway.api.consents import Agreement, EmergencyWishes, OfApp, OfTeam, Session, TeamConsent, Unwanted
from services.gateway.api.delegations import OfDelegation
from services.gateway.api.door import Door, language_of
from services.gateway.api.records import Asked
from services.gateway.api.rights import Authorisation
from services.gateway.domain.answers import refusal
from services.gateway.domain.explained import ExplanationTold, Sights, explanation_told, sights
from services.gateway.domain.users import User
from services.gateway.domain.viewers import Viewer, ViewerError, ViewerKind, actor_of, mode_of, reason_of
from shared.contracts import record_requests as messages
from shared.contracts.common import AccessMode, Act, Actor, Capacity, Code, Owner, Wishes
from shared.contracts.http_explanations import MOST_LOOKS, DocumentKind, Explain, Hypothesis, Look, LookAct, SeeAs
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import RightsCommand, SpokenConsent
from shared.http import Problem

IMAGINED: Final[dict[str, tuple[type[Bare], type[RightsCommand]]]] = {
    "authorise": (Authorisation, messages.Authorise),
    "revoke": (OfProfessional, messages.Revoke),
    "block": (OfProfessional, messages.Block),
    "unblock": (OfProfessional, messages.Unblock),
    "name-administrator": (Administration, messages.NameAdministrator),
    "remove-administrator": (OfProfessional, messages.RemoveAdministrator),
    "consent-session": (Session, messages.ConsentSession),
    "consent-team": (TeamConsent, messages.ConsentTeam),
    "end-team": (OfTeam, messages.EndTeam),
    "wish": (EmergencyWishes, messages.Wish),
    "opt-out": (Unwanted, messages.OptOut),
    "agree-app": (Agreement, messages.AgreeApp),
    "withdraw-app": (OfApp, messages.WithdrawApp),
    "end-delegation": (OfDelegation, messages.EndDelegation),
    "close": (Bare, messages.Close),
    "reopen": (Bare, messages.Reopen),
}
"""Changes that may be imagined: those of the holder's side that move what somebody sees."""


class LookAsked(Asked):
    """Who would look, at what and how."""

    who: ViewerKind
    number: Code | None = None
    """Directory number of the professional or structure; without it, anybody of that profession."""
    role: Code | None = None
    """Profession of a professional, as the matrix writes it: `G15_40` is a dentist."""
    sector: Code | None = None
    """Sector exercised; a practice of one's own where none is named."""
    structure: Code | None = None
    team: Code | None = None
    capacity: Capacity | None = None
    delegation: UUID | None = None
    app: Code | None = None
    act: LookAct = Act.CONSULT
    owner: Owner = Owner.DOCUMENT
    mode: AccessMode | None = None
    reason_code: Code | None = None
    purpose: Code = "care"
    consent: SpokenConsent | None = None
    at_request: bool = False
    """For an act on a document: a professional records that the holder asks for it."""
    document: DocumentKind | None = None
    """A kind of document: would one be shown?"""


class ExplainAsked(LookAsked):
    """A look to explain, and the moment: now where none is named."""

    at: AwareDatetime | None = None


class Imagined(Asked):
    """A change that nobody makes: its verb, and what a change of that verb says."""

    model_config = ConfigDict(frozen=True, extra="allow")

    verb: Literal[tuple(IMAGINED)]  # type: ignore[valid-type]


class SeeAsAsked(Asked):
    """Who would look, and after which change."""

    looks: Annotated[tuple[LookAsked, ...], Field(min_length=1, max_length=MOST_LOOKS)]
    change: Imagined | None = None


def explanations(door: Door) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["explanations"])

    @router.post("/records/{record}/explain")
    async def explain(
        record: UUID, asked: ExplainAsked, request: Request, user: Annotated[User, Depends(door.user)]
    ) -> ExplanationTold:
        """Why somebody may look or not: the rules that fired, in their order; also for a past moment."""
        language = language_of(request)
        wanted = look(asked)
        reader = await _reader(door, user, record, language)
        explanation = await door.owners.access_control.explain(record, Explain(reader=reader, look=wanted, at=asked.at))
        return explanation_told(explanation, language)

    @router.post("/records/{record}/see-as")
    async def see_as(
        record: UUID, asked: SeeAsAsked, request: Request, user: Annotated[User, Depends(door.user)]
    ) -> Sights:
        """What one's dentist, the SAMU or one's mother would see: now, and after a change that nobody makes."""
        language = language_of(request)
        looks = tuple(map(look, asked.looks))
        reader = await _reader(door, user, record, language)
        change = hypothesis(asked.change, reader) if asked.change is not None else None
        seen = await door.owners.access_control.see_as(record, SeeAs(reader=reader, looks=looks, change=change))
        return sights(seen, language)

    return router


def look(asked: LookAsked) -> Look:
    """The look that access_control is asked about.

    Raises:
        Problem: 422 where the viewer is said too vaguely.
    """
    viewer = Viewer(
        who=asked.who,
        number=asked.number,
        role=asked.role,
        sector=asked.sector,
        structure=asked.structure,
        team=asked.team,
        capacity=asked.capacity,
        delegation=asked.delegation,
        app=asked.app,
    )
    try:
        actor = actor_of(viewer)
    except ViewerError as error:
        told = f"A viewer of the kind {asked.who.value} needs {error}."
        raise Problem(422, "viewer_vague", told, f"Send {error}.") from None
    mode = mode_of(viewer, asked.mode)
    return Look(
        actor=actor,
        act=asked.act,
        owner=asked.owner,
        mode=mode,
        reason_code=reason_of(mode, asked.reason_code),
        purpose=asked.purpose,
        consent=asked.consent,
        at_request=asked.at_request,
        document=asked.document,
    )


def hypothesis(change: Imagined, reader: Actor) -> Hypothesis:
    """The command that is imagined.

    Raises:
        Problem: 422 where it is not of its verb's form.
    """
    form, message = IMAGINED[change.verb]
    try:
        said = form.model_validate(change.model_extra or {})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        told = f"A change by {change.verb} does not have this form: {first['type']}."
        raise Problem(
            422, "invalid_change", told, "Compare it with the body that the route of that verb takes."
        ) from None
    body = message(actor=reader, rights_version=0, **_fields(said))
    return Hypothesis(type=message.type_name, body=body.model_dump(mode="json"))


def _fields(said: Bare) -> dict[str, Any]:
    if isinstance(said, EmergencyWishes):
        wishes = Wishes(break_glass=said.break_glass, regulation=said.regulation, masked=said.masked)
        return {"wishes": wishes, "opinion": said.opinion}
    return fields(said)


async def _reader(door: Door, user: User, record: UUID, language: str) -> Actor:
    """The holder, or who acts for him; whether he may know is decided by access_control."""
    if not user.in_person:
        raise refusal((Reason.NOT_HOLDER,), language, user.actor)
    return await door.acting(user, record, language)
