"""`carnet app`: the register of apps and digital services (AR-067)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from services.access_control.commands.console import By, fail, on, say, show, who
from services.access_control.domain import register as rules
from services.access_control.domain.matrix_schedule import told
from services.access_control.domain.register import AppState, Entry, RegisterError
from shared.contracts.record_requests import AppScope
from shared.terminology import document_type

if TYPE_CHECKING:
    from services.access_control.repository import Register
    from services.access_control.settings import Settings
    from shared.database import Database


app = typer.Typer(no_args_is_help=True, help="Apps and digital services: which are referenced, and for what.")

Code = Annotated[str, typer.Argument(help="The app's code, as it stands in its tokens.", metavar="APP")]
Why = Annotated[str, typer.Option("--why", help="Why, for whoever looks at the register later.")]


@app.command()
def register(
    code: Code,
    *,
    name: Annotated[str, typer.Option("--name", help="Its name, as people know it.")],
    scope: Annotated[list[AppScope], typer.Option("--scope", help="What holders may agree on with it; repeatable.")],
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Only documents of these types; by default of every type.")
    ] = None,
    why: Why = "",
    by: By = "",
) -> None:
    """Register an app, or change what it is registered for. Nothing is permitted to it before it is reviewed."""
    for one in types or ():
        if document_type(one) is None:
            fail(f"{one} is no document type; expected a code like 11502-2.")
    asked = Entry(code, AppState.REGISTERED, name, frozenset(scope), frozenset(types) if types else None, who(by), why)
    _decide(code, lambda last: rules.register(last, asked))
    say(f"{code} is registered. It is denied until somebody has reviewed it: carnet app review {code}")


@app.command()
def review(code: Code, *, why: Why = "", by: By = "") -> None:
    """Reference a registered app, or re-admit a suspended one: holders may agree with it from now on."""
    author = who(by)
    entry = _decide(code, lambda last: rules.review(code, last, author, why))
    say(f"{code} is referenced for {', '.join(sorted(entry.scopes))}.")


@app.command()
def suspend(code: Code, *, why: Why = "", by: By = "") -> None:
    """Suspend an app: it is denied at the next decision, whatever holders agreed. Their agreements are kept."""
    author = who(by)
    _decide(code, lambda last: rules.suspend(code, last, author, why))
    say(f"{code} is suspended: denied from the next decision on. To re-admit it: carnet app review {code}")


@app.command("list")
def show_register(code: Annotated[str, typer.Argument(help="Only this app, with its history.")] = "") -> None:
    """Show the register; of one app everything that was ever decided."""
    entries = on(_register, lambda register: register.history(code) if code else register.entries(), RegisterError)
    if code and not entries:
        fail(f"{code} is not registered.")
    columns = ("app", "state", "name", "scopes", "types", "decided", "by", "why")
    show(columns, [_row(entry) for entry in entries], "No app is registered: every app is denied.")


def _row(entry: Entry) -> tuple[object, ...]:
    types = "every" if entry.types is None else ", ".join(sorted(entry.types))
    at = told(entry.at) if entry.at else None
    return entry.app, entry.state, entry.name, ", ".join(sorted(entry.scopes)), types, at, entry.by, entry.why


def _decide(code: str, decision: Callable[[Entry | None], Entry]) -> Entry:
    entry: Entry = on(_register, lambda register: register.decide(code, decision), RegisterError)
    return entry


def _register(database: "Database", _: "Settings") -> "Register":
    from services.access_control.repository import Register  # noqa: PLC0415 - as in `console`

    return Register(database)
