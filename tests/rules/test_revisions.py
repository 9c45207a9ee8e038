"""The revisions of each service's tables form one line: two that follow the same one stop every start."""

import ast

import pytest

from shared.contracts.topics import SERVICES


def line_faults(revisions: dict[str, dict[str, str | None]]) -> list[str]:
    """What is wrong with these revisions, by the names of their files."""
    before: str | None = None
    found = []
    for name, stated in sorted(revisions.items()):
        if stated != {"revision": name[:4], "down_revision": before}:
            found.append(f"{name}: expected is revision {name[:4]!r}, down_revision {before!r}")
        before = name[:4]
    return found


def stated(source: str) -> dict[str, str | None]:
    """The ids that a revision gives itself and the one before it."""
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        if node.targets[0].id in {"revision", "down_revision"}
    }


@pytest.mark.parametrize("service", SERVICES)
def test_revisions_follow_one_another(service, root) -> None:
    paths = (root / "services" / service / "migrations").glob("[0-9]*.py")
    assert line_faults({path.name: stated(path.read_text()) for path in paths}) == []


@pytest.mark.parametrize(
    "second",
    [{"revision": "0002", "down_revision": None}, {"revision": "0001", "down_revision": "0001"}],
)
def test_two_that_follow_the_same_one_are_found(second) -> None:
    first = {"revision": "0001", "down_revision": None}
    assert line_faults({"0001_start.py": first, "0002_more.py": second})
    assert not line_faults({"0001_start.py": first, "0002_more.py": {"revision": "0002", "down_revision": "0001"}})
