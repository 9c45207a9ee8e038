"""What describes a document and is stored encrypted under the record's key, bound to its row."""

from uuid import UUID

from shared.contracts.common import Value
from shared.security import context, decrypt, encrypt


class Details(Value):
    """Title, description and authors of a document."""

    title: str = ""
    description: str | None = None
    professionals: tuple[str, ...] = ()
    structures: tuple[str, ...] = ()


def seal_details(details: Details, key: bytes, document: UUID) -> bytes:
    """Details as they are stored."""
    return encrypt(key, details.model_dump_json(exclude_defaults=True).encode(), _context(document))


def unseal_details(sealed: bytes, key: bytes, document: UUID) -> Details:
    """The details again.

    Raises:
        UndecryptableError: Altered, of another row, or under another key.
    """
    return Details.model_validate_json(decrypt(key, sealed, _context(document)))


def _context(document: UUID) -> bytes:
    return context("document", "document", "details", document)
