"""What the rules look at: every module of the house, and made-up modules that prove that a rule bites."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("services", "shared", "deploy")


@dataclass(frozen=True)
class Module:
    """One Python file; its path is relative to the project's root."""

    path: PurePosixPath
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def name(self) -> str:
        """Dotted name: `shared.contracts` for its `__init__.py`."""
        parts = self.path.with_suffix("").parts
        return ".".join(parts[:-1] if self.is_package else parts)

    @property
    def parts(self) -> tuple[str, ...]:
        return self.path.parts

    def within(self, *folders: str) -> bool:
        """True for a module in one of these folders, or one of these files itself."""
        return any(
            self.path == PurePosixPath(folder) or PurePosixPath(folder) in self.path.parents for folder in folders
        )

    def calls(self) -> Iterator[ast.Call]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.Call))

    def imports(self) -> Iterator[tuple[str, str | None]]:
        """What it imports, wherever in the file: (module, name taken from it or None)."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, None) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((self._absolute(node), alias.name) for alias in node.names)
            elif isinstance(node, ast.Call) and last_name(node.func) in {"import_module", "__import__"}:
                yield from ((arg.value, None) for arg in node.args[:1] if isinstance(arg, ast.Constant))

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.name.split(".") if self.is_package else self.name.split(".")[:-1]
        base = package[: len(package) - node.level + 1]
        return ".".join([*base, *([node.module] if node.module else [])])


def last_name(node: ast.AST) -> str:
    """`publish` of `self.broker.publish`; nothing where there is no name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def house() -> list[Module]:
    """Every module of services, shared and deploy."""
    paths = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
    modules = [Module(PurePosixPath(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in paths]
    assert modules, f"no module below {ROOT}: the rules would be empty"
    return modules


@pytest.fixture
def planted() -> Callable[..., list[Module]]:
    """Made-up modules: path and source, by pairs."""

    def plant(**sources: str) -> list[Module]:
        return [Module(PurePosixPath(path), text) for path, text in sources.items()]

    return plant
