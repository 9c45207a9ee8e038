"""Problems as RFC 9457 says: `application/problem+json` with a code, a sentence and the next step.

A problem never repeats what was sent: a value that was wrong may identify a person.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPE: Final = "application/problem+json"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,40}", re.ASCII)
_MOST_ERRORS: Final = 20

_PLAIN: Final[dict[int, tuple[str, str, str]]] = {
    401: ("unauthenticated", "The request does not say who asks.", "Send a valid token."),
    403: ("forbidden", "This may not be asked by this caller.", "Ask the service that owns it."),
    404: ("not_found", "There is nothing at this address.", "Compare the address with the interface's description."),
    405: ("method_not_allowed", "This address does not take this method.", "Compare with the interface's description."),
    413: ("too_large", "The request is larger than accepted.", "Send less at a time."),
    415: ("unsupported_media_type", "The content is of a type not taken here.", "Compare with the description."),
}


class Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """Ends a request with a problem. `code` is for machines, `sentence` and `next_step` are for people."""

    def __init__(
        self, status: int, code: str, sentence: str, next_step: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.sentence = sentence
        self.next_step = next_step
        self.headers = dict(headers or {})

    def content(self, **more: object) -> dict[str, object]:
        """The problem's JSON members."""
        members = {
            "type": f"urn:carnet:problem:{self.code}",
            "title": self.code.replace("_", " "),
            "status": self.status,
            "code": self.code,
            "detail": self.sentence,
        }
        return members | ({"next_step": self.next_step} if self.next_step else {}) | more

    def response(self, **more: object) -> Response:
        """The answer that says it."""
        body = json.dumps(self.content(**more), ensure_ascii=False).encode()
        return Response(body, self.status, self.headers, MEDIA_TYPE)


def timed_out(seconds: float) -> Problem:
    """The request took longer than allowed; whether it had an effect is unknown."""
    return Problem(
        504, "timed_out", f"The request was not answered within {seconds:g} s; its outcome is unknown.", "Repeat it."
    )


def too_large(limit: int) -> Problem:
    """The body is larger than accepted."""
    return Problem(413, "too_large", f"The body is larger than {limit} bytes.", "Send less at a time.")


def unavailable() -> Problem:
    """A database or a connection is away for now; whether the request had an effect is unknown."""
    return Problem(
        503,
        "unavailable",
        "Something this service needs does not answer now; whether the request had an effect is unknown.",
        "Repeat it in a moment; a repeat is safe.",
    )


def unexpected() -> Problem:
    """An error of ours; its cause stands in the log under the correlation id."""
    return Problem(
        500,
        "internal_error",
        "The service met an unexpected error.",
        "Repeat later; tell the operator the correlation.",
    )


async def answer_problem(_: Request, error: Exception) -> Response:
    """Handler of `Problem`."""
    return error.response() if isinstance(error, Problem) else unexpected().response()


async def answer_http_exception(_: Request, error: Exception) -> Response:
    """Handler of the framework's own refusals; their text is not passed on."""
    if not isinstance(error, HTTPException):
        return unexpected().response()
    code, sentence, next_step = _PLAIN.get(
        error.status_code, ("refused", "The request was refused.", "Compare it with the interface's description.")
    )
    return Problem(error.status_code, code, sentence, next_step, error.headers).response()


async def answer_invalid(_: Request, error: Exception) -> Response:
    """Handler of requests that do not fit the route's types: names what was wrong and where, never the value."""
    errors = _wrong_fields(error.errors()) if isinstance(error, RequestValidationError) else []
    problem = Problem(
        422,
        "invalid_request",
        "The request does not have the form expected here.",
        "Correct the fields named in errors.",
    )
    return problem.response(errors=errors)


def _wrong_fields(errors: Sequence[Any]) -> list[dict[str, str]]:
    return [{"at": _place(error["loc"]), "wrong": str(error["type"])} for error in errors[:_MOST_ERRORS]]


def _place(location: Sequence[object]) -> str:
    """Where in the request; a part that is no plain name (a key somebody made up) is not repeated."""
    return ".".join(
        str(part) if isinstance(part, int) or (isinstance(part, str) and _NAME.fullmatch(part)) else "?"
        for part in location
    )
