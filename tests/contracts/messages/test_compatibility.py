"""What counts as a break, change by change."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field, create_model

from shared.contracts import artefacts
from shared.contracts.compatibility import breaks, forgets


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Wider(StrEnum):
    RED = "red"
    BLUE = "blue"
    GREEN = "green"


class Inner(BaseModel):
    code: str


class InnerOptional(BaseModel):
    code: str = ""


class Tree(BaseModel):
    name: str
    child: "Tree | None" = None
    others: tuple["Tree", ...] = ()


def fields(**fields: Any) -> dict:
    """Schema of a model with these fields: a type is required, a pair is (type, default)."""
    definitions = {name: value if isinstance(value, tuple) else (value, ...) for name, value in fields.items()}
    return create_model("Message", **definitions).model_json_schema()


BREAKING = {
    "required field removed": (fields(a=str, b=int), fields(a=str), "$.b: gone or renamed, and the reader requires"),
    "required field renamed": (fields(a=str), fields(z=str), "$.a: gone"),
    "optional field removed": (fields(masked=(bool, False)), fields(), "$.masked: gone or renamed, the reader would"),
    "field made optional": (fields(a=int), fields(a=(int, 0)), "$.a: may be missing"),
    "field made nullable": (fields(a=int), fields(a=int | None), "$.a: may be null"),
    "type changed": (fields(a=int), fields(a=str), "$.a: may be string, the reader expects integer"),
    "type widened": (fields(a=int), fields(a=int | str), "$.a: may be string"),
    "integer became number": (fields(a=int), fields(a=float), "$.a: may be number"),
    "default changed": (fields(a=(bool, False)), fields(a=(bool, True)), "$.a: its default changed"),
    "default 0 became false": (fields(a=(bool | int, 0)), fields(a=(bool | int, False)), "$.a: its default changed"),
    "enum widened": (fields(a=Colour), fields(a=Wider), "'green'"),
    "enum became text": (fields(a=Colour), fields(a=str), "$.a: may be any value"),
    "enum inside a list widened": (fields(a=tuple[Colour, ...]), fields(a=tuple[Wider, ...]), "$.a[]: may be 'green'"),
    "maximum length raised": (
        fields(a=Annotated[str, Field(max_length=5)]),
        fields(a=Annotated[str, Field(max_length=6)]),
        "maxLength is 6",
    ),
    "maximum length gone": (fields(a=Annotated[str, Field(max_length=5)]), fields(a=str), "maxLength is gone"),
    "minimum lowered": (
        fields(a=Annotated[int, Field(ge=1)]),
        fields(a=Annotated[int, Field(ge=0)]),
        "minimum is 0",
    ),
    "exclusive minimum gone": (fields(a=Annotated[int, Field(gt=1)]), fields(a=int), "exclusiveMinimum is gone"),
    "minimum length lowered": (
        fields(a=Annotated[str, Field(min_length=2)]),
        fields(a=Annotated[str, Field(min_length=1)]),
        "minLength is 1",
    ),
    "pattern changed": (
        fields(a=Annotated[str, Field(pattern="^a+$")]),
        fields(a=Annotated[str, Field(pattern="^b+$")]),
        "pattern",
    ),
    "pattern gone": (fields(a=Annotated[str, Field(pattern="^a+$")]), fields(a=str), "pattern is gone"),
    "format gone": (fields(a=UUID), fields(a=str), "format is gone"),
    "longer lists": (
        fields(a=Annotated[list[int], Field(max_length=3)]),
        fields(a=Annotated[list[int], Field(max_length=4)]),
        "maxItems is 4",
    ),
    "set became list": (fields(a=frozenset[int]), fields(a=list[int]), "members may repeat"),
    "members changed type": (fields(a=list[int]), fields(a=list[str]), "$.a[]: may be string"),
    "map values changed type": (fields(a=dict[str, int]), fields(a=dict[str, str]), "$.a{}: may be string"),
    "inner field made optional": (fields(a=Inner), fields(a=InnerOptional), "$.a.code: may be missing"),
    "inner field behind a null": (fields(a=Inner | None), fields(a=InnerOptional | None), "$.a.code: may be missing"),
    "fields no longer refused": (
        {"type": "object", "additionalProperties": False},
        {"type": "object"},
        "${}",
    ),
    "new field where none is allowed": (
        {"type": "object", "properties": {}, "additionalProperties": False},
        {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
        "$.a: new",
    ),
    "new field of another type than the map's": (
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "integer"}},
        "$.a: may be string",
    ),
    "constant changed": ({"const": 1}, {"const": 2}, "may be 2"),
    "list of types widened": ({"type": ["string"]}, {"type": ["string", "null"]}, "$: may be null"),
    "positions changed": (
        {"type": "array", "prefixItems": [{"type": "string"}]},
        {"type": "array", "prefixItems": [{"type": "integer"}]},
        "prefixItems",
    ),
    "keyword unknown to the check": ({"if": {"type": "string"}}, {}, "if changed"),
}

HARMLESS = {
    "new optional field": (fields(a=str), fields(a=str, b=(int | None, None))),
    "new required field": (fields(a=str), fields(a=str, b=int)),
    "texts": (fields(a=Annotated[str, Field(description="x")]), fields(a=Annotated[str, Field(description="y")])),
    "enum narrowed": (fields(a=Wider), fields(a=Colour)),
    "text became enum": (fields(a=str), fields(a=Colour)),
    "no longer nullable": (fields(a=int | None), fields(a=int)),
    "number became integer": (fields(a=float), fields(a=int)),
    "maximum lowered": (
        fields(a=Annotated[int, Field(le=9)]),
        fields(a=Annotated[int, Field(le=8)]),
    ),
    "order of alternatives": (fields(a=int | str), fields(a=str | int)),
}


@pytest.mark.parametrize(("old", "new", "told"), BREAKING.values(), ids=BREAKING)
def test_a_breaking_change_is_told(old: dict, new: dict, told: str) -> None:
    found = breaks(old, new)
    assert len(found) == 1, found
    assert told in found[0]


@pytest.mark.parametrize(("old", "new"), HARMLESS.values(), ids=HARMLESS)
def test_a_harmless_change_passes(old: dict, new: dict) -> None:
    assert breaks(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (fields(a=str), fields(a=str, b=int), "$.b: gone or renamed, and the reader requires it"),
        (fields(a=(int, 0)), fields(a=int), "$.a: may be missing"),
        (fields(a=Wider), fields(a=Colour), "'green'"),
        (fields(a=int | None), fields(a=int), "may be null"),
        (fields(a=str), fields(a=Annotated[str, Field(max_length=5)]), "maxLength"),
    ],
)
def test_what_is_30_days_old_must_stay_readable(old: dict, new: dict, told: str) -> None:
    found = forgets(old, new)
    assert len(found) == 1, found
    assert told in found[0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (fields(a=str), fields(a=str, b=(int, 0))),
        (fields(a=Colour), fields(a=Wider)),
        (fields(a=str, b=int), fields(a=str)),
        (fields(a=(int, 0)), fields(a=(int, 1))),
    ],
)
def test_a_reader_of_today_may_know_more_than_the_writer_of_yesterday(old: dict, new: dict) -> None:
    assert forgets(old, new) == []


def test_several_breaks_are_all_told() -> None:
    found = breaks(fields(a=int, b=Colour, c=str), fields(a=str, b=Wider))
    assert [line.split(":")[0] for line in found] == ["$.a", "$.b", "$.c"]


def test_a_type_that_contains_itself() -> None:
    tree = Tree.model_json_schema()
    assert breaks(tree, tree) == []
    broken = Tree.model_json_schema()
    broken["$defs"]["Tree"]["properties"]["name"]["type"] = "integer"
    assert breaks(tree, broken) == ["$.name: may be integer, the reader expects string"]


@pytest.mark.parametrize("name", artefacts.messages())
def test_a_real_message_is_compatible_with_itself(name: str) -> None:
    schema = artefacts.schema_of(artefacts.messages()[name])
    assert breaks(schema, schema) == []
    assert forgets(schema, schema) == []


@pytest.mark.parametrize("name", artefacts.messages())
def test_a_real_message_without_one_of_its_fields_is_not(name: str) -> None:
    schema = artefacts.schema_of(artefacts.messages()[name])
    for field in schema["properties"]:
        properties = {key: value for key, value in schema["properties"].items() if key != field}
        without = {
            **schema,
            "properties": properties,
            "required": [key for key in schema.get("required", ()) if key != field],
        }
        assert any(f"$.{field}: gone or renamed" in line for line in breaks(schema, without))


scalars = st.one_of(
    st.builds(
        lambda least, more: {"type": "integer", "minimum": least, "maximum": least + more},
        st.integers(-3, 3),
        st.integers(0, 3),
    ),
    st.builds(lambda size: {"type": "string", "maxLength": size}, st.integers(0, 3)),
    st.sampled_from([{"type": "null"}, {"type": "boolean"}, {"type": "string"}, {"type": "integer"}, {}]),
    st.builds(lambda values: {"enum": values}, st.lists(st.sampled_from(["a", "b", 1, None]), min_size=1, unique=True)),
)


def compound(inner: st.SearchStrategy) -> st.SearchStrategy:
    names = st.sampled_from("abc")
    return st.one_of(
        st.builds(lambda items: {"type": "array", "items": items}, inner),
        st.builds(lambda values: {"type": "object", "additionalProperties": values}, inner),
        st.builds(lambda branches: {"anyOf": branches}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(
            lambda properties, required: {"type": "object", "properties": properties, "required": sorted(required)},
            st.dictionaries(names, inner, max_size=3),
            st.sets(names, max_size=2),
        ),
    )


schemas = st.recursive(scalars, compound, max_leaves=6)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-4, 7), st.sampled_from(["", "a", "b", "abc", "abcd"])),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=5,
)


@given(schemas)
def test_every_schema_is_compatible_with_itself(schema: dict) -> None:
    assert breaks(schema, schema) == []
    assert forgets(schema, schema) == []


@given(schemas, schemas, st.lists(values, max_size=20))
def test_where_no_break_is_told_the_old_reader_accepts_every_new_message(old: dict, new: dict, sent: list) -> None:
    if not breaks(old, new):
        reader, writer = Draft202012Validator(old), Draft202012Validator(new)
        assert all(reader.is_valid(value) for value in sent if writer.is_valid(value))
