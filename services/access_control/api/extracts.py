"""Cases of heirs and court experts, for operators (AR-058, AR-065); they are opened and answered through the lane."""

from uuid import UUID

from fastapi import APIRouter

from services.access_control.repository import Extracts
from shared.contracts.http_extracts import ExtractsView, PaperView, ReadPaper
from shared.http import Problem


def applications(router: APIRouter, extracts: Extracts) -> APIRouter:
    """The routes, on a router that says who may call."""

    @router.get("/extracts")
    async def listed(*, refused: bool = False) -> ExtractsView:
        """The cases, without who applied."""
        return ExtractsView(cases=await extracts.listed(refused=refused))

    @router.post("/extracts/{case}/paper")
    async def paper(case: UUID, wanted: ReadPaper) -> PaperView:
        """Who applied for an extract, and by which papers; who reads it is told to the world."""
        found = await extracts.paper(case, wanted.reader)
        if found is None:
            raise Problem(404, "no_case", "There is no such case.", "Take its id from the list of cases.")
        return PaperView(paper=found)

    return router
