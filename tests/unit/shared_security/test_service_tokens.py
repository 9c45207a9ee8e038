"""Service tokens: who calls whom."""

import base64
import hmac
import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.security import (
    BadSignatureError,
    CallerNotAllowedError,
    ExpiredError,
    KeyUnreadableError,
    MalformedTokenError,
    NotYetValidError,
    ServiceIdentity,
    ServiceVerifier,
    TokenRefusedError,
    UnknownCallerError,
    WrongAudienceError,
    WrongIssuerError,
    WrongTypeError,
    new_private_jwk,
    public_jwks,
    read_jwk,
)
from shared.security._jws import Signer

NOW = 1_800_000_000.0
GATEWAY, DOCUMENT = new_private_jwk("gateway"), new_private_jwk("document")
JWKS = public_jwks(GATEWAY, DOCUMENT)
IDENTITY = ServiceIdentity("gateway", GATEWAY)
TOKEN = IDENTITY.token("document", NOW)


def verifier(allowed: tuple[str, ...] = ("gateway",)) -> ServiceVerifier:
    return ServiceVerifier(JWKS, "document", allowed)


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def signed(typ: str = "service+jwt", key: dict[str, object] | None = None, **claims: object) -> str:
    standard = {"iss": "gateway", "aud": "document", "iat": NOW, "exp": NOW + 60, "jti": "1"}
    kept = {name: value for name, value in (standard | claims).items() if value is not None}
    return Signer(key or GATEWAY, typ).sign(json.dumps(kept).encode())


def test_a_token_says_who_calls() -> None:
    assert verifier().verify(TOKEN, NOW) == "gateway"
    assert verifier().verify(TOKEN, NOW + 59.9) == "gateway"


def test_a_token_is_used_again_until_half_its_life() -> None:
    identity = ServiceIdentity("gateway", GATEWAY)
    first = identity.token("document", NOW)
    assert identity.token("document", NOW + 29) == first
    assert identity.token("audit", NOW) != first
    assert identity.token("document", NOW + 31) != first


def test_a_clock_set_back_gives_a_fresh_token() -> None:
    identity = ServiceIdentity("gateway", GATEWAY)
    future = identity.token("document", NOW + 86_400)
    assert identity.token("document", NOW) != future


@pytest.mark.parametrize(
    ("token", "now", "error"),
    [
        (TOKEN, NOW + 60, ExpiredError),
        (TOKEN, NOW - 6, NotYetValidError),
        (signed(aud="audit"), NOW, WrongAudienceError),
        (signed(aud=["document"]), NOW, WrongAudienceError),
        (signed(iss="document"), NOW, WrongIssuerError),
        (signed(typ="permit+jwt"), NOW, WrongTypeError),
        (signed(typ="JWT"), NOW, WrongTypeError),
        (signed(exp=NOW + 3600), NOW, MalformedTokenError),
        (signed(exp=None), NOW, MalformedTokenError),
        (signed(exp=float("nan")), NOW, MalformedTokenError),
        (signed(exp=True), NOW, MalformedTokenError),
        (signed(iat="now"), NOW, MalformedTokenError),
        (signed(key=new_private_jwk("stranger"), iss="stranger"), NOW, UnknownCallerError),
        (signed(key=new_private_jwk("gateway")), NOW, BadSignatureError),
        (signed(key=DOCUMENT, iss="document"), NOW, CallerNotAllowedError),
    ],
)
def test_what_is_wrong_with_a_token_is_said_by_type(token: str, now: float, error: type[Exception]) -> None:
    with pytest.raises(error):
        verifier().verify(token, now)


def test_every_refusal_has_its_own_code() -> None:
    kinds = TokenRefusedError.__subclasses__()
    assert len({kind.code for kind in kinds}) == len(kinds) > 8


def test_a_route_can_narrow_who_may_call_it() -> None:
    both = verifier(("gateway", "document"))
    assert both.verify(TOKEN, NOW, allowed={"gateway"}) == "gateway"
    with pytest.raises(CallerNotAllowedError, match="gateway may not call"):
        both.verify(TOKEN, NOW, allowed={"document"})


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_altered_in_any_place_is_refused(part: int) -> None:
    parts = TOKEN.split(".")
    for at, character in enumerate(parts[part]):
        altered = parts[part][:at] + ("A" if character != "A" else "B") + parts[part][at + 1 :]
        with pytest.raises(TokenRefusedError):
            verifier().verify(".".join([*parts[:part], altered, *parts[part + 1 :]]), NOW)


