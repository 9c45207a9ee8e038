"""The frame of every HTTP application of Carnet, internal or public."""

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from shared.database.reads import PermitLateError, PermitUsedError
from shared.database.record_keys import RecordDestroyedError
from shared.http._guard import Guard, HttpLimits
from shared.http._permits import answer_late_permit, answer_used_permit
from shared.http._problems import Problem, answer_http_exception, answer_invalid, answer_problem
from shared.http._records import answer_destroyed_key, answer_destroyed_record
from shared.security import KeyDestroyedError


class _PlainRoute(Route):
    """A route of Starlette that tells the access log its template, as FastAPI's own do."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether a request is for this route, and what is noted with it."""
        match, noted = super().matches(scope)
        return match, {**noted, "route": self}


def application(service: str, *routers: APIRouter, limits: HttpLimits | None = None, docs: bool = False) -> FastAPI:
    """An application of these routes: errors as problems, limits of size and time, access log, metrics.

    `docs` adds the interactive description and is for environment=local alone.
    """
    app = FastAPI(
        title=f"Carnet {service}",
        openapi_url="/openapi.json" if docs else None,
        docs_url="/docs" if docs else None,
        redoc_url=None,
        redirect_slashes=False,
        # the routes themselves: an included router is matched twice for each request
        routes=[_told(route) for router in routers for route in router.routes],
    )
    app.add_exception_handler(Problem, answer_problem)
    app.add_exception_handler(PermitLateError, answer_late_permit)
    app.add_exception_handler(PermitUsedError, answer_used_permit)
    app.add_exception_handler(RecordDestroyedError, answer_destroyed_record)
    app.add_exception_handler(KeyDestroyedError, answer_destroyed_key)
    app.add_exception_handler(HTTPException, answer_http_exception)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_middleware(Guard, service=service, limits=limits or HttpLimits())
    return app


def _told(route: BaseRoute) -> BaseRoute:
    if type(route) is not Route:
        return route
    return _PlainRoute(route.path, route.endpoint, methods=list(route.methods or ()))
