"""What people see: progress on a terminal, plain lines elsewhere, and the tables at the end."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from deploy.proof.checker.verdict import Verdict
from deploy.proof.demo.account import Row
from deploy.proof.demo.deeds import Deed
from deploy.proof.demo.ledger import MOST_SHOWN, Ledger, percentile

MOST_FILES: Final = 200


class Screen:
    """Shows the demonstration as it goes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._progress = Progress(
            *columns, TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal
        )
        self._task: TaskID | None = None

    @contextmanager
    def live(self) -> Iterator[None]:
        """Show progress inside the block."""
        with self._progress:
            yield

    def act(self, title: str, total: int | None = None) -> None:
        """Begin an act; `total` is how many steps it has, where that is known."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._console.print(Text(title, style="bold"))
        self._task = self._progress.add_task(title, total=total)

    def step(self) -> None:
        """One step of the act is done."""
        if self._task is not None:
            self._progress.advance(self._task)

    def say(self, text: str) -> None:
        """Something that came out."""
        self._console.print(Text(f"  {text}"), soft_wrap=not self._console.is_terminal)

    def failures(self, ledger: Ledger) -> None:
        """What failed and what to do, or nothing."""
        if not ledger.failures:
            return
        table = _table("Failed", ("step", "of what", "what was wrong", "next step"))
        for failure in ledger.failures[:MOST_SHOWN]:
            table.add_row(*map(Text, (failure.step, failure.subject, failure.wrong, failure.next_step)), style="red")
        self._console.print(table)
        if len(ledger.failures) > MOST_SHOWN:
            self._console.print(f"… and {len(ledger.failures) - MOST_SHOWN} more.", style="red")

    def account(self, rows: Sequence[Row]) -> None:
        """What was sent, decided, stored, told and traced."""
        table = _table("Account", ("", "sent", "decided", "stored or read", "told", "traced", "agrees"))
        for row in rows:
            counts = (row.sent, row.decided, row.stored, row.told, row.traced)
            shown = ["-" if count is None else f"{count:,}" for count in counts]
            table.add_row(row.kind, *shown, "; ".join(row.wrong) or "yes", style="red" if row.wrong else None)
        self._console.print(table)

    def documents(self, taken: int, refused: Mapping[str, str]) -> None:
        """What became of the documents: how many were taken, and which were refused for what."""
        table = _table("Documents", ("", "what came of it"))
        table.add_row(f"{taken:,} documents", "taken, and shown to who may see them")
        for name, why in sorted(refused.items()):
            table.add_row(Text(name), Text(f"refused as it should be: {why}"))
        self._console.print(table)

    def passed_over(self, passed: Sequence[tuple[str, str]]) -> None:
        """Files of the samples folder that were not played; of very many the first."""
        if not passed:
            return
        table = _table("Passed over", ("file", "why"))
        for name, why in passed[:MOST_FILES]:
            table.add_row(Text(name), Text(why))
        self._console.print(table)
        if len(passed) > MOST_FILES:
            self._console.print(f"… and {len(passed) - MOST_FILES:,} more.")

    def deeds(self, deeds: Sequence[Deed]) -> None:
        """The chapter of rights: what each did, what came of it, and whom that was told to."""
        if not deeds:
            return
        table = _table("Rights", ("who", "what", "what came of it", "e-mails", "trace"))
        for deed in deeds:
            traced = "-" if deed.trace is None else "yes" if deed.traced else "missing"
            table.add_row(*map(Text, (deed.who, deed.what, deed.came, str(deed.told or "-"), traced)))
        self._console.print(table)

    def verified(self, ledger: Ledger) -> None:
        """How often each step was verified."""
        table = _table("Verified", ("step", "times"))
        for step, count in ledger.verified.items():
            table.add_row(step, f"{count:,}")
        self._console.print(table)

    def times(self, ledger: Ledger) -> None:
        """How long each kind of request took."""
        table = _table("Times in ms", ("", "how many", "p50", "p99", "most"))
        for kind, values in ledger.milliseconds.items():
            figures = (percentile(values, 0.5), percentile(values, 0.99), max(values))
            table.add_row(kind, f"{len(values):,}", *(f"{figure:,.0f}" for figure in figures))
        self._console.print(table)

    def verdict(self, verdict: Verdict) -> None:
        """The checker's verdict over everything that the system holds: in short where it is good, whole where not."""
        if not verdict.ok:
            self._console.print(verdict)
            return
        looked_at = sum(found.looked_at for found in verdict.findings)
        told = (
            f"Checker: {len(verdict.findings)} claims hold, over {looked_at:,} things looked at: nothing lost, doubled,"
            " out of order or untraced, no identity where none may be."
        )
        self._console.print(told, soft_wrap=not self._console.is_terminal, highlight=False)

    def end(self, *, ok: bool, seconds: float) -> None:
        """The last line."""
        told = "every step was verified" if ok else "NOT every step was verified"
        self._console.print(Text(f"Demonstration over after {seconds:.0f} s: {told}.", style="green" if ok else "red"))


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for place, name in enumerate(columns):
        number = name in {
            "sent",
            "decided",
            "stored or read",
            "told",
            "traced",
            "times",
            "how many",
            "p50",
            "p99",
            "most",
            "e-mails",
        }
        table.add_column(name, justify="right" if number and place else "left", overflow="fold")
    return table
