"""`carnet parked`: the parked messages of the local system's services, each through the service's own program.

A service's command (`shared/parked.py`) needs all of the service's settings; it runs in a process of its own, as the
service does.
"""

import os
import subprocess
import sys
from typing import Annotated

import typer

from deploy.local.home import Home
from shared.contracts.topics import GATEWAY, SERVICES

OWNERS = tuple(service for service in SERVICES if service != GATEWAY)
"""The services with a database, which alone park."""
_NAMED = "CARNET_DATABASE_URL"
_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

parked = typer.Typer(no_args_is_help=True, help="Messages that a service could not handle: replay or discard them.")

Service = Annotated[str, typer.Option("--service", help=f"One of {', '.join(OWNERS)}.")]


@parked.command("list", context_settings=_PASSED_ON)
def list_all(context: typer.Context, *, service: Service = "") -> None:
    """Show what is parked, by all services or one: [--topic TOPIC] [--all] [--most N]."""
    if not service and _NAMED in os.environ:
        raise typer.BadParameter(f"{_NAMED} names one service's database: say whose by --service")
    codes = [_run(one, "list", context.args) for one in ([service] if service else OWNERS)]
    raise typer.Exit(max(codes))


@parked.command(context_settings=_PASSED_ON)
def show(context: typer.Context, *, service: Service) -> None:
    """Show all that is known of a message but its content: ID."""
    raise typer.Exit(_run(service, "show", context.args))


@parked.command(context_settings=_PASSED_ON)
def replay(context: typer.Context, *, service: Service) -> None:
    """Say what would come of messages; do it with --apply: {ID... | --topic TOPIC} --why TEXT [--by CODE] [--apply]."""
    raise typer.Exit(_run(service, "replay", context.args))


@parked.command(context_settings=_PASSED_ON)
def discard(context: typer.Context, *, service: Service) -> None:
    """Give messages up for good: ID... --why TEXT [--by CODE]."""
    raise typer.Exit(_run(service, "discard", context.args))


def _run(service: str, verb: str, arguments: list[str]) -> int:
    if service not in OWNERS:
        raise typer.BadParameter(f"{service!r} parks nothing: expected one of {', '.join(OWNERS)}")
    command = [sys.executable, "-m", f"services.{service}", "parked", verb, *arguments]
    return subprocess.run(command, env={**_settings(service), **os.environ}, check=False).returncode  # noqa: S603 - ours


def _settings(service: str) -> dict[str, str]:
    """The service's settings in the local system that is up; what the environment says goes before."""
    if _NAMED in os.environ:
        return {}
    home = Home()
    state = home.state()
    if state is None:
        typer.echo("Carnet is not up: start it with `carnet up`, or set the service's CARNET_DATABASE_URL and others.")
        raise typer.Exit(1)
    from deploy.local import environment, secrets  # noqa: PLC0415 - other verbs of `carnet` need not import them

    return environment.beside(service, state["addresses"], home.folder, secrets.Secrets(home.secrets))
