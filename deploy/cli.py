"""The command `carnet`: starts and ends the local system, shows what it does, gives tokens of its test people.

The services' own commands stand beside these (`services/<service>/commands/`).
"""

import importlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn
from uuid import UUID

import typer
from rich.console import Console

from deploy.local import logs as log_files
from deploy.local import tables, tokens
from deploy.local.home import AlreadyUpError, Home, NotAHomeError
from deploy.local.options import Options
from deploy.local.parked import parked
from services.access_control import commands as access_control
from services.document import commands as document
from services.gateway import commands as gateway
from shared.contracts.topics import ACCESS_CONTROL, DOCUMENT, GATEWAY, SERVICES

if TYPE_CHECKING:
    pass

_DOWN_TIMEOUT_S = 90.0
_CURTAIN_S = 5.0
"""For an interrupted demonstration to say so."""
_UP_TIMEOUT_S = 600.0
"""The first start fetches Kafka."""

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
out = Console()
errors = Console(stderr=True)

Replicas = Annotated[int, typer.Option(min=1, max=8, help="Processes per service.")]


@app.command()
def up(
    *,
    replicas: Replicas = 1,
    detach: Annotated[
        bool, typer.Option("--detach", help="Come back when all are ready; the system stays up.")
    ] = False,
    bare: Annotated[bool, typer.Option("--bare", help="No services: for running them by hand.")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Play the demonstration, then stay up.")] = False,
) -> None:
    """Start the system and keep it running until Ctrl-C; where it is up already, say so (and play, if asked)."""
    home = Home()
    if demo and bare:
        _fail("The demonstration needs the services: leave out --bare or --demo.")
    if home.is_up or detach:
        if home.is_up:
            out.print(f"Carnet is up already in {home.folder}.")
            _show(home)
        else:
            _detached(home, replicas, bare=bare)
        if demo:
            _play_beside(home)
    else:
        with _ended_by_signals() as interrupted:
            options = Options(replicas=replicas, services=() if bare else SERVICES)
            _run(home, options, interrupted, _demonstration(interrupted) if demo else None)


@app.command("demo")
def demonstration() -> None:
    """Play the demonstration on a system of its own; exits 0 only if every step was verified."""
    with tempfile.TemporaryDirectory(prefix="carnet-demo-") as folder, _ended_by_signals() as interrupted:
        result = _run(Home(Path(folder) / "home"), Options(), interrupted, _demonstration(interrupted), stay=False)
    raise typer.Exit(0 if result else 1)


@app.command()
def status() -> None:
    """Show each process: state, address, restarts, log. Exits 1 where nothing is up or not all is ready."""
    home = Home()
    state = home.state()
    if state is None:
        out.print(f"Carnet is not up ({home.folder}). Start it with `carnet up`.")
        raise typer.Exit(1)
    _show(home)
    raise typer.Exit(0 if state["ready"] else 1)


@app.command()
def logs(
    service: Annotated[str, typer.Argument(help="A process of `carnet status`, or `mail` for the messages.")] = "",
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Last lines of each log.")] = 50,
) -> None:
    """Show the logs of one process or of all; `carnet logs mail` shows the messages that left."""
    home = Home()
    if service == "mail":
        log_files.show_mail(home.mail, out)
        return
    files = log_files.find(home.logs, service)
    if not files:
        known = ", ".join(sorted(path.stem for path in home.logs.glob("*.log"))) or "none yet"
        _fail(f"No log of {service or 'anything'} in {home.logs}; known: {known}.")
    try:
        log_files.show(files, lines, sys.stdout)
        if follow:
            log_files.follow(files, sys.stdout)
    except KeyboardInterrupt:
        return


@app.command("follow")
def follow_one(
    correlation: Annotated[UUID, typer.Argument(help="A deposit's id (the header Carnet-Deposit), or a request's.")],
) -> None:
    """Show what every service's database and log know of one deposit or request, in the order of time."""
    from deploy.local import follow, secrets  # noqa: PLC0415 - other verbs need no client of a database

    home = Home()
    state = home.state()
    if state is None:
        _fail("Carnet is not up, so its databases can't be asked. Start it with `carnet up`.")
    passwords = secrets.Secrets(home.secrets).postgres_passwords()
    passwords.pop(GATEWAY, None)  # it owns no database
    try:
        known = follow.in_databases(f"postgresql://{state['addresses']['postgres']}", passwords, correlation)
    except follow.UnaskedError as error:
        _fail(str(error))
    facts = sorted([*known, *follow.in_logs(home.logs, correlation)])
    if not facts:
        _fail(f"Nobody knows {correlation}: outboxes tell of the last 30 days.")
    out.print(tables.course(facts))


@app.command()
def down(
    *,
    wipe: Annotated[
        bool,
        typer.Option(
            "--wipe",
            help="Also remove the system's folder: data, secrets, logs. What is in servers that CARNET_KAFKA and "
            "CARNET_POSTGRES named stays there, and is told.",
        ),
    ] = False,
) -> None:
    """End the system, in order."""
    home = Home()
    state = home.state()
    if home.is_up and state is None:
        _fail("Carnet is up but does not say its process: it is just starting. Try again in a moment.")
    if state is not None:
        os.kill(int(state["pid"]), signal.SIGTERM)
        _wait(lambda: not home.is_up, _DOWN_TIMEOUT_S, "Carnet has not ended: see its terminal or its logs.")
        out.print("Carnet is down.")
    elif not wipe:
        out.print("Carnet was not up.")
    if wipe:
        others = home.servers()
        _guarded(home.wipe)
        out.print(f"Removed {home.folder}.")
        for server, places in others.items():
            _stays(server, places)


@app.command()
def token(
    name: Annotated[str, typer.Option("--as", help="A member of the cast; without one, they are listed.")] = "",
    *,
    raw: Annotated[bool, typer.Option("--raw", help="The token alone.")] = False,
    ins: Annotated[str, typer.Option("--ins", help="With `--as patient`: a test INS of 15 characters.")] = "",
    through: Annotated[str, typer.Option("--app", help="A patient's token for an app, by its code.")] = "",
) -> None:
    """Print a ready curl line with a token of one of the test people."""
    if not name:
        out.print(tables.cast())
        return
    state = Home().state()
    if state is None:
        _fail("Carnet is not up, so nobody signs tokens. Start it with `carnet up`.")
    try:
        made = tokens.fetch(state["addresses"]["identity"], name, ins=ins, app=through)
    except tokens.TokenError as error:
        _fail(str(error))
    gateway = state["addresses"].get("gateway", "")
    sys.stdout.write(f"{made}\n" if raw else f"{tokens.curl(gateway, made, name)}\n")


def _as_service(service: str) -> Callable[[], None]:
    """Gives a service's commands its database in the local system that is up, unless the environment names one."""

    def told() -> None:
        state = Home().state()
        if state is None or "CARNET_DATABASE_URL" in os.environ:
            return
        from deploy.local import environment, secrets  # noqa: PLC0415 - as below

        server = f"postgresql://{state['addresses']['postgres']}"
        os.environ.update(environment.of_database(service, server, secrets.Secrets(Home().secrets)))
        if service == DOCUMENT:
            os.environ["CARNET_CONTENT_DIR"] = str(environment.contents(Home().folder))

    return told


def _as_operator() -> None:
    """Gives the gateway's commands the local system that is up, and its operator's token; else as the environment.

    Which of the local operators it is, says CARNET_OPERATOR: what asks for two persons asks for two tokens.
    """
    state = Home().state()
    if state is None or "CARNET_GATEWAY_URL" in os.environ:
        return
    from deploy.local.files import write_private  # noqa: PLC0415 - as below
    from deploy.local.identity.cast import OPERATOR, SECOND_OPERATOR  # noqa: PLC0415
    from deploy.local.identity.members import TEST_INS  # noqa: PLC0415

    name = os.environ.get("CARNET_OPERATOR", OPERATOR.name)
    if name not in {OPERATOR.name, SECOND_OPERATOR.name}:
        _fail(f"CARNET_OPERATOR names no local operator: expected {OPERATOR.name} or {SECOND_OPERATOR.name}.")
    token_file = Home().secrets / f"{name}.token"
    try:
        write_private(token_file, tokens.fetch(state["addresses"]["identity"], name))
    except tokens.TokenError as error:
        _fail(str(error))
    own = {
        "CARNET_GATEWAY_URL": state["addresses"].get("gateway", ""),
        "CARNET_OPERATOR_TOKEN_FILE": str(token_file),
        "CARNET_INS_OID": TEST_INS,
    }
    os.environ.update(own)


for _name, _verb in access_control.VERBS.items():
    app.add_typer(_verb, name=_name, callback=_as_service(ACCESS_CONTROL))
app.add_typer(document.document, name="document")  # asks no running system
app.add_typer(document.content, name="content", callback=_as_service(DOCUMENT))
app.add_typer(parked, name="parked")
for _name, _verb in gateway.VERBS.items():
    app.add_typer(_verb, name=_name, callback=_as_operator)


def main() -> None:
    """Entry point of the command."""
    os.umask(0o077)
    app()


def _run(
    home: Home,
    options: Options,
    interrupted: threading.Event,
    play: Callable[[Any], bool] | None,
    *,
    stay: bool = True,
) -> bool:
    from deploy.local.system import LocalSystem  # noqa: PLC0415 - `carnet status` need not import clients

    system = LocalSystem(home, options, say=lambda text: errors.print(f"[dim]{text}[/dim]"))
    _guarded(lambda: system.start(interrupted.is_set))
    try:
        _show(home)
        played = _played(system, play, interrupted) if play else True
        if stay and not interrupted.is_set():
            if play:
                _show(home)
            out.print("Ctrl-C ends everything.")
            system.watch(interrupted.is_set)
        return played
    finally:
        errors.print("[dim]ending[/dim]")
        system.stop()


def _played(system: Any, play: Callable[[Any], bool], interrupted: threading.Event) -> bool:
    """Play beside the supervision, which belongs to this thread."""
    results: list[bool] = []
    player = threading.Thread(target=lambda: results.append(play(system)), daemon=True)
    player.start()
    system.watch(lambda: not player.is_alive() or interrupted.is_set())
    player.join(_CURTAIN_S)
    return results == [True]


def _demonstration(interrupted: threading.Event) -> Callable[[Any], bool]:
    run = importlib.import_module("deploy.proof.demo").run  # late: it brings the services' clients
    return lambda system: bool(run(system, interrupted.is_set))


def _stays(server: str, places: list[str]) -> None:
    """Say what a wiped system leaves in a server that is not its own, and what to do about it."""
    owners = ", ".join(service for service in SERVICES if service != GATEWAY)
    what = {"kafka": "topics, users and rights", "postgres": f"databases and roles ({owners})"}[server]
    out.print(
        f"What Carnet made in {' and '.join(places)} stays there, {what}: remove it there. What is encrypted in it "
        "can't be read any more, since its keys are gone.",
        highlight=False,
        soft_wrap=True,
    )


def _play_beside(home: Home) -> NoReturn:
    """Play on a system that another process runs; exits like `carnet demo`."""
    with _ended_by_signals() as interrupted:
        played = _demonstration(interrupted)(home)
    raise typer.Exit(0 if played else 1)


def _detached(home: Home, replicas: int, *, bare: bool) -> None:
    home.folder.parent.mkdir(parents=True, exist_ok=True)
    log = Path(tempfile.gettempdir()) / f"carnet-up-{os.getpid()}.log"
    command = [sys.executable, "-m", "deploy.cli", "up", "--replicas", str(replicas), *(["--bare"] if bare else [])]
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait(
            lambda: bool((home.state() or {}).get("ready")) or process.poll() is not None,
            _UP_TIMEOUT_S,
            "Carnet is still not ready: see `carnet status` and `carnet logs`.",
        )
        if process.poll() is not None:
            _fail(log.read_text(errors="replace"))
    finally:
        log.unlink()
    _show(home)


def _show(home: Home) -> None:
    state = home.state() or {"addresses": {}}
    out.print(tables.processes(home.processes()))
    for what, where in state["addresses"].items():
        out.print(f"  {what:<10} {where}", highlight=False, soft_wrap=True)


@contextmanager
def _ended_by_signals() -> Iterator[threading.Event]:
    """Ctrl-C and SIGTERM set the event; a second Ctrl-C does nothing more, since ending is under way."""
    interrupted = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: interrupted.set())
    yield interrupted


def _guarded(act: Callable[[], object]) -> None:
    from deploy.kafka.jars import JarError  # noqa: PLC0415
    from deploy.kafka.java import NoJavaError  # noqa: PLC0415
    from deploy.kafka.topics import TopicError  # noqa: PLC0415
    from deploy.local.databases import DatabaseError  # noqa: PLC0415
    from deploy.local.postgres import NoPostgresError  # noqa: PLC0415
    from deploy.processes import ProcessError  # noqa: PLC0415

    ours = (AlreadyUpError, NotAHomeError, ProcessError, JarError, NoJavaError, NoPostgresError, TopicError)
    try:
        act()
    except (*ours, DatabaseError) as error:
        _fail(str(error))


def _wait(reached: Callable[[], bool], timeout_s: float, otherwise: str) -> None:
    end = time.monotonic() + timeout_s
    while not reached():
        if time.monotonic() > end:
            _fail(otherwise)
        time.sleep(0.05)


def _fail(text: str) -> NoReturn:
    errors.print(text, style="red", highlight=False, soft_wrap=True)
    raise typer.Exit(1)


if __name__ == "__main__":
    main()
