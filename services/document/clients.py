"""The content store: encrypted contents outside the database, each under a random object id, with a key of its own.

A content is compressed where that helps, encrypted with AES-256-GCM and bound to its object id; its key is kept by the
document's row, wrapped by the record's key. On reading the hash of the metadata is checked.
"""

import asyncio
import contextlib
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Protocol, TypeVar
from uuid import UUID

import zstandard

from shared.security import SecurityError, context, decrypt, encrypt

LARGE: Final = 64 * 1024
"""From this size on, in bytes, work on a content is done beside the event loop."""
_LEVEL: Final = 3
_PLAIN, _ZSTD = b"\0", b"\1"
_SHARDS: Final = 256
_MOMENT_S: Final = 0.02
_NAME: Final = re.compile("[0-9a-f]{32}")
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_MODE: Final = 0o600

T = TypeVar("T")


class ContentUnreadableError(Exception):
    """A content is missing, altered or not the one of its metadata; restore the content store from a backup."""


def new_name() -> UUID:
    """A random name. Names of the same moment begin alike: what is kept together lies in one folder, synced once."""
    return UUID(bytes=bytes([int(time.monotonic() / _MOMENT_S) % _SHARDS]) + os.urandom(15))


class ContentStore(Protocol):
    """Where sealed contents lie: files on one machine, an object store where there are many."""

    async def put(self, contents: Mapping[UUID, bytes]) -> None:
        """Keep contents by their names; on return all of them survive a power cut. An error says nothing of any."""
        ...

    async def get(self, name: UUID) -> bytes:
        """A content; `ContentUnreadableError` where it is missing."""
        ...

    async def remove(self, names: Sequence[UUID]) -> None:
        """Remove contents; what is not there counts as removed."""
        ...

    async def older_than(self, age_s: float, turn: int) -> Sequence[UUID]:
        """Contents of at least this age in one part of the store; as `turn` goes up, every part has its turn."""
        ...


def seal(content: bytes, key: bytes, name: UUID) -> bytes:
    """A content as it is stored."""
    packed = zstandard.ZstdCompressor(level=_LEVEL).compress(content)
    body = _ZSTD + packed if len(packed) < len(content) else _PLAIN + content
    return encrypt(key, body, _context(name))


def unseal(sealed: bytes, key: bytes, name: UUID, sha256: bytes, size: int) -> bytes:
    """The content again, checked against the hash and size of its metadata.

    Raises:
        ContentUnreadableError: Altered, of another object or document, or under another key.
    """
    try:
        body = decrypt(key, sealed, _context(name))
        content = body[1:]
        if body[:1] == _ZSTD:
            content = zstandard.ZstdDecompressor().decompress(content, max_output_size=size)
    except (SecurityError, zstandard.ZstdError) as error:
        raise ContentUnreadableError(f"a content does not open: {type(error).__name__}") from None
    if len(content) != size or hashlib.sha256(content).digest() != sha256:
        raise ContentUnreadableError("a content is not the one of its metadata: its hash differs")
    return content


async def beside(size: int, call: Callable[[], T]) -> T:
    """Do work on a content of this size: at once where it is small, in a thread where it would hold others up."""
    return call() if size < LARGE else await asyncio.to_thread(call)


class FileContent:
    """Contents as files of one folder with 256 shards by the first byte of the object id.

    System calls are few, since a thread hands the interpreter over at each: shards stay open, and what comes together
    is kept as one piece of work.
    """

    def __init__(self, folder: Path, threads: int = 8) -> None:
        self._folder = folder
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="content")
        paths = [folder / f"{shard:02x}" for shard in range(_SHARDS)]
        for path in paths:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._shards = [os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in paths]
        _sync(folder)

    async def put(self, contents: Mapping[UUID, bytes]) -> None:
        """Keep contents: all written, all synced, then their shards.

        Nobody names a content before this returns, so it is written in its place at once: what a power cut leaves
        half written belongs to no row, and the collection finds it.
        """
        await self._run(lambda: self._put(contents))

    async def get(self, name: UUID) -> bytes:
        """A content.

        Raises:
            ContentUnreadableError: It is not there.
        """
        try:
            return await self._run(lambda: self._read(name))
        except FileNotFoundError:
            raise ContentUnreadableError("a content is missing from the content store") from None

    async def remove(self, names: Sequence[UUID]) -> None:
        """Remove contents; what is not there counts as removed."""
        await self._run(lambda: self._unlink(names))

    async def older_than(self, age_s: float, turn: int) -> Sequence[UUID]:
        """Contents of at least this age, whole or not, in the shard whose turn it is; other files are left alone."""
        return await self._run(lambda: _old(self._folder / f"{turn % _SHARDS:02x}", time.time() - age_s))

    async def close(self) -> None:
        """Finish what is under way."""
        await asyncio.to_thread(self._pool.shutdown)
        shards, self._shards = self._shards, []
        for shard in shards:
            os.close(shard)

    def _shard(self, name: UUID) -> int:
        return self._shards[name.bytes[0]]

    def _put(self, contents: Mapping[UUID, bytes]) -> None:
        files: dict[UUID, int] = {}
        try:
            for name, sealed in contents.items():
                files[name] = os.open(name.hex, _NEW, _MODE, dir_fd=self._shard(name))
                _write(files[name], sealed)
            for file in files.values():
                os.fdatasync(file)
            for shard in {self._shard(name) for name in contents}:
                os.fsync(shard)
        except BaseException:
            self._unlink(files)
            raise
        finally:
            for file in files.values():
                os.close(file)

    def _read(self, name: UUID) -> bytes:
        file = os.open(name.hex, os.O_RDONLY, dir_fd=self._shard(name))
        try:
            return os.read(file, os.fstat(file).st_size)
        finally:
            os.close(file)

    def _unlink(self, names: Iterable[UUID]) -> None:
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name.hex, dir_fd=self._shard(name))

    async def _run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)


def _context(name: UUID) -> bytes:
    return context("document", "content", "object", name)


def _write(file: int, sealed: bytes) -> None:
    rest = memoryview(sealed)
    while rest:
        rest = rest[os.write(file, rest) :]


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _old(shard: Path, before: float) -> list[UUID]:
    with os.scandir(shard) as files:
        return [UUID(hex=file.name) for file in files if _NAME.fullmatch(file.name) and file.stat().st_mtime <= before]
