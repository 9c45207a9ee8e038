"""A cheap HTTP/1.1 client for load: prepared requests over kept connections, so that the generator costs little."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

ANSWER_TIMEOUT_S: Final = 20.0
_HEAD_END: Final = b"\r\n\r\n"
_OK: Final = range(200, 300)


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    head: bytes
    """Header lines in lower case."""
    body: bytes


class LoadError(RuntimeError):
    """The load could not be put on the system: a connection ended or an answer did not come."""


def prepared(method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """A whole request, ready to be written."""
    told = {"host": "127.0.0.1", "content-length": str(len(body)), **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


class Connection(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self) -> None:
        self._transport: Any = None
        self._received = bytearray()
        self._waiting: asyncio.Future[Answer] | None = None
        self.usable = False

    async def ask(self, request: bytes) -> Answer:
        """Send a request and wait for the answer.

        Raises:
            LoadError: The connection ended, or nothing came in time.
        """
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                answer = await self._waiting
        except TimeoutError:
            raise LoadError(f"no answer within {ANSWER_TIMEOUT_S:g} s: see the gateway's log") from None
        except BaseException:
            self.close()  # an answer that comes after all would be taken for the next one's
            raise
        return answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = transport
        self.usable = True

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self._received += data
        end = self._received.find(_HEAD_END)
        if end < 0:
            return
        head = bytes(self._received[:end]).lower()
        start = end + len(_HEAD_END)
        size = _length(head)
        if len(self._received) < start + size:
            return
        body = bytes(self._received[start : start + size])
        del self._received[: start + size]
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(Answer(int(head[9:12]), head, body))

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self.usable = False
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(LoadError(f"the server closed the connection ({type(exc).__name__})"))

    def close(self) -> None:
        """End it."""
        self.usable = False
        if self._transport is not None:
            self._transport.close()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    if b"transfer-encoding: chunked" in head:
        raise LoadError("the answer comes in chunks, which this client does not read: expected content-length")
    return 0


class Connections:
    """A few connections to one address, given out one at a time."""

    def __init__(self, url: str, count: int) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._count = count
        self._free: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
        self._all: list[Connection] = []

    async def __aenter__(self) -> Self:
        for _ in range(self._count):
            self._free.put_nowait(await self._open())
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self._all:
            connection.close()

    async def ask(self, request: bytes) -> Answer:
        """One request over a connection that is free. Raises LoadError."""
        connection = await self._free.get()
        try:
            if not connection.usable:
                connection = await self._open()
            return await connection.ask(request)
        finally:
            self._free.put_nowait(connection)

    async def _open(self) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(Connection, self._host, self._port)
        except OSError as error:
            raise LoadError(f"nobody listens at port {self._port} ({type(error).__name__})") from None
        self._all.append(connection)
        return connection


@dataclass
class Seen:
    """What a load met."""

    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    """Of answers that succeeded."""
    refused: Counter[str] = field(default_factory=Counter)
    """Other answers, by status or error; the first body of each is kept in `told`."""
    told: dict[str, str] = field(default_factory=dict)
    latest_ms: float = 0.0
    """How late the generator itself was at worst: latencies count from the planned moment."""

    @property
    def per_s(self) -> float:
        """Successes per second."""
        return len(self.latencies_ms) / self.seconds

    def faults(self) -> list[str]:
        """What was not answered as it should be, in sentences."""
        return [f"{count} answers {kind}: {self.told.get(kind, '')}" for kind, count in self.refused.items()]

    def note(self, answer: Answer, milliseconds: float) -> None:
        """Take in one answer."""
        if answer.status in _OK:
            self.latencies_ms.append(milliseconds)
            return
        kind = f"HTTP {answer.status}"
        self.refused[kind] += 1
        self.told.setdefault(kind, answer.body[:300].decode(errors="replace"))

    def note_error(self, error: LoadError) -> None:
        """Take in a request without an answer."""
        self.refused["no answer"] += 1
        self.told.setdefault("no answer", str(error))


async def closed_loop(url: str, requests: Iterator[bytes], *, connections: int, seconds: float = float("inf")) -> Seen:
    """Each connection asks again as soon as it is answered, until time or requests are over."""
    seen = Seen()
    began = time.perf_counter()

    async def work(pool: Connections) -> None:
        for request in requests:
            sent = time.perf_counter()
            if sent - began >= seconds:
                return
            try:
                seen.note(await pool.ask(request), (time.perf_counter() - sent) * 1e3)
            except LoadError as error:
                seen.note_error(error)

    async with Connections(url, connections) as pool:
        began = time.perf_counter()
        await asyncio.gather(*(work(pool) for _ in range(connections)))
    seen.seconds = time.perf_counter() - began
    return seen


async def open_loop(ask: Callable[[int], Awaitable[Answer]], *, rate: float, until: Callable[[float], bool]) -> Seen:
    """Send at a fixed rate, whatever comes back; latencies count from the moment that was planned.

    Args:
        ask: Sends the request of this number.
        rate: Per second.
        until: Told the seconds since the start; True ends the sending.
    """
    seen = Seen()
    began = time.perf_counter()
    tasks: set[asyncio.Task[None]] = set()

    async def one(number: int, planned: float) -> None:
        try:
            answer = await ask(number)
        except LoadError as error:
            seen.note_error(error)
        else:
            seen.note(answer, (time.perf_counter() - planned) * 1e3)

    number = 0
    while not until(time.perf_counter() - began):
        planned = began + number / rate
        pause = planned - time.perf_counter()
        if pause > 0:
            await asyncio.sleep(pause)
        seen.latest_ms = max(seen.latest_ms, (time.perf_counter() - planned) * 1e3)
        task = asyncio.create_task(one(number, planned))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        number += 1
    seen.seconds = time.perf_counter() - began
    _, late = await asyncio.wait(tasks, timeout=ANSWER_TIMEOUT_S) if tasks else (None, set())
    for task in late:
        task.cancel()
        seen.note_error(LoadError(f"not asked within {ANSWER_TIMEOUT_S:g} s: every connection was busy"))
    await asyncio.gather(*late, return_exceptions=True)
    return seen
