"""Permits: what lets an owner show something."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey
from pydantic import ValidationError

from shared.contracts.common import AccessMode, Act, Actor, ActorKind, Owner, Scope
from shared.security import (
    PERMIT_LIFETIME,
    Permit,
    PermitAhead,
    PermitAltered,
    PermitExpired,
    PermitForOtherOwner,
    PermitMalformed,
    PermitRefused,
    PermitSigner,
    PermitVerifier,
    ServiceIdentity,
    ServiceVerifier,
    WrongTypeError,
    new_private_jwk,
    public_jwks,
)
from shared.security._jws import Signer
from shared.security._permits import CLOCKS_S

ISSUED = datetime(2026, 11, 22, 8, 0, 0, 123456, tzinfo=UTC)
NOW = ISSUED.timestamp()
ACCESS, GATEWAY = new_private_jwk("access_control"), new_private_jwk("gateway")
JWKS = public_jwks(ACCESS, GATEWAY)


def permit(**changes: Any) -> Permit:
    values: dict[str, Any] = {
        "id": UUID(int=1),
        "record": UUID(int=2),
        "actor": Actor(kind=ActorKind.PROFESSIONAL, number="810100000001", role="G15_10", authenticated=True),
        "owner": Owner.DOCUMENT,
        "act": Act.CONSULT,
        "mode": AccessMode.NORMAL,
        "scope": Scope(types=frozenset({"11502-2", "34133-9"}), own="810100000001"),
        "issued": ISSUED,
        "expires": ISSUED + PERMIT_LIFETIME,
    }
    return Permit(**values | changes)


def verifier(owner: Owner = Owner.DOCUMENT) -> PermitVerifier:
    return PermitVerifier(JWKS, owner)


TOKEN = PermitSigner(ACCESS).sign(permit())


@given(
    st.uuids(),
    st.sampled_from(Owner),
    st.datetimes(timezones=st.just(UTC), min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001
    st.none() | st.frozensets(st.sampled_from(["11502-2", "34133-9", "57833-6"])),
)
def test_a_permit_arrives_as_it_was_signed(
    record: UUID, owner: Owner, issued: datetime, types: frozenset[str] | None
) -> None:
    scope = Scope(types=types, masked=True)
    sent = permit(record=record, owner=owner, issued=issued, expires=issued + PERMIT_LIFETIME, scope=scope)
    assert verifier(owner).verify(PermitSigner(ACCESS).sign(sent), issued.timestamp()) == sent


def test_a_permit_without_types_allows_none_of_them_and_is_not_all_of_them() -> None:
    none, every = permit(scope=Scope(types=frozenset())), permit(scope=Scope(types=None))
    assert verifier().verify(PermitSigner(ACCESS).sign(none), NOW).scope.types == frozenset()
    assert verifier().verify(PermitSigner(ACCESS).sign(every), NOW).scope.types is None


def test_a_permit_lives_5_s() -> None:
    assert verifier().verify(TOKEN, NOW + 4.99) == permit()
    with pytest.raises(PermitExpired, match=r"expired 0\.\d+ s ago"):
        verifier().verify(TOKEN, NOW + 5)


def test_an_owner_whose_clock_is_behind_refuses_a_permit_that_would_outlive_its_word() -> None:
    assert verifier().verify(TOKEN, NOW - CLOCKS_S) == permit()
    with pytest.raises(PermitAhead, match=r"0\.\d+ s ahead"):
        verifier().verify(TOKEN, NOW - CLOCKS_S - 0.01)


@pytest.mark.parametrize("lifetime", [timedelta(seconds=5, microseconds=1), timedelta(0), -PERMIT_LIFETIME])
def test_no_permit_can_live_longer_or_less_than_nothing(lifetime: timedelta) -> None:
    with pytest.raises(ValidationError, match="a permit lives"):
        permit(expires=ISSUED + lifetime)


def test_even_a_signed_permit_of_an_hour_is_refused() -> None:
    body = json.loads(permit().model_dump_json(by_alias=True))
    body["exp"] = (ISSUED + timedelta(hours=1)).isoformat()
    token = Signer(ACCESS, "permit+jwt").sign(json.dumps(body).encode())
    with pytest.raises(PermitMalformed):
        verifier().verify(token, NOW)


@pytest.mark.parametrize("owner", [Owner.HISTORY, Owner.AUDIT])
def test_a_permit_is_for_one_owner(owner: Owner) -> None:
    with pytest.raises(PermitForOtherOwner, match=owner.value):
        verifier(owner).verify(TOKEN, NOW)


@pytest.mark.parametrize("part", [1, 2])
def test_an_altered_permit_is_refused(part: int) -> None:
    parts = TOKEN.split(".")
    for at, character in enumerate(parts[part]):
        altered = parts[part][:at] + ("A" if character != "A" else "B") + parts[part][at + 1 :]
        with pytest.raises(PermitAltered):
            verifier().verify(".".join([*parts[:part], altered, *parts[part + 1 :]]), NOW)


def test_nobody_else_signs_permits() -> None:
    body = permit().model_dump_json(by_alias=True).encode()
    with pytest.raises(PermitAltered):
        verifier().verify(Signer(GATEWAY, "permit+jwt").sign(body), NOW)
    with pytest.raises(PermitAltered):
        verifier().verify(Signer(new_private_jwk("access_control"), "permit+jwt").sign(body), NOW)
    with pytest.raises(ValueError, match="signed by access_control alone"):
        PermitSigner(GATEWAY)


def test_no_token_passes_as_one_of_the_other_kind() -> None:
    service = ServiceIdentity("access_control", ACCESS).token("document", NOW)
    with pytest.raises(PermitMalformed, match="another kind"):
        verifier().verify(service, NOW)
    with pytest.raises(WrongTypeError):
        ServiceVerifier(JWKS, "document", {"access_control"}).verify(TOKEN, NOW)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b'{"jti": 1}'])
def test_a_signed_text_that_is_no_permit_is_refused(body: bytes) -> None:
    with pytest.raises(PermitMalformed):
        verifier().verify(Signer(ACCESS, "permit+jwt").sign(body), NOW)


@given(st.text(max_size=60))
def test_no_text_makes_anything_but_a_refusal(text: str) -> None:
    with pytest.raises(PermitRefused):
        verifier().verify(text, NOW)


def test_a_permit_can_not_be_changed_in_memory() -> None:
    with pytest.raises(ValidationError):
        permit().record = uuid4()  # type: ignore[misc]


@given(st.binary(max_size=3000), st.sampled_from(["permit+jwt", "carnet-service+jwt"]))
def test_a_signature_is_written_as_the_library_writes_it(payload, typ):
    key = OKPKey.import_key(ACCESS)
    header = {"alg": "Ed25519", "typ": typ, "kid": "access_control"}
    assert Signer(ACCESS, typ).sign(payload) == jws.serialize_compact(header, payload, key, ["Ed25519"])
