"""Files that only their owner may read, written whole or not at all."""

import os
import tempfile
from pathlib import Path

from shared.files import sync_folder


def private_folder(path: Path) -> Path:
    """The folder, made with mode 0700 where it is missing."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)
    return path


def write_private(path: Path, content: str) -> None:
    """Write a file with mode 0600. A reader sees the old content or the new one, never a part, also after a power cut.

    Any number may write it at a time, also from containers, where all processes have the same number: each writes a
    file of a random name first, which is hidden. The last one holds.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    number, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(number, "w") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
