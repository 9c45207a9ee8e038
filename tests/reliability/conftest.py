"""One local system for all reliability tests: two replicas of every service, real Kafka and PostgreSQL, own folder."""

import asyncio

import pytest

from deploy.local.home import Home
from deploy.local.options import Options
from deploy.local.system import LocalSystem
from deploy.proof.checker import check
from deploy.proof.checker.gather import gather, quiet
from deploy.proof.checker.sources import Sources
from deploy.proof.faults.inject import tending
from deploy.proof.faults.run import SETTINGS
from deploy.proof.load import connected
from shared.observability import configure_logging
from tests.support.acts import Acts
from tests.support.system import eventually

START_AND_RUN_S = 400


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/reliability" in str(item.path):
            item.add_marker(pytest.mark.reliability)
            item.add_marker(pytest.mark.timeout(START_AND_RUN_S))
            # a client whose broker is killed while it connects leaves its socket to the garbage collector
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))


@pytest.fixture(scope="session")
def carnet(tmp_path_factory):
    """The running system. Its processes live as long as this thread."""
    configure_logging("tests", level="critical")  # clients' words about outages that are meant
    system = LocalSystem(Home(tmp_path_factory.mktemp("reliability") / "home"), Options(replicas=2, settings=SETTINGS))
    system.start()
    yield system
    system.stop()


@pytest.fixture
async def tended(carnet):
    """The system with its supervisor at work, whole at the start."""

    async def is_ready():
        return carnet.ready

    async with tending(carnet):
        await eventually(is_ready, timeout_s=60)
        yield carnet


@pytest.fixture
async def acts(tended):
    """Acts on the system as the gateway does them."""
    async with connected(tended) as target:
        reading = asyncio.create_task(target.replies.run())
        await asyncio.wait_for(target.replies.ready.wait(), 30)
        yield Acts(target)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


@pytest.fixture
def judged(carnet):
    """Wait until the system is quiet, then judge all that it holds."""

    async def judge():
        sources = Sources.of(carnet)
        assert await quiet(sources) is not None, "the system is not quiet after a minute"
        return check(await gather(sources), sources.topics)

    return judge
