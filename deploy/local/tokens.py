"""Asking the local provider for a token of one of the test people."""

import json
import urllib.error
import urllib.parse
import urllib.request
from urllib.parse import quote

from deploy.local.identity.cast import ALICE, CAST
from deploy.local.identity.members import Patient, Session
from deploy.local.identity.provider import GRANT

_TIMEOUT_S = 10.0


class TokenError(RuntimeError):
    """The provider gave no token; the text says why."""


def fetch(
    issuer: str, name: str, *, ins: str = "", app: str = "", reason: str = "", lifetime_s: int | None = None
) -> str:
    """An access token of a member of the cast, or of a sample's patient (`name` "patient" with `ins`).

    With `app` it is one that a patient gave to that app.

    Raises TokenError.
    """
    form = {"grant_type": GRANT, "cast": name, "ins": ins, "app": app, "reason": reason}
    if lifetime_s is not None:
        form["lifetime"] = str(lifetime_s)
    request = urllib.request.Request(f"{issuer}/token", urllib.parse.urlencode(form).encode())  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            return str(json.load(answer)["access_token"])
    except urllib.error.HTTPError as error:
        told = json.loads(error.read() or b"{}")
        raise TokenError(f"No token for {name!r}: {told.get('error_description', error.code)}") from None
    except OSError as error:
        raise TokenError(
            f"The identity provider at {issuer} does not answer ({error}): see `carnet status`."
        ) from error


def _of_patient(name: str) -> bool:
    member = CAST.get(name)
    return isinstance(member.member if isinstance(member, Session) else member, Patient)


def curl(gateway: str, token: str, name: str) -> str:
    """A command line that searches documents with the token: a patient's own; for all others those of `alice`."""
    command = f"curl -sS -H 'Authorization: Bearer {token}' {gateway}/fhir/DocumentReference"
    if name == "patient" or _of_patient(name):
        return command
    identity = quote(f"urn:oid:{ALICE.oid}|{ALICE.matricule}", safe="")
    return f"{command}/_search -d patient.identifier={identity}"
