"""Signed tokens of this project: JWS compact, Ed25519 only (RFC 8037, RFC 9864), one `typ` per kind of token.

The algorithm is fixed by the verifier and never taken from the token; the header holds `alg`, `typ` and `kid` and
nothing else, so that no key or address in a header is ever looked at.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet, OKPKey

from shared.security._errors import (
    BadSignatureError,
    KeyUnreadableError,
    MalformedTokenError,
    UnknownKeyError,
    WrongTypeError,
)

ALGORITHM: Final = "Ed25519"
MAX_TOKEN_CHARACTERS: Final = 16_384
_HEADER: Final = frozenset({"alg", "typ", "kid"})

Jwk = Mapping[str, Any]
Jwks = Mapping[str, Any]


class Signer:
    """Signs payloads as one kind of token with a private Ed25519 key."""

    def __init__(self, private_jwk: Jwk, typ: str) -> None:
        self._key = _private_key(private_jwk)
        self._raw = _raw(self._key)
        # the header is the same under every token: the library would check, write and encode it anew for each
        header = json.dumps({"alg": ALGORITHM, "typ": typ, "kid": self.kid}, separators=(",", ":"))
        self._head = urlsafe_b64encode(header.encode()).rstrip(b"=") + b"."

    def __repr__(self) -> str:
        return f"Signer(kid={self.kid!r})"

    @property
    def kid(self) -> str:
        """Id of the key; for a service its name."""
        return str(self._key.kid)

    def sign(self, payload: bytes) -> str:
        """The compact JWS of a payload."""
        signed = self._head + urlsafe_b64encode(payload).rstrip(b"=")
        signature = urlsafe_b64encode(self._raw.sign(signed)).rstrip(b"=")
        return (signed + b"." + signature).decode("ascii")


class Keys:
    """Public Ed25519 keys by id."""

    def __init__(self, jwks: Jwks) -> None:
        try:
            keys = KeySet.import_key_set(dict(jwks)).keys  # type: ignore[arg-type]
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise KeyUnreadableError(
                f"the public keys can't be read ({type(error).__name__}); expected a JWKS: write it anew",
            ) from None
        self._keys: dict[str, Key] = {str(key.kid): key for key in keys if _is_ed25519(key)}

    def verify(self, token: str, typ: str) -> tuple[str, bytes]:
        """The signing key's id and the payload.

        Raises:
            MalformedTokenError: No compact JWS, another algorithm, or a header with more than it should have.
            WrongTypeError: A token of another kind.
            UnknownKeyError: No key of this id.
            BadSignatureError: The signature is wrong.
        """
        signature = _parsed(token)
        header = signature.headers()
        if not set(header) <= _HEADER or header.get("alg") != ALGORITHM or not isinstance(header.get("kid"), str):
            raise MalformedTokenError(f"the token's header is not alg={ALGORITHM}, typ and kid alone; get a new one")
        if header.get("typ") != typ:
            raise WrongTypeError(f"the token is of another kind; expected typ {typ!r}")
        key = self._keys.get(header["kid"])
        if key is None:
            raise UnknownKeyError("the token is signed with a key that is not known here; are the public keys current?")
        if not jws.validate_compact(signature, key, [ALGORITHM]):
            raise BadSignatureError("the token's signature is wrong: it was altered or signed with another key")
        return header["kid"], signature.payload or b""


def read_jwk(path: Path) -> dict[str, Any]:
    """A JWK or JWKS from a JSON file.

    Raises:
        KeyUnreadableError: Missing, unreadable or no JSON object; the text never holds the file's content.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise KeyUnreadableError(
            f"key file {path.name} can't be read ({type(error).__name__}); expected JSON; correct the setting",
        ) from None
    if not isinstance(found, dict):
        raise KeyUnreadableError(f"key file {path.name} holds no JSON object; expected a JWK or a JWKS")
    return found


def new_private_jwk(kid: str) -> dict[str, Any]:
    """A random Ed25519 key pair as a private JWK with the given id (a service's name)."""
    return dict(OKPKey.generate_key(ALGORITHM, {"kid": kid, "use": "sig"}, private=True).as_dict(private=True))


def public_jwks(*private_jwks: Jwk) -> dict[str, Any]:
    """The JWKS of the public halves."""
    return {"keys": [dict(_private_key(jwk).as_dict(private=False)) for jwk in private_jwks]}


def _parsed(token: str) -> jws.CompactSignature:
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise MalformedTokenError(f"the token is longer than {MAX_TOKEN_CHARACTERS} characters; send the token alone")
    try:
        signature = jws.extract_compact(token.encode("ascii"))
        header: object = signature.headers()
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise MalformedTokenError("not a signed token; expected header.payload.signature in base64url") from None
    if not isinstance(header, dict):
        raise MalformedTokenError("the token's header is no JSON object; get a new token")
    return signature


def _private_key(private_jwk: Jwk) -> OKPKey:
    try:
        key = OKPKey.import_key(dict(private_jwk))
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise KeyUnreadableError(
            f"the private key can't be read ({type(error).__name__}); expected an Ed25519 JWK with kid and d",
        ) from None
    if not (_is_ed25519(key) and key.is_private):
        raise KeyUnreadableError("the key is no private Ed25519 JWK with a kid; make a new one")
    return key


def _raw(key: OKPKey) -> Ed25519PrivateKey:
    """The private key as the library below signs with it."""
    raw = key.private_key
    if not isinstance(raw, Ed25519PrivateKey):
        raise KeyUnreadableError("the key is no private Ed25519 JWK with a kid; make a new one")
    return raw


def _is_ed25519(key: Key) -> bool:
    return isinstance(key, OKPKey) and key.curve_name == ALGORITHM and bool(key.kid)
