"""Small contents one behind the other in segments: one write and one sync for all that come together.

A file each would cost more than all else about a small content: creating, syncing and naming it. A segment is a file
to which one process appends, until it is large or old enough. A content's name tells where it lies: the segment's
random id and the place in it. Each stands behind a header: whether it lives, and its length.

What a power cut leaves half written at the end of a segment is named by nobody, and nothing is appended behind it: a
process begins with a segment of its own, and begins another after every error.
"""

import contextlib
import fcntl
import mmap
import os
import re
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

from services.document.content.sealing import ContentTornError
from shared.files import new_file, sync_folder

SEGMENT_BYTES: Final = 64 * 1024 * 1024
"""A segment of this size is not appended to any more."""
SEGMENT_S: Final = 1800.0
"""Nor is one of this age, in seconds: what lies in it without a document can be told only when nothing is added."""
_ID_BYTES: Final = 12
_SEGMENT: Final = re.compile("[0-9a-f]{24}")
_HEADER: Final = struct.Struct(">4sI")
_LIVES, _GONE = b"CSEG", b"GONE"
_FIRST_READ: Final = 8 * 1024


class _Open:
    """The segment to which this process appends. It is locked as long as it is open."""

    def __init__(self, folder: Path) -> None:
        self.id = os.urandom(_ID_BYTES)
        self.end = 0
        self.began = time.monotonic()
        self.file = new_file(folder / self.id.hex())
        fcntl.flock(self.file, fcntl.LOCK_EX)

    @property
    def full(self) -> bool:
        """Whether the next content goes into another."""
        return self.end >= SEGMENT_BYTES or time.monotonic() - self.began >= SEGMENT_S


class Segments:
    """The segments of one folder; other processes may have theirs in it as well. Blocking: called in threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._open: _Open | None = None
        folder.mkdir(exist_ok=True, mode=0o700)

    def append(self, contents: Sequence[bytes]) -> list[UUID]:
        """Keep contents; on return all of them survive a power cut. Gives their names; an error says nothing of any."""
        with self._lock:
            try:
                return self._append(contents)
            except BaseException:
                self._abandon()  # after a failed sync nobody knows what lies behind the last good one
                raise

    def close(self) -> None:
        """Append no more."""
        with self._lock:
            self._leave()

    def remove(self, name: UUID) -> bool:
        """Overwrite a content by zeros; False where there is no such segment."""
        try:
            file = os.open(self._path(name), os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            header = os.pread(file, _HEADER.size, _offset(name))
            if _lives(header):
                self._overwrite(file, _offset(name), _HEADER.unpack(header)[1])
        finally:
            os.close(file)
        return True

    def older_than(self, before: float, turn: int) -> list[UUID]:
        """Contents of one segment to which nothing was added since; where none lives any more, the segment is removed.

        Args:
            before: A moment, in seconds since 1970.
            turn: As it goes up, every segment has its turn.
        """
        with self._lock:
            if self._open is not None and self._open.full:
                self._leave()
        names = self._names()
        if not names:
            return []
        path = self._folder / names[turn % len(names)]
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            found = list(_living(file.fileno(), bytes.fromhex(path.name)))
            # looked at last: had something been added meanwhile, its document might be on its way into the database
            if os.fstat(file.fileno()).st_mtime > before:
                return []
            if not found and _locked(file.fileno()):
                path.unlink()
            return found
        return []

    def count(self) -> int:
        """How many segments there are."""
        return len(self._names())

    def _names(self) -> list[str]:
        return sorted(path.name for path in self._folder.iterdir() if _SEGMENT.fullmatch(path.name))

    def _append(self, contents: Sequence[bytes]) -> list[UUID]:
        if self._open is None or self._open.full:
            self._leave()
            self._open = _Open(self._folder)
            sync_folder(self._folder)
        segment, pieces, names = self._open, [], []
        end = segment.end
        for content in contents:
            names.append(_name(segment.id, end))
            pieces += [_HEADER.pack(_LIVES, len(content)), content]
            end += _HEADER.size + len(content)
        _write(segment.file, b"".join(pieces), segment.end)
        os.fdatasync(segment.file)
        segment.end = end
        return names

    def _abandon(self) -> None:
        if self._open is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._open.file, self._open.end)
        self._leave()

    def _leave(self) -> None:
        segment, self._open = self._open, None
        if segment is not None:
            os.close(segment.file)

    def _path(self, name: UUID) -> Path:
        return self._folder / name.bytes[:_ID_BYTES].hex()

    @staticmethod
    def _overwrite(file: int, offset: int, length: int) -> None:
        """Whoever looks for what is old goes by the time of the last change: removing is none, once nobody appends."""
        nobody_appends = _locked(file)
        times = os.fstat(file)
        _write(file, _HEADER.pack(_GONE, length) + bytes(length), offset)
        if nobody_appends:
            os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def read(folder: Path, name: UUID) -> bytes:
    """A content of a segment in this folder.

    Raises:
        FileNotFoundError: There is no such segment, or the content was removed from it.
        ContentTornError: The segment ends before or within it, or another thing stands there.
    """
    file = os.open(folder / name.bytes[:_ID_BYTES].hex(), os.O_RDONLY)
    try:
        offset = _offset(name)
        found = os.pread(file, _FIRST_READ, offset)
        if found.startswith(_GONE):
            raise FileNotFoundError(f"no content lives at {offset}")
        if not _lives(found):
            raise ContentTornError(f"no content begins at {offset} of its segment")
        _, length = _HEADER.unpack_from(found)
        missing = _HEADER.size + length - len(found)
        if missing > 0:
            found += os.pread(file, missing, offset + len(found))
        if len(found) < _HEADER.size + length:
            raise ContentTornError(f"the segment ends within the content at {offset}")
        return found[_HEADER.size : _HEADER.size + length]
    finally:
        os.close(file)


def living(path: Path) -> list[UUID]:
    """Names of the contents that live in a segment."""
    with path.open("rb") as file:
        return list(_living(file.fileno(), bytes.fromhex(path.name)))


def _living(file: int, segment: bytes) -> Iterator[UUID]:
    """What lives in a segment, up to its end or to what a power cut left half written."""
    size = os.fstat(file).st_size
    if not size:
        return
    with mmap.mmap(file, size, access=mmap.ACCESS_READ) as content:
        offset = 0
        while offset + _HEADER.size <= size:
            state, length = _HEADER.unpack_from(content, offset)
            behind = offset + _HEADER.size + length
            if state not in {_LIVES, _GONE} or behind > size:
                return
            if state == _LIVES:
                yield _name(segment, offset)
            offset = behind


def _lives(header: bytes) -> bool:
    return header.startswith(_LIVES) and len(header) >= _HEADER.size


def _locked(file: int) -> bool:
    """Lock a segment until it is closed; False where a process appends to it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _name(segment: bytes, offset: int) -> UUID:
    return UUID(bytes=segment + offset.to_bytes(16 - _ID_BYTES, "big"))


def _offset(name: UUID) -> int:
    return int.from_bytes(name.bytes[_ID_BYTES:], "big")


def _write(file: int, content: bytes, offset: int) -> None:
    rest = memoryview(content)
    while rest:
        done = os.pwrite(file, rest, offset)
        rest, offset = rest[done:], offset + done
