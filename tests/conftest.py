"""What every test shares: the choice of the backend, and which tests are left out of an ordinary run.

`pytest` alone leaves out the tests marked `long`; `-m long` runs them alone, `make test LONG=1` all.
"""

import functools
import os
import shutil
import subprocess
from uuid import uuid4

import pytest

from deploy.processes import PORTS_VARIABLE, port_range
from tests.support import logs
from tests.support import system as support


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--backend",
        choices=("local", "containers"),
        default="local",
        help="where Kafka and PostgreSQL of the tests run: processes of this machine, or containers",
    )


def pytest_configure(config: pytest.Config) -> None:
    if not config.option.markexpr:
        config.option.markexpr = "not long"
    _own_ports()
    logs.plain()


def _own_ports() -> None:
    """Each test process takes ports of its own: one that is free because its server was killed is nobody else's."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if worker and PORTS_VARIABLE not in os.environ:
        ports = port_range()
        each = len(ports) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        first = ports[int(worker) * each]
        os.environ[PORTS_VARIABLE] = f"{first}-{first + each - 1}"


@functools.cache
def no_engine() -> str:
    """Why containers can't be used here, or nothing where they can."""
    docker = shutil.which("docker")
    if docker is None:
        return "no container engine: the command docker is not on the PATH"
    try:
        answer = subprocess.run([docker, "version"], capture_output=True, timeout=10, check=False)
    except subprocess.TimeoutExpired:
        return "no container engine: `docker version` did not answer within 10 s"
    return "" if answer.returncode == 0 else "no container engine: `docker version` failed, is the daemon running?"


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> support.System:
    """The run's real Kafka and PostgreSQL, started by the first test that asks."""
    backend = pytestconfig.getoption("--backend")
    if backend == "containers" and (reason := no_engine()):
        pytest.skip(reason)
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return support.start(shared, support.owner_of_run(), backend)


@pytest.fixture
def prefix() -> str:
    """Stands before the topics and groups of one test, so that tests share a broker and nothing else."""
    return f"t{uuid4().hex[:12]}."
