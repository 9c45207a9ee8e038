"""A small cache of what was verified, bounded in number and in time."""

from collections import OrderedDict
from typing import Generic, TypeVar

V = TypeVar("V")


class ExpiringCache(Generic[V]):
    """Values by digest until their end; over the limit the least recently used one goes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: OrderedDict[bytes, tuple[V, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, digest: bytes, now: float) -> V | None:
        """The value, or nothing where it is unknown or has ended."""
        entry = self._entries.get(digest)
        if entry is None:
            return None
        value, end = entry
        if now >= end:
            del self._entries[digest]
            return None
        self._entries.move_to_end(digest)
        return value

    def put(self, digest: bytes, value: V, end: float) -> None:
        """Keep a value until `end` (seconds since 1970)."""
        self._entries[digest] = (value, end)
        self._entries.move_to_end(digest)
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)