@given(st.text(max_size=80) | st.builds(".".join, st.lists(st.text("aA0-_=", max_size=8), min_size=3, max_size=3)))
@example("\ud800")
@example(".".join([encoded("alg"), encoded({}), ""]))
@example(".".join([encoded(["alg"]), encoded({}), ""]))
@example(".".join([encoded([[["alg"]]] * 40), encoded({}), ""]))
def test_no_text_makes_anything_but_a_refusal(text: str) -> None:
    with pytest.raises(TokenRefusedError):
        verifier().verify(text, NOW)


HEADERS = [
    {"alg": "none", "typ": "service+jwt", "kid": "gateway"},
    {"alg": "None", "typ": "service+jwt", "kid": "gateway"},
    {"alg": "HS256", "typ": "service+jwt", "kid": "gateway"},
    {"alg": "EdDSA", "typ": "service+jwt", "kid": "gateway"},
    {"alg": "Ed25519", "typ": "service+jwt"},
    {"alg": "Ed25519", "typ": "service+jwt", "kid": ["gateway"]},
    {"alg": "Ed25519", "typ": "service+jwt", "kid": "gateway", "jwk": JWKS["keys"][0]},
    {"alg": "Ed25519", "typ": "service+jwt", "kid": "gateway", "jku": "https://example.org"},
    {"alg": "Ed25519", "typ": "service+jwt", "kid": "gateway", "crit": ["b64"], "b64": False},
]


@pytest.mark.parametrize("header", HEADERS)
def test_another_algorithm_or_a_key_in_the_header_is_refused(header: dict[str, object]) -> None:
    payload = TOKEN.split(".")[1]
    text = f"{encoded(header)}.{payload}"
    public = base64.urlsafe_b64decode(JWKS["keys"][0]["x"] + "=")
    confused = base64.urlsafe_b64encode(hmac.new(public, text.encode(), sha256).digest()).rstrip(b"=").decode()
    for signature in ("", TOKEN.split(".")[2], confused):
        with pytest.raises(MalformedTokenError):
            verifier().verify(f"{text}.{signature}", NOW)


def test_what_was_verified_still_ends() -> None:
    kept = verifier()
    kept.verify(TOKEN, NOW)
    with pytest.raises(ExpiredError):
        kept.verify(TOKEN, NOW + 61)


def test_the_memory_of_verified_tokens_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.security._service_tokens._CACHE_LIMIT", 3)
    kept = verifier()
    for number in range(10):
        kept.verify(signed(jti=str(number)), NOW)
    assert len(kept._verified) == 3


def test_a_refusal_never_shows_the_token() -> None:
    for token in (TOKEN, signed(aud="audit"), TOKEN[:-4]):
        with pytest.raises(TokenRefusedError) as caught:
            verifier().verify(token, NOW + 3600)
        assert token[20:60] not in str(caught.value)


def test_a_service_can_not_take_anothers_name() -> None:
    with pytest.raises(ValueError, match="set its own key file"):
        ServiceIdentity("document", GATEWAY)
    assert GATEWAY["d"] not in repr(IDENTITY)


@pytest.mark.parametrize("jwk", [{}, {"kty": "OKP"}, JWKS["keys"][0], {**GATEWAY, "kid": None}])
def test_what_is_no_private_key_is_refused(jwk: dict[str, object]) -> None:
    with pytest.raises(KeyUnreadableError):
        ServiceIdentity("gateway", jwk)


def test_public_keys_hold_nothing_private() -> None:
    assert all("d" not in key for key in JWKS["keys"])


def test_keys_are_read_from_files(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(GATEWAY))
    assert read_jwk(path) == GATEWAY
    for content in ("[]", "{", "secret"):
        path.write_text(content)
        with pytest.raises(KeyUnreadableError) as caught:
            read_jwk(path)
        assert "secret" not in str(caught.value)
