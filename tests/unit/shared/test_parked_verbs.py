"""The verbs of parked messages: what is asked of them, what they say, and their exit codes."""

import importlib
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest
from rich.console import Console
from typer.testing import CliRunner

from deploy import cli
from deploy.local import parked as local
from deploy.local.home import Home
from shared import parked
from shared.contracts.envelope import Envelope
from shared.messaging import Fate, Parked, Told
from shared.parked import verbs
from shared.security import KeyUnreadableError
from shared.settings import ServiceSettings

RUNNER = CliRunner()
ID, OTHER = UUID(int=1), UUID(int=2)
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
ROW = Parked(ID, "test.in", 3, 42, 7, "adding", "internal_error", "it raised", NOW, 1, None, None, None, None)
BY = ("--by", "op-1")
WHY = ("--why", "mended")


class Desk:
    """Stands for the parked messages of a service; notes what was asked."""

    def __init__(self, *rows: Parked, told: Told = Told(Fate.DONE, "sends nothing")) -> None:  # noqa: B008 - frozen
        self.rows = rows
        self.told = told
        self.asked: list[tuple] = []

    async def listed(self, *, resolved=False, topic="", most=0):
        self.asked.append(("listed", resolved, topic))
        return list(self.rows)[:most]

    async def shown(self, identity):
        envelope = Envelope(OTHER, "test.add.v1", "feeder", NOW, OTHER)
        return next(((row, envelope) for row in self.rows if row.id == identity), None)

    async def replay(self, identity, by, why, *, rehearse):
        self.asked.append(("replay", identity, by, why, rehearse))
        return self.told

    async def discard(self, identity, by, why):
        self.asked.append(("discard", identity, by, why))
        return self.told


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    """However wide the terminal of the tests is, no table is wrapped."""
    monkeypatch.setattr(parked, "out", Console(width=200))


def run(desk: Desk, *arguments: object) -> tuple[int, str]:
    @asynccontextmanager
    async def opened():
        yield desk

    result = RUNNER.invoke(verbs("document", opened), [str(one) for one in arguments])
    return result.exit_code, result.output


def test_a_list_says_where_why_and_since_when():
    code, said = run(Desk(ROW), "list")
    assert code == 0
    assert all(text in said for text in (str(ID), "test.in", "3", "42", "7", "internal_error", "2026-11-22", "open"))


def test_an_empty_list_says_so():
    assert run(Desk(), "list") == (0, "document: nothing is parked.\n")


def test_a_cut_list_says_so():
    _, said = run(Desk(ROW, ROW), "list", "--most", 1)
    assert "there may be more" in said


def test_list_passes_on_what_is_wanted():
    desk = Desk(ROW)
    run(desk, "list", "--all", "--topic", "test.in")
    assert desk.asked == [("listed", True, "test.in")]


def test_a_message_is_shown_with_its_envelope():
    code, said = run(Desk(ROW), "show", ID)
    assert code == 0
    assert all(text in said for text in ("it raised", "test.add.v1", str(OTHER)))
    assert run(Desk(), "show", ID)[0] == 1


def test_a_replay_is_a_rehearsal_until_it_is_applied():
    desk = Desk(ROW, told=Told(Fate.WOULD_BE, "sends test.added.v1"))
    code, said = run(desk, "replay", ID, *WHY, *BY)
    assert (code, "--apply" in said, "sends test.added.v1" in said) == (0, True, True)
    run(desk, "replay", ID, "--apply", *WHY, *BY)
    assert [one[-1] for one in desk.asked] == [True, False]
    assert desk.asked[0] == ("replay", ID, "op-1", "mended", True)


def test_a_whole_topic_is_replayed_in_the_order_of_the_list():
    desk = Desk(ROW, ROW._replace(id=OTHER))
    assert run(desk, "replay", "--topic", "test.in", "--apply", *WHY, *BY)[0] == 0
    assert [one[1] for one in desk.asked[1:]] == [ID, OTHER]


def test_messages_are_discarded_by_somebody_for_a_reason():
    desk = Desk(ROW)
    assert run(desk, "discard", ID, OTHER, *WHY, *BY)[0] == 0
    assert desk.asked == [("discard", one, "op-1", "mended") for one in (ID, OTHER)]


@pytest.mark.parametrize("verb", ["replay", "discard"])
def test_a_refusal_is_an_exit_code(verb):
    code, said = run(Desk(ROW, told=Told(Fate.REFUSED, "discard it")), verb, ID, *WHY, *BY)
    assert (code, "refused: discard it" in said) == (1, True)


