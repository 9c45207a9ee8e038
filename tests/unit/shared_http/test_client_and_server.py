"""Calls between services over real sockets, and the server inside a process."""

import asyncio
import gzip
import signal
import socket
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import uuid4

import pytest
import stamina
from fastapi import APIRouter, Depends, FastAPI, Request
from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from shared.http import (
    AddressInUseError,
    HttpLimits,
    Problem,
    RemoteError,
    RemoteUnavailable,
    Server,
    application,
    callers,
    serve,
)
from shared.http._server import _OneWrite
from shared.http.client import InternalClient
from shared.observability import bind
from shared.security import ServiceIdentity, ServiceVerifier, new_private_jwk, public_jwks

GATEWAY = new_private_jwk("gateway")
IDENTITY = ServiceIdentity("gateway", GATEWAY)
VERIFIER = ServiceVerifier(public_jwks(GATEWAY), "document", {"gateway"})


class Sent(BaseModel):
    number: int


@pytest.fixture(autouse=True)
def _quick_retries() -> None:
    stamina.set_testing(True, attempts=2)


def routes() -> APIRouter:
    router = APIRouter(dependencies=[Depends(callers(VERIFIER))])

    @router.post("/sent")
    async def sent(body: Sent, request: Request) -> dict[str, object]:
        return {"number": body.number, "correlation": request.headers.get("x-correlation-id")}

    @router.post("/size")
    async def size(request: Request) -> dict[str, int]:
        return {"size": sum([len(chunk) async for chunk in request.stream()])}

    @router.get("/content")
    async def content() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            for number in range(100):
                yield bytes([number]) * 1000

        return StreamingResponse(parts(), headers={"x-hash": "abc"})

    @router.get("/who")
    async def who(caller: Annotated[str, Depends(callers(VERIFIER, "gateway"))]) -> str:
        return caller

    @router.get("/plain")
    async def plain(request: Request) -> Response:
        """Tells the headers that came, in a long one, and would like to be followed, unpacked and remembered."""
        names = ",".join(sorted(request.headers))
        return Response(
            gzip.compress(names.encode()),
            302,
            {"location": "/who", "content-encoding": "gzip", "set-cookie": "a=b", "X-Long": "x" * 100_000},
        )

    @router.get("/problem")
    async def problem() -> None:
        raise Problem(409, "stale_rights", "The rights changed meanwhile.")

    @router.get("/slow")
    async def slow() -> None:
        await asyncio.sleep(60)

    return router


@pytest.fixture
async def client() -> AsyncIterator[InternalClient]:
    app = application("document", routes(), limits=HttpLimits(timeout_s=1))
    async with serve(app) as server:
        client = InternalClient(f"http://127.0.0.1:{server.port}", IDENTITY, "document", timeout_s=2)
        yield client
        await client.close()


async def test_a_call_carries_token_and_correlation(client: InternalClient) -> None:
    correlation = str(uuid4())
    with bind(correlation=correlation):
        reply = await client.call("POST", "/sent", json=Sent(number=7))
    assert reply.json() == {"number": 7, "correlation": correlation}
    assert reply.headers["content-type"] == "application/json"
    assert (await client.call("GET", "/who")).json() == "gateway"


async def test_content_goes_both_ways_in_pieces(client: InternalClient) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"x" * 1000

    assert (await client.call("POST", "/size", content=parts())).json() == {"size": 50_000}
    assert (await client.call("POST", "/size", content=b"x" * 70_000)).json() == {"size": 70_000}
    async with client.stream("GET", "/content") as reply:
        received = b"".join([chunk async for chunk in reply.chunks])
    assert reply.headers["x-hash"] == "abc"
    assert len(received) == 100_000


async def test_a_stream_that_is_left_early_leaves_the_client_usable(client: InternalClient) -> None:
    async with client.stream("GET", "/content") as reply:
        assert await anext(reply.chunks)
    assert (await client.call("GET", "/who")).status == 200


async def test_an_answer_is_given_as_it_came(client: InternalClient) -> None:
    for _ in range(2):
        reply = await client.call("GET", "/plain")
        assert reply.status == 302
        assert len(reply.headers["x-long"]) == 100_000
        assert gzip.decompress(reply.content) == b"authorization,host"


async def test_a_large_content_that_is_refused_early_is_told_as_refused(client: InternalClient) -> None:
    with pytest.raises(RemoteError, match="413 too_large"):
        await client.call("POST", "/size", content=b"x" * 20_000_000)
    assert (await client.call("POST", "/size", content=b"x" * 2_000_000)).json() == {"size": 2_000_000}


async def test_a_problem_becomes_a_typed_error(client: InternalClient) -> None:
    with pytest.raises(RemoteError) as caught:
        await client.call("GET", "/problem")
    error = caught.value
    assert (error.status, error.code, error.sentence) == (409, "stale_rights", "The rights changed meanwhile.")
    with pytest.raises(RemoteError) as streamed:
        async with client.stream("GET", "/problem"):
            pytest.fail("a problem is no stream")
    assert streamed.value.code == "stale_rights"


async def test_no_answer_in_time_is_said_and_not_repeated(client: InternalClient) -> None:
    with pytest.raises(RemoteUnavailable, match=r"504 timed_out: document did not answer within 0\.1 s"):
        await client.call("GET", "/slow", timeout_s=0.1)
    with pytest.raises(RemoteUnavailable, match="504"):
        async with client.stream("GET", "/slow", timeout_s=0.1):
            pytest.fail("there is no answer")
    assert (await client.call("GET", "/who")).status == 200


