"""`python -m deploy.kafka.train`: makes the ahead-of-time cache by running a broker of its own once, some seconds.

Whatever fails here hurts nobody: the broker starts without a cache.
"""

import logging
import os
import secrets
import tempfile
from pathlib import Path

from deploy.kafka import aot, jars
from deploy.kafka.broker import Broker

_log = logging.getLogger(__name__)


def train() -> Path | None:
    """The cache, made if it is missing; None where it can't be made."""
    try:
        java = Broker.find_java()
        if not java.caches_ahead_of_time:
            return None
        target = aot.path(java, Broker.FLAGS)
        with jars.file_lock(jars.cache_folder() / ".aot.lock"):
            if not target.exists():
                aot.tidy()
                _trained(target)
                aot.tidy()
    except Exception as error:  # noqa: BLE001 - never prevents a start
        _log.warning("no AOT cache: %s: %s", type(error).__name__, error)
        return None
    return target if target.exists() else None


def _trained(target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=aot.SCRATCH) as scratch:
        made = Path(scratch) / "made.aot"
        broker = Broker(Path(scratch) / "broker", secrets.token_urlsafe(24), extra=(f"-XX:AOTCacheOutput={made}",))
        broker.start()
        broker.stop(timeout_s=120.0)
        if made.exists() and made.stat().st_size:
            made.replace(target)


if __name__ == "__main__":
    os.nice(10)
    train()
