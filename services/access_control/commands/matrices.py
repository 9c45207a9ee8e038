"""`carnet matrix`: the versions of the habilitation matrix, and which one holds when."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from services.access_control.commands.console import By, fail, moment_of, on, out, say, table, who
from services.access_control.domain import matrix_schedule
from services.access_control.domain.matrix import Cell, Matrix, MatrixError, Ruling, load
from services.access_control.domain.matrix_diff import CellChange, Effect, diff
from services.access_control.domain.matrix_rehearsal import Rehearsal, rehearse
from services.access_control.domain.matrix_schedule import Activation, MomentError, told
from shared.terminology import document_type

if TYPE_CHECKING:
    from services.access_control.repository.matrices import Matrices, StoredVersion
    from services.access_control.settings import Settings
    from shared.database import Database

_EXPECTED = (MatrixError, MomentError)
_COLOURS = {Effect.GAINED: "green", Effect.LOST: "red", Effect.NONE: "dim"}

matrix = typer.Typer(no_args_is_help=True, help="The habilitation matrix: its versions, and which one holds when.")
Version = Annotated[str, typer.Argument(help="Name of a stored version.", metavar="VERSION")]
Group = Annotated[str, typer.Option("--group", help="Only this profession group, for example infirmier.")]
Type = Annotated[str, typer.Option("--type", help="Only this document type, for example 11502-2.")]


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
    author = who(by)
    added = on(_matrices, lambda matrices: matrices.add(read, author), *_EXPECTED)
    say(f"{_summary(read)}\nsha256 {read.digest()}")
    if added:
        say(f"Stored. It holds from when it is activated: carnet matrix activate {read.version}")
    else:
        say("It is stored already, with this content: nothing changed.")


@matrix.command("diff")
def show_diff(
    before: Annotated[str, typer.Argument(help="Name of a stored version.", metavar="A")],
    after: Annotated[str, typer.Argument(help="Name of another.", metavar="B")],
    *,
    group: Group = "",
    type_code: Type = "",
) -> None:
    """Tell which cells differ between two versions, by profession group and type, and where they come from."""
    old, new = on(_matrices, lambda matrices: _these(matrices, before, after), *_EXPECTED)
    changes = [one for one in diff(old, new) if group in {"", one.group} and type_code in {"", one.type_code}]
    if changes:
        out.print(_changes(old, new, changes))
    found = Counter(one.effect for one in changes)
    say(
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
    author = who(by)
    decided, before = on(_matrices, lambda matrices: _activate(matrices, version, start, author, now=now), *_EXPECTED)
    say(f"{decided.version} takes effect at {told(decided.takes_effect)}, as decided by {decided.by}.")
    if before is not None and before != version:
        moment_again = decided.takes_effect.isoformat()
        say(f"Until then {before} holds. To take it back: carnet matrix activate {before} --from {moment_again}")


@matrix.command()
def show(
    version: Annotated[str, typer.Argument(help="A stored version; by default the one in force.")] = "",
    *,
    group: Group = "",
    type_code: Type = "",
) -> None:
    """Show a version; with a profession group or a type its cells, and where each comes from."""
    stored, activations, shown = on(_matrices, lambda matrices: _shown(matrices, version), *_EXPECTED)
    say(_summary(shown))
    if group and group not in shown.groups():
        fail(
            f"{shown.version} has no column {group}: who belongs there consults nothing. It has "
            f"{', '.join(sorted(shown.groups()))}."
        )
    if type_code and type_code not in shown.types:
        say(f"{shown.version} has no line for {type_code}: nobody may consult it ({Ruling.UNKNOWN_TYPE}, AR-012).")
    elif group or type_code:
        out.print(_cells(shown, group, type_code))
    else:
        say(shown.provenance)
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
    start, end = moment_of(since), moment_of(until) if until else None
    if end is not None and end <= start:
        fail(f"--until {until} is not after --since {since}")

    async def replay(matrices: "Matrices") -> Rehearsal:
        (draft,) = await _these(matrices, version)
        past = await matrices.past(start, end)
        say(f"Consultations decided from {told(past.since)} to {told(past.until)}, replayed on {version}.")
        if past.since > start:
            say("Decisions from before that are no longer kept.")
        used = await matrices.load({asked.version for asked in past.asked})
        return rehearse(past.asked, used, draft)

    found = on(_matrices, replay, *_EXPECTED)
    if found.flips:
        out.print(_flips(found))
    touched = ", ".join(f"{name} {count}" for name, count in sorted(found.touched.items()))
    say(f"{found.replayed} replayed, {sum(found.touched.values())} would differ{': ' if touched else ''}{touched}.")
    if found.left_out:
        say(f"{found.left_out} were decided by versions that are not stored here and were left out.")


async def _activate(
    matrices: "Matrices", version: str, start: str, who: str, *, now: bool
) -> tuple[Activation, str | None]:
    """Activate; gives what was decided, and the version that would have held then without it."""
    (found,) = await _these(matrices, version)
    known, _ = await matrices.activations()
    asked = moment_of(start) if start else None
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


def _matrices(database: "Database", _: "Settings") -> "Matrices":
    from services.access_control.repository import Matrices  # noqa: PLC0415 - as in `console`

    return Matrices(database)


def _read(file: Path, meta: Path) -> Matrix:
    texts = []
    for path in (file, meta):
        try:
            texts.append(path.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            fail(f"{path} can't be read ({error}); expected the cells in a CSV and its companion in TOML, in UTF-8.")
    try:
        return load(*texts)
    except MatrixError as error:
        fail(f"{file} is refused: {error}.")


def _summary(shown: Matrix) -> str:
    status = Counter(cell.status for cell in shown.cells.values())
    return (
        f"{shown.version}, meant from {shown.effective}: {len(shown.cells)} cells, {len(shown.groups())} profession "
        f"groups, {len(shown.types)} types; "
        + ", ".join(f"{status[word]} {word}" for word in ("documented", "reconstructed", "excluded"))
    )


def _columns(shown: Matrix) -> Table:
    """Each profession group: how many types it may consult, and how sure that is."""
    rows = table("profession group", "may consult", "documented", "reconstructed", "excluded", "")
    for group in sorted(shown.groups()):
        status = Counter(cell.status for (owner, _), cell in shown.cells.items() if owner == group)
        counts = (len(shown.types_for(group)), status["documented"], status["reconstructed"], status["excluded"])
        rows.add_row(group, *map(str, counts), "column not in force" if group in shown.inactive else "")
    return rows


def _cells(shown: Matrix, group: str, type_code: str) -> Table:
    rows = table("profession group", "type", "", "ruling", "status", "confidence", "basis")
    for owner, code in sorted(shown.cells):
        if group in {"", owner} and type_code in {"", code}:
            cell = shown.cells[owner, code]
            ruling = shown.ruling(owner, code)
            colour = "green" if ruling is Ruling.ALLOWED else "red"
            says = f"{shown.bases[cell.basis].says} ({shown.bases[cell.basis].source})"
            coloured = f"[{colour}]{ruling}[/{colour}]"
            rows.add_row(owner, code, _label(code), coloured, cell.status, cell.confidence, escape(says))
    return rows


def _versions(stored: Sequence["StoredVersion"], activations: Sequence[tuple[Activation, bool]]) -> Table:
    rows = table("version", "imported", "by", "sha256", "takes effect")
    for one in stored:
        starts = [
            f"{told(start.takes_effect)}{' (in force)' if holds else ''}, decided by {start.by}"
            for start, holds in activations
            if start.version == one.version
        ]
        row = (one.version, told(one.imported_at), one.imported_by, one.sha256, "\n".join(starts) or "never")
        rows.add_row(*map(escape, row))
    return rows


def _changes(old: Matrix, new: Matrix, changes: Sequence[CellChange]) -> Table:
    rows = table("profession group", "type", "", "effect", old.version, new.version)
    for one in changes:
        colour = _COLOURS[one.effect]
        effect = f"[{colour}]{one.effect}[/{colour}]"
        row = (one.group, one.type_code, _label(one.type_code), effect)
        rows.add_row(*row, _cell(old, one.group, one.before), _cell(new, one.group, one.after))
    return rows


def _cell(shown: Matrix, group: str, cell: Cell | None) -> str:
    if cell is None:
        return "no such cell"
    said = "yes" if cell.consult else "no"
    idle = ", column not in force" if group in shown.inactive else ""
    return escape(f"{said}{idle}; {cell.status}, {cell.confidence}: {shown.bases[cell.basis].says}")


def _flips(found: Rehearsal) -> Table:
    rows = table("profession group", "type", "", "effect", "consultations of documents", "of reimbursed care")
    for flip in found.flips:
        effect = Effect.GAINED if flip.gained else Effect.LOST
        colour = _COLOURS[effect]
        counts = (str(flip.scopes), str(flip.decisions))
        rows.add_row(flip.group, flip.type_code, _label(flip.type_code), f"[{colour}]{effect}[/{colour}]", *counts)
    return rows


def _label(type_code: str) -> str:
    known = document_type(type_code)
    return known.label if known else ""
