"""`carnet document check`: for integrators, who want to know what becomes of a file before they send it."""

from collections.abc import Iterator
from itertools import chain, count
from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.document.domain.checked import Checked, Limits, check, too_large
from services.document.domain.inspected import Kind
from services.document.domain.rendering import render
from services.document.settings import Settings
from shared.contracts.common import ActorKind
from shared.terminology import Ins, confidentiality, document_class, document_type

document = typer.Typer(no_args_is_help=True, help="Documents: what becomes of a file, before it is sent.")

Depositor = Literal["professional", "structure", "patient", "representative"]
"""Whose deposits there are."""

_out = Console()
_errors = Console(stderr=True)
_SHOWN_OF_INS: Final = 2
"""Characters shown of an INS that is no test identity: what is printed may end in somebody's log."""


@document.callback()
def _documents() -> None:
    """Keep `check` a verb of its own while it is the only one."""


@document.command("check")
def check_files(
    files: Annotated[list[Path], typer.Argument(help="CDA R2, PDF, RTF, text, JPEG or TIFF.", metavar="FILE...")],
    *,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write each accepted file's page here, as it would be shown.")
    ] = None,
    depositor: Annotated[
        Depositor | None,
        typer.Option(
            "--as", help="Whose deposit it would be; by default a professional's for CDA, else the patient's."
        ),
    ] = None,
    type_code: Annotated[
        str, typer.Option("--type", help="The type that the deposit states; by default the CDA's own.")
    ] = "",
) -> None:
    """Tell of files whether they would be accepted, and why not. Nothing is sent, and no system is needed.

    What needs the record is told by the system alone: whether the depositor may, and whether the document is new.
    """
    settings = Settings()
    limits = Limits(settings.max_content_bytes, settings.max_patient_bytes)
    shown = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("file", "accepted", "found"):
        shown.add_column(column, overflow="fold")
    pages = _Pages(html)
    accepted = 0
    for path in files:
        told, taken = _row(path, limits, ActorKind(depositor) if depositor else None, type_code, pages)
        accepted += taken
        colour = "green" if taken else "red"
        shown.add_row(Text(_plain(str(path))), Text("yes" if taken else "no", colour), Text(told))
    _out.print(shown)
    _out.print(f"{accepted} of {len(files)} would be accepted.", highlight=False)
    if html is not None:
        _out.print(Text(_plain(f"{pages.count} pages are in {html}.")), soft_wrap=True)
    raise typer.Exit(0 if accepted == len(files) else 1)


class _Pages:
    """The folder of pages, one for each file: files of equal names are numbered."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._written: set[str] = set()

    @property
    def count(self) -> int:
        """How many pages were written."""
        return len(self._written)

    def write(self, path: Path, content: bytes, kind: Kind) -> None:
        """Write the page of a file, where pages are asked for."""
        if self.folder is None:
            return
        numbered = chain([f"{path.name}.html"], (f"{path.name}-{number}.html" for number in count(2)))
        name = next(name for name in numbered if name not in self._written)
        page = self.folder / name
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            page.write_text(render(content, kind), encoding="utf-8")
        except OSError as error:
            told = f"The page {page} can't be written ({error.strerror}): choose another folder."
            _errors.print(Text(_plain(told), "red"), soft_wrap=True)
            raise typer.Exit(1) from None
        self._written.add(name)


def _row(path: Path, limits: Limits, depositor: ActorKind | None, type_code: str, pages: _Pages) -> tuple[str, bool]:
    """What is told of a file, and whether it would be accepted."""
    try:
        if path.exists() and not path.is_file():
            return "can't be read: it is no file", False  # a device or a pipe may never end
        size = path.stat().st_size
        content = path.read_bytes() if size <= limits.any_file else b""
    except OSError as error:
        return f"can't be read: {error.strerror}", False
    checked = too_large(size, limits) if size > limits.any_file else check(content, limits, depositor, type_code)
    if checked.accepted and checked.found:
        pages.write(path, content, checked.found.kind)
    lines = [f"{name}: {_plain(value)}" for name, value in _told(checked) if value]
    return "\n".join(lines), checked.accepted is not None


def _told(checked: Checked) -> Iterator[tuple[str, str]]:
    """Names and values of what was found, the refusal first."""
    if checked.accepted is None:
        yield "refused", checked.code
        yield "where", checked.place
        yield "why", checked.sentence
    found, accepted = checked.found, checked.accepted
    if found is None:
        return
    yield "kind", f"CDA R2, level {found.level}" if found.level else found.kind.upper()
    yield "body", found.body_media_type or ""
    type_code = accepted.metadata.type_code if accepted else found.type_code or ""
    known = document_type(type_code)
    yield "type", f"{type_code} {known.label}" if known else type_code
    of_class = document_class(accepted.class_code) if accepted else None
    yield "class", f"{of_class.code} {of_class.label}" if of_class else ""
    yield "title", found.title
    yield "patient", ", ".join(sorted(map(_ins, found.patients)))
    yield "authors", ", ".join(found.authors)
    yield "structures", ", ".join(found.structures)
    yield "created", found.effective_time.isoformat() if found.effective_time else ""
    yield "act began", found.service_start.isoformat() if found.service_start else ""
    yield "unique id", found.unique_id or ""
    yield "set", found.set_id or ""
    yield "version", "" if found.version is None else str(found.version)
    yield "replaces", found.replaces or ""
    yield "language", found.language or ""
    label = confidentiality(found.confidentiality or "")
    yield "confidentiality", f"{label.code} {label.label}" if label else found.confidentiality or ""
    if accepted:
        yield "size", f"{accepted.size} bytes"
        yield "SHA-1", accepted.sha1.hex()


def _ins(ins: Ins) -> str:
    number = ins.number if ins.is_test else f"…{ins.number[-_SHOWN_OF_INS:]}"
    return f"{number} ({'test' if ins.is_test else ins.oid})"


def _plain(text: str) -> str:
    """A text in one line that can't steer a terminal."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in " ".join(text.split()))
