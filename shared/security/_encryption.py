"""Encryption of fields and contents: AES-256-GCM, bound to the place where the cipher text stands.

A cipher text is nonce (12 random bytes), data, tag (16). The context is authenticated with it, so that a cipher text
copied to another row, column, table or service does not open. One key encrypts at most 2^32 texts (NIST SP 800-38D,
8.3); a record's key stays far below.
"""

import hmac
import os
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from shared.security._errors import UndecryptableError

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16


def new_key() -> bytes:
    """A random AES-256 key."""
    return os.urandom(KEY_BYTES)


def context(service: str, table: str, column: str, row_id: object) -> bytes:
    """The authenticated context of a field; two different places never give the same bytes."""
    row = str(row_id).encode()
    return _column(service, table, column) + len(row).to_bytes(4, "big") + row  # as `_framed`, at half its cost


@lru_cache(maxsize=256)
def _column(service: str, table: str, column: str) -> bytes:
    """The part of a context that all rows share."""
    return _framed(part.encode() for part in (service, table, column))


def encrypt(key: bytes, plaintext: bytes, context: bytes) -> bytes:
    """Encrypt under a 32-byte key for the place that `context` names."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _cipher(key).encrypt(nonce, plaintext, context)


def encrypt_each(texts: Sequence[tuple[bytes, bytes, bytes]]) -> list[bytes]:
    """Encrypt many, each with key and context as in `encrypt`; randomness is drawn once, and each key set up once."""
    nonces = os.urandom(_NONCE_BYTES * len(texts))
    ciphers = {key: AESGCM(key) for key in {key for key, _, _ in texts}}
    sealed = []
    for at, (key, plaintext, context) in enumerate(texts):
        nonce = nonces[at * _NONCE_BYTES : (at + 1) * _NONCE_BYTES]
        sealed.append(nonce + ciphers[key].encrypt(nonce, plaintext, context))
    return sealed


def decrypt(key: bytes, ciphertext: bytes, context: bytes) -> bytes:
    """The plain text again.

    Raises:
        UndecryptableError: Altered, cut, from another place, or under another key.
    """
    if len(ciphertext) < _NONCE_BYTES + _TAG_BYTES:
        raise UndecryptableError("the cipher text is shorter than nonce and tag; restore the row from a backup")
    try:
        return _cipher(key).decrypt(ciphertext[:_NONCE_BYTES], ciphertext[_NONCE_BYTES:], context)
    except InvalidTag:
        raise UndecryptableError(
            "the cipher text does not open: it was altered, belongs to another row or is under another key; "
            "restore the row from a backup",
        ) from None


def wrap_with(key: bytes, inner: bytes) -> bytes:
    """A content's key wrapped by its record's key (AES-KW, RFC 3394): 40 bytes for a key of 32."""
    return aes_key_wrap(key, inner)


def unwrap_with(key: bytes, wrapped: bytes) -> bytes:
    """The content's key again.

    Raises:
        UndecryptableError: Altered, or wrapped by another key.
    """
    try:
        return aes_key_unwrap(key, wrapped)
    except (InvalidUnwrap, ValueError):
        raise UndecryptableError(
            "the wrapped key does not open under this key; restore the row from a backup"
        ) from None


def keyed_hash(key: bytes, purpose: str, *values: str) -> bytes:
    """HMAC-SHA-256 of values for one purpose: an index over what must not be readable, such as an INS.

    Equal values under the same key and purpose give equal hashes; nothing follows from a hash without the key.
    """
    return hmac.new(key, _framed(part.encode() for part in (purpose, *values)), sha256).digest()


def _framed(parts: Iterable[bytes]) -> bytes:
    """Each part after its length, so that no two lists of parts give the same bytes."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


@lru_cache(maxsize=64)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)
