"""`carnet matrix` where there is no database to speak to: what is said, and the exit codes."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy import cli
from deploy.local.home import Home
from services.access_control.commands import console
from tests.unit.access_control.test_matrix import CELLS, META

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def _no_database(monkeypatch):
    monkeypatch.setattr(Home, "state", lambda _: None)
    monkeypatch.delenv("CARNET_DATABASE_URL", raising=False)


@pytest.fixture
def files(tmp_path) -> Path:
    (tmp_path / "m.csv").write_text(CELLS)
    (tmp_path / "m.toml").write_text(META)
    return tmp_path


def carnet(*arguments):
    result = RUNNER.invoke(cli.app, ["matrix", *map(str, arguments)], env={"COLUMNS": "200"})
    return result.exit_code, result.output


@pytest.mark.parametrize("verb", ["import", "diff", "activate", "show", "rehearse"])
def test_the_verbs_stand_beside_the_others_and_explain_themselves(verb):
    code, said = carnet(verb, "--help")
    assert code == 0
    assert "Usage" in said


def test_without_a_system_it_says_how_to_get_one(files):
    for arguments in (("show",), ("import", files / "m.csv")):
        code, said = carnet(*arguments)
        assert (code, "carnet up" in said, "CARNET_DATABASE_URL" in said) == (1, True, True)


def test_a_database_that_does_not_answer_is_told_in_a_line(monkeypatch):
    monkeypatch.setenv("CARNET_DATABASE_URL", "postgresql://access_control@127.0.0.1:1/access_control")
    code, said = carnet("show")
    assert (code, "does not answer or refuses" in said) == (1, True)


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        (
            "m.csv",
            "medecin,11490-0,1",
            "medecin,11490-0,maybe",
            "line 3 of the matrix: consult is 'maybe'; expected one of",
        ),
        ("m.toml", "effective = 2024-02-23", "", "no effective date; expected a line like"),
    ],
)
def test_a_file_that_is_refused_is_told_by_line_with_what_is_expected(files, file, old, new, says):
    text = (files / file).read_text()
    (files / file).write_text(text.replace(old, new))
    code, said = carnet("import", files / "m.csv")
    assert (code, says in said) == (1, True), said


def test_a_missing_companion_is_told(files):
    (files / "m.toml").unlink()
    code, said = carnet("import", files / "m.csv")
    assert (code, "m.toml can't be read" in said, "companion in TOML" in said) == (1, True, True)


def test_a_file_that_is_no_text_is_told(files):
    (files / "m.csv").write_bytes(b"\xff\xfe\x00")
    code, said = carnet("import", files / "m.csv")
    assert (code, "m.csv can't be read" in said) == (1, True)


def test_from_and_now_exclude_each_other():
    code, said = carnet("activate", "v", "--now", "--from", "2030-01-01")
    assert (code, "not both" in said) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--since", "yesterday"), "'yesterday' is no moment; expected"),
        (("--since", "2026-01-02", "--until", "2026-01-02"), "is not after"),
    ],
)
def test_a_period_that_is_none_is_told(arguments, says):
    code, said = carnet("rehearse", "v", *arguments)
    assert (code, says in said) == (1, True)


def test_who_does_it_has_to_be_known(files, monkeypatch):
    def nobody():
        raise KeyError("uid")

    monkeypatch.setattr(console.getpass, "getuser", nobody)
    code, said = carnet("import", files / "m.csv")
    assert (code, "--by NAME" in said) == (1, True)


def test_the_local_system_gives_the_services_own_database(monkeypatch, tmp_path):
    monkeypatch.setenv("CARNET_HOME", str(tmp_path))
    monkeypatch.setattr(Home, "state", lambda _: {"addresses": {"postgres": "127.0.0.1:5999"}})
    monkeypatch.setattr(os, "environ", dict(os.environ))
    cli._as_service("access_control")()
    assert os.environ["CARNET_DATABASE_URL"] == "postgresql://access_control@127.0.0.1:5999/access_control"
    assert os.environ["CARNET_DATABASE_PASSWORD_FILE"] == str(tmp_path / "secrets/postgres/access_control")


def test_settings_of_the_environment_come_first(monkeypatch):
    monkeypatch.setenv("CARNET_DATABASE_URL", "postgresql://other")
    monkeypatch.setattr(Home, "state", lambda _: {"addresses": {"postgres": "127.0.0.1:5999"}})
    monkeypatch.setattr(os, "environ", dict(os.environ))
    cli._as_service("access_control")()
    assert os.environ["CARNET_DATABASE_URL"] == "postgresql://other"
    assert "CARNET_DATABASE_PASSWORD_FILE" not in os.environ
