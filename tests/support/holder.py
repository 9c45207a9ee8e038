"""Holds the broker and the database of one test run, and ends them when the run's own process is gone."""

import json
import os
import sys
import time
from pathlib import Path

import psutil

from deploy.local.testbed import UNDURABLE, Testbed


def main(folder: Path, owner: int) -> None:
    bed = Testbed(folder, UNDURABLE)
    try:
        bed.start()
        state = {"bootstrap": bed.broker.bootstrap, "password": bed.password, "postgres": bed.postgres.admin_url}
        unfinished = folder / "state.new"
        unfinished.write_text(json.dumps(state))
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
    main(Path(sys.argv[1]), int(sys.argv[2]))
