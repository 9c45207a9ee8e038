"""Every line that the code logs has a constant event and fields of the allow-list: none is dropped by surprise."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.observability import FIELDS
from shared.observability._fields import event_name

ROOT = Path(__file__).parents[3]
SOURCES = [
    path
    for room in ("shared", "services", "deploy")
    for path in sorted((ROOT / room).rglob("*.py"))
    if "shared.observability" in path.read_text("utf-8")
]
METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
LOGGERS = {"_log", "log", "_logger"}


def is_constant(event: ast.expr) -> bool:
    if isinstance(event, ast.IfExp):
        return is_constant(event.body) and is_constant(event.orelse)
    return isinstance(event, ast.Constant) and event_name(event.value) is not None


def wrong_lines(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=method)) if (
                owner in LOGGERS and method in METHODS
            ):
                if len(node.args) != 1 or not is_constant(node.args[0]):
                    yield f"line {node.lineno}: the event is one constant word, values are fields"
                for keyword in node.keywords:
                    if keyword.arg and keyword.arg not in FIELDS and keyword.arg != "exc_info":
                        yield f"line {node.lineno}: {keyword.arg} is not in the allow-list of fields"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_lines_hold_what_the_allow_list_knows(path: Path) -> None:
    assert list(wrong_lines(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "planted",
    [
        '_log.info(f"stored {x}")',
        '_log.info("stored", title=x)',
        '_log.info("stored %s", x)',
        "log.info(x)",
        '_log.info("a" if x else x)',
    ],
)
def test_a_planted_violation_is_found(planted: str) -> None:
    assert list(wrong_lines(planted))
    assert not list(wrong_lines('_log.info("stored" if x else "kept", record=x, exc_info=e)'))


def test_the_check_looks_at_the_code_that_logs() -> None:
    assert len(SOURCES) > 5
