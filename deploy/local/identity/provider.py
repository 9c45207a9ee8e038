"""The provider: discovery, keys, and a token end point where a member of the cast is named instead of a password.

Whoever reaches its loopback port may be anybody: that is its purpose, and why only `environment=local` accepts it.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import FastAPI, Form
from fastapi.responses import JSONResponse
from joserfc import jwt
from joserfc.jwk import ECKey
from pydantic import BaseModel

from deploy.local.files import write_private
from deploy.local.identity.cast import CAST, sample_patient
from deploy.local.identity.members import Member, Patient, Session

GRANT: Final = "urn:carnet:params:oauth:grant-type:cast"
"""Our own grant: `cast` names the member. For a patient of a sample: `cast=patient` and `ins` (a test INS)."""
AUDIENCE: Final = "carnet"
LIFETIME_S: Final = 30 * 60
_ALGORITHM: Final = "ES256"
_INS_CHARACTERS: Final = 15


@dataclass(frozen=True)
class Issuer:
    """Signs tokens in the name of `url`, with a key that stays the same through restarts."""

    url: str
    key: ECKey

    def token(self, member: Member, *, lifetime_s: int = LIFETIME_S, reason: str = "", now: float | None = None) -> str:
        """An access token of a member of the cast. `reason` fills Mode_Acces_Raison (why an emergency access)."""
        issued = int(time.time() if now is None else now)
        claims: dict[str, Any] = member.claims()
        if reason:
            claims["Mode_Acces_Raison"] = reason
        claims |= {
            "iss": self.url,
            "aud": AUDIENCE,
            "azp": "carnet-local",
            "typ": "Bearer",
            "iat": issued,
            "nbf": issued,
            "exp": issued + lifetime_s,
            "jti": str(uuid4()),
        }
        header = {"alg": _ALGORITHM, "kid": self.key.kid, "typ": "at+jwt"}
        return jwt.encode(header, claims, self.key, algorithms=[_ALGORITHM])


def load_key(path: Path) -> ECKey:
    """The provider's private key; made at the first start (0600)."""
    if not path.exists():
        key = ECKey.generate_key("P-256", {"use": "sig", "alg": _ALGORITHM}, auto_kid=True)
        write_private(path, json.dumps(key.as_dict(private=True)))
    return ECKey.import_key(json.loads(path.read_text()))


class TokenRequest(BaseModel):
    """What the token end point is asked."""

    grant_type: str
    cast: str
    ins: str = ""
    app: str = ""
    """The app to which a patient gives the token."""
    reason: str = ""
    lifetime: int = LIFETIME_S


def application(issuer: Issuer) -> FastAPI:
    """The provider's HTTP interface."""
    app = FastAPI(title="Carnet's local OpenID provider", openapi_url=None)

    @app.get("/.well-known/openid-configuration")
    async def discovery() -> dict[str, Any]:
        return {
            "issuer": issuer.url,
            "jwks_uri": f"{issuer.url}/jwks",
            "token_endpoint": f"{issuer.url}/token",
            "grant_types_supported": [GRANT],
            "response_types_supported": ["none"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [_ALGORITHM],
        }

    @app.get("/jwks")
    async def jwks() -> dict[str, Any]:
        return {"keys": [issuer.key.as_dict(private=False)]}

    @app.get("/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @app.post("/token")
    async def token(form: Annotated[TokenRequest, Form()]) -> JSONResponse:
        return _answer(issuer, form)

    return app


def _answer(issuer: Issuer, form: TokenRequest) -> JSONResponse:
    if form.grant_type != GRANT:
        return _refused("unsupported_grant_type", f"Send grant_type={GRANT}.")
    member = _member(form)
    if member is None:
        known = ", ".join([*CAST, "patient (with ins=<15 characters>)"])
        return _refused("invalid_grant", f"The cast has no such member. Known: {known}.")
    if form.app and not isinstance(member, Patient):
        return _refused("invalid_grant", "Patients alone give tokens to apps.")
    if form.app:
        member = Session(member.name, member.about, member, {"app": form.app})
    if not 0 < form.lifetime <= LIFETIME_S:
        return _refused("invalid_request", f"lifetime is in seconds, from 1 to {LIFETIME_S}.")
    token = issuer.token(member, lifetime_s=form.lifetime, reason=form.reason)
    body = {"access_token": token, "token_type": "Bearer", "expires_in": form.lifetime}
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


def _member(form: TokenRequest) -> Member | None:
    if form.cast == "patient":
        return sample_patient(form.ins) if len(form.ins) == _INS_CHARACTERS and form.ins.isalnum() else None
    return CAST.get(form.cast)


def _refused(error: str, description: str) -> JSONResponse:
    return JSONResponse({"error": error, "error_description": description}, status_code=400)
