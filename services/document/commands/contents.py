"""`carnet content`: verify contents, rotate keys, collect what is of no use any more; all beside a running system."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from services.document.content import FileContent
    from services.document.repository import Verified
    from services.document.settings import Settings
    from shared.database import Database
    from shared.database.key_rotation import Told
    from shared.security import FileKeyProvider

T = TypeVar("T")

content = typer.Typer(no_args_is_help=True, help="The content store: verify it, rotate its keys, collect.")

out = Console()
errors = Console(stderr=True)

_SAMPLE: Final = 1000
_POOL: Final = 4


class NoPlaceError(Exception):
    """Database, keys or content store are not named."""


@dataclass(frozen=True, slots=True)
class Place:
    """What the verbs work on."""

    database: "Database"
    content: "FileContent"
    settings: "Settings"

    def provider(self, current: str = "") -> "FileKeyProvider":
        """The service's key-encryption keys (KEK); `current` instead of the one that its settings name."""
        from shared.security import FileKeyProvider  # noqa: PLC0415 - as in `_opened`

        if self.settings.keys_dir is None:
            raise NoPlaceError("no keys: set CARNET_KEYS_DIR to the folder with this service's <kek id>.key files")
        return FileKeyProvider(self.settings.keys_dir, current or self.settings.keys_current)


@content.command()
def verify(
    *,
    sample: Annotated[int, typer.Option("--sample", min=1, help="Contents drawn at random.", metavar="N")] = _SAMPLE,
    whole: Annotated[bool, typer.Option("--all", help="Every content instead.")] = False,
) -> None:
    """Read, open and hash contents, and compare them with what their documents say; exits 0 only if all are whole."""

    async def work(place: Place) -> "Verified":
        from services.document.repository import Verification  # noqa: PLC0415
        from shared.database.record_keys import RecordKeys  # noqa: PLC0415

        verification = Verification(place.database, place.content, RecordKeys(place.provider()))
        with _progress("contents") as tell:
            if whole:
                return await verification.all(lambda so_far: tell(so_far.seen))
            return await verification.sample(sample, lambda so_far: tell(so_far.seen))

    verified = _do(work)
    _show(("state", "contents"), [(state.value, count) for state, count in sorted(verified.states.items())])
    if not verified.ok:
        _show(("document", "state"), [(str(document), state.value) for document, state in verified.named])
        _fail("Not all contents are whole: restore those of these documents from a backup of the content store.")
    _say(f"{verified.seen} contents are whole.")


@content.command("rotate-keys")
def rotate_keys(
    *,
    to: Annotated[
        str, typer.Option("--to", help="KEK to wrap by; made where there is none. Default: CARNET_KEYS_CURRENT.")
    ] = "",
    retire: Annotated[
        str, typer.Option("--retire", help="Then destroy this KEK, unless it wraps new keys or any key.")
    ] = "",
) -> None:
    """Wrap every record's key of document by the present key-encryption key (KEK); contents stay as they are.

    Interrupted, it is run again. A new KEK: `--to kek-2`, then CARNET_KEYS_CURRENT=kek-2 and a restart of the service's
    processes, then once more with `--retire kek-1`. What a retired KEK wrapped is unreadable for ever, in backups, too.
    """

    async def work(place: Place) -> "Told":
        from shared.database.key_rotation import Retirement, Rotation, StillWrappedError  # noqa: PLC0415

        if retire and retire == place.settings.keys_current:
            raise StillWrappedError(f"{retire} is not retired: by CARNET_KEYS_CURRENT it wraps new keys")
        if to and place.provider().add(to):
            _say(f"Made the key-encryption key {to}: back it up apart from database and contents.")
        provider = place.provider(to)
        with _progress("keys") as tell:
            told = await Rotation(place.database, provider).whole(lambda so_far: tell(so_far.seen))
        if retire and not told.unopened.total():
            await Retirement(place.database, provider).retire(retire)
        return told

    told = _do(work)
    _show(("keys", "count"), [("looked at", told.seen), ("wrapped anew", told.rewrapped)])
    if told.unopened.total():
        _show(("KEK", "keys that do not open"), [(kek, count) for kek, count in told.unopened.items() if count])
        _fail("These keys were altered: restore them from a backup. Nothing was retired.")
    if retire:
        _say(f"{retire} is destroyed: what it wrapped in backups is unreadable.")


