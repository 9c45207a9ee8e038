"""Verbs of `carnet` about access control: `carnet matrix`, the versions of the habilitation matrix.

They work on the service's database with its own settings (CARNET_DATABASE_URL and its password file); `carnet` takes
those of the local system that is up. Without the local tools: `python -m services.access_control.commands`.

Exit codes: 0 done, 1 refused (why, and what is expected, on the standard error), 2 wrong use.
"""

import asyncio
import getpass
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from services.access_control.domain import matrix_schedule
from services.access_control.domain.matrix import Cell, Matrix, MatrixError, Ruling, load
from services.access_control.domain.matrix_diff import CellChange, Effect, diff
from services.access_control.domain.matrix_rehearsal import Rehearsal, rehearse
from services.access_control.domain.matrix_schedule import Activation, MomentError, moment, told
from shared.terminology import document_type

if TYPE_CHECKING:
    from services.access_control.repository.matrices import Matrices, StoredVersion

T = TypeVar("T")
_COLOURS = {Effect.GAINED: "green", Effect.LOST: "red", Effect.NONE: "dim"}

matrix = typer.Typer(no_args_is_help=True, help="The habilitation matrix: its versions, and which one holds when.")
out = Console()
errors = Console(stderr=True)

Version = Annotated[str, typer.Argument(help="Name of a stored version.", metavar="VERSION")]
Group = Annotated[str, typer.Option("--group", help="Only this profession group, for example infirmier.")]
Type = Annotated[str, typer.Option("--type", help="Only this document type, for example 11502-2.")]
By = Annotated[str, typer.Option("--by", help="Who does it; by default the user of this machine.")]


@matrix.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV with the cells.", metavar="FILE")],
    meta: Annotated[
        Path | None, typer.Option("--meta", help="TOML with version, date and bases; by default beside FILE.")
    ] = None,
    by: By = "",
) -> None:
    """Store a version. It changes nothing until it is activated; what is stored is never overwritten."""
    read = _read(file, meta or file.with_suffix(".toml"))
    who = _who(by)
    added = _do(lambda matrices: matrices.add(read, who))
    _say(f"{_summary(read)}\nsha256 {read.digest()}")
    if added:
        _say(f"Stored. It holds from when it is activated: carnet matrix activate {read.version}")
    else:
        _say("It is stored already, with this content: nothing changed.")


@matrix.command("diff")
def show_diff(
    before: Annotated[str, typer.Argument(help="Name of a stored version.", metavar="A")],
    after: Annotated[str, typer.Argument(help="Name of another.", metavar="B")],
    *,
    group: Group = "",
    type_code: Type = "",
) -> None:
    """Tell which cells differ between two versions, by profession group and type, and where they come from."""
    old, new = _do(lambda matrices: _these(matrices, before, after))
    changes = [one for one in diff(old, new) if group in {"", one.group} and type_code in {"", one.type_code}]
    if changes:
        out.print(_changes(old, new, changes))
    found = Counter(one.effect for one in changes)
    _say(
        f"Cells that differ: {len(changes)}; {found[Effect.GAINED]} gained, {found[Effect.LOST]} lost, "
        f"{found[Effect.NONE]} without effect on what anybody sees."
    )


@matrix.command()
def activate(
    version: Version,
    *,
    start: Annotated[
        str,
        typer.Option("--from", help="From when: a day, or a moment (Paris); by default the next midnight in Paris."),
    ] = "",
    now: Annotated[bool, typer.Option("--now", help="As soon as every process is sure to know of it.")] = False,
    by: By = "",
) -> None:
    """Let a version take effect. A planned change is taken back by activating the old version from the same moment."""
    if start and now:
        raise typer.BadParameter("give --from or --now, not both")
    who = _who(by)
    decided, before = _do(lambda matrices: _activate(matrices, version, start, who, now=now))
    _say(f"{decided.version} takes effect at {told(decided.takes_effect)}, as decided by {decided.by}.")
    if before is not None and before != version:
        moment_again = decided.takes_effect.isoformat()
        _say(f"Until then {before} holds. To take it back: carnet matrix activate {before} --from {moment_again}")


@matrix.command()
def show(
    version: Annotated[str, typer.Argument(help="A stored version; by default the one in force.")] = "",
    *,
    group: Group = "",
    type_code: Type = "",
) -> None:
    """Show a version; with a profession group or a type its cells, and where each comes from."""
    stored, activations, shown = _do(lambda matrices: _shown(matrices, version))
    _say(_summary(shown))
    if group and group not in shown.groups():
        _fail(
            f"{shown.version} has no column {group}: who belongs there consults nothing. It has "
            f"{', '.join(sorted(shown.groups()))}."
        )
    if type_code and type_code not in shown.types:
        _say(f"{shown.version} has no line for {type_code}: nobody may consult it ({Ruling.UNKNOWN_TYPE}, AR-012).")
    elif group or type_code:
        out.print(_cells(shown, group, type_code))
    else:
        _say(shown.provenance)
        out.print(_columns(shown))
        out.print(_versions(stored, activations))


