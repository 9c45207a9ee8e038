"""Fetching an OpenID provider's keys: discovery document, then JWKS, within a time and a size.

It stands apart from `shared.security`, so that processes that verify no user's token do not load an HTTP client.
"""

import json
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from shared.security._errors import ProviderUnavailableError

_MAX_BYTES: Final = 256 * 1024
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class Discovery:
    """Source of a provider's JWKS by OpenID Connect Discovery. One fetch takes at most twice `timeout_s`."""

    def __init__(self, issuer: str, *, timeout_s: float = 5.0) -> None:
        self._issuer = issuer
        self._timeout = aiohttp.ClientTimeout(timeout_s)
        _expect_safe(issuer)

    async def __call__(self) -> dict[str, Any]:
        """The provider's JWKS.

        Raises:
            ProviderUnavailableError: It can't be reached in time, or its answers are not what they should be.
        """
        async with aiohttp.ClientSession(timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
            found = await self._json(session, f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self._issuer:
                raise ProviderUnavailableError("the discovery document names another issuer; correct the setting")
            return await self._json(session, _expect_safe(str(found.get("jwks_uri", ""))))

    async def _json(self, session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
        try:
            # followed elsewhere, an answer could be anybody's
            async with session.get(url, allow_redirects=False) as response:
                body = await _bounded(response)
                found = json.loads(body) if response.status == HTTPStatus.OK else None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ProviderUnavailableError(
                f"the OpenID provider does not answer ({type(error).__name__}); check the issuer's address",
            ) from None
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise ProviderUnavailableError("the OpenID provider answers no JSON object with a status of success")
        return found


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _MAX_BYTES:
            raise ProviderUnavailableError(f"the OpenID provider answers more than {_MAX_BYTES} bytes")
    return body


def _expect_safe(url: str) -> str:
    """The address itself, where it is https or loopback: keys fetched in the clear could be anybody's."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return url
    raise ProviderUnavailableError("the OpenID provider's address is not https; correct the issuer's setting")
