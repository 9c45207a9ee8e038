"""The gateway as the operator's commands ask it: with his own token, and what it refuses told in a line."""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn
from urllib.parse import urlsplit

import typer

_TIMEOUT_S: Final = 30.0
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

Gateway = Annotated[str, typer.Option("--gateway", envvar="CARNET_GATEWAY_URL", help="Address of the gateway.")]
Token = Annotated[
    Path | None,
    typer.Option("--token-file", envvar="CARNET_OPERATOR_TOKEN_FILE", help="File with the operator's access token."),
]


def asked(what: str, *, hidden: bool = False) -> str:
    """What somebody types, or what stands on a line of the input: no argument, which others can list."""
    typed = typer.prompt(what, hide_input=hidden) if sys.stdin.isatty() else sys.stdin.readline()
    if not typed.strip():
        fail(f"{what}: nothing was given; type it, or give one per line on the standard input.")
    return str(typed).strip()


def post(gateway: str, token_file: Path | None, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask for a change; gives the answer."""
    return dict(json.loads(call(gateway, token_file, path, body)))


def call(gateway: str, token_file: Path | None, path: str, body: dict[str, Any] | None = None) -> bytes:
    """Ask with a body (POST) or without one (GET); gives the answer's bytes."""
    headers = {"authorization": f"Bearer {_token(token_file)}"}
    content = None
    if body is not None:
        headers["content-type"], content = "application/json", json.dumps(body).encode()
    request = urllib.request.Request(f"{_address(gateway)}{path}", content, headers)  # noqa: S310 - looked at below
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        fail(_told(error))
    except OSError as error:
        fail(f"The gateway does not answer ({error.__class__.__name__}). A repeat is safe.")


def _address(gateway: str) -> str:
    """The gateway's address: a token and identities travel in the clear inside one machine alone."""
    parts = urlsplit(gateway)
    if not parts.hostname:
        fail("No gateway is named: start the system with `carnet up`, or set CARNET_GATEWAY_URL.")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        fail("The gateway's address has to begin with https://.")
    return gateway.rstrip("/")


def _token(file: Path | None) -> str:
    if file is None:
        fail("Who asks? Name a file with the operator's access token: --token-file, or CARNET_OPERATOR_TOKEN_FILE.")
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        fail(f"The operator's token can't be read from {file}.")


def _told(error: urllib.error.HTTPError) -> str:
    """Why the gateway refused; problems hold no identity."""
    try:
        said = json.load(error)
    except ValueError:
        said = {}
    told = (str(said[name]) for name in ("detail", "next_step") if said.get(name))
    return " ".join(told) or f"The gateway refused with status {error.code}."


def fail(text: str) -> NoReturn:
    """Why it is refused, and the end."""
    typer.echo(text, err=True)
    raise typer.Exit(1)