@content.command()
def collect() -> None:
    """Remove now what the service removes little by little: of deleted records, refused deposits, of no document."""

    async def work(place: Place) -> "Iterable[tuple[str, int]]":
        from services.document.repository import Collection  # noqa: PLC0415

        settings = place.settings
        removed = await Collection(
            place.database,
            place.content,
            refused_s=settings.refused_kept_s,
            orphan_s=settings.orphan_age_s,
            consulted_s=settings.consulted_kept_s,
        ).whole()
        return (
            ("contents of deleted records", removed.discarded),
            ("refused deposits", removed.refused),
            ("contents of no document", removed.orphans),
            ("used permits", removed.permits),
        )

    _show(("removed", "count"), _do(work))


def _do(work: Callable[[Place], Awaitable[T]]) -> T:
    """Work on the service's database and content store; what is expected to go wrong is told in a line."""
    from shared.database.key_rotation import StillWrappedError  # noqa: PLC0415 - as below
    from shared.security import SecurityError  # noqa: PLC0415

    async def worked() -> T:
        async with _opened() as place:
            return await work(place)

    try:
        return asyncio.run(worked())
    except (NoPlaceError, StillWrappedError, SecurityError) as error:
        _fail(f"{error}.")
    except Exception as error:
        from shared.database import is_refusal, is_transient  # noqa: PLC0415

        if not (is_refusal(error) or is_transient(error)):
            raise
        _fail(
            f"The database or the content store of document does not answer or refuses ({type(error).__name__}: "
            f"{error}). Is the system up (`carnet status`), are CARNET_DATABASE_URL, its password and "
            "CARNET_CONTENT_DIR right? Then run the same again: what is done stays done."
        )


@asynccontextmanager
async def _opened() -> AsyncIterator[Place]:
    # late: other verbs of `carnet` need not import the clients of database and broker
    from services.document.content import FileContent  # noqa: PLC0415
    from services.document.settings import Settings  # noqa: PLC0415
    from shared.database import Database  # noqa: PLC0415
    from shared.errors import secret_in  # noqa: PLC0415

    settings = Settings()
    if not settings.database_url:
        raise NoPlaceError("no database is named: start the system with `carnet up`, or set CARNET_DATABASE_URL")
    if not settings.content_dir.is_dir():  # opening it would make an empty one, where everything is missing
        raise NoPlaceError("there is no content store here: set CARNET_CONTENT_DIR to its folder")
    password = secret_in(settings.database_password_file, "CARNET_DATABASE_PASSWORD_FILE")
    database = Database(settings.database_url, password, pool=_POOL)
    store = FileContent(settings.content_dir, settings.content_threads)
    try:
        await database.open()
        yield Place(database, store, settings)
    finally:
        await store.close()
        await database.close()


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int], None]]:
    """Shows on the standard error how many there were so far."""
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} {task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=errors) as shown:
        task = shown.add_task(what, total=None)
        yield lambda count: shown.update(task, completed=count)


def _show(columns: Iterable[str], rows: Iterable[tuple[str, object]]) -> None:
    made = Table(box=None, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, overflow="fold")
    for name, value in rows:
        made.add_row(name, str(value))
    out.print(made)


def _say(text: str) -> None:
    out.print(text, highlight=False, soft_wrap=True, markup=False)


def _fail(text: str) -> NoReturn:
    errors.print(text, style="red", highlight=False, soft_wrap=True, markup=False)
    raise typer.Exit(1)
