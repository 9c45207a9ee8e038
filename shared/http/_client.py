"""Calls from one service to another over internal HTTP.

Every call carries the caller's service token and the correlation id, has a time-out for the whole of it, and ends in a
reply or a typed error. Connections are kept and used again. The pool below httpx2 (httpcore2) is used directly: on
loopback a small call costs 0.3-0.4 ms of CPU instead of the 0.55-0.65 ms of the full client.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore2
import stamina

from shared.http._guard import CORRELATION_HEADER
from shared.observability import HTTP_CALLS, correlation
from shared.security import ServiceIdentity

_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_NOT_SENT: Final = (httpcore2.ConnectError, httpcore2.ConnectTimeout, httpcore2.PoolTimeout)
_LOST: Final = (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException)
_ATTEMPTS: Final = 3
_KEEP_ALIVE_S: Final = 20.0
"""Shorter than the server's, so that it is the client who closes an idle connection."""
_MAX_PROBLEM_BYTES: Final = 64 * 1024
_ERRORS_FROM: Final = 400

Content = bytes | AsyncIterator[bytes]
RawHeaders = list[tuple[bytes, bytes]]


class RemoteError(Exception):
    """The service called answered with a problem."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(f"{status} {code}: {sentence}")
        self.status = status
        self.code = code
        self.sentence = sentence


class RemoteUnavailable(RemoteError):  # noqa: N818 - a state of the other service
    """The service called could not be reached or did not answer in time; whether it acted is unknown."""


class _Again(Exception):  # noqa: N818 - control flow of this module
    """The call may be repeated."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer read to its end."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """The content as JSON."""
        return json.loads(self.content)


@dataclass(frozen=True, slots=True)
class StreamedReply:
    """An answer whose content is read piece by piece, within its `with` block."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


class InternalClient:
    """Calls one service (`audience`) at one address, as `identity`. Use one client for the life of the process."""

    def __init__(
        self,
        base_url: str,
        identity: ServiceIdentity,
        audience: str,
        *,
        timeout_s: float = 5.0,
        connections: int = 32,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
            raise ValueError(f"the address of {audience} is not of the form http://host:port; correct the setting")
        self._scheme, self._host = parts.scheme.encode(), parts.hostname.encode()
        self._port = parts.port
        self._host_header = (b"host", parts.netloc.encode())
        self._identity, self._audience = identity, audience
        self._timeout = timeout_s
        self._pool = httpcore2.AsyncConnectionPool(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=_KEEP_ALIVE_S
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()

    async def call(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        content: Content | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool | None = None,
        timeout_s: float | None = None,
    ) -> Reply:
        """One request and its whole answer.

        A lost call is repeated only where that is safe: nothing was sent, or the call is idempotent (by its method, or
        because the caller says so). `json` may be a pydantic model or plain data.

        Raises:
            RemoteError: Any status from 400.
            RemoteUnavailable: Not reached, or no answer in time.
        """
        body, raw = self._request(json, content, headers)
        safe = (method in _IDEMPOTENT if idempotent is None else idempotent) and (body is None or type(body) is bytes)
        limit = self._timeout if timeout_s is None else timeout_s
        try:
            async with asyncio.timeout(limit):
                reply = await self._sent(method, path, body, raw, safe=safe)
        except (TimeoutError, _Again, *_LOST) as error:
            raise self._unavailable(limit if isinstance(error, TimeoutError) else None) from error
        HTTP_CALLS.labels(self._audience, "answered" if reply.status < _ERRORS_FROM else "refused").inc()
        if reply.status >= _ERRORS_FROM:
            raise remote_error(self._audience, reply.status, reply.content)
        return reply

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        content: Content | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> AsyncIterator[StreamedReply]:
        """One request, its answer read piece by piece within the time-out; never repeated. Raises as `call`."""
        body, raw = self._request(json, content, headers)
        limit = self._timeout if timeout_s is None else timeout_s
        try:
            async with (
                asyncio.timeout(limit),
                self._pool.stream(method.encode(), self._url(path), headers=raw, content=body) as answer,
            ):
                if answer.status >= _ERRORS_FROM:
                    raise remote_error(self._audience, answer.status, await _start_of(answer))
                yield StreamedReply(answer.status, _plain(answer.headers), answer.aiter_stream())
        except (TimeoutError, *_LOST) as error:
            raise self._unavailable(limit if isinstance(error, TimeoutError) else None) from error

    async def _sent(self, method: str, path: str, body: Content | None, raw: RawHeaders, *, safe: bool) -> Reply:
        try:
            return await self._once(method, path, body, raw)
        except _NOT_SENT:
            if body is not None and type(body) is not bytes:
                raise
        except (httpcore2.NetworkError, httpcore2.ProtocolError):
            # a kept connection that the other side closed meanwhile looks like this
            if not safe:
                raise
        again = _NOT_SENT if not safe else (*_NOT_SENT, httpcore2.NetworkError, httpcore2.ProtocolError)
        async for attempt in stamina.retry_context(on=again, attempts=_ATTEMPTS - 1, wait_initial=0.05, wait_max=0.5):
            with attempt:
                return await self._once(method, path, body, raw)
        raise _Again

    async def _once(self, method: str, path: str, body: Content | None, raw: RawHeaders) -> Reply:
        answer = await self._pool.request(method.encode(), self._url(path), headers=raw, content=body)
        return Reply(answer.status, _plain(answer.headers), answer.content)

    def _url(self, path: str) -> httpcore2.URL:
        return httpcore2.URL(scheme=self._scheme, host=self._host, port=self._port, target=path.encode("ascii"))

    def _request(
        self, data: object, content: Content | None, headers: Mapping[str, str] | None
    ) -> tuple[Content | None, RawHeaders]:
        token = self._identity.token(self._audience)
        raw = [self._host_header, (b"authorization", b"Bearer " + token.encode())]
        if (following := correlation()) is not None:
            raw.append((CORRELATION_HEADER.encode(), following.encode()))
        if data is not None:
            content = _json_bytes(data)
            raw.append((b"content-type", b"application/json"))
        if isinstance(content, bytes):
            raw.append((b"content-length", str(len(content)).encode()))
        elif content is not None:
            raw.append((b"transfer-encoding", b"chunked"))
        return content, raw + [(name.encode(), value.encode()) for name, value in (headers or {}).items()]

    def _unavailable(self, limit: float | None) -> RemoteUnavailable:
        HTTP_CALLS.labels(self._audience, "unavailable").inc()
        if limit is not None:
            return RemoteUnavailable(
                504, "timed_out", f"{self._audience} did not answer within {limit:g} s; the outcome is unknown, repeat"
            )
        return RemoteUnavailable(
            503, "unavailable", f"{self._audience} can't be reached or broke off; is it running? Repeat later"
        )


def remote_error(audience: str, status: int, content: bytes) -> RemoteError:
    """The error that an answer stands for, with the code and sentence of its problem where it holds one."""
    try:
        problem = json.loads(content)
        return RemoteError(status, str(problem["code"]), str(problem["detail"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return RemoteError(status, "refused", f"{audience} refused with status {status} and without a reason")


def _json_bytes(data: object) -> bytes:
    dump = getattr(data, "model_dump_json", None)
    return (dump() if dump is not None else json.dumps(data, separators=(",", ":"))).encode()


def _plain(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


async def _start_of(answer: httpcore2.Response) -> bytes:
    content = b""
    async for chunk in answer.aiter_stream():
        content += chunk
        if len(content) > _MAX_PROBLEM_BYTES:
            break
    return content
