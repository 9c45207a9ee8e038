"""The command `carnet`: one system per folder, nothing left behind, not even by a killed supervisor."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.timeout(180)
ROOT = Path(__file__).parents[3]


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    yield home
    _carnet(home, "down", "--wipe")


def _carnet(home, *arguments):
    command = [sys.executable, "-m", "deploy.cli", *arguments]
    env = {**os.environ, "CARNET_HOME": str(home), "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, timeout=150, env=env, cwd=ROOT, check=False)


def _pids(home):
    state = json.loads((home / "state.json").read_text())
    return state["pid"], [told["pid"] for told in state["processes"]]


def _gone(pids):
    end = time.monotonic() + 20
    while any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids):
        assert time.monotonic() < end, "a process was left behind"
        time.sleep(0.05)


def test_a_system_from_up_to_wipe(home):
    assert _carnet(home, "status").returncode == 1
    up = _carnet(home, "up", "--detach", "--bare")
    assert up.returncode == 0, up.stderr
    again = _carnet(home, "up")
    assert (again.returncode, "up already" in again.stdout) == (0, True)
    status = _carnet(home, "status")
    assert status.returncode == 0
    assert all(name in status.stdout for name in ("kafka", "postgres", "mail", "identity"))
    assert _carnet(home, "token", "--as", "dr-martin", "--raw").stdout.count(".") == 2
    refused = _carnet(home, "token", "--as", "nobody")
    assert (refused.returncode, "alice" in refused.stderr) == (1, True)
    assert "Kafka Server started" in _carnet(home, "logs", "kafka").stdout
    assert "known:" in _carnet(home, "logs", "nothing").stderr
    _, children = _pids(home)
    down = _carnet(home, "down", "--wipe")
    assert down.returncode == 0, down.stderr
    _gone(children)
    assert not home.exists()


def test_killed_supervisor_leaves_nothing_and_the_next_start_works(home):
    assert _carnet(home, "up", "--detach", "--bare").returncode == 0
    supervisor, children = _pids(home)
    os.kill(supervisor, signal.SIGKILL)
    _gone(children)
    assert "not up" in _carnet(home, "status").stdout
    again = _carnet(home, "up", "--detach", "--bare")
    assert again.returncode == 0, again.stderr


def test_killed_process_is_restarted(home):
    assert _carnet(home, "up", "--detach", "--bare").returncode == 0
    told = json.loads((home / "state.json").read_text())["processes"]
    os.kill(next(entry["pid"] for entry in told if entry["name"] == "identity"), signal.SIGKILL)
    end = time.monotonic() + 30
    while True:
        now = {entry["name"]: entry for entry in json.loads((home / "state.json").read_text())["processes"]}["identity"]
        if now["restarts"] == 1 and now["state"] == "ready":
            break
        assert time.monotonic() < end, now
        time.sleep(0.1)
