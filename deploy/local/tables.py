"""What `carnet` shows as tables."""

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from deploy.local.home import Told

if TYPE_CHECKING:
    from deploy.local.follow import Fact

_STATES = {"ready": "green", "starting": "yellow", "not ready": "yellow", "waiting to restart": "red", "stopped": "red"}


def processes(found: list[Told]) -> Table:
    """The processes of a system."""
    table = Table("process", "state", "address", "pid", "restarts", box=None, padding=(0, 2))
    for told in found:
        colour = _STATES.get(told.state, "")
        state = f"[{colour}]{told.state}[/{colour}]" if colour else told.state
        table.add_row(told.name, state, told.address, str(told.pid or ""), str(told.restarts))
    return table


def course(facts: "list[Fact]") -> Table:
    """What is known of one request, with times."""
    table = Table("time (UTC)", "after ms", "service", "what", "more", box=None, padding=(0, 2))
    for fact in facts:
        after = (fact.at - facts[0].at).total_seconds() * 1000
        cells = (f"{fact.at:%d %H:%M:%S.%f}"[:-3], f"{after:.1f}", fact.service, fact.what, fact.told)
        table.add_row(*map(escape, cells))
    return table


def cast() -> Table:
    """The test people."""
    from deploy.local.identity.cast import CAST  # noqa: PLC0415

    table = Table("name", "who", box=None, padding=(0, 2))
    for member in CAST.values():
        table.add_row(member.name, member.about)
    table.add_row("patient", "a patient of a sample, with --ins <15 characters>")
    return table
