"""Reading on a permit, as every owner's routes do it: who may read was decided; here it is checked and explained."""

from shared.contracts.common import Act
from shared.database.reads import PermitLateError
from shared.http._problems import Problem
from shared.security import Permit, PermitRefused, PermitVerifier

_AGAIN = "Ask for the consultation again; each read needs a permit of its own."


def reading_permit(permits: PermitVerifier, token: str) -> Permit:
    """The permit of a read.

    Raises:
        Problem: 403, with the code that says which check failed: altered, expired, for another owner or act.
    """
    try:
        permit = permits.verify(token)
    except PermitRefused as error:
        raise Problem(403, error.code, f"{error}.", _AGAIN) from None
    if permit.act is not Act.CONSULT:
        raise Problem(403, "permit_other_act", f"The permit is for {permit.act.value}, not for reading.", _AGAIN)
    return permit


def read_refused(error: Exception) -> Problem:
    """Why a read on a good permit did not happen: `PermitLateError` or `PermitUsedError`."""
    if isinstance(error, PermitLateError):
        return Problem(403, "permit_expired", "The permit ran out before the read happened.", _AGAIN)
    return Problem(403, "permit_used", "The permit was used for a read before.", _AGAIN)
