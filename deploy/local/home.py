"""The one folder where a local system lives: its layout, its lock, and what it tells about itself."""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import platformdirs

from deploy.local.files import private_folder, write_private
from deploy.processes import free_ports, is_open

_MARK = "carnet.home"
_LOOK_S = 0.5
"""Whoever looks whether a system is up shares its lock for a moment; who takes it waits longer than that."""
_AGAIN_S = 0.01


class NotAHomeError(RuntimeError):
    """The folder holds something else than a local system; it is left alone."""


class AlreadyUpError(RuntimeError):
    """Another `carnet up` works in this folder."""


@dataclass(frozen=True)
class Told:
    """What a running system tells about one of its processes."""

    name: str
    state: str
    pid: int | None
    address: str
    restarts: int
    log: str


class Home:
    """The data folder of a local system."""

    def __init__(self, folder: Path | None = None) -> None:
        chosen = folder or Path(os.environ.get("CARNET_HOME") or platformdirs.user_data_dir("carnet"))
        self.folder = chosen.absolute()
        self._lock: IO[str] | None = None

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    @property
    def logs(self) -> Path:
        """One file per process."""
        return self / "logs"

    @property
    def secrets(self) -> Path:
        """See `deploy.local.secrets`."""
        return self / "secrets"

    @property
    def mail(self) -> Path:
        """The messages that left."""
        return self / "mail"

    def take(self) -> None:
        """Make the folder and hold its lock until `release`. Raises AlreadyUpError or NotAHomeError."""
        handle = self._marked()
        end = time.monotonic() + _LOOK_S
        while not _locked(handle, fcntl.LOCK_EX):
            if time.monotonic() > end:
                handle.close()
                raise AlreadyUpError(f"Carnet is up already in {self.folder}: `carnet status` shows it.")
            time.sleep(_AGAIN_S)
        self._lock = handle

    def _marked(self) -> IO[str]:
        """The file that marks the folder as a system's, made with it where both are missing."""
        try:
            if self.folder.exists() and any(self.folder.iterdir()) and not (self / _MARK).exists():
                raise NotAHomeError(
                    f"{self.folder} holds other things than a Carnet system: choose another folder with CARNET_HOME."
                )
            private_folder(self.folder)
            (self / _MARK).touch()
            return (self / _MARK).open("r+")
        except OSError as error:
            raise NotAHomeError(
                f"{self.folder} can't be used ({error.strerror}): choose another folder with CARNET_HOME."
            ) from error

    def release(self) -> None:
        """Give the lock back and forget the state."""
        (self / "state.json").unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def is_up(self) -> bool:
        """True while a `carnet up` holds the lock; also right after one was killed: the kernel gives the lock back."""
        if self._lock is not None:
            return True
        try:
            with (self / _MARK).open() as handle:
                return not _locked(handle, fcntl.LOCK_SH)
        except FileNotFoundError:
            return False

    def wipe(self) -> None:
        """Remove everything. Raises NotAHomeError for a folder that is none, AlreadyUpError while it is up."""
        if not self.folder.exists():
            return
        if not (self / _MARK).exists():
            raise NotAHomeError(f"{self.folder} is no Carnet system, so nothing in it was removed.")
        if self.is_up:
            raise AlreadyUpError(f"Carnet is up in {self.folder}: end it with `carnet down` first.")
        shutil.rmtree(self.folder)

    def ports(self, names: Sequence[str]) -> dict[str, int]:
        """A port for each name: the one of the last time where it is free, so that addresses stay the same."""
        kept: Mapping[str, int] = self._read("ports.json") or {}
        chosen = {name: port for name in names if (port := kept.get(name)) and not is_open(port)}
        missing = [name for name in names if name not in chosen]
        fresh = iter(port for port in free_ports(len(missing) + len(kept)) if port not in chosen.values())
        chosen |= {name: next(fresh) for name in missing}
        write_private(self / "ports.json", json.dumps({**kept, **chosen}))
        return chosen

    def remember(self, server: str, address: str) -> None:
        """Note that the system has worked with a server that is not its own, of which `wipe` takes nothing back."""
        known: dict[str, list[str]] = self._read("servers.json") or {}
        known[server] = sorted({*known.get(server, ()), address})
        write_private(self / "servers.json", json.dumps(known))

    def servers(self) -> dict[str, list[str]]:
        """Where the system has worked with servers that are not its own: addresses by `kafka` and `postgres`."""
        return self._read("servers.json") or {}

    def tell(self, processes: Sequence[Told], *, ready: bool, addresses: Mapping[str, str]) -> None:
        """Write the state for `carnet status` and the others."""
        state = {
            "pid": os.getpid(),
            "ready": ready,
            "addresses": dict(addresses),
            "processes": [asdict(told) for told in processes],
        }
        write_private(self / "state.json", json.dumps(state, indent=1))

    def state(self) -> dict[str, Any] | None:
        """What the running system told last; None where none is up."""
        return self._read("state.json") if self.is_up else None

    def processes(self) -> list[Told]:
        """The processes of the running system."""
        state = self.state()
        return [Told(**entry) for entry in state["processes"]] if state else []

    def _read(self, name: str) -> Any:
        try:
            return json.loads((self / name).read_text())
        except (OSError, ValueError):
            return None


def _locked(handle: IO[str], kind: int) -> bool:
    """Whether the lock was got, at once or not at all."""
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
