"""How a content is made unreadable to whoever finds it: compressed where that helps, encrypted, bound to its document.

AES-256-GCM under a key of its own, which is kept by the document's row, wrapped by the record's key. On reading the
hash of the metadata is checked.
"""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Final, TypeVar
from uuid import UUID

import zstandard

from shared.security import SecurityError, context, decrypt, encrypt

LARGE: Final = 64 * 1024
"""From this size on, in bytes, work on a content is done beside the event loop, and it is kept as a file of its own."""
_LEVEL: Final = 3
_PLAIN, _ZSTD = b"\0", b"\1"

T = TypeVar("T")


class ContentUnreadableError(Exception):
    """A content is missing, altered or not the one of its metadata; restore the content store from a backup."""


class ContentMissingError(ContentUnreadableError):
    """A content is not in the store."""


class ContentTornError(ContentUnreadableError):
    """The file of a content ends before it, within it, or holds something else in its place."""


def seal(content: bytes, key: bytes, document: UUID) -> bytes:
    """A document's content as it is stored; it opens for this document alone."""
    packed = zstandard.ZstdCompressor(level=_LEVEL).compress(content)
    body = _ZSTD + packed if len(packed) < len(content) else _PLAIN + content
    return encrypt(key, body, _context(document))


def unseal(sealed: bytes, key: bytes, document: UUID, sha256: bytes, size: int) -> bytes:
    """The content again, checked against the hash and size of its metadata.

    Raises:
        ContentUnreadableError: Altered, of another document, or under another key.
    """
    try:
        body = decrypt(key, sealed, _context(document))
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


def _context(document: UUID) -> bytes:
    return context("document", "content", "document", document)
