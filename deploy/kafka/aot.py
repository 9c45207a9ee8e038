"""The ahead-of-time cache that makes the broker's JVM start faster: trained once per Java and set of jars.

It is a convenience: whatever fails here, the broker starts without it.
"""

import hashlib
import logging
import os
import secrets
import tempfile
from pathlib import Path

from deploy.kafka import jars
from deploy.kafka.java import Java

_log = logging.getLogger(__name__)
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


def train() -> Path | None:
    """Make the cache by running a broker of its own once, some seconds. None where it can't be made."""
    from deploy.kafka.broker import Broker  # noqa: PLC0415 - the broker asks this module too

    broker_flags = Broker.FLAGS
    try:
        java = Broker.find_java()
        if not java.caches_ahead_of_time:
            return None
        target = path(java, broker_flags)
        with jars.file_lock(jars.cache_folder() / ".aot.lock"):
            if not target.exists():
                _trained(target)
    except Exception as error:  # noqa: BLE001 - never prevents a start
        _log.warning("no AOT cache: %s: %s", type(error).__name__, error)
        return None
    return target


def _trained(target: Path) -> None:
    from deploy.kafka.broker import Broker  # noqa: PLC0415

    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".aot-") as scratch:
        made = Path(scratch) / "made.aot"
        broker = Broker(Path(scratch) / "broker", secrets.token_urlsafe(24), extra=(f"-XX:AOTCacheOutput={made}",))
        broker.start()
        broker.stop(timeout_s=120.0)
        if made.exists() and made.stat().st_size:
            made.replace(target)


if __name__ == "__main__":
    os.nice(10)
    train()
