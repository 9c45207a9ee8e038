"""What is told beside requests; accesses themselves as holders see them; cases of heirs and experts for operators."""

from uuid import UUID

from fastapi import APIRouter

from services.access_control.api.records import no_record
from services.access_control.repository import Contests, Extracts, NoRecordError, Written
from shared.contracts.http_access_control import CasesView, EmergenciesView, WriteText
from shared.contracts.http_extracts import ExtractsView
from shared.http import Problem


def oversight(router: APIRouter, written: Written, contests: Contests, extracts: Extracts) -> APIRouter:
    """The routes, on a router that says who may call."""

    @router.put("/records/{record}/texts/{subject}", status_code=204)
    async def write_text(record: UUID, subject: UUID, wanted: WriteText) -> None:
        """Keep what a person wrote beside a code."""
        try:
            kept = await written.note(record, subject, wanted.text)
        except NoRecordError:
            raise no_record() from None
        if not kept:
            told = "Another text stands under this id."
            raise Problem(409, "text_taken", told, "Make a new random id for the request.")

    @router.get("/records/{record}/emergencies")
    async def emergencies(record: UUID) -> EmergenciesView:
        """A record's emergencies and their reasons, as its holder sees them."""
        try:
            return EmergenciesView(emergencies=await written.emergencies(record))
        except NoRecordError:
            raise no_record() from None

    @router.get("/records/{record}/cases")
    async def contested(record: UUID) -> CasesView:
        """The accesses that a record's holder contested, and the answers."""
        try:
            return CasesView(cases=await contests.of(record))
        except NoRecordError:
            raise no_record() from None

    @router.get("/extracts")
    async def applied_for(*, refused: bool = False) -> ExtractsView:
        """The cases of heirs and court experts, for operators (AR-065)."""
        return ExtractsView(cases=await extracts.listed(refused=refused))

    return router