@matrix.command("rehearse")
def show_rehearsal(
    version: Version,
    *,
    since: Annotated[str, typer.Option("--since", help="Replay decisions from this day or moment on (Paris).")],
    until: Annotated[str, typer.Option("--until", help="… up to this one; by default until now.")] = "",
) -> None:
    """Replay past consultations on a version: which would flip, by profession group and type."""
    start, end = _moment(since), _moment(until) if until else None
    if end is not None and end <= start:
        _fail(f"--until {until} is not after --since {since}")

    async def replay(matrices: "Matrices") -> Rehearsal:
        (draft,) = await _these(matrices, version)
        past = await matrices.past(start, end)
        _say(f"Consultations decided from {told(past.since)} to {told(past.until)}, replayed on {version}.")
        if past.since > start:
            _say("Decisions from before that are no longer kept.")
        used = await matrices.load({asked.version for asked in past.asked})
        return rehearse(past.asked, used, draft)

    found = _do(replay)
    if found.flips:
        out.print(_flips(found))
    touched = ", ".join(f"{name} {count}" for name, count in sorted(found.touched.items()))
    _say(f"{found.replayed} replayed, {sum(found.touched.values())} would differ{': ' if touched else ''}{touched}.")
    if found.left_out:
        _say(f"{found.left_out} were decided by versions that are not stored here and were left out.")


async def _activate(
    matrices: "Matrices", version: str, start: str, who: str, *, now: bool
) -> tuple[Activation, str | None]:
    """Activate; gives what was decided, and the version that would have held then without it."""
    (found,) = await _these(matrices, version)
    known, _ = await matrices.activations()
    asked = _moment(start) if start else None
    decided = await matrices.activate(
        version, who, lambda clock: matrix_schedule.start(asked, found.effective, clock, at_once=now)
    )
    before = matrix_schedule.in_force(known, decided.takes_effect)
    return decided, before.version if before else None


async def _shown(
    matrices: "Matrices", version: str
) -> tuple[list["StoredVersion"], list[tuple[Activation, bool]], Matrix]:
    """Every version, every activation and whether it holds now, and the version to show."""
    stored = await matrices.stored()
    activations, now = await matrices.activations()
    in_force = matrix_schedule.in_force(activations, now)
    chosen = version or (in_force.version if in_force else "")
    if not chosen:
        raise MatrixError("no version is in force: nobody consults by the matrix; name a version to see it")
    (shown,) = await _these(matrices, chosen)
    return stored, [(one, one is in_force) for one in activations], shown


async def _these(matrices: "Matrices", *versions: str) -> list[Matrix]:
    found = await matrices.load(versions)
    for version in versions:
        if version not in found:
            known = ", ".join(stored.version for stored in await matrices.stored())
            raise MatrixError(f"no version {version} is stored; known: {known}. `carnet matrix import` stores another")
    return [found[version] for version in versions]


def _do(work: Callable[["Matrices"], Awaitable[T]]) -> T:
    """Work on the stored versions; what is expected to go wrong is told in a line."""
    try:
        return asyncio.run(_with_matrices(work))
    except (MatrixError, MomentError) as error:
        _fail(f"{error}.")
    except Exception as error:
        from shared.database import is_refusal, is_transient  # noqa: PLC0415 - as below

        if not (is_refusal(error) or is_transient(error)):
            raise
        _fail(
            f"The database of access_control does not answer or refuses ({type(error).__name__}: {error}). Is the "
            "system up (`carnet status`), are CARNET_DATABASE_URL and its password right, were the migrations run?"
        )


async def _with_matrices(work: Callable[["Matrices"], Awaitable[T]]) -> T:
    async with _opened() as matrices:
        return await work(matrices)


@asynccontextmanager
async def _opened() -> AsyncIterator["Matrices"]:
    # late: other verbs of `carnet` need not import the clients of database and broker
    from services.access_control.repository import Matrices  # noqa: PLC0415
    from services.access_control.settings import Settings  # noqa: PLC0415
    from shared.database import Database  # noqa: PLC0415

    settings = Settings()
    if not settings.database_url:
        raise MatrixError("no database is named: start the system with `carnet up`, or set CARNET_DATABASE_URL")
    file = settings.database_password_file
    database = Database(settings.database_url, file.read_text().strip() if file else None, pool=2)
    try:
        await database.open()
        yield Matrices(database)
    finally:
        await database.close()


