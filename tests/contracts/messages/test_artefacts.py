"""The committed contract files are the code's, valid, and break no reader."""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from shared.contracts import artefacts
from shared.contracts.compatibility import breaks, forgets

RELEASED = sorted(artefacts.RELEASED.glob("*.json"))
REMEDY = f"run `{artefacts.COMMAND}` and commit what it writes"


def load(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def test_committed_files_equal_the_code() -> None:
    differing = [
        path.name
        for path, text in artefacts.files().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    assert not differing, f"{differing} differ from the code: {REMEDY}"


def test_no_schema_of_a_type_that_is_no_more() -> None:
    unknown = {path.name for path in artefacts.SCHEMAS.glob("*.json")} - {str(name) for name in artefacts.schemas()}
    assert not unknown, f"{unknown} belong to no message: {REMEDY}"


def test_rendering_is_stable_and_writing_is_repeatable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artefacts, "SCHEMAS", tmp_path / "schemas")
    monkeypatch.setattr(artefacts, "RELEASED", tmp_path / "released")
    monkeypatch.setattr(artefacts, "ASYNCAPI", tmp_path / "asyncapi.json")
    artefacts.write()
    assert not (tmp_path / "released").exists()
    (tmp_path / "schemas" / "carnet.gone.v1.json").write_text("{}")
    artefacts.write(release=True)
    written = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*.json")}
    assert Path("schemas/carnet.gone.v1.json") not in written
    assert {path.name for path in written if path.parts[0] == "released"} == {str(name) for name in artefacts.schemas()}
    artefacts.write(release=True)
    assert {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*.json")} == written


@pytest.mark.parametrize("name", artefacts.messages())
def test_each_schema_is_valid_and_versioned(name: str) -> None:
    schema = load(artefacts.SCHEMAS / f"{name}.json")
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:{name}"
    assert schema["description"], "a message says what it means"
    assert re.fullmatch(r"carnet\.[a-z]+\.[a-z-]+\.v[1-9][0-9]*", name)


@pytest.mark.parametrize("name", artefacts.messages())
def test_every_type_has_a_released_baseline(name: str) -> None:
    """Without one a change that breaks its readers would pass."""
    assert (artefacts.RELEASED / f"{name}.json").exists(), f"{name}: run `{artefacts.COMMAND} --release`"


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("carnet.record.activate.v1", {"required": ["actor", "gone"], "properties": {"gone": {}}}, "$.gone"),
        ("carnet.record.forgotten.v1", {}, "is gone"),
    ],
    ids=["a type that would break", "a type that is gone"],
)
def test_a_release_that_breaks_a_reader_is_refused_and_writes_nothing(
    name, change, told, tmp_path, monkeypatch
) -> None:
    for attribute in ("SCHEMAS", "RELEASED"):
        monkeypatch.setattr(artefacts, attribute, tmp_path / attribute)
    monkeypatch.setattr(artefacts, "ASYNCAPI", tmp_path / "asyncapi.json")
    artefacts.RELEASED.mkdir()
    (artefacts.RELEASED / f"{name}.json").write_text(json.dumps({"type": "object"} | change))
    with pytest.raises(artefacts.BreakingError) as caught:
        artefacts.write(release=True)
    assert name in str(caught.value)
    assert told in str(caught.value)
    assert [path.name for path in tmp_path.rglob("*.json")] == [f"{name}.json"]


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
def test_readers_of_the_released_version_understand_todays_messages(path: Path) -> None:
    body = artefacts.messages().get(path.stem)
    assert body, f"{path.stem} was released and is gone: what is 30 days old must stay readable, keep the type"
    found = breaks(load(path), artefacts.schema_of(body))
    assert not found, f"{path.stem}: {found}. Make it a new version of the type, and send it when readers know it"


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
def test_todays_readers_understand_what_was_released(path: Path) -> None:
    found = forgets(load(path), artefacts.schema_of(artefacts.messages()[path.stem]))
    assert not found, f"{path.stem}: {found}. Messages of 30 days are still in topics and outboxes"
