"""What surrounds every request: correlation id, limits of size and time, the access log and its metrics.

The access log names the route's template, never the path, the query or an address of a caller: those may identify.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

from prometheus_client import Counter, Histogram
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.database import is_transient
from shared.http._problems import Problem, timed_out, too_large, unavailable, unexpected
from shared.observability import HTTP_REQUESTS, HTTP_SECONDS, bind, logger

CORRELATION_HEADER: Final = "x-correlation-id"
CORRELATION_KEY: Final = "carnet.correlation"
"""In a request's scope: the flow that a route began, by whose id the request's line is then found in the log."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_QUIET: Final = frozenset({"/live", "/ready", "/metrics"})
_CLIENT_GONE: Final = 499
_CORRELATION: Final = CORRELATION_HEADER.encode()
_DEFAULTS: Final = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """How large a request may be and how long it may take."""

    max_body_bytes: int = 16 * 1024 * 1024
    timeout_s: float = 30.0


class Guard:
    """ASGI middleware around an application."""

    def __init__(self, app: ASGIApp, service: str, limits: HttpLimits) -> None:
        self._app = app
        self._service = service
        self._limits = limits
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._timers: dict[str, Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; connections of other kinds are passed on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        correlation = _correlation(scope)
        started = time.perf_counter()
        exchange = _Exchange(receive, send, self._limits.max_body_bytes, correlation)
        with bind(correlation=correlation):
            try:
                await self._serve(scope, exchange)
            finally:
                self._account(scope, exchange.status, time.perf_counter() - started)

    async def _serve(self, scope: Scope, exchange: "_Exchange") -> None:
        try:
            async with asyncio.timeout(self._limits.timeout_s) as limit:
                if exchange.announces_too_much(scope):
                    await exchange.refuse(scope, too_large(self._limits.max_body_bytes))
                else:
                    await self._app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            exchange.status = _CLIENT_GONE
        except TimeoutError as error:
            await self._fail(scope, exchange, error, timed_out(self._limits.timeout_s) if limit.expired() else None)
        except Exception as error:  # noqa: BLE001 - the last place where an error can become an answer
            await self._fail(scope, exchange, error, None)
        if exchange.too_much and not exchange.started:
            await exchange.refuse(scope, too_large(self._limits.max_body_bytes))

    async def _fail(self, scope: Scope, exchange: "_Exchange", error: Exception, problem: Problem | None) -> None:
        if exchange.too_much and not exchange.started:
            return
        if problem is None:
            _log.error("request_failed", exc_info=error)
        if exchange.started:
            # half an answer is out: only a broken connection tells the client that the rest is missing
            raise error
        await exchange.refuse(scope, problem or (unavailable() if is_transient(error) else unexpected()))

    def _account(self, scope: Scope, status: int, seconds: float) -> None:
        route = _template(scope)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._counter(method, route, status).inc()
        self._timer(route).observe(seconds)
        if route not in _QUIET:
            began = {"correlation": scope[CORRELATION_KEY]} if CORRELATION_KEY in scope else {}
            _log.info("request_answered", method=method, route=route, status=status, seconds=round(seconds, 6), **began)

    def _counter(self, method: str, route: str, status: int) -> Counter:
        key = method, route, status
        if key not in self._counters:
            self._counters[key] = HTTP_REQUESTS.labels(self._service, method, route, str(status))
        return self._counters[key]

    def _timer(self, route: str) -> Histogram:
        if route not in self._timers:
            self._timers[route] = HTTP_SECONDS.labels(self._service, route)
        return self._timers[route]


class _Exchange:
    """One request and its answer: counts the body, marks the answer."""

    def __init__(self, receive: Receive, send: Send, max_bytes: int, correlation: str) -> None:
        self._receive, self._send = receive, send
        self._left = max_bytes
        self._correlation = correlation
        self.started = False
        self.too_much = False
        self.status = 500

    def announces_too_much(self, scope: Scope) -> bool:
        """True where Content-Length says more than accepted."""
        for name, value in scope["headers"]:
            if name == b"content-length":
                return not value.isdigit() or int(value[:20]) > self._left
        return False

    async def receive(self) -> Message:
        """The next part of the body; beyond the limit the client counts as gone."""
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self.too_much = True
            return {"type": "http.disconnect"}
        return message

    async def send(self, message: Message) -> None:
        """Pass on a part of the answer; what the application answers to a cut body is left out."""
        if self.too_much and not self.started:
            return
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            message = {**message, "headers": self._marked(message["headers"])}
        await self._send(message)

    def _marked(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """The headers with ours; names are in lower case, as ASGI wants them."""
        marked = [(name, value) for name, value in headers if name != _CORRELATION]
        marked.append((_CORRELATION, self._correlation.encode()))
        named = {name for name, _ in marked}
        return marked + [header for header in _DEFAULTS if header[0] not in named]

    async def refuse(self, scope: Scope, problem: Problem) -> None:
        """Answer with a problem, and close the connection: part of the body may not have been read."""
        self.too_much = False
        problem.headers["connection"] = "close"
        await problem.response(correlation=self._correlation)(scope, self._receive, self.send)


def _correlation(scope: Scope) -> str:
    """The caller's correlation id where it is a UUID, else a new one: nothing else may enter the log this way."""
    for name, value in scope["headers"]:
        if name == _CORRELATION:
            try:
                return str(UUID(value.decode("ascii")))
            except ValueError:
                break
    return str(uuid4())


def _template(scope: Scope) -> str:
    route: Any = scope.get("route")
    return str(getattr(route, "path", "unmatched"))
