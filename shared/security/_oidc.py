"""Verification of users' tokens from the OpenID provider (Pro Santé Connect, the patient's provider, the local one).

RS256 and ES256 by the provider's published keys; `iss`, `aud`, `exp`, `nbf`, `iat` and `typ` are checked. Keys and
addresses inside a token's header are refused (RFC 8725, 3.10). What the claims mean is the gateway's business.
"""

import json
import time
from collections.abc import Collection
from hashlib import sha256
from typing import Any, Final, cast

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key

from shared.security._cache import ExpiringCache
from shared.security._errors import (
    BadSignatureError,
    ExpiredError,
    MalformedTokenError,
    NotYetValidError,
    WrongAudienceError,
    WrongIssuerError,
    WrongTypeError,
)
from shared.security._numbers import numeric_date
from shared.security._provider_keys import ProviderKeys

ALGORITHMS: Final = ("RS256", "ES256")
ACCESS_TOKEN_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})
MAX_TOKEN_CHARACTERS: Final = 16_384
_KEY_HEADERS: Final = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip"})
_CACHE_LIMIT: Final = 4096

Claims = dict[str, Any]


class _HeaderRegistry(jws.JWSRegistry):
    """Providers put more in a header than we do; 512 characters would refuse some of theirs."""

    max_header_length = 2048


class TokenVerifier:
    """Verifies users' access tokens of one issuer for one audience; what was verified is kept by digest until it ends.

    `skew_s` is how far clocks may differ.
    """

    def __init__(
        self,
        issuer: str,
        audience: str,
        keys: ProviderKeys,
        *,
        skew_s: float = 5.0,
        types: Collection[str] = ACCESS_TOKEN_TYPES,
    ) -> None:
        self._issuer, self._audience = issuer, audience
        self._keys = keys
        self._skew = skew_s
        self._types = frozenset(types)
        self._registry = _HeaderRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        self._verified: ExpiringCache[Claims] = ExpiringCache(_CACHE_LIMIT)

    async def verify(self, token: str, now: float | None = None) -> Claims:
        """The token's claims, not to be changed; `now` in seconds since 1970.

        Raises:
            TokenRefusedError: One of its subclasses says which check failed: answer 401.
            ProviderUnavailableError: The provider's keys can't be fetched: answer 503.
        """
        now = time.time() if now is None else now
        digest = sha256(token.encode("utf-8", "surrogatepass")).digest()
        claims = self._verified.get(digest, now)
        if claims is None:
            claims = await self._signed_claims(token)
            self._verified.put(digest, claims, self._end(claims, now))
        return claims

    async def _signed_claims(self, token: str) -> Claims:
        signature, header = self._parsed(token)
        key = await self._keys.get(header["kid"])
        if not self._is_signed(signature, key):
            raise BadSignatureError("the token's signature is wrong: it was altered; sign in again")
        try:
            claims = json.loads(signature.payload or b"")
        except (ValueError, RecursionError):
            claims = None
        if not isinstance(claims, dict):
            raise MalformedTokenError("the token's payload is no JSON object; sign in again")
        return claims

    def _is_signed(self, signature: jws.CompactSignature, key: Key) -> bool:
        try:
            return jws.validate_compact(signature, key, registry=self._registry)
        except (JoseError, ValueError, TypeError):
            # the key is of another type than the header's algorithm: the token's maker hoped for confusion
            return False

    def _parsed(self, token: str) -> tuple[jws.CompactSignature, dict[str, Any]]:
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise MalformedTokenError(f"the token is longer than {MAX_TOKEN_CHARACTERS} characters; sign in again")
        try:
            signature = jws.extract_compact(token.encode("ascii"), registry=self._registry)
            found: object = signature.headers()
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise MalformedTokenError("not a signed token; expected header.payload.signature in base64url") from None
        if not isinstance(found, dict):
            raise MalformedTokenError("the token's header is no JSON object; sign in again")
        self._check_header(found)
        return signature, found

    def _check_header(self, header: dict[str, Any]) -> None:
        if header.get("alg") not in ALGORITHMS:
            raise MalformedTokenError(f"the token's algorithm is not accepted; expected one of {', '.join(ALGORITHMS)}")
        if not _KEY_HEADERS.isdisjoint(header):
            raise MalformedTokenError("the token's header brings a key, an address or an extension; none is accepted")
        if not isinstance(header.get("kid"), str):
            raise MalformedTokenError("the token does not say which key signed it (kid); sign in again")
        if str(header.get("typ")).lower() not in self._types:
            raise WrongTypeError("the token is no access token (header typ); send the access token, not the ID token")

    def _end(self, claims: Claims, now: float) -> float:
        """When the token ends, after its claims were checked."""
        if claims.get("iss") != self._issuer:
            raise WrongIssuerError("the token comes from another issuer than the one configured; sign in there")
        audience = claims.get("aud")
        if self._audience not in (cast("list[object]", audience) if isinstance(audience, list) else [audience]):
            raise WrongAudienceError(f"the token is not for {self._audience} (aud); ask the provider for one that is")
        end = numeric_date(claims.get("exp")) + self._skew
        if now >= end:
            raise ExpiredError(f"the token expired {now - end + self._skew:.0f} s ago; sign in again")
        starts = [numeric_date(claims[name]) for name in ("nbf", "iat") if claims.get(name) is not None]
        if any(start > now + self._skew for start in starts):
            raise NotYetValidError("the token begins to hold in the future; compare the clocks")
        return end
