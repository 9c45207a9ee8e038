"""The verbs of one service's parked messages: `python -m services.NAME parked {list|show|replay|discard}`.

They work with the service's own settings, on its database and through its own handlers. `carnet parked` runs them for
the services of the local system.

Exit codes: 0 done, 1 refused (why, and what is expected, on the standard error), 2 wrong use.
"""

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Annotated, NoReturn, TypeVar
from uuid import UUID

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shared.contracts.common import Actor, ActorKind
from shared.contracts.envelope import Envelope
from shared.database import is_refusal, is_transient
from shared.messaging import Fate, Parked, ParkedMessages, Told
from shared.security import SecurityError

T = TypeVar("T")
Opened = Callable[[], AbstractAsyncContextManager[ParkedMessages]]
"""Opens the parked messages of a service."""

MOST = 200

Ids = Annotated[list[UUID] | None, typer.Argument(help="Messages, as `list` names them.", metavar="[ID]...")]
Topic = Annotated[str, typer.Option("--topic", help="Only of this topic.")]
Why = Annotated[str, typer.Option("--why", help="Why, for whoever looks at it later; names nobody.")]
By = Annotated[str, typer.Option("--by", help="Who does it, as a code; by default the user of this machine.")]

out = Console()
errors = Console(stderr=True)


class UnusableError(Exception):
    """The service can't be put together with these settings, or not on this database; the text says why."""


def verbs(service: str, opened: Opened) -> typer.Typer:
    """The verbs over one service's parked messages."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help=f"Messages that {service} could not handle, kept encrypted until they are replayed or discarded.",
    )

    def do(work: Callable[[ParkedMessages], Awaitable[T]]) -> T:
        return _done(opened, work)

    @app.command("list")
    def show_all(
        *,
        topic: Topic = "",
        resolved: Annotated[bool, typer.Option("--all", help="Replayed and discarded ones, too.")] = False,
        most: Annotated[int, typer.Option("--most", min=1, help="So many at most.")] = MOST,
    ) -> None:
        """Show what is parked, in the order in which it is to be replayed."""
        _show(service, do(lambda messages: messages.listed(resolved=resolved, topic=topic, most=most)), most)

    @app.command()
    def show(identity: Annotated[UUID, typer.Argument(metavar="ID")]) -> None:
        """Show all that is known of a message but its content: its envelope leads through logs and traces."""
        found = do(lambda messages: messages.shown(identity))
        if found is None:
            _fail(f"{service} has no parked message {identity}; see `list`.")
        _describe(*found)

    @app.command()
    def replay(
        ids: Ids = None,
        *,
        why: Why,
        topic: Topic = "",
        apply: Annotated[bool, typer.Option("--apply", help="Do it; without, only what would come of it.")] = False,
        by: By = "",
    ) -> None:
        """Have messages handled once more, in their order: those named, or with --topic all open ones of a topic."""
        if bool(ids) == bool(topic):
            raise typer.BadParameter("name either messages or, with --topic, a topic")
        author, reason = _code(by), _said(why)
        _tell(do(lambda messages: _replayed(messages, ids or (), topic, author, reason, rehearse=not apply)))

    @app.command()
    def discard(ids: Annotated[list[UUID], typer.Argument(metavar="ID...")], *, why: Why, by: By = "") -> None:
        """Give messages up for good: nothing will come of them."""
        author, reason = _code(by), _said(why)
        _tell(do(lambda messages: _discarded(messages, ids, author, reason)))

    return app


async def _replayed(
    messages: ParkedMessages, ids: Sequence[UUID], topic: str, by: str, why: str, *, rehearse: bool
) -> list[tuple[UUID, Told]]:
    wanted = ids or [row.id for row in await messages.listed(topic=topic, most=MOST)]
    return [(one, await messages.replay(one, by, why, rehearse=rehearse)) for one in wanted]


async def _discarded(messages: ParkedMessages, ids: Sequence[UUID], by: str, why: str) -> list[tuple[UUID, Told]]:
    return [(one, await messages.discard(one, by, why)) for one in ids]


def _done(opened: Opened, work: Callable[[ParkedMessages], Awaitable[T]]) -> T:
    """Work on a service's parked messages; what is expected to go wrong is told in a line."""

    async def worked() -> T:
        async with AsyncExitStack() as stack:
            try:
                messages = await stack.enter_async_context(opened())
            except (ValueError, RuntimeError, SecurityError) as error:
                raise UnusableError(str(error)) from None
            return await work(messages)

    try:
        return asyncio.run(worked())
    except UnusableError as error:
        _fail(f"{error}.")
    except Exception as error:
        if not (is_refusal(error) or is_transient(error)):
            raise
        _fail(
            f"The database does not answer or refuses ({type(error).__name__}: {error}). Ask again: what was "
            "done is not done twice. Are CARNET_DATABASE_URL and its password right, were the migrations run?"
        )


def _said(why: str) -> str:
    if not why.strip():
        raise typer.BadParameter("a reason says something: --why is empty")
    return why.strip()


def _code(by: str) -> str:
    """Who does it, as messages and logs name an operator."""
    try:
        name = by or getpass.getuser()
        Actor(kind=ActorKind.OPERATOR, number=name)
    except (KeyError, OSError):
        _fail("Who does it? This machine has no name for its user: add --by CODE.")
    except ValidationError:
        raise typer.BadParameter("--by is a code of letters, digits, `-`, `_` or `.`") from None
    return name


def _describe(row: Parked, envelope: Envelope | None) -> None:
    told: dict[str, object] = row._asdict()
    if envelope is not None:
        told |= {"type": envelope.type, "message": envelope.id, "correlation": envelope.correlation}
    for name, value in told.items():
        _say(f"{name:<14} {'' if value is None else value}")


def _show(service: str, rows: Sequence[Parked], most: int) -> None:
    if not rows:
        _say(f"{service}: nothing is parked.")
        return
    table = Table(title=f"{service}", title_justify="left", box=None, padding=(0, 2, 0, 0))
    columns = ("id", "topic", "partition", "offset", "number", "reason", "since", "attempts", "state")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        since = f"{row.first_seen:%Y-%m-%d %H:%M:%S}"
        state = f"{row.resolution} by {row.resolved_by}" if row.resolution else "open"
        cells = (row.id, row.topic, row.partition, row.offset, row.number, row.reason, since, row.attempts, state)
        table.add_row(*(escape("" if cell is None else str(cell)) for cell in cells))
    out.print(table)
    if len(rows) == most:
        _say(f"These are the first {most}; there may be more: --most.")


def _tell(told: Sequence[tuple[UUID, Told]]) -> None:
    """Say what became of each message; the exit code says whether all went as asked."""
    for identity, one in told:
        _say(f"{identity} {one.fate}: {one.sentence}")
    if any(one.fate is Fate.REFUSED for _, one in told):
        raise typer.Exit(1)
    if any(one.fate is Fate.WOULD_BE for _, one in told):
        _say("Nothing was changed. To do it, add --apply.")


def _say(text: str) -> None:
    out.print(text, highlight=False, soft_wrap=True, markup=False)


def _fail(text: str) -> NoReturn:
    errors.print(text, style="red", highlight=False, soft_wrap=True, markup=False)
    raise typer.Exit(1)
