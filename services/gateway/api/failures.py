"""What an owner's refusal means to who asked the gateway."""

from typing import Final

from fastapi import Request, Response

from services.gateway.api.door import language_of
from services.gateway.domain.answers import refusal
from shared.contracts.further_reasons import FurtherReason, code
from shared.http import Problem, RemoteError, RemoteUnavailable
from shared.observability import logger

_UNAUTHENTICATED, _FORBIDDEN, _FAILED = 401, 403, 500
_PERMIT: Final = "permit_"

_log = logger(__name__)


async def answer_remote_error(request: Request, error: Exception) -> Response:
    """Handler of `RemoteError`."""
    if not isinstance(error, RemoteError):
        raise error
    return problem(error, language_of(request)).response()


def problem(error: RemoteError, language: str = "en") -> Problem:
    """The problem to answer with: the owner's own words where they are for the client, else that we failed.

    A refusal by one of the contract's reasons is told in the client's language.
    """
    if isinstance(error, RemoteUnavailable):
        return Problem(error.status, error.code, f"{error.sentence}.", "Repeat it: a repeat is safe.")
    if error.status in {_UNAUTHENTICATED, _FORBIDDEN} and error.code.startswith(_PERMIT):
        return Problem(503, error.code, "The read did not happen in time.", "Ask again.")
    if error.status == _FORBIDDEN and (reason := code(error.code)) is not None:
        if isinstance(reason, FurtherReason):
            return refusal((reason.broader,), language, further=(reason.value,))
        return refusal((reason,), language)
    refused_us = error.status in {_UNAUTHENTICATED, _FORBIDDEN}
    if refused_us or error.status == _FAILED:
        _log.error("owner_refused", status=error.status, code=error.code)
        return Problem(
            500, "internal_error", "A service behind the gateway failed.", "Tell the operator the correlation."
        )
    return Problem(error.status, error.code, error.sentence)
