"""`carnet case`, contested accesses and their answers; `carnet actor`, who is suspended."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from services.access_control.commands.console import By, do, fail, keys, on, operator, say, show, who
from services.access_control.domain.matrix_schedule import told

if TYPE_CHECKING:
    from services.access_control.repository import Contests, Suspensions
    from services.access_control.settings import Settings
    from shared.database import Database


case = typer.Typer(no_args_is_help=True, help="Accesses that holders contest, and the answers.")
actor = typer.Typer(no_args_is_help=True, help="Professionals and structures that are suspended: denied everything.")

Number = Annotated[str, typer.Argument(help="Directory number of a professional or a structure.", metavar="NUMBER")]


@case.command("list")
def show_cases(
    *,
    answered: Annotated[bool, typer.Option("--all", help="Answered ones, too.")] = False,
    structure: Annotated[str, typer.Option("--structure", help="Only of this structure.")] = "",
) -> None:
    """Show the cases that wait for an answer, in the order in which they are due."""
    found = on(_contests, lambda contests: contests.listed(answered=answered, structure=structure))
    rows = [
        (
            *(one.id, one.request, one.record, one.professional, one.structure, told(one.opened_at), told(one.due)),
            one.finding or ("OVERDUE" if one.overdue else "waiting"),
            "yes" if one.written else "",
        )
        for one in found
    ]
    columns = ("case", "access", "record", "professional", "structure", "opened", "due", "state", "text kept")
    show(columns, rows, "No case waits for an answer.")


@case.command()
def structures() -> None:
    """Count the cases of each structure: waiting, overdue, founded, suspended."""
    found = on(_contests, lambda contests: contests.by_structure())
    columns = ("structure", "cases", "waiting", "overdue or late", "founded", "suspended")
    rows = [
        (one.structure or "unknown", one.cases, one.waiting, one.overdue, one.founded, one.suspended) for one in found
    ]
    show(columns, rows, "Nobody has contested an access.")


@case.command()
def answer(
    identity: Annotated[UUID, typer.Argument(help="The case, as `carnet case list` names it.", metavar="CASE")],
    *,
    founded: Annotated[bool, typer.Option("--founded/--unfounded", help="Whether the access or deposit was wrong.")],
    text: Annotated[str, typer.Option("--text", help="The answer that the holder reads; kept encrypted.")],
    suspend: Annotated[bool, typer.Option("--suspend", help="Suspend the professional: denied everything.")] = False,
    by: By = "",
) -> None:
    """Answer a case. The holder is told that there is an answer, and reads it in the record.

    By a founded case about a deposit another operator may delete that document.
    """
    author = operator(who(by))
    if suspend and not founded:
        raise typer.BadParameter("--suspend goes with --founded: nobody is suspended for an access that was right")
    if not text.strip():
        raise typer.BadParameter("an answer says something: --text is empty")
    from services.access_control.repository.contests import Answer, AnswerError, Finding  # noqa: PLC0415

    given = Answer(author, Finding.FOUNDED if founded else Finding.UNFOUNDED, text.strip(), suspends=suspend)

    async def answered(database: "Database", settings: "Settings") -> None:
        from services.access_control.repository import Contests, Sending  # noqa: PLC0415 - as in `console`

        await Contests(database, keys(settings)).answer(identity, given, await Sending.of(database))

    do(answered, AnswerError)
    say("Answered." + (" The professional is suspended: denied from the next decision on." if suspend else ""))


@actor.command("suspend")
def suspend_actor(
    number: Number,
    *,
    why: Annotated[str, typer.Option("--why", help="Why, for whoever looks at it later.")],
    by: By = "",
) -> None:
    """Suspend a professional or a structure: denied everything from the next decision on."""
    author = who(by)
    if not on(_suspensions, lambda suspensions: suspensions.suspend(number, author, why)):
        fail(f"{number} is suspended already; see carnet actor list.")
    say(f"{number} is suspended. To end it: carnet actor readmit {number}")


@actor.command()
def readmit(number: Number, by: By = "") -> None:
    """End a suspension: what holders decided counts again."""
    author = who(by)
    if not on(_suspensions, lambda suspensions: suspensions.end(number, author)):
        fail(f"{number} is not suspended; see carnet actor list.")
    say(f"{number} is no longer suspended.")


@actor.command("list")
def show_suspensions(
    *, ended: Annotated[bool, typer.Option("--all", help="Those that have ended, too.")] = False
) -> None:
    """Show who is suspended, since when and why."""
    found = on(_suspensions, lambda suspensions: suspensions.listed(ended=ended))
    rows = [
        (
            one.actor,
            told(one.suspended_at),
            one.suspended_by,
            one.why,
            told(one.ended_at) if one.ended_at else "in force",
        )
        for one in found
    ]
    show(("number", "since", "by", "why", "until"), rows, "Nobody is suspended.")


def _contests(database: "Database", settings: "Settings") -> "Contests":
    from services.access_control.repository import Contests  # noqa: PLC0415 - as in `console`

    return Contests(database, keys(settings))


def _suspensions(database: "Database", _: "Settings") -> "Suspensions":
    from services.access_control.repository import Suspensions  # noqa: PLC0415 - as in `console`

    return Suspensions(database)
