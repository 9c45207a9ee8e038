"""Each access rule that access_control owns has a test bearing its id; the table rule → tests is printed."""

import ast
import csv
import re
import sys
from collections import defaultdict
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
TESTS = FOLDER.parents[1]
OWNERS = {"access_control", "document", "notification", "audit"}
LAST_RULE = 73
UNTESTED = frozenset(f"AR-{number:03}" for number in (5, 24, 44, 51, 52, 53, 68))
"""Rules of document that no test bears yet, since nothing does what they say: no deadline is measured, nothing is
unmasked, announced, deleted or rectified, no default masks. Whatever is not among them has its
test, and keeps it."""
BEARS = re.compile(r"^test_ar((?:_\d{3})+)_[a-z]")
"""`test_ar_018_019_…` bears AR-018 and AR-019."""


def rules() -> dict[str, str]:
    """The owner of each rule."""
    with (FOLDER / "rule_owners.csv").open(encoding="utf-8", newline="") as file:
        return {row["id"]: row["owner"] for row in csv.DictReader(file)}


def borne(source: str) -> list[tuple[str, str]]:
    """(rule, test) of each test of a file whose name bears a rule."""
    functions = [
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    named = [(match, node.name) for node in functions if (match := BEARS.match(node.name))]
    return [(f"AR-{digits}", name) for match, name in named for digits in match[1].strip("_").split("_")]


def table(services: str = "access_control") -> dict[str, list[str]]:
    """The tests of access_control, or of all services (`*`), by rule."""
    found: dict[str, list[str]] = defaultdict(list)
    for layer in ("unit", "integration"):
        for path in sorted((TESTS / layer).glob(f"{services}/test_*.py")):
            for rule, name in borne(path.read_text(encoding="utf-8")):
                found[rule].append(f"{layer}/{path.name}::{name}")
    return found


def missing(owners: dict[str, str], tests: dict[str, list[str]]) -> list[str]:
    return [rule for rule, owner in owners.items() if owner == "access_control" and not tests.get(rule)]


def test_every_rule_has_one_owner():
    owners = rules()
    assert list(owners) == [f"AR-{number:03}" for number in range(1, LAST_RULE + 1)]
    assert set(owners.values()) == OWNERS


def test_every_rule_of_access_control_has_its_test(capsys: pytest.CaptureFixture[str]):
    owners, tests = rules(), table()
    everywhere = table("*")
    lines = [
        f"{rule}  {', '.join(tests.get(rule) or everywhere.get(rule, [])) or f'({owner}: none)'}"
        for rule, owner in owners.items()
    ]
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
    assert missing(owners, tests) == []


def test_a_rule_of_another_owner_that_has_a_test_keeps_it():
    assert set(rules()) - set(table("*")) == UNTESTED


def test_no_test_bears_a_rule_that_does_not_exist():
    assert set(table("*")) <= set(rules())


def test_a_rule_without_a_test_is_found():
    assert missing({"AR-018": "access_control", "AR-023": "document"}, {}) == ["AR-018"]
    assert missing({"AR-018": "access_control"}, {"AR-018": ["test"]}) == []
    assert borne("def test_ar_018_019_x(): ...\ndef test_other(): ...") == [
        ("AR-018", "test_ar_018_019_x"),
        ("AR-019", "test_ar_018_019_x"),
    ]
