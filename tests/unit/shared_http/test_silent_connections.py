"""Who connects and says nothing, or stops in the middle of a head, does not keep others out."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI, Request

from shared.http import Report, Server, probes

LIMIT = 3
HEAD_S = KEEP_S = 1.0
WHOLE = b"GET /plain HTTP/1.1\r\nhost: x\r\n\r\n"
SILENT = {"nothing": b"", "half a head": b"GET /plain HTTP/1.1\r\nhost:", "one letter": b"G"}

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def port() -> AsyncIterator[int]:
    app = FastAPI()

    @app.get("/plain")
    async def plain() -> str:
        return "plain"

    @app.get("/work")
    async def work() -> str:
        await asyncio.sleep(HEAD_S * 1.5)
        return "done"

    @app.post("/taken")
    async def taken(request: Request) -> int:
        return len(await request.body())

    app.include_router(probes(lambda: Report(ok=True), lambda: Report(ok=True)))
    server = Server(app, "127.0.0.1", 0, limit=LIMIT, head_timeout_s=HEAD_S, keep_alive_s=KEEP_S)
    yield await server.start()
    await server.stop(1)


async def silent(port: int, beginning: bytes, count: int) -> list[Connection]:
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]
    for _, writer in opened:
        writer.write(beginning)
    return opened


async def status(port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return int(answer.split()[1])


async def close(opened: list[Connection]) -> None:
    for _, writer in opened:
        writer.close()


@pytest.mark.parametrize("beginning", SILENT.values(), ids=SILENT)
async def test_silent_connections_are_closed_and_others_are_served_again(port: int, beginning: bytes) -> None:
    opened = await silent(port, beginning, LIMIT + 1)
    assert await status(port, "/plain") == 503
    for reader, _ in opened:
        await asyncio.wait_for(reader.read(), 5)  # ends only where the server closes
    assert await status(port, "/plain") == 200
    await close(opened)


async def test_kept_connections_without_a_request_are_closed_and_others_are_served_again(port: int) -> None:
    opened = []
    for _ in range(LIMIT - 1):  # who asks counts, too
        opened += await silent(port, WHOLE, 1)
        assert (await opened[-1][0].readuntil(b'"plain"')).startswith(b"HTTP/1.1 200")
    assert await status(port, "/plain") == 503
    for reader, _ in opened:
        assert await asyncio.wait_for(reader.read(), 5) == b""
    assert await status(port, "/plain") == 200
    await close(opened)


@pytest.mark.parametrize("path", ["/live", "/ready", "/metrics"])
async def test_the_probes_are_answered_beyond_the_limit(port: int, path: str) -> None:
    opened = await silent(port, b"", LIMIT + 1)
    assert (await status(port, "/plain"), await status(port, path)) == (503, 200)
    await close(opened)


async def test_a_head_that_comes_letter_by_letter_is_given_up(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def drip() -> None:
        while True:
            writer.write(b"a")
            await asyncio.sleep(0.05)

    writer.write(b"GET /plain HTTP/1.1\r\nhost: ")
    dripping = asyncio.create_task(drip())
    try:
        assert await asyncio.wait_for(reader.read(), 5) == b""
    except ConnectionResetError:
        pass  # a letter was under way
    finally:
        dripping.cancel()
        writer.close()


async def test_a_second_head_on_a_kept_connection_has_the_same_limit(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(WHOLE)
    assert (await reader.readuntil(b'"plain"')).startswith(b"HTTP/1.1 200")
    writer.write(b"GET /pl")
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_a_request_that_is_worked_on_and_a_slow_body_are_left_alone(port: int) -> None:
    assert await status(port, "/work") == 200
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /taken HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\na")
    await asyncio.sleep(HEAD_S * 1.5)
    writer.write(b"b")
    assert (await reader.read()).endswith(b"2")
    writer.close()
