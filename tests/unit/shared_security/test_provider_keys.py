"""Users' tokens and the OpenID provider's keys."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from shared.http import serve
from shared.security import (
    BadSignatureError,
    ExpiredError,
    MalformedTokenError,
    NotYetValidError,
    ProviderKeys,
    ProviderUnavailableError,
    TokenRefusedError,
    TokenVerifier,
    UnknownKeyError,
    WrongAudienceError,
    WrongIssuerError,
    WrongTypeError,
)
from shared.security.discovery import Discovery

ISSUER = "https://id.example.org/realm"
NOW = 1_800_000_000.0
RSA = RSAKey.generate_key(2048, {"kid": "rsa"}, private=True)
EC = ECKey.generate_key("P-256", {"kid": "ec"}, private=True)
NEXT = ECKey.generate_key("P-256", {"kid": "next"}, private=True)


def jwks(*keys: Any) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) for key in keys]}


class Provider:
    """A provider whose keys change and that may be away; counts what it is asked."""

    def __init__(self, *keys: Any) -> None:
        self.keys = keys
        self.asked = 0
        self.away = False

    async def __call__(self) -> dict[str, Any]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            raise ProviderUnavailableError("away")
        return jwks(*self.keys)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def signed(key: Any = EC, alg: str | None = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
    alg = alg or ("RS256" if isinstance(key, RSAKey) else "ES256")
    full = {"alg": alg, "typ": "JWT", "kid": key.kid} | (header or {})
    full = {name: value for name, value in full.items() if value is not None}
    standard = {"iss": ISSUER, "aud": "carnet", "exp": NOW + 300, "iat": NOW, "sub": "s"} | claims
    payload = json.dumps({name: value for name, value in standard.items() if value is not None})
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    return jws.serialize_compact(full, payload, key, registry=registry)


def verifier(provider: Provider | None = None, **options: Any) -> TokenVerifier:
    return TokenVerifier(ISSUER, "carnet", ProviderKeys(provider or Provider(RSA, EC)), **options)


@pytest.mark.parametrize("key", [RSA, EC])
async def test_tokens_of_both_algorithms_are_verified(key: Any) -> None:
    assert (await verifier().verify(signed(key, aud=["other", "carnet"]), NOW))["sub"] == "s"


@pytest.mark.parametrize(
    ("token", "error"),
    [
        (signed(exp=NOW - 5), ExpiredError),
        (signed(nbf=NOW + 6), NotYetValidError),
        (signed(iat=NOW + 6), NotYetValidError),
        (signed(iss="https://id.example.org/realm/"), WrongIssuerError),
        (signed(iss=None), WrongIssuerError),
        (signed(aud="carnet2"), WrongAudienceError),
        (signed(aud=None), WrongAudienceError),
        (signed(aud={"carnet": 1}), WrongAudienceError),
        (signed(exp=None), MalformedTokenError),
        (signed(exp=float("inf")), MalformedTokenError),
        (signed(header={"typ": "ID"}), WrongTypeError),
        (signed(header={"typ": "service+jwt"}), WrongTypeError),
        (signed(header={"typ": None}), WrongTypeError),
        (signed(header={"kid": None}), MalformedTokenError),
        (signed(header={"kid": "elsewhere"}), UnknownKeyError),
        (signed(header={"kid": "rsa"}), BadSignatureError),
        (signed(NEXT, header={"kid": "ec"}), BadSignatureError),
        (signed(header={"jku": "https://evil.example.org"}), MalformedTokenError),
        (signed(header={"x5u": "https://evil.example.org"}), MalformedTokenError),
        (signed(header={"jwk": NEXT.as_dict(private=False)}), MalformedTokenError),
        (signed(RSA, alg="RS512"), MalformedTokenError),
        ("x" * 20_000, MalformedTokenError),
    ],
)
async def test_what_is_wrong_with_a_token_is_said_by_type(token: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        await verifier().verify(token, NOW)


async def test_clocks_may_differ_by_the_setting() -> None:
    assert await verifier(skew_s=10).verify(signed(exp=NOW - 9), NOW)
    with pytest.raises(ExpiredError):
        await verifier(skew_s=0).verify(signed(exp=NOW), NOW)


async def test_a_public_key_is_no_shared_secret() -> None:
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT","kid":"rsa"}').rstrip(b"=").decode()
    text = f"{header}.{signed().split('.')[1]}"
    mac = hmac.new(RSA.as_pem(private=False), text.encode(), sha256).digest()
    confused = f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    with pytest.raises(MalformedTokenError, match="algorithm"):
        await verifier().verify(confused, NOW)


@pytest.mark.parametrize("alg", ["none", "NONE", "", None, ["ES256"]])
async def test_a_token_without_a_signature_is_refused(alg: object) -> None:
    header = base64.urlsafe_b64encode(json.dumps({"alg": alg, "typ": "JWT", "kid": "ec"}).encode()).rstrip(b"=")
    with pytest.raises(MalformedTokenError):
        await verifier().verify(f"{header.decode()}.{signed().split('.')[1]}.", NOW)


@pytest.mark.parametrize("part", [0, 1, 2])
async def test_a_token_altered_in_any_place_is_refused(part: int) -> None:
    checked, parts = verifier(), signed().split(".")
    for at, character in enumerate(parts[part]):
        altered = parts[part][:at] + ("A" if character != "A" else "B") + parts[part][at + 1 :]
        with pytest.raises(TokenRefusedError):
            await checked.verify(".".join([*parts[:part], altered, *parts[part + 1 :]]), NOW)


@given(st.text(max_size=60))
def test_no_text_makes_anything_but_a_refusal(text: str) -> None:
    with pytest.raises(TokenRefusedError):
        asyncio.run(verifier().verify(text, NOW))


async def test_what_was_verified_still_ends() -> None:
    checked = verifier()
    await checked.verify(signed(), NOW)
    with pytest.raises(ExpiredError):
        await checked.verify(signed(), NOW + 306)


async def test_many_waiting_make_one_fetch() -> None:
    provider = Provider(EC)
    keys = ProviderKeys(provider)
    found = await asyncio.gather(*[keys.get("ec") for _ in range(50)])
    assert provider.asked == 1
    assert len({id(key) for key in found}) == 1


async def test_one_who_gives_up_does_not_take_the_fetch_from_the_others() -> None:
    keys = ProviderKeys(Provider(EC))
    first, second = asyncio.create_task(keys.get("ec")), asyncio.create_task(keys.get("ec"))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).kid == "ec"


async def test_a_flood_of_made_up_keys_costs_the_provider_one_fetch_per_interval() -> None:
    provider, clock = Provider(EC), Clock()
    keys = ProviderKeys(provider, min_refresh_s=10, clock=clock)
    for number in range(1000):
        clock.now += 0.02
        with pytest.raises(UnknownKeyError):
            await keys.get(f"made-up-{number}")
    assert provider.asked <= 3
    assert (await keys.get("ec")).kid == "ec"


async def test_an_absent_key_is_remembered() -> None:
    provider, clock = Provider(EC), Clock()
    keys = ProviderKeys(provider, min_refresh_s=1, absent_s=60, clock=clock)
    for _ in range(20):
        clock.now += 2
        with pytest.raises(UnknownKeyError):
            await keys.get("gone")
    assert provider.asked == 1


async def test_a_new_key_is_found_at_once_and_the_old_one_opens_a_little_longer() -> None:
    provider, clock = Provider(EC), Clock()
    keys = ProviderKeys(provider, grace_s=60, min_refresh_s=10, clock=clock)
    await keys.get("ec")
    provider.keys = (NEXT,)
    clock.now += 11
    assert (await keys.get("next")).kid == "next"
    assert (await keys.get("ec")).kid == "ec"
    clock.now += 60
    with pytest.raises(UnknownKeyError):
        await keys.get("ec")


async def test_known_keys_outlive_an_absent_provider_but_not_for_ever() -> None:
    provider, clock = Provider(EC), Clock()
    keys = ProviderKeys(provider, ttl_s=300, stale_limit_s=3600, clock=clock)
    await keys.get("ec")
    provider.away = True
    clock.now += 1000
    assert (await keys.get("ec")).kid == "ec"
    clock.now += 3000
    with pytest.raises(ProviderUnavailableError):
        await keys.get("ec")
    provider.away = False
    clock.now += 11
    assert (await keys.get("ec")).kid == "ec"


async def test_without_any_key_nobody_is_verified() -> None:
    provider = Provider(EC)
    provider.away = True
    with pytest.raises(ProviderUnavailableError):
        await verifier(provider).verify(signed(), NOW)


@pytest.mark.filterwarnings("ignore:Key size")
async def test_weak_private_and_strange_keys_are_left_out() -> None:
    numbers = rsa.generate_private_key(65537, 1024).public_key().public_numbers()  # noqa: S505 - the weak one
    modulus = base64.urlsafe_b64encode(numbers.n.to_bytes(128, "big")).rstrip(b"=").decode()
    weak = {"kty": "RSA", "kid": "weak", "n": modulus, "e": "AQAB"}
    other_use = EC.as_dict(private=False) | {"kid": "enc", "use": "enc"}
    secret = {"kty": "oct", "k": "c2VjcmV0", "kid": "oct"}
    curve = ECKey.generate_key("P-384", {"kid": "p384"}, private=True).as_dict(private=False)

    async def source() -> dict[str, Any]:
        return {"keys": [weak, other_use, secret, curve, {"kid": "x"}, "text", EC.as_dict(private=False)]}

    keys = ProviderKeys(source)
    assert (await keys.get("ec")).kid == "ec"
    assert set(keys._keys) == {"ec"}


@asynccontextmanager
async def openid_provider(**changes: Any) -> AsyncIterator[str]:
    """An OpenID provider on this machine; gives its address. `changes` are to its discovery document."""
    app = FastAPI()

    @app.get("/.well-known/openid-configuration")
    async def configuration(request: Request) -> dict[str, Any]:
        issuer = str(request.base_url).rstrip("/")
        return {"issuer": issuer, "jwks_uri": f"{issuer}/keys"} | changes

    @app.get("/keys")
    async def keys() -> StreamingResponse:
        whole = json.dumps(jwks(EC)).encode()
        return StreamingResponse(in_pieces(whole))

    async with serve(app) as server:
        yield f"http://127.0.0.1:{server.port}"


async def in_pieces(whole: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(whole), 50):
        yield whole[start : start + 50]
        await asyncio.sleep(0)


async def test_keys_are_discovered_from_the_issuer() -> None:
    async with openid_provider() as issuer:
        assert (await ProviderKeys(Discovery(issuer)).get("ec")).kid == "ec"


@pytest.mark.parametrize(
    "changes",
    [{"issuer": "https://evil.example.org"}, {"jwks_uri": "http://evil.example.org/keys"}, {"jwks_uri": None}],
)
async def test_a_discovery_document_that_leads_elsewhere_is_refused(changes: dict[str, Any]) -> None:
    async with openid_provider(**changes) as issuer:
        with pytest.raises(ProviderUnavailableError):
            await Discovery(issuer)()


async def too_much() -> AsyncIterator[bytes]:
    for _ in range(100):
        yield b" " * 65_536
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("response", "told"),
    [
        (lambda: Response(status_code=500), "status of success"),
        (lambda: RedirectResponse("/elsewhere"), "status of success"),
        (lambda: Response(b"<html>"), "no JSON object"),
        (lambda: Response(b"[]"), "no JSON object"),
        (lambda: StreamingResponse(too_much()), "more than"),
    ],
)
async def test_answers_that_are_no_keys_are_refused(response: Any, told: str) -> None:
    app = FastAPI()
    app.add_api_route("/.well-known/openid-configuration", response)
    async with serve(app) as server:
        with pytest.raises(ProviderUnavailableError, match=told):
            await Discovery(f"http://127.0.0.1:{server.port}")()


async def test_a_provider_that_is_away_or_silent_is_unavailable() -> None:
    released = asyncio.Event()

    async def silent(_reader: object, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with pytest.raises(ProviderUnavailableError, match="does not answer"):
        await Discovery(address, timeout_s=0.05)()
    released.set()
    server.close()
    await server.wait_closed()
    with pytest.raises(ProviderUnavailableError, match="does not answer"):
        await Discovery(address)()


def test_an_issuer_in_the_clear_is_refused_unless_it_is_this_machine() -> None:
    assert Discovery("http://127.0.0.1:8001")
    with pytest.raises(ProviderUnavailableError, match="not https"):
        Discovery("http://id.example.org")
