"""The verbs by themselves, where the local tools are not installed."""

import typer

from services.document.commands import VERBS

carnet = typer.Typer(no_args_is_help=True)
for name, verb in VERBS.items():
    carnet.add_typer(verb, name=name)

if __name__ == "__main__":
    carnet()
