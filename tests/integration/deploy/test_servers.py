"""A system on a broker and a database server that exist: it uses them, and leaves alone what is others' in them."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import confluent_kafka.admin as kafka
import psutil
import pytest

from deploy.kafka.broker import Broker
from deploy.kafka.topics import Admin
from deploy.local.postgres import Postgres
from deploy.processes import free_ports
from shared.contracts.topics import ACCESS_DECISIONS, GATEWAY, SERVICES
from tests.support.holder import UNDURABLE

pytestmark = pytest.mark.timeout(240)
ROOT = Path(__file__).parents[3]
PASSWORD = "their-admin's-own"
IMPATIENT = "from deploy import cli; from deploy.kafka import topics; topics._TIMEOUT_S = 3.0; cli.main()"
"""The command, which waits for a broker that takes nobody of our name no longer than that."""
THEIRS = kafka.AclBinding("topic", "theirs", "prefixed", "User:their-tool", "*", "read", "allow")


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Somebody's broker and database server, small ones, with a user and a right of somebody."""
    folder = tmp_path_factory.mktemp("servers")
    broker = Broker(folder / "kafka", PASSWORD, heap_mb=256)
    postgres = Postgres(folder / "postgres", PASSWORD, settings=UNDURABLE | {"shared_buffers": "32MB"})
    broker.prepare()
    broker.spawn()
    postgres.start()
    broker.wait_ready()
    admin = Admin(broker.bootstrap, PASSWORD)
    admin.ensure_users({"their-tool": "their-tool's"})
    admin._done(admin._client.create_acls([THEIRS], request_timeout=30))
    (folder / "password").write_text(f"{PASSWORD}\n")
    yield {
        "CARNET_KAFKA": broker.bootstrap,
        "CARNET_KAFKA_ADMIN_USER": "admin",
        "CARNET_KAFKA_ADMIN_PASSWORD_FILE": str(folder / "password"),
        "CARNET_POSTGRES": postgres.url("postgres"),
    }
    postgres.stop()
    broker.stop()


@pytest.fixture
def carnet(servers, tmp_path):
    """Runs the command in a home of its own; the system is wiped at the end."""
    home = tmp_path / "home"

    def run(*arguments, program=("-m", "deploy.cli"), **others):
        env = {**os.environ, **servers, "CARNET_HOME": str(home), "COLUMNS": "200", **others}
        command = [sys.executable, *program, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=200, env=env, cwd=ROOT, check=False)

    yield run
    run("down", "--wipe")


def _told(tmp_path):
    return json.loads((tmp_path / "home" / "state.json").read_text())


async def _names(url, query):
    connection = await asyncpg.connect(url)
    try:
        return {name for (name,) in await connection.fetch(query)}
    finally:
        await connection.close()


def test_a_whole_system_on_servers_that_exist(carnet, servers, tmp_path):
    up = carnet("up", "--detach")
    assert up.returncode == 0, up.stdout + up.stderr
    told = _told(tmp_path)
    assert {entry["name"] for entry in told["processes"]} == {"mail", "identity", *SERVICES}
    assert told["ready"]
    assert told["addresses"]["kafka"] == servers["CARNET_KAFKA"]
    assert servers["CARNET_POSTGRES"].endswith(f"@{told['addresses']['postgres']}/postgres")
    for entry in told["processes"]:
        given = psutil.Process(entry["pid"]).environ()
        assert not given.keys() & servers.keys(), entry["name"]
        assert PASSWORD.partition("'")[0] not in " ".join(given.values()), entry["name"]
    owners = set(SERVICES) - {GATEWAY}
    databases = asyncio.run(_names(servers["CARNET_POSTGRES"], "SELECT datname FROM pg_database"))
    assert databases == {*owners, "postgres", "template0", "template1"}
    admin = Admin(servers["CARNET_KAFKA"], PASSWORD)
    assert ACCESS_DECISIONS in admin.partitions()
    assert THEIRS in admin.bindings()
    assert "their-tool" in admin._client.describe_user_scram_credentials().result(30)

    down = carnet("down", "--wipe")
    assert (down.returncode, down.stderr) == (0, "")
    assert f"made in {servers['CARNET_KAFKA']} stays there" in down.stdout
    assert f"made in {told['addresses']['postgres']} stays there" in down.stdout
    assert ACCESS_DECISIONS in admin.partitions()


def test_a_database_server_that_does_not_answer_is_told_in_a_sentence(carnet):
    (port,) = free_ports(1)
    up = carnet("up", "--bare", CARNET_POSTGRES=f"postgresql://root:{PASSWORD[:5]}@127.0.0.1:{port}/postgres")
    assert up.returncode == 1
    assert f"PostgreSQL at 127.0.0.1:{port} did not make" in up.stderr
    assert "CARNET_POSTGRES" in up.stderr
    assert "Traceback" not in up.stderr + up.stdout
    assert PASSWORD[:5] not in up.stderr + up.stdout


def test_a_broker_that_takes_nobody_of_that_name_is_told_in_a_sentence(carnet):
    up = carnet("up", "--bare", program=("-c", IMPATIENT), CARNET_KAFKA_ADMIN_USER="nobody")
    assert up.returncode == 1
    assert "did not make topics, users and rights" in up.stderr
    assert "CARNET_KAFKA_ADMIN_USER" in up.stderr
    assert "Traceback" not in up.stderr + up.stdout
