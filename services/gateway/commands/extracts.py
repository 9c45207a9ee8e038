"""`carnet extract`: cases of heirs and court experts (AR-058, AR-065).

One operator opens a case and takes its extracts, another approves each of them; both by tokens of their own.
"""

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from services.gateway.commands.asking import Gateway, Token, asked, call, fail, post
from shared.files import new_file

extract = typer.Typer(no_args_is_help=True, help="Extracts for heirs and court experts: each approved by another.")

Case = Annotated[UUID, typer.Argument(help="The case, as `carnet extract list` names it.", metavar="CASE")]
_SHOWN: Final = ("record", "kind", "purpose", "since", "until", "opened_by", "opened_at", "approved_by", "refused_by")


@extract.command("list")
def listed(
    *,
    refused: Annotated[bool, typer.Option("--all", help="Refused ones, too.")] = False,
    gateway: Gateway = "",
    token_file: Token = None,
) -> None:
    """Show the cases; who applied, and by which papers, tells `show`."""
    found = _cases(gateway, token_file, refused=refused)
    if not found:
        typer.echo("No case is open.")
    for one in found:
        _tell(one)


@extract.command()
def show(case: Case, *, gateway: Gateway = "", token_file: Token = None) -> None:
    """Show a case with who applied and by which papers; that it was read stands in the record's traces."""
    _tell(_case(gateway, token_file, case))
    typer.echo(f"    papers      {json.loads(call(gateway, token_file, f'/extracts/{case}/paper'))['paper']}")


@extract.command("open")
def opened(
    record: Annotated[UUID, typer.Argument(help="The record.", metavar="RECORD")],
    *,
    kind: Annotated[str, typer.Option("--kind", help="heir, cohabitee, pacs_partner or court_expert.")],
    purpose: Annotated[
        str, typer.Option("--purpose", help="causes_of_death, memory or rights; of an expert court_mission.")
    ],
    types: Annotated[list[str] | None, typer.Option("--type", help="A type of document; may be repeated.")] = None,
    since: Annotated[str, typer.Option("--since", help="Beginning of the period of care, with its zone.")] = "",
    until: Annotated[str, typer.Option("--until", help="Its end, exclusive.")] = "",
    gateway: Gateway = "",
    token_file: Token = None,
) -> None:
    """Open a case. Who applies, and the papers' reference, is asked for: it names people."""
    body: dict[str, Any] = {"kind": kind, "purpose": purpose, "types": types or [], "paper": asked("Papers")}
    body |= {name: moment for name, moment in (("since", since), ("until", until)) if moment}
    made = post(gateway, token_file, f"/records/{record}/extracts", body)
    typer.echo(f"Case {made['case']} waits for another operator: carnet extract show {made['case']}, then approve")


@extract.command()
def approve(case: Case, *, gateway: Gateway = "", token_file: Token = None) -> None:
    """Approve one extract of a case that another operator opened."""
    one = _case(gateway, token_file, case)
    post(gateway, token_file, _path(one, "approve"), {"taken": one["taken"]})
    typer.echo(f"One extract is approved: {one['opened_by']} may take it, once.")


@extract.command()
def refuse(case: Case, *, gateway: Gateway = "", token_file: Token = None) -> None:
    """Refuse a case that another operator opened, for good."""
    post(gateway, token_file, _path(_case(gateway, token_file, case), "refuse"), {})
    typer.echo("Refused.")


@extract.command()
def take(
    case: Case,
    *,
    to: Annotated[Path, typer.Option("--to", help="A folder that does not exist yet, for the extract alone.")],
    gateway: Gateway = "",
    token_file: Token = None,
) -> None:
    """Take the extract that was approved, as files; the approval is used up by it."""
    one = _case(gateway, token_file, case)
    if one["state"] != "approved":
        fail(f"No extract of {case} is approved: another operator runs carnet extract approve {case}.")
    try:
        to.mkdir(mode=0o700, parents=True)  # before anything is used up
    except OSError as error:
        fail(f"{to} can't be made ({error.strerror}): name a folder that does not exist yet.")
    archive = call(gateway, token_file, _path(one, "take"), {})
    names = _written(archive, to)
    typer.echo(f"{len(names) - 1} documents and their listing are in {to}.")


def _tell(one: dict[str, Any]) -> None:
    typer.echo(f"{one['case']}  {one['state']}, {one['taken']} taken")
    told = {name: one[name] for name in _SHOWN if one.get(name)} | {"types": " ".join(sorted(one["types"])) or "every"}
    for name, value in told.items():
        typer.echo(f"    {name:<12}{value}")


def _written(archive: bytes, folder: Path) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        names = files.namelist()
        for name in names:
            if Path(name).name != name:
                fail("The archive names a file outside its folder: nothing more of it is written.")
            with os.fdopen(new_file(folder / name), "wb") as file:
                file.write(files.read(name))
    return names


def _cases(gateway: str, token_file: Path | None, *, refused: bool) -> list[dict[str, Any]]:
    return list(json.loads(call(gateway, token_file, f"/extracts?refused={str(refused).lower()}"))["cases"])


def _case(gateway: str, token_file: Path | None, case: UUID) -> dict[str, Any]:
    found = {one["case"]: one for one in _cases(gateway, token_file, refused=True)}
    if str(case) not in found:
        fail(f"There is no case {case}; see carnet extract list --all.")
    return found[str(case)]


def _path(one: dict[str, Any], verb: str) -> str:
    return f"/records/{one['record']}/extracts/{one['case']}/{verb}"
