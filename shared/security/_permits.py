"""Permits: access_control's signed word that an actor may read within a scope, at one owner, for 5 s (design.md, §3).

An owner acts for a reader only on a permit (invariant 2). The signature is checked here; the owner's own statement
compares the end with the database's clock once more, when the read happens.
"""

import time
from datetime import UTC, timedelta
from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.contracts.common import AccessMode, Act, Actor, Owner, RecordId, Scope
from shared.errors import SettingError
from shared.security._errors import (
    BadSignatureError,
    PermitAhead,
    PermitAltered,
    PermitExpired,
    PermitForOtherOwner,
    PermitMalformed,
    TokenRefusedError,
    UnknownKeyError,
)
from shared.security._jws import Jwk, Jwks, Keys, Signer

TYPE: Final = "permit+jwt"
ISSUER: Final = "access_control"
PERMIT_LIFETIME: Final = timedelta(seconds=5)
"""How long a permit lives; a block is told to the patient when the last one before it has run out."""

CLOCKS_S: Final = 0.5
"""How far the clocks of access_control's database and of an owner may differ: a permit lives on the clock of both."""

_Utc = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]


class Extract(BaseModel):
    """What bounds an extract besides the scope (AR-065). An owner that does not know it refuses such a permit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    case: UUID
    since: _Utc | None = None
    until: _Utc | None = None
    """Half-open period in which the care took place; None: any time."""


class Permit(BaseModel):
    """What an owner may show to whom. Its wire names are those of a JWT."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    id: UUID = Field(alias="jti")
    """The request that was permitted."""
    record: RecordId = Field(alias="sub")
    actor: Actor
    owner: Owner = Field(alias="aud")
    act: Act
    mode: AccessMode = AccessMode.NORMAL
    scope: Scope
    extract: Extract | None = None
    """For an operator's extract: it opens no other reading."""
    issued: _Utc
    expires: _Utc

    @model_validator(mode="after")
    def _lives_5_s_at_most(self) -> Self:
        if not timedelta(0) < self.expires - self.issued <= PERMIT_LIFETIME:
            raise ValueError(f"a permit lives more than 0 and at most {PERMIT_LIFETIME.total_seconds():.0f} s")
        return self


class PermitSigner:
    """access_control's signature under permits."""

    def __init__(self, private_jwk: Jwk) -> None:
        self._signer = Signer(private_jwk, TYPE)
        _expect_issuer(self._signer.kid)

    def sign(self, permit: Permit) -> str:
        """The permit as a compact JWS."""
        return self._signer.sign(permit.model_dump_json(by_alias=True, exclude_defaults=True).encode())


class PermitVerifier:
    """One owner's check of permits. It keeps nothing: each permit is for one read."""

    def __init__(self, jwks: Jwks, owner: Owner) -> None:
        permit_keys = [key for key in jwks.get("keys", ()) if _is_issuer(str(key.get("kid")))]
        self._keys = Keys({"keys": permit_keys})
        self._owner = owner

    def verify(self, token: str, now: float | None = None) -> Permit:
        """The permit, where it holds for this owner now; `now` in seconds since 1970.

        Raises:
            PermitRefused: One of its subclasses says which check failed.
        """
        permit = self._signed_permit(token)
        if permit.owner is not self._owner:
            raise PermitForOtherOwner(f"the permit is for {permit.owner}, not for {self._owner}; ask for one")
        moment = time.time() if now is None else now
        late, ahead = moment - permit.expires.timestamp(), permit.issued.timestamp() - moment
        if late >= 0:
            raise PermitExpired(f"the permit expired {late:.3f} s ago; ask for the consultation again")
        if ahead > CLOCKS_S:
            # such a clock would have it live longer than the patient was told
            raise PermitAhead(
                f"the permit is from {ahead:.3f} s ahead; set the clocks of access_control and this owner"
            )
        return permit

    def _signed_permit(self, token: str) -> Permit:
        try:
            _, payload = self._keys.verify(token, TYPE)
            return Permit.model_validate_json(payload)
        except (BadSignatureError, UnknownKeyError):
            raise PermitAltered(
                "the permit's signature is not access_control's: it was altered or made by another; ask for a new one",
            ) from None
        except TokenRefusedError as error:
            raise PermitMalformed(f"not a permit: {error}") from None
        except ValidationError:
            raise PermitMalformed("the permit's content is not what this version expects; upgrade this owner") from None


def _is_issuer(kid: str) -> bool:
    """True for access_control's own key and for keys it uses for permits alone (`access_control.permits`, `…-2`)."""
    return kid == ISSUER or kid.startswith((f"{ISSUER}.", f"{ISSUER}-"))


def _expect_issuer(kid: str) -> None:
    if not _is_issuer(kid):
        raise SettingError(f"permits are signed by {ISSUER} alone, and this key's id is {kid!r}: set its own key file")
