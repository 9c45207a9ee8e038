"""HTTP of audit: traces of one record, on a permit."""

from typing import Annotated

from fastapi import APIRouter, Depends

from services.audit.repository import Traces
from shared.contracts import http_audit
from shared.contracts.http_audit import ReadTraces
from shared.http import callers, reading_permit
from shared.security import PermitVerifier, ServiceVerifier


def routes(traces: Traces, permits: PermitVerifier, services: ServiceVerifier) -> APIRouter:
    """The routes, for the gateway alone."""
    router = APIRouter()

    @router.post("/read")
    async def read(
        query: ReadTraces, _caller: Annotated[str, Depends(callers(services, "gateway"))]
    ) -> http_audit.Traces:
        """Traces of the permit's record that its reader may see, newest first."""
        permit = reading_permit(permits, query.permit)
        return http_audit.Traces(traces=tuple(await traces.read(permit, query)))

    return router
