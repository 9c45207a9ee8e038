"""The report: one file for programs, one table for people."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from deploy.proof.bench.figures import Figure, rounded


def write(path: Path, machine: dict[str, Any], figures: Sequence[Figure], verdict: dict[str, Any]) -> None:
    """Write the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"machine": machine, "verdict": verdict, "figures": [figure.plain() for figure in figures]}
    path.write_text(json.dumps(content, indent=1, default=str) + "\n")


def table(figures: Sequence[Figure]) -> Table:
    """The figures with floor and goal; a figure that something contradicts is void."""
    shown = Table(title="Figures", title_justify="left")
    for head in ("figure", "unit", "median", "min", "max", "floor", "goal", ""):
        shown.add_column(head, justify="left" if head in {"figure", "unit", ""} else "right", no_wrap=True)
    for figure in figures:
        target = figure.target
        values = [_shown(value) for value in _three(figure)]
        name = f"{figure.name} *" if figure.disturbed else figure.name
        shown.add_row(name, target.unit, *values, _shown(target.floor), _shown(target.goal), _judgement(figure))
    return shown


def _three(figure: Figure) -> tuple[float, ...]:
    return (figure.median, min(figure.runs), max(figure.runs)) if figure.runs else (math.nan,) * 3


def _shown(value: float) -> str:
    return "" if math.isnan(value) else f"{rounded(value):,.10g}"


def _judgement(figure: Figure) -> Text:
    if not figure.counts:
        return Text("void", style="red bold")
    if figure.target.reached(figure.median, figure.target.goal):
        return Text("goal", style="green bold")
    if figure.target.reached(figure.median, figure.target.floor):
        return Text("floor", style="green")
    return Text("below the floor", style="red")
