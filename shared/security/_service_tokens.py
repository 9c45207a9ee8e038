"""Service tokens: how a service proves to another who calls, on every internal HTTP request (design.md, §6).

A token lives 60 s, names its caller (iss), the service called (aud) and is signed with the caller's own key, whose id
is the caller's name. TLS protects it on the way wherever the wire is not loopback.
"""

import json
import time
from collections.abc import Collection
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

from shared.errors import SettingError
from shared.security._cache import ExpiringCache
from shared.security._errors import (
    CallerNotAllowedError,
    ExpiredError,
    MalformedTokenError,
    NotYetValidError,
    UnknownCallerError,
    UnknownKeyError,
    WrongAudienceError,
    WrongIssuerError,
)
from shared.security._jws import Jwk, Jwks, Keys, Signer
from shared.security._numbers import numeric_date

TYPE: Final = "service+jwt"
LIFETIME_S: Final = 60.0
CLOCK_SKEW_S: Final = 5.0
_CACHE_LIMIT: Final = 4096


class ServiceIdentity:
    """Who a service is: makes its tokens, one per service called, used again until half its life has passed."""

    def __init__(self, name: str, private_jwk: Jwk) -> None:
        self._signer = Signer(private_jwk, TYPE)
        self._name = name
        self._tokens: dict[str, tuple[str, float]] = {}
        if self._signer.kid != name:
            raise SettingError(
                f"the key's id is {self._signer.kid!r}, the service's name {name!r}: set its own key file"
            )

    def __repr__(self) -> str:
        return f"ServiceIdentity({self._name!r})"

    @property
    def name(self) -> str:
        """The service's name."""
        return self._name

    def token(self, audience: str, now: float | None = None) -> str:
        """A token for calls to one service; `now` in seconds since 1970."""
        now = time.time() if now is None else now
        token, renew = self._tokens.get(audience, ("", 0.0))
        # a clock that was set back must not keep a token alive
        if not renew - LIFETIME_S / 2 <= now < renew:
            token = self._signed(audience, now)
            self._tokens[audience] = (token, now + LIFETIME_S / 2)
        return token

    def _signed(self, audience: str, now: float) -> str:
        claims = {"iss": self._name, "aud": audience, "iat": now, "exp": now + LIFETIME_S, "jti": str(uuid4())}
        return self._signer.sign(json.dumps(claims, separators=(",", ":")).encode())


class ServiceVerifier:
    """Verifies tokens of callers, for one service called. What was verified is kept by digest until it ends."""

    def __init__(self, jwks: Jwks, audience: str, allowed: Collection[str]) -> None:
        self._keys = Keys(jwks)
        self._audience = audience
        self._allowed = frozenset(allowed)
        self._verified: ExpiringCache[str] = ExpiringCache(_CACHE_LIMIT)

    def verify(self, token: str, now: float | None = None, allowed: Collection[str] | None = None) -> str:
        """The caller's name; `allowed` narrows who may call this route; `now` in seconds since 1970.

        Raises:
            TokenRefusedError: One of its subclasses says which check failed.
        """
        now = time.time() if now is None else now
        digest = sha256(token.encode("utf-8", "surrogatepass")).digest()
        caller = self._verified.get(digest, now)
        if caller is None:
            caller, end = self._checked(token, now)
            self._verified.put(digest, caller, end)
        if caller not in self._allowed or (allowed is not None and caller not in allowed):
            raise CallerNotAllowedError(
                f"{caller} may not call this of {self._audience}; if it should, add it to the callers allowed there",
            )
        return caller

    def _checked(self, token: str, now: float) -> tuple[str, float]:
        try:
            kid, payload = self._keys.verify(token, TYPE)
        except UnknownKeyError:
            raise UnknownCallerError(
                f"the caller's key is not known to {self._audience}; add its public key to the services' JWKS",
            ) from None
        claims = _claims(payload)
        if claims.get("iss") != kid:
            raise WrongIssuerError(f"the token is signed by {kid} and names another issuer; each service signs its own")
        if claims.get("aud") != self._audience:
            raise WrongAudienceError(f"{kid} sent {self._audience} a token for another service; get one for it")
        return kid, _end(claims, kid, now)


def _end(claims: dict[str, Any], caller: str, now: float) -> float:
    issued, end = numeric_date(claims.get("iat")), numeric_date(claims.get("exp"))
    if end - issued > LIFETIME_S + 1:
        raise MalformedTokenError(f"{caller}'s token lives longer than {LIFETIME_S:.0f} s; use ServiceIdentity")
    if issued > now + CLOCK_SKEW_S:
        raise NotYetValidError(f"{caller}'s token was issued in the future; compare the clocks")
    if now >= end:
        raise ExpiredError(f"{caller}'s token expired {now - end:.1f} s ago; send a fresh one (or compare the clocks)")
    return end


def _claims(payload: bytes) -> dict[str, Any]:
    try:
        claims = json.loads(payload)
    except (ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        raise MalformedTokenError("the token's payload is no JSON object; get a new token")
    return claims