def _read(file: Path, meta: Path) -> Matrix:
    texts = []
    for path in (file, meta):
        try:
            texts.append(path.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            _fail(f"{path} can't be read ({error}); expected the cells in a CSV and its companion in TOML, in UTF-8.")
    try:
        return load(*texts)
    except MatrixError as error:
        _fail(f"{file} is refused: {error}.")


def _moment(text: str) -> datetime:
    try:
        return moment(text)
    except MomentError as error:
        _fail(f"{error}.")


def _who(by: str) -> str:
    try:
        return by or getpass.getuser()
    except (KeyError, OSError):
        _fail("Who does it? This machine has no name for its user: add --by NAME.")


def _summary(shown: Matrix) -> str:
    status = Counter(cell.status for cell in shown.cells.values())
    return (
        f"{shown.version}, meant from {shown.effective}: {len(shown.cells)} cells, {len(shown.groups())} profession "
        f"groups, {len(shown.types)} types; "
        + ", ".join(f"{status[word]} {word}" for word in ("documented", "reconstructed", "excluded"))
    )


def _columns(shown: Matrix) -> Table:
    """Each profession group: how many types it may consult, and how sure that is."""
    table = _table("profession group", "may consult", "documented", "reconstructed", "excluded", "")
    for group in sorted(shown.groups()):
        status = Counter(cell.status for (owner, _), cell in shown.cells.items() if owner == group)
        counts = (len(shown.types_for(group)), status["documented"], status["reconstructed"], status["excluded"])
        table.add_row(group, *map(str, counts), "column not in force" if group in shown.inactive else "")
    return table


def _cells(shown: Matrix, group: str, type_code: str) -> Table:
    table = _table("profession group", "type", "", "ruling", "status", "confidence", "basis")
    for owner, code in sorted(shown.cells):
        if group in {"", owner} and type_code in {"", code}:
            cell = shown.cells[owner, code]
            ruling = shown.ruling(owner, code)
            colour = "green" if ruling is Ruling.ALLOWED else "red"
            says = f"{shown.bases[cell.basis].says} ({shown.bases[cell.basis].source})"
            coloured = f"[{colour}]{ruling}[/{colour}]"
            table.add_row(owner, code, _label(code), coloured, cell.status, cell.confidence, escape(says))
    return table


def _versions(stored: Sequence["StoredVersion"], activations: Sequence[tuple[Activation, bool]]) -> Table:
    table = _table("version", "imported", "by", "sha256", "takes effect")
    for one in stored:
        starts = [
            f"{told(start.takes_effect)}{' (in force)' if holds else ''}, decided by {start.by}"
            for start, holds in activations
            if start.version == one.version
        ]
        row = (one.version, told(one.imported_at), one.imported_by, one.sha256, "\n".join(starts) or "never")
        table.add_row(*map(escape, row))
    return table


def _changes(old: Matrix, new: Matrix, changes: Sequence[CellChange]) -> Table:
    table = _table("profession group", "type", "", "effect", old.version, new.version)
    for one in changes:
        colour = _COLOURS[one.effect]
        effect = f"[{colour}]{one.effect}[/{colour}]"
        row = (one.group, one.type_code, _label(one.type_code), effect)
        table.add_row(*row, _cell(old, one.group, one.before), _cell(new, one.group, one.after))
    return table


def _cell(shown: Matrix, group: str, cell: Cell | None) -> str:
    if cell is None:
        return "no such cell"
    said = "yes" if cell.consult else "no"
    idle = ", column not in force" if group in shown.inactive else ""
    return escape(f"{said}{idle}; {cell.status}, {cell.confidence}: {shown.bases[cell.basis].says}")


def _flips(found: Rehearsal) -> Table:
    table = _table("profession group", "type", "", "effect", "consultations of documents", "of reimbursed care")
    for flip in found.flips:
        effect = Effect.GAINED if flip.gained else Effect.LOST
        colour = _COLOURS[effect]
        counts = (str(flip.scopes), str(flip.decisions))
        table.add_row(flip.group, flip.type_code, _label(flip.type_code), f"[{colour}]{effect}[/{colour}]", *counts)
    return table


def _label(type_code: str) -> str:
    known = document_type(type_code)
    return known.label if known else ""


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _say(text: str) -> None:
    out.print(text, highlight=False, soft_wrap=True, markup=False)


def _fail(text: str) -> NoReturn:
    errors.print(text, style="red", highlight=False, soft_wrap=True, markup=False)
    raise typer.Exit(1)


if __name__ == "__main__":
    matrix()
