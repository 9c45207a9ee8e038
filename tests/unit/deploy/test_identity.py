"""The local provider's tokens pass the very checks that the gateway makes."""

from dataclasses import replace

import httpx2
import pytest
from fastapi import FastAPI

from deploy.local.identity.cast import (
    ALICE,
    CAST,
    DR_MARTIN,
    HOSPITAL,
    INSURER,
    OCCUPATIONAL_DOCTOR,
)
from deploy.local.identity.members import Patient, Professional
from deploy.local.identity.provider import AUDIENCE, GRANT, Issuer, application, load_key
from shared.http import serve
from shared.security import ProviderKeys, TokenRefusedError, TokenVerifier
from shared.security.discovery import Discovery
from shared.terminology import Ins

URL = "http://127.0.0.1:1"


@pytest.fixture
def issuer(tmp_path):
    return Issuer(URL, load_key(tmp_path / "identity.jwk"))


@pytest.fixture
def transport(issuer):
    return httpx2.ASGITransport(app=application(issuer))


@pytest.fixture
def verifier(transport):
    async def keys():
        async with httpx2.AsyncClient(transport=transport, base_url=URL) as client:
            return (await client.get("/jwks")).json()

    return TokenVerifier(URL, AUDIENCE, ProviderKeys(keys))


async def _ask(transport, **form):
    async with httpx2.AsyncClient(transport=transport, base_url=URL) as client:
        return await client.post("/token", data={"grant_type": GRANT, **form})


@pytest.mark.parametrize("name", CAST)
async def test_everybody_gets_a_token_that_verifies(transport, verifier, name):
    answer = await _ask(transport, cast=name)
    claims = await verifier.verify(answer.json()["access_token"])
    assert claims["sub"] == CAST[name].claims()["sub"]
    assert answer.headers["cache-control"] == "no-store"


async def test_keys_are_found_by_discovery(issuer):
    app = FastAPI()
    async with serve(app) as server:
        here = replace(issuer, url=f"http://127.0.0.1:{server.port}")
        app.mount("/", application(here))
        (key,) = (await Discovery(here.url)())["keys"]
    assert key["kid"] == issuer.key.kid
    assert "d" not in key


async def test_professional_has_the_claims_of_pro_sante_connect(transport, verifier):
    claims = await verifier.verify(
        (await _ask(transport, cast="dr-martin", reason="inconscient")).json()["access_token"]
    )
    assert claims["SubjectNameID"] == DR_MARTIN.number
    assert claims["acr"] == "eidas1"
    assert claims["SubjectRole"] == ["10^1.2.250.1.213.1.1.5.5"]
    assert claims["Secteur_Activite"] == "SA07^1.2.250.1.71.4.2.4"
    assert claims["Mode_Acces_Raison"] == "inconscient"
    practice = claims["SubjectRefPro"]["exercices"][0]
    assert (practice["codeProfession"], practice["codeSavoirFaire"]) == ("10", "SM26")
    assert practice["activities"][0]["codeSecteurDactivite"] == "SA07"


async def test_patient_of_a_sample_gets_a_token_with_a_test_ins(transport, verifier):
    answer = await _ask(transport, cast="patient", ins="279035121518989")
    claims = await verifier.verify(answer.json()["access_token"])
    assert claims["ins"] == {"matricule": "279035121518989", "oid": "1.2.250.1.213.1.4.10"}


async def test_a_patient_gives_a_token_to_an_app(transport, verifier):
    for form in ({"cast": "alice"}, {"cast": "patient", "ins": ALICE.matricule}):
        claims = await verifier.verify((await _ask(transport, app="carnet-suivi", **form)).json()["access_token"])
        assert (claims["app"], claims["ins"]["matricule"]) == ("carnet-suivi", ALICE.matricule)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"cast": "nobody"}, "invalid_grant"),
        ({"cast": "patient", "ins": "12"}, "invalid_grant"),
        ({"cast": "alice", "grant_type": "password"}, "unsupported_grant_type"),
        ({"cast": "alice", "lifetime": "999999"}, "invalid_request"),
        ({"cast": "dr-martin", "app": "carnet-suivi"}, "invalid_grant"),
    ],
)
async def test_refusals_say_why(transport, form, error):
    answer = await _ask(transport, **form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.json()["error_description"]


async def test_token_of_another_key_or_time_is_refused(issuer, verifier, tmp_path):
    stranger = Issuer(URL, load_key(tmp_path / "other.jwk"))
    with pytest.raises(TokenRefusedError):
        await verifier.verify(stranger.token(ALICE))
    with pytest.raises(TokenRefusedError, match="expired"):
        await verifier.verify(issuer.token(ALICE, now=1_000_000.0))


def test_key_stays_through_restarts_and_is_private(tmp_path):
    path = tmp_path / "identity.jwk"
    assert load_key(path).thumbprint() == load_key(path).thumbprint()
    assert path.stat().st_mode & 0o777 == 0o600


def test_cast_is_as_the_rules_need_it():
    patients = [member for member in CAST.values() if isinstance(member, Patient)]
    assert len({patient.matricule for patient in patients}) == len(patients) == 7
    for patient in patients:
        identity = Ins(patient.oid, patient.matricule)
        assert identity.is_test
        assert identity.key_is_valid()
        assert patient.matricule not in repr(patient)
    numbers = [member.number for member in CAST.values() if isinstance(member, Professional)]
    assert len(set(numbers)) == len(numbers)
    assert all(number.startswith("8") and len(number) == 12 for number in numbers)
    assert OCCUPATIONAL_DOCTOR.sector == "SA66"
    assert HOSPITAL.number.startswith("1")
    assert "acr" not in HOSPITAL.claims()
    assert INSURER.code == "amo-test"
