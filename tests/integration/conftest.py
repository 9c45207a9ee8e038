"""Who runs where: modules stay together, and all that needs the whole system shares one, which one worker starts."""

from collections.abc import Iterator
from pathlib import Path, PurePath

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from deploy.local.home import Home
from deploy.local.system import LocalSystem

HERE = Path(__file__).parent
WHOLE = ("demo", "gateway")
"""They need the whole system."""
ORDER = (
    *("deploy", "access_control", "document", "database", "process"),
    *WHOLE,
    *("messaging", "audit", "history_ingestion", "notification"),
)
"""The folders in the order in which they are handed out; one that is not named here goes first. Those of the whole
system are one piece, the longest: it comes so late that its system, once idle, takes nothing from the others for long,
and so early that the other workers are busy as long as it lasts."""


class Pieces(LoadScopeScheduling):
    """A module is one piece of work, so that what it starts is started once; all that needs the whole system is one."""

    def _split_scope(self, nodeid: str) -> str:
        return "the whole system" if _folder(nodeid) in WHOLE else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    return Pieces(config, log) if config.getoption("dist") == "loadscope" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    own = [place for place, item in enumerate(items) if HERE in item.path.parents]
    in_turn = sorted((items[place] for place in own), key=lambda item: _turn(item.nodeid))
    for place, item in zip(own, in_turn, strict=True):
        items[place] = item


def _turn(nodeid: str) -> int:
    folder = _folder(nodeid)
    return ORDER.index(folder) if folder in ORDER else -1


def _folder(nodeid: str) -> str:
    return PurePath(nodeid.partition("::")[0]).parent.name


@pytest.fixture(scope="session")
def carnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSystem]:
    """Kafka, PostgreSQL, identity, mail and all services."""
    place = LocalSystem(Home(tmp_path_factory.mktemp("carnet") / "home")).start()
    try:
        yield place
    finally:
        place.stop()
