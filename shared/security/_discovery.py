"""Fetching an OpenID provider's keys: discovery document, then JWKS, within a time and a size."""

import json
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2

from shared.security._errors import ProviderUnavailableError

_MAX_BYTES: Final = 256 * 1024
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class Discovery:
    """Source of a provider's JWKS by OpenID Connect Discovery. One fetch takes at most twice `timeout_s`."""

    def __init__(
        self, issuer: str, *, timeout_s: float = 5.0, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        self._issuer = issuer
        self._timeout = timeout_s
        self._transport = transport
        _expect_safe(issuer)

    async def __call__(self) -> dict[str, Any]:
        """The provider's JWKS.

        Raises:
            ProviderUnavailableError: It can't be reached in time, or its answers are not what they should be.
        """
        async with httpx2.AsyncClient(timeout=self._timeout, transport=self._transport, trust_env=False) as client:
            found = await self._json(client, f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self._issuer:
                raise ProviderUnavailableError("the discovery document names another issuer; correct the setting")
            return await self._json(client, _expect_safe(str(found.get("jwks_uri", ""))))

    async def _json(self, client: httpx2.AsyncClient, url: str) -> dict[str, Any]:
        try:
            async with client.stream("GET", url) as response:
                body = b""
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > _MAX_BYTES:
                        raise ProviderUnavailableError(f"the OpenID provider answers more than {_MAX_BYTES} bytes")
                found = json.loads(body) if response.is_success else None
        except httpx2.HTTPError as error:
            raise ProviderUnavailableError(
                f"the OpenID provider does not answer ({type(error).__name__}); check the issuer's address",
            ) from None
        except httpx2.StreamError:
            raise ProviderUnavailableError("the OpenID provider's answer broke off; trying again later") from None
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise ProviderUnavailableError("the OpenID provider answers no JSON object with a status of success")
        return found


def _expect_safe(url: str) -> str:
    """The address itself, where it is https or loopback: keys fetched in the clear could be anybody's."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return url
    raise ProviderUnavailableError("the OpenID provider's address is not https; correct the issuer's setting")
