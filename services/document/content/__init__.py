"""The content store: encrypted contents outside the database, each under a random object id, with a key of its own."""

from services.document.content.sealing import (
    LARGE,
    ContentMissingError,
    ContentTornError,
    ContentUnreadableError,
    beside,
    seal,
    unseal,
)
from services.document.content.store import ContentStore, FileContent, held, read

__all__ = [
    "LARGE",
    "ContentMissingError",
    "ContentStore",
    "ContentTornError",
    "ContentUnreadableError",
    "FileContent",
    "beside",
    "held",
    "read",
    "seal",
    "unseal",
]
