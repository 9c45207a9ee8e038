"""Answers of the FHIR door: resources, negotiation of their form, and OperationOutcome for every error.

Below `/fhir` a problem (RFC 9457), wherever it comes from, leaves as an OperationOutcome with the same status.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import orjson
from fastapi import Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.fhir.errors import FhirError, operation_outcome
from shared.http import Problem

MEDIA_TYPE: Final = "application/fhir+json"
FORM: Final = "application/x-www-form-urlencoded"
JSON_PATCH: Final = "application/json-patch+json"
_READABLE: Final = frozenset({MEDIA_TYPE, "application/json", "application/*", "*/*"})
_JSON: Final = frozenset({MEDIA_TYPE, "application/json"})
_PROBLEM: Final = b"application/problem+json"
_ISSUES: Final[dict[int, str]] = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    409: "conflict",
    410: "deleted",
    412: "conflict",
    413: "too-long",
    415: "not-supported",
    422: "processing",
    503: "transient",
    504: "timeout",
}


def resource(content: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A resource as the answer."""
    return Response(orjson.dumps(content), status, dict(headers or {}), MEDIA_TYPE)


async def answer_fhir_error(_: Request, error: Exception) -> Response:
    """Handler of `FhirError`."""
    if not isinstance(error, FhirError):
        raise error
    return resource(error.outcome(), error.status)


def expect_readable(request: Request) -> None:
    """Refuse a client that takes no JSON.

    Raises:
        Problem: 406.
    """
    wanted = _media_types(request.headers.get("accept", ""))
    if wanted and _READABLE.isdisjoint(wanted):
        raise Problem(406, "not_acceptable", "The answer exists as JSON alone.", f"Send Accept: {MEDIA_TYPE}.")


def expect_content(request: Request, expected: str = MEDIA_TYPE) -> None:
    """Refuse a body that is not of the media type expected; FHIR's JSON may call itself plain JSON.

    Raises:
        Problem: 415.
    """
    stated = _media_types(request.headers.get("content-type", ""))
    if len(stated) != 1 or stated.isdisjoint(_JSON if expected == MEDIA_TYPE else {expected}):
        raise Problem(
            415, "unsupported_media_type", "The body is of a type not taken here.", f"Send Content-Type: {expected}."
        )


def prefers(request: Request, preference: str) -> bool:
    """True where the header Prefer names it (RFC 7240)."""
    stated = ",".join(request.headers.getlist("prefer"))
    return preference in {one.strip().lower() for one in stated.replace(";", ",").split(",")}


def wants_resource(request: Request) -> bool:
    """True where the client asks for FHIR itself and not for a document's bytes."""
    return bool(_JSON & _media_types(request.headers.get("accept", "")))


def _media_types(header: str) -> frozenset[str]:
    found = (one.partition(";")[0].strip().lower() for one in header.split(","))
    return frozenset(one for one in found if one)


class FhirErrors:
    """ASGI middleware, the outermost: below `prefix` it turns problems into OperationOutcomes."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"].startswith(self._prefix):
            await self._app(scope, receive, _Translator(send).send)
        else:
            await self._app(scope, receive, send)


class _Translator:
    """One answer: passes it on, or gathers a problem and sends its translation."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        """Pass on or gather a part of the answer."""
        if message["type"] == "http.response.start" and _is_problem(message):
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._translated(self._start)

    async def _translated(self, start: Message) -> None:
        body = orjson.dumps(translated(json.loads(self._body)))
        replaced = {b"content-type": MEDIA_TYPE.encode(), b"content-length": str(len(body)).encode()}
        headers = [(name, replaced.get(name.lower(), value)) for name, value in start["headers"]]
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def translated(problem: Mapping[str, Any]) -> dict[str, Any]:
    """The OperationOutcome that says the same as a problem."""
    status = int(problem["status"])
    errors = (f"{error['at']}: {error['wrong']}" for error in problem.get("errors", ()))
    told = " ".join(filter(None, (problem["detail"], problem.get("next_step"), *errors)))
    code, finer = str(problem["code"]), problem.get("reasons", ())
    return operation_outcome(_ISSUES.get(status, "exception"), told, reason=code, finer=finer)


def _is_problem(start: Message) -> bool:
    return any(name.lower() == b"content-type" and value.startswith(_PROBLEM) for name, value in start["headers"])
