"""Whatever prevents a start is told by one sentence with the next step, before anything is started."""

import re
import socket

import pytest
import typer

from deploy import cli
from deploy.local.databases import ensure
from deploy.local.home import Home
from deploy.local.system import LocalSystem


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
