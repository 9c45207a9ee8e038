"""Each access rule that speaks of telling, as the table of texts names them, has a test bearing its id."""

import re
from pathlib import Path

from services.notification.domain.letters import Letters
from tests.unit.access_control.test_rule_table import borne
from tests.unit.notification.test_letters import FOLDER, URL

TESTS = Path(__file__).parents[2]


def named() -> set[str]:
    return {rule for row in Letters(FOLDER, URL)._texts.values() for rule in row["rules"].split()}


def borne_by_tests() -> set[str]:
    files = [path for layer in ("unit", "integration") for path in (TESTS / layer / "notification").glob("test_*.py")]
    return {rule for path in files for rule, _ in borne(path.read_text(encoding="utf-8"))}


def test_every_rule_that_speaks_of_telling_has_its_test() -> None:
    assert named() - borne_by_tests() == set()


def test_the_table_names_rules() -> None:
    assert all(re.fullmatch(r"AR[-]\d{3}", rule) for rule in named())
    assert {"AR-018", "AR-038", "AR-039", "AR-055", "AR-057"} <= named()


def test_every_text_says_to_whom_it_goes() -> None:
    assert {row["recipient"] for row in Letters(FOLDER, URL)._texts.values()} == {
        "patient",
        "mt",
        "carer",
        "future_holder",
    }
