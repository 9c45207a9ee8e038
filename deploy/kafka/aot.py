"""The ahead-of-time cache that makes the broker's JVM start faster: one per Java, flags and set of jars.

It is a convenience: without one the broker starts all the same. `deploy.kafka.train` makes it.
"""

import contextlib
import hashlib
import os
import shutil
from pathlib import Path

from deploy.kafka import jars
from deploy.kafka.java import Java

SCRATCH = ".aot-"
"""How the folder begins in which one is made."""
_DISTINCT = 12
_KEPT = 3
"""Caches that stay, 65 MiB each: as many Javas or releases of Carnet may be in use on one machine."""


def path(java: Java, flags: tuple[str, ...]) -> Path:
    """Where the cache for this Java, these JVM flags and the locked jars is, or would be."""
    what = f"{_identity(java)}|{flags}|{jars.LOCK.read_text()}"
    return jars.cache_folder() / f"kafka-{hashlib.sha256(what.encode()).hexdigest()[:_DISTINCT]}.aot"


def usable(java: Java, flags: tuple[str, ...]) -> Path | None:
    """The cache if it is there and this Java can use one; it counts as used now."""
    if not java.caches_ahead_of_time:
        return None
    found = path(java, flags)
    with contextlib.suppress(OSError):  # it is not there, or somebody else's
        os.utime(found)
    return found if found.exists() else None


def tidy() -> None:
    """Remove what a killed training left, and all caches but those used last. Under the lock of who makes one.

    A broker that runs on a cache that goes keeps what it has mapped; its next start makes another.
    """
    folder = jars.cache_folder()
    for left in folder.glob(f"{SCRATCH}*/"):
        shutil.rmtree(left, ignore_errors=True)
    made = sorted(folder.glob("kafka-*.aot"), key=lambda one: one.stat().st_mtime, reverse=True)
    for old in made[_KEPT:]:
        with contextlib.suppress(OSError):
            old.unlink()


def _identity(java: Java) -> str:
    """What the JVM compares: the version and the image of its classes, wherever they lie, as in each clone's own venv.

    A Java without such an image is known by its path.
    """
    home = java.path.resolve().parent.parent
    try:
        stamp = (home / "lib" / "modules").stat()
        return f"{(home / 'release').read_text()}|{stamp.st_size}|{int(stamp.st_mtime)}"
    except OSError:
        stamp = java.path.stat()
        return f"{java.path.resolve()}|{java.major}|{stamp.st_size}|{stamp.st_mtime_ns}"
