"""The ahead-of-time cache that makes the broker's JVM start faster: one per Java, flags and set of jars.

It is a convenience: without one the broker starts all the same. `deploy.kafka.train` makes it.
"""

import hashlib
from pathlib import Path

from deploy.kafka import jars
from deploy.kafka.java import Java

_DISTINCT = 12


def path(java: Java, flags: tuple[str, ...]) -> Path:
    """Where the cache for this Java, these JVM flags and the locked jars is, or would be."""
    stamp = java.path.stat()
    what = f"{java.path}|{java.major}|{stamp.st_size}|{stamp.st_mtime_ns}|{flags}|{jars.LOCK.read_text()}"
    return jars.cache_folder() / f"kafka-{hashlib.sha256(what.encode()).hexdigest()[:_DISTINCT]}.aot"


def usable(java: Java, flags: tuple[str, ...]) -> Path | None:
    """The cache if it is there and this Java can use one."""
    if not java.caches_ahead_of_time:
        return None
    found = path(java, flags)
    return found if found.exists() else None
