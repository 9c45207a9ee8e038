"""How the local database server is made: for keeps, but in tests; and as whom."""

import subprocess

import pytest

from deploy.local import postgres, unprivileged
from deploy.local.postgres import Postgres
from deploy.processes import ProcessError
from tests.support.holder import UNDURABLE


@pytest.mark.parametrize(("settings", "synced"), [({}, True), ({"fsync": "on"}, True), (UNDURABLE, False)])
def test_data_that_outlive_a_power_cut_are_on_the_disk_from_their_beginning(tmp_path, monkeypatch, settings, synced):
    commands = []

    def made(command, **_):
        commands.append(command)
        (tmp_path / "data.new").mkdir()
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(postgres.subprocess, "run", made)
    monkeypatch.setattr(unprivileged, "account", lambda: None)
    Postgres(tmp_path, "secret", settings=settings).prepare()
    assert ("--no-sync" not in commands[0]) is synced


def test_root_without_an_account_for_the_server_is_told_the_next_step(monkeypatch):
    def unknown(_):
        raise KeyError

    monkeypatch.setattr(unprivileged.os, "geteuid", lambda: 0)
    monkeypatch.setattr(unprivileged.pwd, "getpwnam", unknown)
    with pytest.raises(ProcessError, match="CARNET_POSTGRES"):
        unprivileged.account()
