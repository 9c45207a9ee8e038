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

from deploy.kafka.broker import Broker
from deploy.local.home import Home

pytestmark = pytest.mark.timeout(180)
ROOT = Path(__file__).parents[3]


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    yield home
    _carnet(home, "down", "--wipe")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """The folder of one system for the tests that leave it up, or begin with whatever they find there."""
    shared = tmp_path_factory.mktemp("shared") / "home"
    yield shared
    _carnet(shared, "down", "--wipe")


@pytest.fixture
def up(shared):
    """That folder, with its system up."""
    if not Home(shared).is_up:
        started = _carnet(shared, "up", "--detach", "--bare")
        assert started.returncode == 0, started.stderr
    return shared


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


def test_where_nothing_is_up_it_says_so(home):
    assert _carnet(home, "status").returncode == 1


def test_what_a_system_that_is_up_tells(up):
    again = _carnet(up, "up")
    assert (again.returncode, "up already" in again.stdout) == (0, True)
    status = _carnet(up, "status")
    assert status.returncode == 0
    assert all(name in status.stdout for name in ("kafka", "postgres", "mail", "identity"))
    assert _carnet(up, "token", "--as", "dr-martin", "--raw").stdout.count(".") == 2
    refused = _carnet(up, "token", "--as", "nobody")
    assert (refused.returncode, "alice" in refused.stderr) == (1, True)
    assert "Kafka Server started" in _carnet(up, "logs", "kafka").stdout
    assert "known:" in _carnet(up, "logs", "nothing").stderr


def test_killed_process_is_restarted(up):
    told = json.loads((up / "state.json").read_text())["processes"]
    os.kill(next(entry["pid"] for entry in told if entry["name"] == "identity"), signal.SIGKILL)
    end = time.monotonic() + 30
    while True:
        now = {entry["name"]: entry for entry in json.loads((up / "state.json").read_text())["processes"]}["identity"]
        if now["restarts"] == 1 and now["state"] == "ready":
            break
        assert time.monotonic() < end, now
        time.sleep(0.1)


def test_killed_supervisor_leaves_nothing_and_the_next_start_works(up):
    supervisor, children = _pids(up)
    os.kill(supervisor, signal.SIGKILL)
    _gone(children)
    assert "not up" in _carnet(up, "status").stdout
    again = _carnet(up, "up", "--detach", "--bare")
    assert again.returncode == 0, again.stderr


def test_down_ends_it_and_wipe_leaves_nothing(up):
    _, children = _pids(up)
    down = _carnet(up, "down", "--wipe")
    assert down.returncode == 0, down.stderr
    _gone(children)
    assert not up.exists()


def test_ctrl_c_ends_everything_in_order_and_the_java_that_was_named_ran_the_broker(home, tmp_path):
    java = tmp_path / "a java"
    java.symlink_to(Broker.find_java().path.resolve())
    env = {**os.environ, "CARNET_HOME": str(home), "CARNET_JAVA": str(java), "COLUMNS": "200"}
    command = [sys.executable, "-m", "deploy.cli", "up", "--bare"]
    log = tmp_path / "output"
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=output, env=env, cwd=ROOT, start_new_session=True) as process,
    ):
        end = time.monotonic() + 120
        while not (Home(home).state() or {}).get("ready"):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        _, children = _pids(home)
        state = {told.name: told.pid for told in Home(home).processes()}
        assert psutil.Process(state["kafka"]).cmdline()[0] == str(java)
        for _ in range(2):  # whoever presses it twice ends nothing half-way
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.2)
        assert process.wait(60) == 0, log.read_text()
    _gone(children)
    assert not (home / "state.json").exists()
    assert not (home / "postgres/data/postmaster.pid").exists()
    assert (home / "kafka/data/.kafka_cleanshutdown").exists()
    assert "Traceback" not in log.read_text()


def test_ctrl_c_during_the_start_leaves_nothing(home):
    env = {**os.environ, "CARNET_HOME": str(home)}
    command = [sys.executable, "-m", "deploy.cli", "up", "--bare"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env, cwd=ROOT) as process:
        end = time.monotonic() + 60
        while not Home(home).processes():
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.02)
        children = [psutil.Process(told.pid) for told in Home(home).processes()]
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "The start was interrupted." in said
    assert "Traceback" not in said
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    assert not Home(home).is_up
