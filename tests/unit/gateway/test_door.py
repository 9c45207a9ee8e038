"""What holds for every route: no token, no answer; nothing of a person in addresses or logs."""

import logging
from uuid import UUID

import orjson
import pytest
from joserfc.jwk import ECKey

from deploy.local.identity.cast import ALICE, CAST
from deploy.local.identity.provider import Issuer
from services.gateway.domain.answers import refusal
from services.gateway.settings import Settings
from shared.contracts.reasons import Reason
from shared.security import ProviderUnavailableError
from tests.support import logs

SOME = UUID(int=1)
ROUTES = [
    ("POST", "/fhir/DocumentReference"),
    ("GET", "/fhir/DocumentReference"),
    ("POST", "/fhir/DocumentReference/_search"),
    ("GET", f"/fhir/Binary/{'0' * 64}"),
    ("GET", "/fhir/AuditEvent"),
    ("GET", f"/fhir/deposits/{SOME}"),
    ("POST", "/records"),
    ("GET", "/records/me"),
    ("PUT", "/records/me/opposition"),
    ("GET", f"/records/{SOME}/history"),
    ("GET", f"/records/{SOME}/rights"),
    ("POST", f"/records/{SOME}/rights/block"),
    ("POST", f"/records/{SOME}/release"),
    ("POST", "/treating-doctor"),
    ("GET", f"/records/{SOME}/standing"),
    *(
        ("POST", f"/records/{SOME}/rights/{verb}")
        for verb in (
            *("authorise", "revoke", "unblock", "authorise-for", "name-administrator", "remove-administrator"),
            *("consent-session", "consent-team", "end-team", "wish", "opt-out", "agree-app", "withdraw-app"),
            *("oppose-heirs", "invite", "answer", "end-delegation", "close"),
        )
    ),
    ("GET", "/delegations/me"),
    ("POST", f"/records/{SOME}/suspend"),
    ("POST", "/insured/suspend"),
    ("POST", "/insured/invite"),
    ("PUT", "/insured/opposition"),
    ("POST", f"/records/{SOME}/explain"),
    ("POST", f"/records/{SOME}/see-as"),
    *((method, f"/records/{SOME}/cases") for method in ("GET", "POST")),
    ("GET", f"/records/{SOME}/emergencies"),
    ("POST", f"/records/{SOME}/confirm-emergency"),
    ("PUT", f"/records/{SOME}/contacts/{SOME}"),
    *(("GET", path) for path in ("/extracts", f"/extracts/{SOME}/paper")),
    *(("POST", f"/records/{SOME}/extracts{rest}") for rest in ("", f"/{SOME}/take", f"/{SOME}/approve")),
    *((method, f"/fhir/DocumentReference/{SOME}") for method in ("PATCH", "DELETE")),
    ("POST", f"/records/{SOME}/documents/{SOME}/mask"),
    ("PUT", f"/records/{SOME}/mask-by-default"),
    *(("POST", path) for path in ("/openings", "/identities/change", "/identities/merge")),
]


def test_every_route_is_listed_here(app) -> None:
    """So that the tests below meet each."""
    known = {(method, path) for path, item in app.openapi()["paths"].items() for method in item}
    assert len(known) == len(ROUTES)


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_without_a_token_nobody_is_served(http, world, method, path) -> None:
    answer = await http.request(method, path, content=b"{}", headers={"content-type": "application/json"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == (
        "application/fhir+json" if path.startswith("/fhir") else "application/problem+json"
    )
    assert world.calls == world.requests == []


async def test_a_foreign_altered_or_expired_token(http, world, issuer, as_) -> None:
    other = Issuer(issuer.url, ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True))
    elsewhere = Issuer("https://elsewhere.example", issuer.key)
    good = issuer.token(ALICE)
    tokens = [
        other.token(ALICE),
        elsewhere.token(ALICE),
        good[:-4] + "AAAA",
        issuer.token(ALICE, lifetime_s=1, now=1_000_000_000),
        "no-token-at-all",
    ]
    for token in tokens:
        answer = await http.get("/records/me", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 401
        assert answer.json()["code"]
        assert token not in answer.text
    assert world.calls == []


async def test_a_token_that_does_not_say_who(http, issuer, world) -> None:
    class Nobody:
        name = about = "nobody"

        def claims(self):
            return {"sub": "x"}

    headers = {"authorization": f"Bearer {issuer.token(Nobody())}"}
    answer = await http.get("/fhir/DocumentReference", headers=headers)
    assert answer.status_code == 403
    assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == "unknown_user"
    assert world.calls == []


async def test_a_provider_that_is_down(http, as_, monkeypatch) -> None:
    async def down(*_):
        raise ProviderUnavailableError("no answer")

    monkeypatch.setattr("shared.security.TokenVerifier.verify", down)
    assert (await http.get("/records/me", headers=as_("alice"))).status_code == 503


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/fhir/Nothing", 404), ("DELETE", "/fhir/AuditEvent", 405)]
)
async def test_what_is_not_there_is_an_operation_outcome(http, method, path, status) -> None:
    answer = await http.request(method, path)
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert int(answer.headers["content-length"]) == len(answer.content)


async def test_beside_fhir_it_is_a_problem(http) -> None:
    answer = await http.get("/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_the_canary_leaves_no_trace_in_logs(http, world, as_, publication, capfd, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    logs.plain()  # other tests may have led the log elsewhere
    form = {"content-type": "application/x-www-form-urlencoded"}
    by_ins = f"patient.identifier=urn:oid:{ALICE.oid}|{ALICE.matricule}"
    for name in ("alice", "dr-roux", "insurer"):
        await http.post("/fhir/DocumentReference/_search", content=by_ins, headers=as_(name) | form)
        body = orjson.dumps(publication)
        headers = as_(name) | {"content-type": "application/fhir+json"}
        await http.post("/fhir/DocumentReference", content=body, headers=headers)
    world.denied = (Reason.BLOCKED,)
    world.outcome = {"state": "refused", "reason": "duplicate"}
    await http.post("/fhir/DocumentReference/_search", content=by_ins, headers=as_("dr-noir") | form)
    await http.get(f"/fhir/DocumentReference?{by_ins}", headers=as_("dr-noir"))
    out, err = capfd.readouterr()
    ours = " ".join(line.getMessage() for line in caplog.records if line.name != "httpx2")  # httpx2 is the client
    said = out + err + ours + " ".join(path for _, _, path, _ in world.calls)
    sent = orjson.dumps([body.model_dump(mode="json") for _, body in world.requests]).decode()
    assert "request_answered" in said
    assert len(world.requests) >= 4
    for word in (ALICE.matricule, ALICE.matricule[:13], ALICE.family_name, ALICE.email, "Compte rendu secret"):
        assert word not in said
        assert word not in sent


def test_reasons_are_answered_with_a_refusal_each() -> None:
    """A denial is never answered as a success."""
    assert all(400 <= refusal((reason,), "en").status < 600 for reason in Reason)
    assert refusal((), "en").status == 403


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:1", "https://localhost/x", "http://psc.example"])
def test_the_local_issuer_is_refused_outside_local(issuer) -> None:
    with pytest.raises(ValueError, match="CARNET_ISSUER"):
        Settings(environment="production", issuer=issuer)
    assert Settings(environment="production", issuer="https://psc.example").is_local is False


def test_the_cast_covers_every_kind_of_token() -> None:
    assert {"alice", "hospital", "insurer", "operator", "dr-martin"} <= set(CAST)
