"""An HTTP server inside a process that does other things too: started, awaited and stopped by its composition root."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.errors import OperatorError
from shared.observability import logger

_KEEP_ALIVE_S: Final = 60
"""An idle connection is closed after this time; services' own clients close theirs before."""
_HEAD_S: Final = 10.0
"""So long a connection may take from its beginning, or a request's, to the end of the request's head."""
_PROBES: Final = frozenset({b"/live", b"/ready", b"/metrics"})
"""Answered beyond the limit, too: a process that has much to do is neither dead nor invisible."""
_BACKLOG: Final = 512
_POLL_S: Final = 0.01
_MUCH: Final = 16 * 1024
"""Bytes held at most of what is answered within one turn."""

_log = logger(__name__)


class AddressInUseError(OperatorError, OSError):
    """The address can't be listened on."""


class _Uvicorn(uvicorn.Server):
    """uvicorn without its own signal handlers: the process has one place for signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


class _OneWrite:
    """A connection that writes at the end of the loop's turn what was answered in it, at once.

    uvicorn writes the head and the body of an answer apart: two system calls, and two wake-ups of who reads. Answers
    made in one turn to several connections leave together, too, and wake a common reader once.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Hold a part; much is passed on at once, so that a slow reader holds up its writer."""
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)
        self._size += len(data)
        if self._size > _MUCH:
            self._flush()

    def close(self) -> None:
        """Close, once all is written."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        held, self._held, self._size = self._held, [], 0
        if held and not self._transport.is_closing():
            self._transport.writelines(held)


class _Config(uvicorn.Config):
    """uvicorn's settings, with the one it lacks."""

    head_timeout_s: float = _HEAD_S


class _Http(HttpToolsProtocol):
    """uvicorn's protocol on such a connection, with a time-out for heads: who says nothing would count for ever."""

    _head_limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by the loop."""
        super().connection_made(cast("asyncio.Transport", _OneWrite(transport, self.loop)))
        self._limit_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._head_came()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Called by the parser at a request's first byte."""
        super().on_message_begin()
        if self._head_limit is None:
            self._limit_head()

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self._head_came()
        self.limit_concurrency = None if self.url in _PROBES else self.config.limit_concurrency
        super().on_headers_complete()

    def timeout_keep_alive_handler(self) -> None:
        """Called by the loop; what the client did not take until now, it does not get."""
        if not self.transport.is_closing():
            self.transport.abort()

    def _limit_head(self) -> None:
        limit_s = cast("_Config", self.config).head_timeout_s
        self._head_limit = self.loop.call_later(limit_s, self.timeout_keep_alive_handler)

    def _head_came(self) -> None:
        if self._head_limit is not None:
            self._head_limit.cancel()
            self._head_limit = None


class Server:
    """Serves an ASGI application. `limit` is how many connections are served at once; more are answered 503."""

    def __init__(
        self,
        app: Any,
        host: str,
        port: int,
        *,
        limit: int = 512,
        head_timeout_s: float = _HEAD_S,
        keep_alive_s: float = _KEEP_ALIVE_S,
    ) -> None:
        self._host, self._port = host, port
        self._limit, self._head_timeout_s, self._keep_alive_s = limit, head_timeout_s, keep_alive_s
        self._app = app
        self._uvicorn: _Uvicorn | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port listened on; known after `start` where 0 was asked for."""
        return self._port

    async def start(self) -> int:
        """Listen, and give the port.

        Raises:
            AddressInUseError: Another process listens there, or the address is not this machine's.
        """
        listening = _listen(self._host, self._port)
        self._port = listening.getsockname()[1]
        self._uvicorn = _Uvicorn(self._config())
        self._task = asyncio.create_task(self._uvicorn.serve([listening]), name="http-server")
        while not self._uvicorn.started:
            if self._task.done():
                await self._task
                raise RuntimeError("the HTTP server ended at its start; the line before this one in the log says why")
            await asyncio.sleep(_POLL_S)
        _log.info("http_listening", host=self._host, port=self._port)
        return self._port

    def _config(self) -> uvicorn.Config:
        config = _Config(
            self._app,
            loop="none",
            http=_Http,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            limit_concurrency=self._limit,
            backlog=_BACKLOG,
        )
        config.head_timeout_s = self._head_timeout_s
        config.timeout_keep_alive = self._keep_alive_s  # type: ignore[assignment] # seconds; a fraction does as well
        return config

    async def stop(self, timeout_s: float = 10.0) -> None:
        """Take no more connections, let running requests end for `timeout_s`, then cancel them."""
        if self._uvicorn is None or self._task is None:
            return
        self._uvicorn.config.timeout_graceful_shutdown = max(1, round(timeout_s))
        self._uvicorn.should_exit = True
        try:
            async with asyncio.timeout(timeout_s + 2):
                await self._task
        except TimeoutError:
            _log.warning("http_stopped_hard", port=self._port, seconds=timeout_s)
        self._task = None

    async def wait(self) -> None:
        """Until the server ends: for a supervisor that ends the process when it does."""
        if self._task is not None:
            await asyncio.shield(self._task)


@asynccontextmanager
async def serve(app: Any, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Server]:
    """A server for the time of a `with` block."""
    server = Server(app, host, port)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise AddressInUseError(
            error.errno,
            f"can't listen on {host}:{port} ({error.strerror}); stop what listens there or set another port",
        ) from None
    listening.setblocking(False)  # noqa: FBT003 - the standard library's own signature
    return listening
