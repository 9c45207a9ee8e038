"""HTTP of audit: traces of one record, on a permit."""

from typing import Annotated

from fastapi import APIRouter, Depends

from services.audit.repository import PermitTooLateError, PermitUsedError, Traces
from shared.contracts import http_audit
from shared.contracts.common import Act
from shared.contracts.http_audit import ReadTraces
from shared.http import Problem, callers
from shared.security import Permit, PermitRefused, PermitVerifier, ServiceVerifier

_AGAIN = "Ask for the consultation again; each read has a permit of its own."


def routes(traces: Traces, permits: PermitVerifier, services: ServiceVerifier) -> APIRouter:
    """The routes, for the gateway alone."""
    router = APIRouter()

    @router.post("/read")
    async def read(
        query: ReadTraces, _caller: Annotated[str, Depends(callers(services, "gateway"))]
    ) -> http_audit.Traces:
        """Traces of the permit's record that its reader may see, newest first."""
        permit = _permit(permits, query.permit)
        try:
            return http_audit.Traces(traces=tuple(await traces.read(permit, query)))
        except PermitUsedError:
            raise Problem(403, "permit_used", "This permit has opened a read before.", _AGAIN) from None
        except PermitTooLateError:
            raise Problem(403, "permit_expired", "The permit ran out before the read happened.", _AGAIN) from None

    return router


def _permit(permits: PermitVerifier, token: str) -> Permit:
    try:
        permit = permits.verify(token)
    except PermitRefused as error:
        raise Problem(403, error.code, f"{error}.", _AGAIN) from None
    if permit.act is not Act.CONSULT:
        raise Problem(403, "permit_other_act", "The permit is not for a consultation.", _AGAIN)
    return permit
