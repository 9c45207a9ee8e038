"""SQL stands in a service's repository and migrations, in shared, and where deploy makes or checks databases."""

import ast
import re

import pytest

ELSEWHERE = ("shared", "deploy/local", "deploy/proof")
STATEMENT = re.compile(
    r"\bSELECT\b.+\bFROM\b|\bINSERT\s+INTO\b|\bUPDATE\s+[\w.\"]+(\s+AS\s+\w+)?\s+SET\b|\bDELETE\s+FROM\b|\bMERGE\s+INTO\b"
    r"|\bCOPY\s+[\w.\"]+.*\bFROM\s+STDIN\b|\bTRUNCATE\s+\w+|\b(CREATE|ALTER|DROP)\s+(TABLE|INDEX|TYPE)\b|\bFOR\s+UPDATE\b",
    re.DOTALL,
)
AT_THE_START = re.compile(
    r"\s*(with\s+\w+\s+as\s*\(|select\s.+\sfrom\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s)",
    re.DOTALL | re.IGNORECASE,
)


def literals(tree):
    """Every string of the code, docstrings left out; of an f-string its fixed parts, joined."""
    inside = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in node.values}
            yield node, "".join(part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
    spoken = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside | spoken:
            yield node, node.value


def may_speak_sql(module):
    in_repository = module.parts[0] == "services" and {"repository", "repository.py", "migrations"} & {
        *module.parts[2:]
    }
    return bool(in_repository) or module.within(*ELSEWHERE)


def sql_elsewhere(modules):
    return [
        f"{module.path}:{node.lineno}: SQL; in a service it stands in repository.py"
        for module in modules
        if not may_speak_sql(module)
        for node, text in literals(module.tree)
        if STATEMENT.search(text) or AT_THE_START.match(text)
    ]


@pytest.mark.parametrize(
    "source",
    [
        'q = "SELECT id FROM document"',
        'q = "select id from document"',
        'q = """\n  select id,\n  title\n  from document\n"""',
        'q = f"SELECT {columns} FROM {table}"',
        'q = "INSERT INTO document VALUES ($1)"',
        'q = "insert into document values ($1)"',
        'q = "UPDATE document SET masked = true"',
        'q = f"UPDATE {table} SET masked = true"',
        'q = "DELETE FROM document"',
        'q = "WITH due AS (SELECT 1) UPDATE document AS d SET x = 1"',
        'q = "with due as (values (1)) table due"',
        'q = "SELECT id " "FROM document"',
        'tx.execute("TRUNCATE document")',
        'q = "... FOR UPDATE"',
    ],
)
@pytest.mark.parametrize("path", ["services/audit/handlers.py", "services/audit/api/routes.py", "deploy/cli.py"])
def test_the_rule_bites(source, path, planted):
    assert sql_elsewhere(planted(**{path: source}))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("services/audit/repository.py", 'q = "SELECT id FROM document"'),
        ("services/audit/repository/views.py", 'q = "SELECT id FROM document"'),
        ("services/audit/migrations/versions/0001.py", 'op.execute("CREATE TABLE leaf ()")'),
        ("shared/database/record_keys.py", 'q = "SELECT id FROM document"'),
        ("services/audit/handlers.py", '"""Prose may select a word from the language of SQL: SELECT x FROM y."""'),
        ("services/audit/handlers.py", 'e = "Update your settings, select one from the list, then repeat"'),
        ("services/audit/handlers.py", 'e = f"{name} was selected; delete it from {place}"'),
    ],
)
def test_the_rule_lets_pass(path, source, planted):
    assert sql_elsewhere(planted(**{path: source})) == []


def test_the_house_keeps_the_rule(house):
    assert sql_elsewhere(house) == []
