"""A service as a process: waits for what is not there yet, tells it, becomes ready, stops in order."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx2
import pytest

from deploy.processes import free_ports
from shared.database.migrations import upgrade
from shared.security import new_key
from tests.support import toy
from tests.support.proxy import Proxy
from tests.support.system import System, eventually, fresh_database


@asynccontextmanager
async def process(
    environment: dict[str, str], program: str = "tests.support.toy"
) -> AsyncIterator[asyncio.subprocess.Process]:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        program,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def answer(port: int, path: str) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=2) as client:
        return await client.get(f"http://127.0.0.1:{port}{path}")


@pytest.fixture
async def place(system: System, prefix: str, tmp_path):
    """Database and broker, each behind a proxy that does not listen yet, and the environment of the process."""
    topics = system.topics(prefix)
    assert topics
    async with fresh_database(system) as url:
        await asyncio.to_thread(upgrade, toy.Path(toy.__file__).with_name("toy_migrations"), url, None)
        target = urlsplit(url)
        database = Proxy("127.0.0.1", target.port)
        host, port = system.bootstrap.split(":")
        kafka = Proxy(host, int(port))
        await database.reserve()
        await kafka.reserve()
        (tmp_path / "kek-1.key").write_text(new_key().hex())
        (tmp_path / "kafka").write_text(system.password)
        http = free_ports(1)[0]
        behind = target._replace(netloc=f"{target.username}:{target.password}@127.0.0.1:{database.port}")
        environment = {
            "CARNET_DATABASE_URL": behind.geturl(),
            "CARNET_KAFKA_BOOTSTRAP": f"127.0.0.1:{kafka.port}",
            "CARNET_KAFKA_USERNAME": "admin",
            "CARNET_KAFKA_PASSWORD_FILE": str(tmp_path / "kafka"),
            "CARNET_TOPIC_PREFIX": prefix,
            "CARNET_PARTITIONS": "4",
            "CARNET_HTTP_PORT": str(http),
            "CARNET_KEYS_DIR": str(tmp_path),
        }
        yield database, kafka, environment, http
        await database.cut()
        await kafka.cut()


async def test_it_waits_for_what_is_down_says_so_and_starts_when_it_comes(place):
    database, kafka, environment, port = place

    async def not_ready_because(word: str):
        try:
            reply = await answer(port, "/ready")
        except httpx2.HTTPError:
            raise AssertionError("not listening") from None
        assert reply.status_code == 503
        assert word in reply.text

    async def ready():
        assert (await answer(port, "/ready")).status_code == 200

    async with process(environment) as child:
        await eventually(lambda: not_ready_because("database"))
        assert (await answer(port, "/live")).status_code == 200
        await database.listen()
        await eventually(lambda: not_ready_because("kafka"))
        await kafka.listen()
        await eventually(ready)
        metrics = await answer(port, "/metrics")
        assert "carnet_" in metrics.text
        child.send_signal(signal.SIGTERM)
        output, _ = await asyncio.wait_for(child.communicate(), 15)
        assert child.returncode == 0, output.decode()
    events = [json.loads(line)["event"] for line in output.decode().splitlines() if line.startswith("{")]
    assert "waiting" in events
    assert events[-1] == "stopped"


async def test_wrong_number_of_partitions_is_refused_with_the_next_step(place):
    database, kafka, environment, port = place
    await database.listen()
    await kafka.listen()

    async def told():
        try:
            reply = await answer(port, "/ready")
        except httpx2.HTTPError:
            raise AssertionError("not listening") from None
        assert "CARNET_PARTITIONS" in reply.text

    async with process(environment | {"CARNET_PARTITIONS": "5"}):
        await eventually(told)


async def test_a_wrong_password_for_kafka_is_told(place, tmp_path):
    database, kafka, environment, port = place
    await database.listen()
    await kafka.listen()
    (tmp_path / "kafka").write_text("wrong")

    async def told():
        try:
            reply = await answer(port, "/ready")
        except httpx2.HTTPError:
            raise AssertionError("not listening") from None
        assert "credentials" in reply.text

    async with process(environment):
        await eventually(told)


async def test_a_loop_that_never_returns_is_told_by_live_and_ends_the_process(place):
    database, kafka, environment, port = place
    await database.listen()
    await kafka.listen()

    async def not_live():
        try:
            reply = await answer(port, "/live")
        except httpx2.HTTPError:
            raise AssertionError("not listening") from None
        assert (reply.status_code, reply.json()["details"]) == (503, {"stuck": "hanging"})

    async with process(environment, "tests.support.hanging") as child:
        await eventually(not_live)
        output, _ = await asyncio.wait_for(child.communicate(), 30)
    assert child.returncode == 70
    last = [json.loads(line) for line in output.decode().splitlines() if line.startswith("{")][-1]
    assert (last["event"], last["loop"]) == ("stalled", "hanging")
