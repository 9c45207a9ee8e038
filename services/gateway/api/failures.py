"""What an owner's refusal means to who asked the gateway."""

from typing import Final

from fastapi import Request, Response

from shared.contracts.reasons import Reason
from shared.http import Problem, RemoteError, RemoteUnavailable
from shared.observability import logger

_UNAUTHENTICATED, _FORBIDDEN, _FAILED = 401, 403, 500
_PERMIT: Final = "permit_"
_REASONS: Final = frozenset(reason.value for reason in Reason)

_log = logger(__name__)


async def answer_remote_error(_: Request, error: Exception) -> Response:
    """Handler of `RemoteError`."""
    if not isinstance(error, RemoteError):
        raise error
    return problem(error).response()


def problem(error: RemoteError) -> Problem:
    """The problem to answer with: the owner's own words where they are for the client, else that we failed."""
    if isinstance(error, RemoteUnavailable):
        return Problem(error.status, error.code, f"{error.sentence}.", "Repeat it: a repeat is safe.")
    if error.status in {_UNAUTHENTICATED, _FORBIDDEN} and error.code.startswith(_PERMIT):
        return Problem(503, error.code, "The read did not happen in time.", "Ask again.")
    refused_us = error.status in {_UNAUTHENTICATED, _FORBIDDEN} and error.code not in _REASONS
    if refused_us or error.status == _FAILED:
        _log.error("owner_refused", status=error.status, code=error.code)
        return Problem(
            500, "internal_error", "A service behind the gateway failed.", "Tell the operator the correlation."
        )
    return Problem(error.status, error.code, error.sentence)
