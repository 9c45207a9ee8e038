"""The public keys of an OpenID provider: fetched when needed, seldom, by one task at a time.

- a known key is served from memory; after `ttl_s` the set is fetched again, and used while the provider is away;
- an unknown key id makes one fetch, and none before `min_refresh_s` have passed since the last: a flood of made-up ids
  costs the provider nothing; an id that was not found is remembered for `absent_s`;
- a key that vanished from the set opens for `grace_s` more, for tokens issued just before the rotation;
- after `stale_limit_s` without any successful fetch nobody is verified: fail closed.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, RSAKey, import_key

from shared.security._cache import ExpiringCache
from shared.security._errors import ProviderUnavailableError, UnknownKeyError

JwksSource = Callable[[], Awaitable[dict[str, Any]]]
"""Fetches the provider's JWKS; raises `ProviderUnavailableError` where it can't."""

_MIN_RSA_BITS: Final = 2048
_ABSENT_LIMIT: Final = 1024
_MAX_KEYS: Final = 64


class ProviderKeys:
    """Keys by id, as said in the module."""

    def __init__(
        self,
        source: JwksSource,
        *,
        ttl_s: float = 300.0,
        min_refresh_s: float = 10.0,
        absent_s: float = 60.0,
        grace_s: float = 60.0,
        stale_limit_s: float = 3600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._ttl, self._min_refresh, self._absent_s = ttl_s, min_refresh_s, absent_s
        self._grace, self._stale_limit = grace_s, stale_limit_s
        self._clock = clock
        self._keys: dict[str, Key] = {}
        self._retired: dict[str, tuple[Key, float]] = {}
        self._absent: ExpiringCache[bool] = ExpiringCache(_ABSENT_LIMIT)
        self._fetched: float | None = None
        self._tried: float | None = None
        self._refreshing: asyncio.Task[None] | None = None

    async def get(self, kid: str) -> Key:
        """The key of this id.

        Raises:
            UnknownKeyError: The provider publishes no such key.
            ProviderUnavailableError: No keys are known and none can be fetched.
        """
        if self._age(self._fetched) < self._ttl:
            if (key := self._known(kid)) is not None:
                return key
            if self._absent.get(kid.encode("utf-8", "surrogatepass"), self._clock()):
                raise _unknown()
        await self._refresh()
        if self._age(self._fetched) > self._stale_limit:
            raise ProviderUnavailableError(
                "no token can be verified: the OpenID provider's keys can't be fetched; check its address, then repeat",
            )
        if (key := self._known(kid)) is not None:
            return key
        self._absent.put(kid.encode("utf-8", "surrogatepass"), value=True, end=self._clock() + self._absent_s)
        raise _unknown()

    def _known(self, kid: str) -> Key | None:
        if kid in self._keys:
            return self._keys[kid]
        key, end = self._retired.get(kid, (None, 0.0))
        return key if self._clock() < end else None

    def _age(self, moment: float | None) -> float:
        return float("inf") if moment is None else self._clock() - moment

    async def _refresh(self) -> None:
        """Fetch once for all who wait, unless a fetch was tried a moment ago."""
        if self._refreshing is None:
            if self._age(self._tried) < self._min_refresh:
                return
            self._tried = self._clock()
            self._refreshing = asyncio.create_task(self._fetch())
            self._refreshing.add_done_callback(self._refreshed)
        # one caller's cancellation must not end the fetch of the others
        await asyncio.shield(self._refreshing)

    def _refreshed(self, _: asyncio.Task[None]) -> None:
        self._refreshing = None

    async def _fetch(self) -> None:
        try:
            keys = _usable(await self._source())
        except ProviderUnavailableError:
            return
        now = self._clock()
        self._retired = {kid: entry for kid, entry in self._retired.items() if now < entry[1]}
        self._retired |= {kid: (key, now + self._grace) for kid, key in self._keys.items() if kid not in keys}
        self._keys, self._fetched = keys, now


def _usable(jwks: dict[str, Any]) -> dict[str, Key]:
    """The keys that may verify signatures: public RSA from 2048 bits and P-256; others are left out."""
    listed = jwks.get("keys")
    if not isinstance(listed, list):
        raise ProviderUnavailableError("the OpenID provider's answer is no JWKS; check the issuer's address")
    found: dict[str, Key] = {}
    for jwk in listed[:_MAX_KEYS]:
        key = _public_key(jwk)
        if key is not None:
            found[str(jwk["kid"])] = key
    return found


def _public_key(jwk: object) -> Key | None:
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str) or jwk.get("use", "sig") != "sig":
        return None
    try:
        key = import_key(jwk)
        if isinstance(key, RSAKey) and key.public_key.key_size >= _MIN_RSA_BITS:
            return key
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return key if isinstance(key, ECKey) and key.curve_name == "P-256" else None


def _unknown() -> UnknownKeyError:
    return UnknownKeyError("the token is signed with a key that the OpenID provider does not publish; sign in again")
