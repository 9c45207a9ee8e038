"""`carnet review`: accesses out of the usual (AR-062), what was decided then, and what was found."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from services.access_control.commands.console import By, do, fail, keys, on, operator, say, show, who
from services.access_control.domain.matrix_schedule import told

if TYPE_CHECKING:
    from services.access_control.repository import Reviews
    from services.access_control.settings import Settings
    from shared.database import Database


review = typer.Typer(no_args_is_help=True, help="Accesses out of the usual: what an operator looks at.")

Id = Annotated[UUID, typer.Argument(help="The review, as `carnet review list` names it.", metavar="REVIEW")]


@review.command("list")
def show_reviews(
    *,
    closed: Annotated[bool, typer.Option("--all", help="Closed ones, too.")] = False,
    actor: Annotated[str, typer.Option("--actor", help="Only of this professional.")] = "",
) -> None:
    """Show the reviews that are open, the last ones first."""
    found = on(_reviews, lambda reviews: reviews.listed(closed=closed, actor=actor))
    columns = ("review", "kind", "professional", "period from", "counted", "usual up to", "finding", "by")
    rows = [
        (one.id, one.kind, one.actor, told(one.period), one.counted, one.usual, one.finding or "open", one.closed_by)
        for one in found
    ]
    show(columns, rows, "Nothing is to be reviewed.")


@review.command("show")
def show_review(identity: Id) -> None:
    """Show what was decided for the professional in that period, as far as decisions are kept."""
    seen = on(_reviews, lambda reviews: reviews.seen(identity))
    if seen is None:
        fail(f"There is no review {identity}; see carnet review list.")
    rows = [
        (told(one.decided_at), one.record, one.request, one.outcome, one.reason, one.emergency, one.written or None)
        for one in seen
    ]
    columns = ("decided", "record", "request", "outcome", "reason", "emergency", "text kept")
    show(columns, rows, "No decision of that period is kept any more.")


@review.command("text")
def read_text(
    request: Annotated[UUID, typer.Argument(help="The request, as `carnet review show` names it.", metavar="REQUEST")],
    by: By = "",
) -> None:
    """Read what was written beside the reason of an emergency. It is traced in the record who read it."""
    author = operator(who(by))

    async def read(database: "Database", settings: "Settings") -> str | None:
        from services.access_control.repository import Sending, Written  # noqa: PLC0415 - as in `console`

        return await Written(database, keys(settings)).read(request, author, await Sending.of(database))

    text = do(read)
    if text is None:
        fail(f"No text is kept of {request}.")
    say(text)


@review.command("close")
def close_review(
    identity: Id,
    *,
    founded: Annotated[bool, typer.Option("--founded/--unfounded", help="Whether something was wrong.")],
    by: By = "",
) -> None:
    """Close a review with what was found."""
    author = who(by)
    if not on(_reviews, lambda reviews: reviews.close(identity, author, founded=founded)):
        fail(f"There is no open review {identity}; see carnet review list.")
    say(f"Closed as {'founded' if founded else 'unfounded'}.")


def _reviews(database: "Database", _: "Settings") -> "Reviews":
    from services.access_control.repository import Reviews  # noqa: PLC0415 - as in `console`

    return Reviews(database)
