"""The broker's jars: named with their sha256 in `jars.lock`, kept in the user's cache, checked before each use.

A jar whose sum differs from the lock is never run. `python -m deploy.kafka.jars` writes the lock anew.
"""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from rich.console import Console
from rich.progress import Progress

KAFKA = "4.3.0"
CACHE_VARIABLE = "CARNET_CACHE"
LOCK = Path(__file__).with_name("jars.lock")
_WANTED = (("org.apache.kafka", "kafka_2.13", KAFKA), ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.4"))
"""Resolved apart: together, the managed versions of log4j's parent would win over Kafka's own."""
_TRIES = 3


class JarError(RuntimeError):
    """A jar is missing, altered or could not be fetched. The text names the jar and the next step."""


@dataclass(frozen=True, order=True)
class Jar:
    """One line of the lock: `group:artifact:version:sha256`."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        """Name in the cache folder."""
        return f"{self.artifact}-{self.version}.jar"


def cache_folder() -> Path:
    """CARNET_CACHE, else the user's cache folder; made when missing."""
    folder = Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("carnet"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def locked(lock: Path = LOCK) -> tuple[Jar, ...]:
    """The jars of the lock file. Raises JarError for a line that can't be read."""
    jars = []
    for number, line in enumerate(lock.read_text().splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        parts = line.split(":")
        if len(parts) != 4 or len(parts[3]) != 64:  # noqa: PLR2004 - group, artifact, version, sha256 in hexadecimal
            raise JarError(
                f"{lock} line {number} is no `group:artifact:version:sha256`: take the committed file again."
            )
        jars.append(Jar(*parts))
    return tuple(jars)


def ensure(folder: Path | None = None, *, jars: Sequence[Jar] | None = None) -> list[Path]:
    """The paths of all jars, each fetched if missing and compared with the lock. Raises JarError.

    Several processes may do this at a time: a file lock lets one fetch, and a jar appears under its name only whole.
    """
    folder = folder or cache_folder() / f"kafka-{KAFKA}"
    jars = locked() if jars is None else jars
    folder.mkdir(parents=True, exist_ok=True)
    if any(not (folder / jar.filename).exists() for jar in jars):
        with file_lock(folder / ".lock"):
            missing = [jar for jar in jars if not (folder / jar.filename).exists()]
            _fetch_all(missing, folder)
    for jar in jars:
        _verify(jar, folder / jar.filename)
    return [folder / jar.filename for jar in jars]


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file, so that one process at a time fills a cache."""
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _verify(jar: Jar, path: Path) -> None:
    found = _sha256(path)
    if found != jar.sha256:
        raise JarError(
            f"{path} is not the jar that was locked: sha256 {found}, expected {jar.sha256}. "
            "It will not be run. If nobody altered it on purpose, delete it and start again: it is fetched anew.",
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _fetch_all(jars: Sequence[Jar], folder: Path) -> None:
    console = Console(stderr=True)
    with (
        Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
        tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as scratch,
        ThreadPoolExecutor(8) as pool,
    ):
        task = progress.add_task(f"Apache Kafka {KAFKA}", total=len(jars))
        for _ in pool.map(lambda jar: _fetch(jar, Path(scratch), folder), jars):
            progress.advance(task)


def _fetch(jar: Jar, scratch: Path, folder: Path) -> None:
    fetched = _retried(lambda: _downloaded(jar, scratch), f"{jar.group}:{jar.artifact}:{jar.version}")
    _verify(jar, fetched)
    fetched.replace(folder / jar.filename)


def _downloaded(jar: Jar, scratch: Path) -> Path:
    from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415 - needed once, and slow to import

    context = MavenContext(resolver=PythonResolver(), repo_cache=scratch, local_repos=[], timeout=60)
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    if artifact.cached_path is not None:
        artifact.cached_path.unlink(missing_ok=True)  # what an interrupted try left
    return Path(artifact.resolve())


def _retried(fetch: Callable[[], Path], name: str) -> Path:
    for attempt in range(1, _TRIES + 1):
        try:
            return fetch()
        except Exception as error:
            if attempt == _TRIES:
                raise JarError(
                    f"{name} could not be fetched in {_TRIES} tries ({type(error).__name__}: {error}). Check the "
                    "network and start again, or set CARNET_KAFKA=host:port to use a broker that exists.",
                ) from error
    raise AssertionError


def resolve() -> list[Jar]:
    """Ask the package repository which jars the broker needs, and take their sums: for making the lock only."""
    from jgo.maven import Dependency, MavenContext, PythonResolver  # noqa: PLC0415

    found: dict[tuple[str, str], Jar] = {}
    with tempfile.TemporaryDirectory() as scratch:
        context = MavenContext(resolver=PythonResolver(), repo_cache=Path(scratch), timeout=60)
        for group, artifact, version in _WANTED:
            root = context.project(group, artifact).at_version(version)
            _, needed = context.resolver.resolve([Dependency(root.artifact())])
            for part in [root.artifact(), *(dependency.artifact for dependency in needed)]:
                jar = Jar(part.groupId, part.artifactId, part.version, _sha256(Path(part.resolve())))
                known = found.setdefault((jar.group, jar.artifact), jar)
                if known != jar:
                    raise JarError(f"{jar.filename} and {known.filename} are both wanted: choose versions that agree.")
    return sorted(found.values())


def write_lock(jars: Iterable[Jar], lock: Path = LOCK) -> None:
    """Write the lock file."""
    lines = [f"# Jars of Apache Kafka {KAFKA} and its logging: group:artifact:version:sha256"]
    lines += [f"{jar.group}:{jar.artifact}:{jar.version}:{jar.sha256}" for jar in jars]
    lock.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    write_lock(resolve())
