"""Every setting says what it means and stands in the settings table; every variable the code reads does too."""

import re
from typing import Any

import pytest
from pydantic import Field, create_model
from pydantic_settings import BaseSettings

from deploy import settings_doc

REMEDY = f"run `{settings_doc.COMMAND}` and commit {settings_doc.FILE.name}"
VARIABLE = re.compile(r"\bCARNET_[A-Z0-9]+(?:_[A-Z0-9]+)*\b")
LEAST = 10
"""Characters below which a description says nothing."""


def undescribed(classes: list[type[BaseSettings]]) -> list[str]:
    return [
        f"{settings.__name__}.{name} has no description: Field(…, description=…)"
        for settings in classes
        for name, field in settings_doc.own_fields(settings).items()
        if len(field.description or "") < LEAST
    ]


def undocumented(text: str, known: set[str]) -> set[str]:
    """Variables named in a text that no table explains."""
    return set(VARIABLE.findall(text)) - known


def all_classes() -> list[type[BaseSettings]]:
    return [settings for classes in settings_doc.settings_classes().values() for settings in classes]


def documented() -> set[str]:
    return set(VARIABLE.findall(settings_doc.render()))


def settings_class(field: Any) -> type[BaseSettings]:
    return create_model("Planted", __base__=BaseSettings, made_up=field)


def test_every_setting_has_a_description() -> None:
    assert len(all_classes()) > 1
    assert undescribed(all_classes()) == []


def test_the_table_is_current() -> None:
    assert settings_doc.FILE.read_text(encoding="utf-8") == settings_doc.render(), REMEDY


def test_the_readme_leads_to_the_table(root) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert "deploy/settings.md" in readme, "README.md has to link deploy/settings.md"


def test_every_service_with_settings_is_in_the_table(root) -> None:
    with_settings = {path.parent.name for path in (root / "services").glob("*/settings.py")}
    headings = {heading.removeprefix("Service ") for heading in settings_doc.settings_classes()} - {"Every service"}
    assert headings == with_settings


@pytest.mark.parametrize("pattern", ["services/**/*.py", "shared/**/*.py", "deploy/**/*.py", "Makefile", "*.yml"])
def test_every_variable_the_code_names_is_documented(root, pattern) -> None:
    known = documented()
    found = {
        f"{path.relative_to(root)}: {name}"
        for path in root.glob(pattern)
        for name in undocumented(path.read_text(encoding="utf-8"), known)
    }
    assert not found, f"explain them in a settings class, or in OF_THE_COMMAND of deploy/settings_doc.py: {found}"


def test_a_setting_without_a_description_is_found() -> None:
    assert undescribed([settings_class((int, 1))])
    assert undescribed([settings_class((int, Field(1, description="?")))])
    assert not undescribed([settings_class((int, Field(1, description="How many of them at most")))])


def test_an_undocumented_variable_is_found() -> None:
    assert undocumented('os.environ["CARNET_MADE_UP"]', documented()) == {"CARNET_MADE_UP"}
    assert undocumented('os.environ["CARNET_PARTITIONS"]', documented()) == set()


def test_inherited_settings_are_told_once() -> None:
    rows = [line for line in settings_doc.render().splitlines() if line.startswith("| `CARNET_KAFKA_BOOTSTRAP`")]
    assert len(rows) == 1
