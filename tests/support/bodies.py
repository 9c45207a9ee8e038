"""A sample of each message type, made from its schema: the least and the most that a writer may say."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import orjson

from shared.contracts.common import Body
from tests.support.history import nir

WORDS = ("810000000001", "amo-test", "11502-2", "1.2.250.1.213.1.4.10", "fr", "2026-11", "A", nir(1))
FORMATS = {
    "uuid": str(uuid5(NAMESPACE_OID, "sample")),
    "date-time": "2026-11-22T09:30:00Z",
    "date": "2026-11-20",
    "duration": "PT1H",
}


def samples(body: type[Body]) -> Iterator[Body]:
    """The required fields alone, then every field; the same ones each time."""
    schema = body.model_json_schema(mode="validation")
    for full in (False, True):
        yield body.model_validate_json(orjson.dumps(_Maker(schema.get("$defs", {}), full=full).made(schema)))


class _Maker:
    def __init__(self, definitions: Mapping[str, Any], *, full: bool) -> None:
        self._definitions = definitions
        self._full = full

    def made(self, schema: Mapping[str, Any]) -> Any:
        if "$ref" in schema:
            return self.made(self._definitions[schema["$ref"].split("/")[-1]])
        for alternatives in ("anyOf", "oneOf", "allOf"):
            if alternatives in schema:
                return self.made(schema[alternatives][0])
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        return getattr(self, f"_{schema.get('type', 'object')}")(schema)

    def _object(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        required = schema.get("required", ())
        fields = schema.get("properties", {})
        return {name: self.made(field) for name, field in fields.items() if self._full or name in required}

    def _array(self, schema: Mapping[str, Any]) -> list[Any]:
        count = schema.get("minItems", 1 if self._full else 0)
        return [self.made(schema["items"])] * count

    def _string(self, schema: Mapping[str, Any]) -> str:
        if "format" in schema:
            return FORMATS[schema["format"]]
        fitting = (
            word
            for word in WORDS
            if re.search(schema.get("pattern", ""), word)
            and schema.get("minLength", 0) <= len(word) <= schema.get("maxLength", len(word))
        )
        found = next(fitting, None)
        assert found is not None, f"no word for {schema}: add one"
        return found

    def _integer(self, schema: Mapping[str, Any]) -> int:
        return int(schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1))

    _number = _integer

    def _boolean(self, _schema: Mapping[str, Any]) -> bool:
        return True

    def _null(self, _schema: Mapping[str, Any]) -> None:
        return None
