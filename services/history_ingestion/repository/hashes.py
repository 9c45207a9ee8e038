"""Keyed hashes: the only way from an INS to a record, and what a line is known by. The key is this service's own."""

from uuid import UUID

from shared.security import keyed_hash


class Hashes:
    """Makes the hashes; the key never leaves it."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "Hashes()"

    def person(self, oid: str, number: str) -> bytes:
        """The hash of an INS."""
        return keyed_hash(self._key, "ins", oid, number)

    def line(self, insurer: str, line: str) -> UUID:
        """The id of an insurer's line: 128 bits of its hash, so that no number of an insurer's stands in a table."""
        return UUID(bytes=keyed_hash(self._key, "line", insurer, line)[:16])
