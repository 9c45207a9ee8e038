"""What is told beside requests, and what a holder sees of accesses themselves: emergencies and contested ones."""

from uuid import UUID

from fastapi import APIRouter

from services.access_control.api.records import no_record
from services.access_control.repository import Contests, NoRecordError, Written
from shared.contracts.http_access_control import CasesView, EmergenciesView, WriteText
from shared.http import Problem


def oversight(router: APIRouter, written: Written, contests: Contests) -> APIRouter:
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

    return router
