"""Where sealed contents lie: small ones in segments, large ones as files of their own."""

import asyncio
import contextlib
import os
import re
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Protocol, TypeVar
from uuid import UUID, uuid4

from services.document.content import segments
from services.document.content.sealing import LARGE, ContentMissingError
from services.document.content.segments import Segments
from shared.files import new_file, sync_folder

_SHARDS: Final = 256
_SEGMENTS: Final = "segments"
_NAME: Final = re.compile("[0-9a-f]{32}")

T = TypeVar("T")


class ContentStore(Protocol):
    """Where sealed contents lie: files on one machine, an object store where there are many."""

    async def put(self, contents: Sequence[bytes]) -> Sequence[UUID]:
        """Keep contents; gives their names. On return all of them survive a power cut; an error says nothing of any."""
        ...

    async def get(self, name: UUID) -> bytes:
        """A content; `ContentMissingError` where it is not there, `ContentTornError` where only part of it is."""
        ...

    async def remove(self, names: Sequence[UUID]) -> None:
        """Remove contents; what is not there counts as removed."""
        ...

    async def older_than(self, age_s: float, turn: int) -> Sequence[UUID]:
        """Contents of at least this age in one part of the store; as `turn` goes up, every part has its turn."""
        ...

    async def parts(self) -> int:
        """How many turns it takes until every part had one, as the store is now."""
        ...


class FileContent:
    """Contents in one folder: segments of small ones, and large ones in 256 shards by the first byte of their names.

    System calls are few, since a thread hands the interpreter over at each.
    """

    def __init__(self, folder: Path, threads: int = 8) -> None:
        self._folder = folder
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="content")
        for shard in range(_SHARDS):
            (folder / f"{shard:02x}").mkdir(parents=True, exist_ok=True, mode=0o700)
        self._segments = Segments(folder / _SEGMENTS)
        sync_folder(folder)

    async def put(self, contents: Sequence[bytes]) -> Sequence[UUID]:
        """Keep contents, all of them written and synced on return; gives their names.

        Nobody names a content before this returns, so it is written in its place at once: what a power cut leaves
        half written belongs to no row, and the collection finds it.
        """
        return await self._run(lambda: self._put(contents))

    async def get(self, name: UUID) -> bytes:
        """A content.

        Raises:
            ContentMissingError: It is not there.
            ContentTornError: Its segment ends before or within it.
        """
        try:
            return await self._run(lambda: read(self._folder, name))
        except FileNotFoundError:
            raise ContentMissingError("a content is missing from the content store") from None

    async def remove(self, names: Sequence[UUID]) -> None:
        """Remove contents; what is not there counts as removed."""
        await self._run(lambda: self._remove(names))

    async def older_than(self, age_s: float, turn: int) -> Sequence[UUID]:
        """Contents of at least this age, whole or not, of the shard and the segment whose turn it is.

        Other files are left alone.
        """
        before = time.time() - age_s
        shard = self._folder / f"{turn % _SHARDS:02x}"
        return await self._run(lambda: _old(shard, before) + self._segments.older_than(before, turn))

    async def parts(self) -> int:
        """How many turns it takes until every shard and every segment had one."""
        return max(_SHARDS, await self._run(self._segments.count))

    async def close(self) -> None:
        """Finish what is under way."""
        await asyncio.to_thread(self._pool.shutdown)
        self._segments.close()

    def _put(self, contents: Sequence[bytes]) -> list[UUID]:
        small = [content for content in contents if len(content) < LARGE]
        kept = iter(self._segments.append(small) if small else ())
        alone: list[UUID] = []
        try:
            for content in contents:
                if len(content) >= LARGE:
                    alone.append(uuid4())
                    self._write(alone[-1], content)
        except BaseException:
            self._remove(alone)
            raise
        large = iter(alone)
        return [next(kept) if len(content) < LARGE else next(large) for content in contents]

    def _write(self, name: UUID, content: bytes) -> None:
        path = _path(self._folder, name)
        with os.fdopen(new_file(path), "wb") as file:
            file.write(content)
            file.flush()
            os.fdatasync(file.fileno())
        sync_folder(path.parent)

    def _remove(self, names: Iterable[UUID]) -> None:
        for name in names:
            if not self._segments.remove(name):
                with contextlib.suppress(FileNotFoundError):
                    _path(self._folder, name).unlink()

    async def _run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)


def read(folder: Path, name: UUID) -> bytes:
    """A sealed content of the store in this folder, for who looks into it from outside.

    Raises:
        FileNotFoundError: It is not there.
        ContentTornError: Its segment ends before or within it.
    """
    try:
        return segments.read(folder / _SEGMENTS, name)
    except FileNotFoundError:
        return _path(folder, name).read_bytes()


def held(path: Path) -> Sequence[UUID]:
    """Names of the contents that live in one file of a store, for who looks into it from outside."""
    if path.parent.name == _SEGMENTS:
        return segments.living(path)
    return [UUID(hex=path.name)] if _NAME.fullmatch(path.name) else []


def _path(folder: Path, name: UUID) -> Path:
    return folder / name.hex[:2] / name.hex


def _old(shard: Path, before: float) -> list[UUID]:
    with os.scandir(shard) as files:
        return [UUID(hex=file.name) for file in files if _NAME.fullmatch(file.name) and file.stat().st_mtime <= before]
