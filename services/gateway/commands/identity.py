"""`carnet identity`: a person's INS that changed, two INS of one person.

Both indexes of persons have to move, so these go the way of every request and not into one service's database. An INS
is asked for and never an argument: arguments stand in lists of processes and histories of shells.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from services.gateway.commands.asking import Gateway, Token, asked, fail, post

_NIR: Final = "1.2.250.1.213.1.4.8"

identity = typer.Typer(no_args_is_help=True, help="Persons whose INS changed, and two INS that are one person's.")

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
    record = post(gateway, token_file, "/identities/change", body)["record"]
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
    record = post(gateway, token_file, "/identities/merge", body)["record"]
    typer.echo(f"The INS that is kept leads to the record {record}; the other record is held, and nothing leads to it.")


def _asked(what: str, oid: str) -> dict[str, str]:
    """The identity that somebody types, unseen."""
    return {"matricule": asked(what, hidden=True), "oid": oid}


def _read(traits: Path) -> Any:
    try:
        return json.loads(traits.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        fail(f"{traits} is no readable JSON file with traits.")
