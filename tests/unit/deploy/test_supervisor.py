"""What ends is started again after growing pauses; the end comes in order."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from deploy.local.supervisor import State, Supervisor, Unit, pause
from deploy.processes import Child, ProcessError


class Fake:
    """A process that is told when to end."""

    def __init__(self, ended=None, name=""):
        self.log, self.pid, self.running, self.starts = Path("none"), None, False, 0
        self._ended, self._name = ended if ended is not None else [], name

    def spawn(self):
        self.starts += 1
        self.pid, self.running = 100 + self.starts, True

    def stop(self, timeout_s=30.0):
        self.running = False
        self._ended.append(self._name)


def test_pauses_grow_to_a_limit():
    assert [pause(n) for n in range(1, 9)] == [0.25, 0.5, 1, 2, 4, 8, 10, 10]


def test_restart_waits_for_its_pause_and_counts():
    unit = Unit("one", fake := Fake(), lambda: True)
    unit.start(now=0.0)
    fake.running = False
    unit.tend(now=1.0)
    unit.tend(now=1.2)
    assert (fake.starts, unit.state) == (1, State.PAUSED)
    unit.tend(now=1.25)
    assert (fake.starts, unit.restarts, unit.state) == (2, 1, State.STARTING)
    fake.running = False
    unit.tend(now=1.3)
    unit.tend(now=1.7)
    assert fake.starts == 2
    unit.tend(now=1.8)
    assert fake.starts == 3


def test_a_process_that_ran_long_is_trusted_again():
    unit = Unit("one", fake := Fake(), lambda: True)
    unit.start(now=0.0)
    for now in (1.0, 1.25, 2.0, 2.5):
        fake.running = now in {1.25, 2.5} and fake.running
        unit.tend(now)
    fake.running = False
    unit.tend(now=100.0)
    unit.tend(now=100.25)
    assert unit.restarts == 3


@pytest.mark.parametrize(("answer", "hopeless"), [(False, True), (True, False)])
def test_what_never_was_ready_is_hopeless_after_three_restarts(answer, hopeless):
    unit = Unit("one", fake := Fake(), lambda: answer)
    unit.start(now=0.0)
    seen = []
    for now in range(0, 80, 20):
        unit.look()
        fake.running = False
        unit.tend(now)
        seen.append(unit.hopeless)
        unit.tend(now + 10)
    assert seen == [False, False, False, hopeless]


def test_states_follow_the_probe():
    answers = [False, True, False]
    unit = Unit("one", Fake(), lambda: answers.pop(0))
    assert unit.state is State.STOPPED
    unit.start(now=0.0)
    seen = []
    for _ in range(3):
        unit.look()
        seen.append(unit.state)
    assert seen == [State.STARTING, State.READY, State.NOT_READY]


def test_higher_groups_end_first_and_stay_ended():
    ended = []
    supervisor = Supervisor()
    fakes = {name: Fake(ended, name) for name in ("kafka", "document", "postgres")}
    for group, name in enumerate(("kafka", "postgres", "document")):
        supervisor.add(Unit(name, fakes[name], lambda: True, group=group))
    supervisor.stop()
    supervisor.tick()
    assert ended == ["document", "postgres", "kafka"]
    assert all(fake.starts == 1 for fake in fakes.values())


def test_a_change_is_told_once():
    told = []
    supervisor = Supervisor(lambda units: told.append([unit.process.running for unit in units]))
    fake = Fake()
    supervisor.units.append(unit := Unit("one", fake, lambda: True))
    unit.start(time.monotonic())
    for _ in range(3):
        supervisor.tick()
    fake.running = False
    supervisor.tick()
    assert told == [[True], [False]]


def test_child_that_ends_early_tells_its_log(tmp_path):
    child = Child("one", [sys.executable, "-c", "print('no such port'); raise SystemExit(3)"], tmp_path / "one.log")
    child.spawn()
    with pytest.raises(ProcessError, match=r"ended with code 3.*\n.*no such port"):
        child.wait_until(lambda: False, timeout_s=20)
    assert (tmp_path / "one.log").stat().st_mode & 0o777 == 0o600


def test_child_that_ignores_the_request_is_killed(tmp_path):
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    child = Child("one", [sys.executable, "-c", code], tmp_path / "one.log")
    child.spawn()
    child.wait_until(lambda: "up" in (tmp_path / "one.log").read_text(), timeout_s=20)
    child.stop(timeout_s=0.2)
    assert child.exit_code == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="only the Linux kernel ends children with their parent")
def test_children_die_with_a_killed_parent(tmp_path):
    code = (
        "import sys, time, pathlib; from deploy.processes import Child;"
        f"child = Child('one', ['sleep', '60'], pathlib.Path({str(tmp_path / 'one.log')!r}));"
        "child.spawn(); print(child.pid, flush=True); time.sleep(60)"
    )
    root = Path(__file__).parents[3]
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=root) as parent:
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        os.kill(parent.pid, signal.SIGKILL)
    end = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end, "the child outlived its parent"
        time.sleep(0.02)
