"""Holds the broker and the database of one test run, and ends them when the run's own process is gone."""

import json
import os
import sys
import time
from pathlib import Path

import psutil

from deploy.local.testbed import Testbed
from tests.support.containers import ContainerBed

UNDURABLE = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "128MB"}
"""PostgreSQL settings for tests that never pull the plug of the machine."""


class LocalBed:
    """Processes of this machine."""

    def __init__(self, folder: Path) -> None:
        self._bed = Testbed(folder, UNDURABLE)

    def start(self) -> dict[str, str]:
        self._bed.start()
        bed = self._bed
        return {"bootstrap": bed.broker.bootstrap, "password": bed.password, "postgres": bed.postgres.admin_url}

    def stop(self) -> None:
        self._bed.stop()


BEDS = {"local": LocalBed, "containers": ContainerBed}


def main(folder: Path, owner: int, backend: str) -> None:
    bed = BEDS[backend](folder)
    try:
        unfinished = folder / "state.new"
        unfinished.write_text(json.dumps(bed.start()))
        unfinished.rename(folder / "state.json")
        while psutil.pid_exists(owner):
            time.sleep(0.3)
    except BaseException:
        (folder / "failed").touch()
        raise
    finally:
        bed.stop()


if __name__ == "__main__":
    if os.fork():
        sys.exit(0)  # whoever started it goes on; the child belongs to nobody
    os.setsid()
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
