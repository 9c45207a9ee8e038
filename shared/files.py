"""Files as everybody here makes them: new, for their owner alone, and still there after a power cut."""

import os
from pathlib import Path
from typing import Final

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_OWNERS_ALONE: Final = 0o600


def new_file(path: Path) -> int:
    """The descriptor of a new file, to be written, with mode 0600. Raises FileExistsError."""
    return os.open(path, _NEW, _OWNERS_ALONE)


def sync_folder(folder: Path) -> None:
    """What was made or renamed in the folder stays so after a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
