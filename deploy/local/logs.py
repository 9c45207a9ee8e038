"""Showing the logs of a local system, and the messages that left it."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.markup import escape

from deploy.local.mail import messages
from deploy.processes import tail

_AGAIN_S = 0.2


def find(folder: Path, service: str = "") -> list[Path]:
    """The logs of a service with all its replicas, or of everything."""
    files = sorted(folder.glob("*.log"))
    if not service:
        return files
    return [path for path in files if path.stem == service or path.stem.startswith(f"{service}-")]


def show(files: Sequence[Path], lines: int, to: TextIO) -> None:
    """The last lines of each file; with the name before each line where there are several files."""
    for path in files:
        kept = tail(path, lines).splitlines() if lines else []
        to.writelines(_named(path, line, several=len(files) > 1) for line in kept)


def follow(files: Sequence[Path], to: TextIO) -> None:
    """Lines as they come, until KeyboardInterrupt."""
    places = {path: path.stat().st_size for path in files}
    while True:
        for path, place in places.items():
            with path.open(errors="replace") as handle:
                handle.seek(place)
                lines = handle.read().splitlines()
                to.writelines(_named(path, line, several=len(files) > 1) for line in lines)
                places[path] = handle.tell()
        to.flush()
        time.sleep(_AGAIN_S)


def show_mail(folder: Path, to: Console) -> None:
    """Each message that left, with its text."""
    kept = messages(folder)
    for message in kept:
        body = message.get_body(("plain", "html"))
        to.print(f"[bold]{escape(str(message['Subject'] or '(no subject)'))}[/bold]")
        to.print(f"To {message['To']}, {message['Date']}, {message['Message-ID']}", markup=False, highlight=False)
        to.print(body.get_content() if body else "(no text)", markup=False, highlight=False)
    to.print(f"{len(kept)} messages in {folder}", highlight=False)


def _named(path: Path, line: str, *, several: bool) -> str:
    return f"{path.stem:<20} {line}\n" if several else f"{line}\n"
