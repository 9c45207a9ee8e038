"""What the verbs share: the service's database, what is said, and how a refusal ends."""

import asyncio
import getpass
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from services.access_control.domain.matrix_schedule import MomentError, moment

if TYPE_CHECKING:
    from services.access_control.settings import Settings
    from shared.contracts.common import Actor
    from shared.database import Database
    from shared.database.record_keys import RecordKeys

S = TypeVar("S")
T = TypeVar("T")

out = Console()
errors = Console(stderr=True)

By = Annotated[str, typer.Option("--by", help="Who does it; by default the user of this machine.")]


class NoDatabaseError(Exception):
    """No database is named."""


def do(work: "Callable[[Database, Settings], Awaitable[T]]", *expected: type[Exception]) -> T:
    """Work on the service's database; what is expected to go wrong is told in a line."""
    refusals: tuple[type[Exception], ...] = (NoDatabaseError, *expected)
    try:
        return asyncio.run(_with_database(work))
    except refusals as error:
        fail(f"{error}.")
    except Exception as error:
        from shared.database import is_refusal, is_transient  # noqa: PLC0415 - as below

        if not (is_refusal(error) or is_transient(error)):
            raise
        fail(
            f"The database of access_control does not answer or refuses ({type(error).__name__}: {error}). Is the "
            "system up (`carnet status`), are CARNET_DATABASE_URL and its password right, were the migrations run?"
        )


def on(store: "Callable[[Database, Settings], S]", work: Callable[[S], Awaitable[T]], *expected: type[Exception]) -> T:
    """Work on what `store` builds over the service's database; as `do`."""

    async def worked(database: "Database", settings: "Settings") -> T:
        return await work(store(database, settings))

    return do(worked, *expected)


async def _with_database(work: "Callable[[Database, Settings], Awaitable[T]]") -> T:
    async with _opened() as (database, settings):
        return await work(database, settings)


@asynccontextmanager
async def _opened() -> "AsyncIterator[tuple[Database, Settings]]":
    # late: other verbs of `carnet` need not import the clients of database and broker
    from services.access_control.settings import Settings  # noqa: PLC0415
    from shared.database import Database  # noqa: PLC0415
    from shared.errors import secret_in  # noqa: PLC0415

    settings = Settings()
    if not settings.database_url:
        raise NoDatabaseError("no database is named: start the system with `carnet up`, or set CARNET_DATABASE_URL")
    password = secret_in(settings.database_password_file, "CARNET_DATABASE_PASSWORD_FILE")
    database = Database(settings.database_url, password, pool=2)
    try:
        await database.open()
        yield database, settings
    finally:
        await database.close()


def moment_of(text: str) -> datetime:
    """A moment that a person wrote."""
    try:
        return moment(text)
    except MomentError as error:
        fail(f"{error}.")


def who(by: str) -> str:
    """Who does it."""
    try:
        return by or getpass.getuser()
    except (KeyError, OSError):
        fail("Who does it? This machine has no name for its user: add --by NAME.")


def operator(name: str) -> "Actor":
    """Who does it, as messages name an operator."""
    from pydantic import ValidationError  # noqa: PLC0415 - as above

    from shared.contracts.common import Actor, ActorKind  # noqa: PLC0415

    try:
        return Actor(kind=ActorKind.OPERATOR, number=name, authenticated=True)
    except ValidationError:
        fail(f"{name!r} can't stand in a trace: expected a code of letters, digits, `-`, `_` or `.`; add --by CODE.")


def keys(settings: "Settings") -> "RecordKeys":
    """The keys of records, which texts are encrypted under."""
    from shared.database.record_keys import RecordKeys  # noqa: PLC0415 - as above
    from shared.security import FileKeyProvider  # noqa: PLC0415

    if settings.keys_dir is None:
        fail("No keys: set CARNET_KEYS_DIR to the folder with this service's <kek id>.key files.")
    return RecordKeys(FileKeyProvider(settings.keys_dir, settings.keys_current))


def table(*columns: str) -> Table:
    """An empty table with these columns."""
    made = Table(box=None, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def show(columns: Sequence[str], rows: Sequence[Sequence[object]], nothing: str) -> None:
    """A table of plain texts; a sentence where it would be empty."""
    if not rows:
        say(nothing)
        return
    made = table(*columns)
    for row in rows:
        made.add_row(*(escape("" if cell is None else str(cell)) for cell in row))
    out.print(made)


def say(text: str) -> None:
    """A line for whoever asked."""
    out.print(text, highlight=False, soft_wrap=True, markup=False)


def fail(text: str) -> NoReturn:
    """Why it is refused, and the end."""
    errors.print(text, style="red", highlight=False, soft_wrap=True, markup=False)
    raise typer.Exit(1)