@pytest.mark.parametrize("verb", ["replay", "discard"])
def test_what_was_done_before_is_no_failure(verb):
    code, said = run(Desk(ROW, told=Told(Fate.BEFORE, "it was replayed")), verb, ID, *WHY, *BY)
    assert (code, "was done before" in said) == (0, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("replay", ID, *BY),
        ("replay", ID, "--why", " ", *BY),
        ("replay", ID, *WHY, "--by", "Jean Dupont"),
        ("replay", *WHY, *BY),
        ("replay", ID, "--topic", "test.in", *WHY, *BY),
        ("discard", *WHY, *BY),
        ("discard", ID, *BY),
        ("discard", "a", *WHY, *BY),
    ],
)
def test_wrong_use_asks_for_nothing(arguments):
    desk = Desk(ROW)
    assert run(desk, *arguments)[0] == 2
    assert desk.asked == []


@pytest.mark.parametrize("error", [ConnectionRefusedError(), asyncpg.InvalidPasswordError("no")], ids=repr)
def test_a_database_that_is_not_there_is_told_in_a_line(error):
    @asynccontextmanager
    async def opened():
        raise error
        yield

    result = RUNNER.invoke(verbs("document", opened), ["list"])
    assert result.exit_code == 1
    assert "CARNET_DATABASE_URL" in result.output


@pytest.mark.parametrize("error", [ValueError("no keys: set X"), KeyUnreadableError("no keys: set X")], ids=repr)
def test_settings_that_lack_something_are_told_in_a_line(error):
    @asynccontextmanager
    async def opened():
        raise error
        yield

    result = RUNNER.invoke(verbs("document", opened), ["list"])
    assert (result.exit_code, result.output) == (1, "no keys: set X.\n")


def test_a_bug_is_no_refusal():
    @asynccontextmanager
    async def opened():
        yield None

    result = RUNNER.invoke(verbs("document", opened), ["list"])
    assert isinstance(result.exception, AttributeError)


def carnet(*arguments):
    return RUNNER.invoke(cli.app, ["parked", *map(str, arguments)])


@pytest.fixture
def called(monkeypatch):
    """What `carnet parked` runs, and with which settings."""
    calls = []

    class Ended:
        returncode = 0

    def noted(command, *, env, check):
        assert not check
        calls.append((command, env))
        return Ended

    monkeypatch.setattr(local.subprocess, "run", noted)
    monkeypatch.setenv("CARNET_DATABASE_URL", "postgresql://somewhere")
    return calls


def test_the_settings_of_the_environment_are_those_of_one_service(called):
    assert carnet("list", "--service", "audit", "--all").exit_code == 0
    ((command, env),) = called
    assert command == [sys.executable, "-m", "services.audit", "parked", "list", "--all"]
    assert env["CARNET_DATABASE_URL"] == "postgresql://somewhere"
    assert carnet("list").exit_code == 2
    assert len(called) == 1


@pytest.mark.parametrize("verb", ["show", "replay", "discard"])
def test_carnet_passes_everything_on_to_the_service_named(called, verb):
    assert carnet(verb, "--service", "document", str(ID), "--why", "mended", "--apply").exit_code == 0
    ((command, _),) = called
    assert command == [
        *(sys.executable, "-m", "services.document", "parked", verb),
        *(str(ID), "--why", "mended", "--apply"),
    ]
    assert carnet(verb, str(ID)).exit_code == 2
    assert carnet(verb, "--service", "gateway", str(ID)).exit_code == 2
    assert len(called) == 1


def test_carnet_says_where_nothing_is_up(monkeypatch):
    monkeypatch.setattr(Home, "state", lambda _: None)
    monkeypatch.delenv("CARNET_DATABASE_URL", raising=False)
    result = carnet("show", "--service", "document", uuid4())
    assert (result.exit_code, "carnet up" in result.output) == (1, True)


def test_each_service_gets_its_own_settings_of_the_system_that_is_up(called, monkeypatch, tmp_path):
    monkeypatch.delenv("CARNET_DATABASE_URL")
    monkeypatch.setenv("CARNET_HOME", str(tmp_path))
    addresses = {"kafka": "127.0.0.1:1", "postgres": "127.0.0.1:2", "identity": "http://127.0.0.1:3"}
    monkeypatch.setattr(Home, "state", lambda _: {"addresses": addresses})
    assert carnet("list").exit_code == 0
    assert [command[2] for command, _ in called] == [f"services.{service}" for service in local.OWNERS]
    for command, env in called:
        service = command[2].removeprefix("services.")
        assert env["CARNET_DATABASE_URL"] == f"postgresql://{service}@127.0.0.1:2/{service}"
        assert env["CARNET_KEYS_DIR"].endswith(service)
        module = importlib.import_module(f"services.{service}.__main__")
        given = {name.removeprefix("CARNET_").lower(): value for name, value in env.items() if name[:7] == "CARNET_"}
        settings = getattr(module, "Settings", ServiceSettings)(**given)
        assert (settings.partitions, settings.environment) == (8, "local")
    assert called[0][1]["CARNET_PERMIT_KEY_FILE"]