async def test_a_service_that_is_down_is_unavailable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    client = InternalClient(f"http://127.0.0.1:{port}", IDENTITY, "document")
    with pytest.raises(RemoteUnavailable, match="503 unavailable: document can't be reached"):
        await client.call("POST", "/sent", json={"number": 1})
    await client.close()


class Breaking:
    """A server that takes a request and closes the connection, so many times, then answers."""

    def __init__(self, breaks: int) -> None:
        self.breaks = breaks
        self.requests = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.requests += 1
        if self.requests > self.breaks:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
            await writer.drain()
        writer.close()


@pytest.mark.parametrize(
    ("method", "idempotent", "requests"), [("GET", None, 2), ("POST", None, 1), ("POST", True, 2), ("GET", False, 1)]
)
async def test_only_what_may_be_repeated_is(method: str, *, idempotent: bool | None, requests: int) -> None:
    breaking = Breaking(breaks=1)
    server = await asyncio.start_server(breaking, "127.0.0.1", 0)
    client = InternalClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", IDENTITY, "document")
    try:
        reply = await client.call(method, "/x", idempotent=idempotent)
        assert reply.json() == {}
    except RemoteUnavailable:
        assert requests == 1
    assert breaking.requests == requests
    await client.close()
    server.close()


async def test_what_may_not_be_repeated_is_not_on_a_kept_connection_either() -> None:
    seen = []

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", b""):
            seen.append((await reader.readuntil(b"\r\n\r\n")).split()[0])
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(once, "127.0.0.1", 0)
    client = InternalClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", IDENTITY, "document")
    await client.call("GET", "/x")
    with pytest.raises(RemoteUnavailable):
        await client.call("GET", "/x", idempotent=False)
    assert seen == [b"GET", b"GET"]
    await client.close()
    server.close()


async def test_repeats_are_bounded() -> None:
    breaking = Breaking(breaks=100)
    server = await asyncio.start_server(breaking, "127.0.0.1", 0)
    client = InternalClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", IDENTITY, "document")
    with pytest.raises(RemoteUnavailable):
        await client.call("GET", "/x")
    assert 2 <= breaking.requests <= 3
    await client.close()
    server.close()


async def test_a_restarted_service_is_found_again_over_kept_connections() -> None:
    app = application("document", routes())
    async with serve(app) as first:
        port = first.port
        client = InternalClient(f"http://127.0.0.1:{port}", IDENTITY, "document")
        assert (await client.call("GET", "/who")).status == 200
    async with serve(app, port=port):
        assert (await client.call("POST", "/sent", json={"number": 1})).status == 200
    await client.close()


@pytest.mark.parametrize("address", ["", "127.0.0.1:80", "ftp://x", "http://host/path", "http://"])
def test_an_address_of_another_form_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="http://host:port"):
        InternalClient(address, IDENTITY, "document")


async def test_a_taken_port_is_said_at_once() -> None:
    async with serve(FastAPI()) as server:
        with pytest.raises(AddressInUseError, match="set another port"):
            await Server(FastAPI(), "127.0.0.1", server.port).start()


async def test_the_server_leaves_signals_alone_and_names_nobody() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    async with serve(application("document", routes())) as server:
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        answer = (await reader.read()).lower()
        writer.close()
    assert answer.startswith(b"http/1.1 404")
    assert b"server:" not in answer


async def test_a_running_request_ends_before_the_server_does() -> None:
    app, begun = FastAPI(), asyncio.Event()

    @app.get("/work")
    async def work() -> str:
        begun.set()
        await asyncio.sleep(0.2)
        return "done"

    server = Server(app, "127.0.0.1", 0)
    client = InternalClient(f"http://127.0.0.1:{await server.start()}", IDENTITY, "document")
    call = asyncio.create_task(client.call("GET", "/work"))
    await begun.wait()
    await server.stop(5)
    assert (await call).json() == "done"
    await client.close()


async def test_a_request_that_hangs_does_not_keep_the_server() -> None:
    app, begun = FastAPI(), asyncio.Event()

    @app.post("/hang")
    async def hang() -> None:
        begun.set()
        await asyncio.sleep(60)

    server = Server(app, "127.0.0.1", 0)
    client = InternalClient(f"http://127.0.0.1:{await server.start()}", IDENTITY, "document", timeout_s=30)
    call = asyncio.create_task(client.call("POST", "/hang"))
    await begun.wait()
    async with asyncio.timeout(5):
        await server.stop(1)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await client.close()


class Wire:
    """Stands for a transport; keeps what is written in one go."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False

    def writelines(self, parts: list[bytes]) -> None:
        self.writes.append(b"".join(parts))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


async def test_head_and_body_leave_together() -> None:
    connection = _OneWrite(wire := Wire(), asyncio.get_running_loop())
    connection.write(b"head")
    connection.write(b"body")
    await asyncio.sleep(0)
    connection.write(b"next")
    connection.close()
    assert wire.writes == [b"headbody", b"next"]
    assert wire.closed


async def test_much_is_not_held_and_nothing_is_written_to_who_is_gone() -> None:
    connection = _OneWrite(wire := Wire(), asyncio.get_running_loop())
    connection.write(b"head")
    connection.write(b"x" * 20_000)
    assert [len(write) for write in wire.writes] == [20_004]
    connection.write(b"late")
    wire.closed = True
    await asyncio.sleep(0)
    assert len(wire.writes) == 1
    assert connection.is_closing()
