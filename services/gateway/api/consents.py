"""Consents of the holder: to a consultation, to a care team, to apps; his wishes for emergencies, functions, masks."""

from typing import Annotated

from fastapi import APIRouter, Depends

from services.gateway.api.changing import Bare, Changed, Changing, Professional, UntilChanged, changing, fields
from services.gateway.api.door import Door
from shared.contracts.common import Code, Wishes
from shared.contracts.record_documents import MaskByDefault
from shared.contracts.record_extracts import OpposeHeirs
from shared.contracts.record_requests import (
    AgreeApp,
    AppScope,
    ConsentSession,
    ConsentTeam,
    EndTeam,
    Function,
    OptOut,
    TeamKind,
    Wish,
    WithdrawApp,
)


class Session(UntilChanged):
    """One consultation by a professional outside the care team (AR-010); a professional means himself."""

    professional: Professional | None = None
    structure: Code | None = None
    """Directory number of the structure in which he acts."""


class OfTeam(Bare):
    """A care team: a structure's or professional's directory number, or a formalised team's identifier."""

    team: Code


class TeamConsent(OfTeam, UntilChanged):
    """To which care team the record is opened, at most as long as the installation lets it last (AR-008)."""

    kind: TeamKind


class EmergencyWishes(Bare):
    """All three answers, each of its own (AR-035)."""

    break_glass: bool
    regulation: bool
    masked: bool


class Unwanted(Bare):
    """The functions that the holder does without; those that are not named are wanted (again)."""

    functions: frozenset[Function]


class HeirsOpposed(Bare):
    """Whether heirs, cohabitee and PACS partner shall be given nothing after the holder's death."""

    opposed: bool


class MaskedByDefault(Bare):
    """Whether new documents are masked to professionals."""

    masked: bool


class OfApp(Bare):
    """An app or digital service by its code."""

    app: Code


class Agreement(OfApp, UntilChanged):
    """What is agreed with an app (AR-067); it replaces what was agreed before."""

    scopes: frozenset[AppScope]


def consents(door: Door) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["rights"])
    change = changing(door)

    @router.post("/records/{record}/rights/consent-session")
    async def consent_session(body: Session, asked: Annotated[Changing, Depends(change)]) -> Changed:
        """Consent to one consultation: declared by the professional himself, or given by the holder's side (AR-013)."""
        return await asked.make(ConsentSession, **fields(body))

    @router.post("/records/{record}/rights/consent-team")
    async def consent_team(body: TeamConsent, asked: Annotated[Changing, Depends(change)]) -> Changed:
        """The initial consent to a care team (AR-009): given by the holder's side, or collected by a member."""
        return await asked.make(ConsentTeam, **fields(body))

    @router.post("/records/{record}/rights/end-team")
    async def end_team(body: OfTeam, asked: Annotated[Changing, Depends(change)]) -> Changed:
        """Take that consent back, or tell as a member that the team's care has ended."""
        return await asked.make(EndTeam, **fields(body))

    @router.post("/records/{record}/rights/wish")
    async def wish(body: EmergencyWishes, asked: Annotated[Changing, Depends(change)]) -> Changed:
        """What the holder wants in an emergency."""
        wishes = Wishes(break_glass=body.break_glass, regulation=body.regulation, masked=body.masked)
        return await asked.make(Wish, wishes=wishes, opinion=body.opinion)

    @router.post("/records/{record}/rights/opt-out")
    async def opt_out(body: Unwanted, asked: Annotated[Changing, Depends(change)]) -> Changed:
        """The functions that the holder does without."""
        return await asked.make(OptOut, **fields(body))

    @router.post("/records/{record}/rights/oppose-heirs")
    async def oppose_heirs(body: HeirsOpposed, asked: Annotated[Changing, Depends(change)]) -> Changed:
        """Oppose access by heirs, or take that back: by the holder alone, while alive (L.1110-4 V, AR-058)."""
        return await asked.make(OpposeHeirs, **fields(body))

    @router.put("/records/{record}/mask-by-default")
    async def mask_by_default(body: MaskedByDefault, asked: Annotated[Changing, Depends(change)]) -> Changed:
        """Whether new documents are masked to professionals, whatever their depositors say (AR-025)."""
        return await asked.make(MaskByDefault, **fields(body))

    @router.post("/records/{record}/rights/agree-app")
    async def agree_app(body: Agreement, asked: Annotated[Changing, Depends(change)]) -> Changed:
        """Agree with an app or digital service, by scope."""
        return await asked.make(AgreeApp, **fields(body))

    @router.post("/records/{record}/rights/withdraw-app")
    async def withdraw_app(body: OfApp, asked: Annotated[Changing, Depends(change)]) -> Changed:
        """Withdraw that agreement."""
        return await asked.make(WithdrawApp, **fields(body))

    return router
