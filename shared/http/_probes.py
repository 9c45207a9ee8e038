"""The three addresses by which a process is watched: `/live`, `/ready`, `/metrics`.

Live means: loops make progress; a process that is not live is ended and started again. Ready means: it may be given
work now. Reports name parts of the process and their state, nothing else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from shared.observability import METRICS_CONTENT_TYPE, exposition


@dataclass(frozen=True, slots=True)
class Report:
    """How a process is: well or not, and what each of its parts says in a few words."""

    ok: bool
    details: Mapping[str, str] = field(default_factory=dict)


def probes(live: Callable[[], Report], ready: Callable[[], Report]) -> APIRouter:
    """The routes of one process. The callables answer from memory and never wait."""
    router = APIRouter(include_in_schema=False)

    async def _live() -> Response:
        return _answer(live())

    async def _ready() -> Response:
        return _answer(ready())

    async def _metrics() -> Response:
        return Response(exposition(), media_type=METRICS_CONTENT_TYPE)

    router.add_api_route("/live", _live, methods=["GET"])
    router.add_api_route("/ready", _ready, methods=["GET"])
    router.add_api_route("/metrics", _metrics, methods=["GET"])
    return router


def _answer(report: Report) -> Response:
    return JSONResponse({"ok": report.ok, "details": dict(report.details)}, 200 if report.ok else 503)
