"""Reading on a permit, as every owner's routes do it: who may read was decided; here it is checked and explained."""

from starlette.requests import Request
from starlette.responses import Response

from shared.contracts.common import Act
from shared.http._problems import Problem
from shared.security import Permit, PermitRefused, PermitVerifier

_AGAIN = "Ask for the consultation again; each read needs a permit of its own."


def reading_permit(permits: PermitVerifier, token: str, *, extract: bool = False) -> Permit:
    """The permit of a read, or of an extract: neither opens the other.

    Raises:
        Problem: 403, with the code that says which check failed: altered, expired, for another owner or act.
    """
    try:
        permit = permits.verify(token)
    except PermitRefused as error:
        raise Problem(403, error.code, f"{error}.", _AGAIN) from None
    if permit.act is not Act.CONSULT:
        raise Problem(403, "permit_other_act", f"The permit is for {permit.act.value}, not for reading.", _AGAIN)
    if (permit.extract is not None) is not extract:
        given, asked = ("an extract", "a reading") if permit.extract is not None else ("a reading", "an extract")
        raise Problem(403, "permit_other_act", f"The permit is for {given}, not for {asked}.", _AGAIN)
    return permit


async def answer_late_permit(_: Request, _error: Exception) -> Response:
    """Handler of `PermitLateError`: the read did not happen."""
    return Problem(403, "permit_expired", "The permit ran out before the read happened.", _AGAIN).response()


async def answer_used_permit(_: Request, _error: Exception) -> Response:
    """Handler of `PermitUsedError`: the read did not happen."""
    return Problem(403, "permit_used", "The permit was used for a read before.", _AGAIN).response()
