"""Whatever prevents a start is told by one sentence with the next step, before anything is started."""

import re
import socket
import sys

import pytest
import typer
from typer.testing import CliRunner

from deploy import cli
from deploy.local.databases import ensure
from deploy.local.home import Home
from deploy.local.supervisor import Supervisor, Unit
from deploy.local.system import LocalSystem
from deploy.processes import Child


def _said(capsys, act):
    """What the command says instead of a traceback."""
    with pytest.raises(typer.Exit) as ended:
        cli._guarded(act)
    assert ended.value.exit_code == 1
    return re.sub(r"\s+", " ", capsys.readouterr().err)


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Starts a system that works with servers of others; whatever it would start fails the test."""
    monkeypatch.setenv("CARNET_KAFKA", "127.0.0.1:1")
    monkeypatch.setenv("CARNET_POSTGRES", "postgresql://root:topsecret@127.0.0.1:1/postgres")
    (tmp_path / "password").write_text("topsecret")
    monkeypatch.setenv("CARNET_KAFKA_ADMIN_PASSWORD_FILE", str(tmp_path / "password"))
    system = LocalSystem(Home(tmp_path / "home"))
    monkeypatch.setattr(system.supervisor, "add", lambda unit: pytest.fail(f"{unit.name} was started"))
    return system.start


@pytest.mark.parametrize("url", ["127.0.0.1:5432", "postgresql://root:topsecret@127.0.0.1:many"])
def test_a_server_that_is_no_url(start, capsys, monkeypatch, url):
    monkeypatch.setenv("CARNET_POSTGRES", url)
    said = _said(capsys, start)
    assert "postgresql://admin:password@host:port" in said
    assert "topsecret" not in said


def test_a_broker_without_the_file_of_its_password(start, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("CARNET_KAFKA_ADMIN_PASSWORD_FILE", str(tmp_path / "missing"))
    assert re.search(r"CARNET_KAFKA_ADMIN_PASSWORD_FILE .*missing.*: name a file", _said(capsys, start))


def test_a_broker_whose_administrator_is_not_named(start, capsys, monkeypatch):
    monkeypatch.delenv("CARNET_KAFKA_ADMIN_PASSWORD_FILE")
    assert "set CARNET_KAFKA_ADMIN_USER" in _said(capsys, start)


def test_what_prevents_the_start_is_told_and_not_what_follows_from_it(start, tmp_path):
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    (home / "carnet.home").touch()
    (home / "secrets").touch()
    with pytest.raises(FileExistsError):
        start()
    assert not home.is_up


def test_a_server_that_does_not_answer(capsys):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        url = f"postgresql://root:topsecret@127.0.0.1:{port}/postgres"
        said = _said(capsys, lambda: ensure(url, {"audit": "secret"}))
    assert re.search(rf"PostgreSQL at 127.0.0.1:{port} .*check that .*CARNET_POSTGRES", said)
    assert "secret" not in said


def test_a_service_that_ends_again_and_again_is_named_with_its_log(tmp_path, capsys, monkeypatch):
    system = LocalSystem(Home(tmp_path))
    broken = Child("audit", [sys.executable, "-c", "raise SystemExit('no such key')"], tmp_path / "audit.log")
    monkeypatch.setattr(system, "_tell", lambda _: None)
    system.supervisor = Supervisor()
    system._complete = True
    system.supervisor.add(Unit("audit", broken, lambda: False))
    said = _said(capsys, lambda: system._wait_ready(lambda: False))
    system.supervisor.stop()
    assert re.search(rf"audit ended 4 times .*{tmp_path / 'audit.log'} ends with: no such key", said)


def test_what_stays_in_servers_of_others_is_told_when_the_system_is_wiped(tmp_path, monkeypatch):
    home = Home(tmp_path / "home")
    home.take()
    home.remember("kafka", "broker.test:9092")
    home.remember("postgres", "old.test:5432")
    home.remember("postgres", "db.test:5432")
    home.release()
    monkeypatch.setenv("CARNET_HOME", str(home.folder))
    said = CliRunner().invoke(cli.app, ["down", "--wipe"]).output
    assert not home.folder.exists()
    assert re.search(r"made in broker.test:9092 stays there, topics, users and rights: remove it there", said)
    assert re.search(
        r"made in db.test:5432 and old.test:5432 stays there, databases and roles \(access_control, .*\)", said
    )


def test_a_system_of_its_own_leaves_nothing(tmp_path, monkeypatch):
    home = Home(tmp_path / "home")
    home.take()
    home.release()
    monkeypatch.setenv("CARNET_HOME", str(home.folder))
    assert "stays there" not in CliRunner().invoke(cli.app, ["down", "--wipe"]).output
