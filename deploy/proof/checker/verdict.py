"""The verdict over a run: one line per claim, with what was counted and what contradicts it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from rich.table import Table

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One claim: what it says, over how many things it was looked at, and what contradicts it."""

    code: str
    """C1 to C10 of the table of claims."""
    claim: str
    looked_at: int
    faults: tuple[str, ...] = ()
    """The first contradictions; each names ids, never what describes a person."""
    fault_count: int = 0
    missing: str = ""
    """Why it is worth nothing that nothing contradicts it: there was nothing to look at although there should be."""

    @property
    def ok(self) -> bool:
        """True where nothing contradicts it and there was something to look at."""
        return not self.fault_count and not self.missing


def finding(
    code: str, claim: str, looked_at: int, faults: Iterable[str], *, needed: bool = False, produced: int = 0
) -> Finding:
    """A finding that is a fault, too, where there was nothing to look at although there should be.

    Args:
        code: C1 to C10.
        claim: What holds.
        looked_at: Over how many things it was looked at.
        faults: What contradicts it.
        needed: Every run has such things.
        produced: So many such things the run produced, by its own word or by that of another place.
    """
    found = list(faults)
    missing = ""
    if not looked_at and (needed or produced):
        missing = f"nothing looked at, though {produced:,} were produced" if produced else "nothing to look at"
    return Finding(code, claim, looked_at, tuple(found[:_SHOWN]), len(found), missing)


@dataclass(frozen=True)
class Verdict:
    """All findings of a run."""

    findings: tuple[Finding, ...]
    seconds: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """True where every claim holds."""
        return all(found.ok for found in self.findings)

    @property
    def reasons(self) -> list[str]:
        """What is wrong, one sentence each."""
        told = []
        for found in self.findings:
            if found.missing:
                told.append(f"{found.code} {found.claim}: {found.missing}")
            if found.fault_count:
                told.append(f"{found.code} {found.claim}: {found.fault_count} faults, first: {found.faults[0]}")
        return told

    def table(self) -> Table:
        """As a table for people."""
        table = Table(title=f"Verdict: {'every claim holds' if self.ok else 'FAULTS'}", title_justify="left")
        for name, how in (("", "left"), ("claim", "left"), ("looked at", "right"), ("faults", "right"), ("", "left")):
            table.add_column(name, justify=how)  # type: ignore[arg-type]
        for found in self.findings:
            told = "\n".join(found.faults) or found.missing
            style = None if found.ok else "red"
            table.add_row(found.code, found.claim, f"{found.looked_at:,}", str(found.fault_count), told, style=style)
        return table

    def __rich__(self) -> Table:
        """Lets rich print it."""
        return self.table()

    def __str__(self) -> str:
        """Plain lines, for logs and assertions."""
        lines = [
            f"{'ok   ' if found.ok else 'FAULT'} {found.code} {found.claim} ({found.looked_at})"
            for found in self.findings
        ]
        return "\n".join([*lines, *self.reasons])
