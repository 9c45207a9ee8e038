"""Child processes and ports of the local system: nothing outlives its parent, nothing waits without an end."""

import contextlib
import ctypes
import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

LOOPBACK = "127.0.0.1"
PORTS_VARIABLE = "CARNET_PORTS"
_PORTS = "20000-31999"
"""Below the range that Linux gives to outgoing connections, so that a port stays free while its server restarts."""
_INHERITED = frozenset({"HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER"})
_INHERITED_KINDS = ("LC_", "PYTHON")
"""What a program needs of our environment to run at all; also how this Python was told to run."""
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class ProcessError(RuntimeError):
    """A process of the local system did not start, or ended on its own. The text says where its log is."""


def free_ports(count: int) -> tuple[int, ...]:
    """Different free loopback ports. Another process may still take one: a server that fails to bind says so.

    Raises:
        ProcessError: so many are not free in the range that CARNET_PORTS names.
    """
    chosen = list(port_range())
    random.SystemRandom().shuffle(chosen)
    found = tuple(itertools.islice(filter(_can_bind, chosen), count))
    if len(found) < count:
        raise ProcessError(f"{len(found)} of {count} ports are free in {_told_range()}: give {PORTS_VARIABLE} others.")
    return found


def port_range() -> range:
    """The ports that a local system may take: what CARNET_PORTS names (first-last), else below the outgoing ones.

    Raises:
        ProcessError: the variable names no range.
    """
    first, _, last = _told_range().partition("-")
    if not (first.isdecimal() and last.isdecimal() and 0 < int(first) <= int(last) < 1 << 16):
        raise ProcessError(f"{PORTS_VARIABLE} names no ports: {_told_range()}; expected is first-last, as {_PORTS}.")
    return range(int(first), int(last) + 1)


def _told_range() -> str:
    """The range of ports in words, as it was given."""
    return os.environ.get(PORTS_VARIABLE) or _PORTS


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def inherited(*names: str) -> dict[str, str]:
    """What a child gets of our environment: what any program needs, and the variables named.

    All else stays here: CARNET_POSTGRES holds the password of a super user, and other variables may hold others'.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if name in _INHERITED or name in names or name.startswith(_INHERITED_KINDS)
    }


def is_open(port: int, host: str = LOOPBACK) -> bool:
    """True where a server accepts connections on the port."""
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False


def die_with_parent() -> None:
    """Between fork and exec: the kernel kills this process when the *thread* that started it ends (Linux only).

    So children have to be started from a thread that lives as long as they should: the main one.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, for an error's text."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"


@dataclass
class Child:
    """One child process with a log file of its own.

    Args:
        name: what people call it.
        command: program and arguments.
        log: file that its output is added to.
        env: the whole environment; None: what `inherited` gives.
        cwd: working folder.
        before_exec: runs in the child before the program, for example to drop root.
        survive: True keeps it alive when the parent dies.
    """

    name: str
    command: Sequence[str]
    log: Path
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    before_exec: Callable[[], None] | None = None
    survive: bool = False
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    def spawn(self) -> None:
        """Start it; does not wait for anything. Call from a thread that outlives the child."""
        if self.running:
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with _opened(self.log) as output:
            self._process = subprocess.Popen(  # noqa: S603 - commands are our own
                list(self.command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=inherited() if self.env is None else dict(self.env),
                cwd=self.cwd,
                preexec_fn=self._prepare,  # noqa: PLW1509 - system calls only
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which ends the others in order
            )

    def _prepare(self) -> None:
        if self.before_exec is not None:
            self.before_exec()
        if not self.survive:
            die_with_parent()

    @property
    def pid(self) -> int | None:
        """Process id, also of one that has ended; None before the first start."""
        return None if self._process is None else self._process.pid

    @property
    def running(self) -> bool:
        """True while the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs or before it started."""
        return None if self._process is None else self._process.poll()

    def wait_until(self, ready: Callable[[], bool], timeout_s: float, every_s: float = 0.02) -> None:
        """Wait for `ready`. Raises ProcessError where the process ends before, or the time is over."""
        end = time.monotonic() + timeout_s
        while not ready():
            if not self.running:
                raise ProcessError(self._told(f"ended with code {self.exit_code} before it was ready"))
            if time.monotonic() > end:
                raise ProcessError(self._told(f"was not ready after {timeout_s:g} s"))
            time.sleep(every_s)

    def _told(self, what: str) -> str:
        return f"{self.name} {what}; its log {self.log} ends with:\n{tail(self.log)}"

    def send(self, number: int) -> None:
        """Send a signal to the process if it lives."""
        if self._process is not None and self.running:
            self._process.send_signal(number)

    def stop(self, timeout_s: float = 30.0, number: int = signal.SIGTERM) -> None:
        """Ask it to end, wait, and kill it when the time is over."""
        if self._process is None:
            return
        self.send(number)
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL, then wait for the end."""
        if self._process is not None:
            self.send(signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10.0)


def _opened(log: Path) -> IO[bytes]:
    return os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
