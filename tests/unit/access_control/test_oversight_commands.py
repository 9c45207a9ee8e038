"""The verbs `app`, `review`, `case`, `actor` where there is no database to speak to: what is said, and exit codes."""

from uuid import uuid4

import pytest
from typer.testing import CliRunner

from deploy import cli
from deploy.local.home import Home

RUNNER = CliRunner()
VERBS = {
    "app": ("register", "review", "suspend", "list"),
    "review": ("list", "show", "text", "close"),
    "case": ("list", "structures", "answer"),
    "actor": ("suspend", "readmit", "list"),
}


@pytest.fixture(autouse=True)
def _no_database(monkeypatch):
    monkeypatch.setattr(Home, "state", lambda _: None)
    monkeypatch.delenv("CARNET_DATABASE_URL", raising=False)


def carnet(*arguments, **environment):
    result = RUNNER.invoke(cli.app, [*map(str, arguments)], env={"COLUMNS": "200", **environment})
    return result.exit_code, result.output


@pytest.mark.parametrize(("verb", "what"), [(verb, what) for verb, all_of in VERBS.items() for what in all_of])
def test_the_verbs_stand_beside_the_others_and_explain_themselves(verb, what):
    code, said = carnet(verb, what, "--help")
    assert (code, "Usage" in said) == (0, True)


@pytest.mark.parametrize("verb", VERBS)
def test_without_a_system_it_says_how_to_get_one(verb):
    code, said = carnet(verb, "list", CARNET_KEYS_DIR="keys")
    assert (code, "carnet up" in said, "CARNET_DATABASE_URL" in said) == (1, True, True), said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--unfounded", "--suspend", "--text", "x"), "goes with --founded"),
        (("--founded", "--text", " "), "is empty"),
    ],
)
def test_an_answer_that_contradicts_itself_is_refused(arguments, says):
    code, said = carnet("case", "answer", uuid4(), *arguments, "--by", "ana")
    assert (code, says in said) == (2, True), said


@pytest.mark.parametrize(
    "arguments", [("case", "answer", uuid4(), "--founded", "--text", "x"), ("review", "text", uuid4())]
)
def test_who_stands_in_a_trace_has_a_code(arguments):
    code, said = carnet(*arguments, "--by", "Ana Durand")
    assert (code, "can't stand in a trace" in said) == (1, True)
