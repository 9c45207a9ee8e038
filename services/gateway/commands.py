"""Verbs of `carnet` that ask the gateway as the operator: `identity`, a person's INS that changed, two of one person.

Both indexes of persons have to move, so these go the way of every request and not into one service's database. An INS
is asked for and never an argument: arguments stand in lists of processes and histories of shells.

Without the local tools: `python -m services.gateway.commands`. Exit codes: 0 done, 1 refused (why, and what to do next,
on the standard error), 2 wrong use.
"""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn
from urllib.parse import urlsplit

import typer

_TIMEOUT_S: Final = 30.0
_NIR: Final = "1.2.250.1.213.1.4.8"
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

identity = typer.Typer(no_args_is_help=True, help="Persons whose INS changed, and two INS that are one person's.")

Gateway = Annotated[str, typer.Option("--gateway", envvar="CARNET_GATEWAY_URL", help="Address of the gateway.")]
Token = Annotated[
    Path | None,
    typer.Option("--token-file", envvar="CARNET_OPERATOR_TOKEN_FILE", help="File with the operator's access token."),
]
Oid = Annotated[
    str, typer.Option("--oid", envvar="CARNET_INS_OID", help="OID of both identities: by default that of a NIR.")
]
OtherOid = Annotated[str, typer.Option("--other-oid", help="OID of the second identity, where it is another.")]


@identity.command()
def change(
    *,
    freed: Annotated[
        bool, typer.Option("--freed", help="The old INS was never this person's: whose it is may open a record.")
    ] = False,
    traits: Annotated[
        Path | None, typer.Option("--traits", help="JSON file with the traits as they came with the new INS.")
    ] = None,
    oid: Oid = _NIR,
    other_oid: OtherOid = "",
    gateway: Gateway = "",
    token_file: Token = None,
) -> None:
    """Let a new INS lead to a person's record, and the old one to nothing. Repeating it changes nothing."""
    body: dict[str, Any] = {"old": _asked("Old INS", oid), "new": _asked("New INS", other_oid or oid), "freed": freed}
    if traits is not None:
        body["traits"] = _read(traits)
    record = _post(gateway, token_file, "/identities/change", body)
    typer.echo(f"The new INS leads to the record {record}; the old one leads to nothing.")


@identity.command()
def merge(
    *,
    oid: Oid = _NIR,
    other_oid: OtherOid = "",
    gateway: Gateway = "",
    token_file: Token = None,
) -> None:
    """Keep one of a person's two records in use; the other is held for the operator. Repeating it changes nothing."""
    body = {"old": _asked("INS that is given up", oid), "kept": _asked("INS that is kept", other_oid or oid)}
    record = _post(gateway, token_file, "/identities/merge", body)
    typer.echo(f"The INS that is kept leads to the record {record}; the other record is held, and nothing leads to it.")


def _asked(what: str, oid: str) -> dict[str, str]:
    """The identity that somebody types, unseen, or that stands on a line of the input."""
    number = typer.prompt(what, hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
    if not number.strip():
        _fail(f"{what}: nothing was given; type it, or give one number per line on the standard input.")
    return {"matricule": number.strip(), "oid": oid}


def _read(traits: Path) -> Any:
    try:
        return json.loads(traits.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        _fail(f"{traits} is no readable JSON file with traits.")


def _post(gateway: str, token_file: Path | None, path: str, body: dict[str, Any]) -> str:
    """Ask the gateway; gives the record that it names."""
    headers = {"authorization": f"Bearer {_token(token_file)}", "content-type": "application/json"}
    request = urllib.request.Request(  # noqa: S310 - looked at below
        f"{_address(gateway)}{path}", json.dumps(body).encode(), headers, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            return str(json.load(answer)["record"])
    except urllib.error.HTTPError as error:
        _fail(_told(error))
    except OSError as error:
        _fail(f"The gateway does not answer ({error.__class__.__name__}). A repeat is safe.")


def _address(gateway: str) -> str:
    """The gateway's address: a token and identities travel in the clear inside one machine alone."""
    parts = urlsplit(gateway)
    if not parts.hostname:
        _fail("No gateway is named: start the system with `carnet up`, or set CARNET_GATEWAY_URL.")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        _fail("The gateway's address has to begin with https://.")
    return gateway.rstrip("/")


def _token(file: Path | None) -> str:
    if file is None:
        _fail("Who asks? Name a file with the operator's access token: --token-file, or CARNET_OPERATOR_TOKEN_FILE.")
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        _fail(f"The operator's token can't be read from {file}.")


def _told(error: urllib.error.HTTPError) -> str:
    """Why the gateway refused; problems hold no identity."""
    try:
        said = json.load(error)
    except ValueError:
        said = {}
    told = (str(said[name]) for name in ("detail", "next_step") if said.get(name))
    return " ".join(told) or f"The gateway refused with status {error.code}."


def _fail(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(1)


VERBS = {"identity": identity}

if __name__ == "__main__":  # where the local tools are not installed
    carnet = typer.Typer(no_args_is_help=True)
    for name, verb in VERBS.items():
        carnet.add_typer(verb, name=name)
    carnet()
