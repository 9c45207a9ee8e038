"""Where things stand: the same names in every service, small files, docstrings that say what a service is."""

import ast

import pytest

from shared.contracts.topics import SERVICES

LONGEST = 400
COMMON = {
    *("__init__.py", "__main__.py", "settings.py", "domain", "domain.py", "handlers.py", "repository", "repository.py"),
    *("clients.py", "api", "api.py", "commands", "commands.py", "data", "templates", "migrations"),
}
OWN = {"gateway": {"fhir"}, "document": {"content"}, "portal": {"pages", "static"}}
MADE = {"__pycache__"}
FEWEST_WORDS = 8
"""What a service owns, takes in and gives out can't be said in fewer."""
NEEDED = ("__init__.py", "__main__.py")


def too_long(lines: dict[str, int]) -> list[str]:
    return [
        f"{path} has {count} lines, {LONGEST} are too many: split it"
        for path, count in lines.items()
        if count >= LONGEST
    ]


def foreign_names(service: str, names: set[str]) -> list[str]:
    allowed = COMMON | OWN.get(service, set())
    found = [f"services/{service}/{name}: expected one of {sorted(allowed)}" for name in sorted(names - allowed)]
    twice = [kind for kind in ("domain", "repository", "api", "commands") if {kind, f"{kind}.py"} <= names]
    return found + [f"services/{service}: {kind}.py and {kind}/ side by side; keep one" for kind in twice]


def missing(service: str, names: set[str]) -> list[str]:
    return [f"services/{service} has no {name}" for name in NEEDED if name not in names]


def without_docstring(modules) -> list[str]:
    return [
        f"{module.path}: its docstring has to say what the service owns, takes in and gives out"
        for module in modules
        if module.parts[0] == "services"
        and module.path.name == "__init__.py"
        and len(module.parts) == len(("services", "audit", "__init__.py"))
        if len((ast.get_docstring(module.tree) or "").split()) < FEWEST_WORDS
    ]


def services(root) -> dict[str, set[str]]:
    """Names in each service's folder."""
    folders = [path for path in (root / "services").iterdir() if path.is_dir() and path.name not in MADE]
    return {folder.name: {path.name for path in folder.iterdir() if path.name not in MADE} for folder in folders}


def test_no_file_is_too_long(root) -> None:
    rooms = ("services", "shared", "deploy", "tests")
    paths = [path for room in rooms for path in (root / room).rglob("*.py")]
    lines = {str(path.relative_to(root)): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    assert len(lines) > len(rooms)
    assert too_long(lines) == []


def test_every_service_is_there(root) -> None:
    assert set(SERVICES) <= set(services(root)) <= set(SERVICES) | {"portal"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_names_that_every_service_has(service, root) -> None:
    names = services(root).get(service, set())
    assert foreign_names(service, names) == []
    assert missing(service, names) == []


def test_every_service_says_what_it_is(house) -> None:
    assert without_docstring(house) == []


def test_a_long_file_is_found() -> None:
    assert too_long({"a.py": LONGEST})
    assert not too_long({"a.py": LONGEST - 1})


@pytest.mark.parametrize(
    ("service", "names"),
    [
        ("audit", {"__init__.py", "service.py"}),
        ("audit", {"models.py"}),
        ("audit", {"fhir"}),
        ("audit", {"domain", "domain.py"}),
        ("audit", {"repository", "repository.py"}),
        ("gateway", {"static"}),
    ],
)
def test_a_foreign_name_is_found(service, names) -> None:
    assert foreign_names(service, names)


def test_a_missing_file_is_found() -> None:
    assert missing("audit", {"__init__.py"})
    assert not missing("audit", set(NEEDED))


@pytest.mark.parametrize("source", ["", "x = 1", '"""Audit."""'])
def test_a_poor_docstring_is_found(source, planted) -> None:
    assert without_docstring(planted(**{"services/audit/__init__.py": source}))


def test_a_docstring_is_enough(planted) -> None:
    good = '"""Owns the log. Takes in all events. Gives out proofs."""'
    assert not without_docstring(planted(**{"services/audit/__init__.py": good}))
    assert not without_docstring(planted(**{"services/audit/domain/__init__.py": ""}))
