"""Would a reader of one version of a message understand what a writer of another version sends?

Two questions are asked of each type whenever its schema changes:

- `breaks`: a reader of the last release meets a message of today. A field that is gone, has another type, may be
  missing, may be null, or may hold values it could not hold before breaks it; so does a wider enum.
- `forgets`: a reader of today meets a message of the last release, because topics and outboxes keep 30 days. A field
  that is newly required, or a value that is no longer accepted, breaks it.

What may change: texts, new optional fields, new types in a topic. Everything else is a new version of the type.
JSON Schema's keywords are compared one by one; one that is not known here and differs counts as a break.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

Schema = Mapping[str, Any]

_TEXTS = frozenset({"title", "description", "examples", "deprecated", "$comment", "$defs", "default", "discriminator"})
_ALTERNATIVES = ("anyOf", "oneOf")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_EXACT = ("pattern", "format", "multipleOf", "contentEncoding", "contentMediaType")
_SEEN = frozenset({"type", "enum", "const", "properties", "required", "additionalProperties", "items", "prefixItems"})
_KNOWN = _TEXTS | _SEEN | frozenset(_ALTERNATIVES + _UPPER + _LOWER + _EXACT) | {"uniqueItems", "$ref"}
_ABSENT = object()
_Seen = frozenset[tuple[str, str]]


class _Branch(NamedTuple):
    """One alternative of a schema, and the reference that led to it (empty where it stands inline)."""

    name: str
    schema: Schema


def breaks(old_schema: Schema, new_schema: Schema) -> list[str]:
    """Every change that would break a reader of the old schema who reads messages of the new one; none is []."""
    found = _Comparison(old_schema, new_schema, missing_matters=True).differences()
    return sorted(set(found))


def forgets(old_schema: Schema, new_schema: Schema) -> list[str]:
    """Every change that would break a reader of the new schema who reads messages of the old one; none is []."""
    found = _Comparison(new_schema, old_schema, missing_matters=False).differences()
    return sorted(set(found))


@dataclass(frozen=True)
class _Comparison:
    """Can all that the writer's schema allows be read under the reader's schema?"""

    reader: Schema
    writer: Schema
    missing_matters: bool
    """True where a field the writer does not have would silently become the reader's default."""

    def differences(self) -> Iterator[str]:
        yield from self._compare(self.reader, self.writer, "$", frozenset())

    def _compare(self, reader: Schema, writer: Schema, path: str, seen: _Seen) -> Iterator[str]:
        readers = list(_branches(self.reader, reader))
        for branch in _branches(self.writer, writer):
            attempts = [list(self._branch(candidate, branch, path, seen)) for candidate in readers]
            if [] not in attempts:
                yield from _closest(readers, branch, attempts, path)

    def _branch(self, reader: _Branch, writer: _Branch, path: str, seen: _Seen) -> Iterator[str]:
        pair = (reader.name, writer.name)
        if pair in seen:
            return  # a type that contains itself: this pair is under comparison already
        if reader.name and writer.name:
            seen |= {pair}
        for compared in (_types, _values, _limits, _unknown):
            yield from compared(reader.schema, writer.schema, path)
        yield from self._fields(reader.schema, writer.schema, path, seen)
        yield from self._members(reader.schema, writer.schema, path, seen)

    def _fields(self, reader: Schema, writer: Schema, path: str, seen: _Seen) -> Iterator[str]:
        wanted, given = reader.get("properties", {}), writer.get("properties", {})
        always, needed = set(writer.get("required", ())), set(reader.get("required", ()))
        for name in wanted:
            at = f"{path}.{name}"
            if name not in given:
                if name in needed:
                    yield f"{at}: gone or renamed, and the reader requires it"
                elif self.missing_matters:
                    yield f"{at}: gone or renamed, the reader would take its default instead"
                continue
            if name in needed - always:
                yield f"{at}: may be missing, and the reader requires it"
            elif self.missing_matters and _default(wanted[name]) != _default(given[name]):
                yield f"{at}: its default changed, the reader would take the old one"
            yield from self._compare(wanted[name], given[name], at, seen)
        for name in needed - set(wanted) - always:
            yield f"{path}.{name}: may be missing, and the reader requires it"
        yield from self._new_fields(reader, writer, path, seen)

    def _new_fields(self, reader: Schema, writer: Schema, path: str, seen: _Seen) -> Iterator[str]:
        others = reader.get("additionalProperties", True)
        for name in sorted(set(writer.get("properties", ())) - set(reader.get("properties", ()))):
            if others is False:
                yield f"{path}.{name}: new, and the reader refuses fields it does not know"
            elif isinstance(others, Mapping):
                yield from self._compare(others, writer["properties"][name], f"{path}.{name}", seen)

    def _members(self, reader: Schema, writer: Schema, path: str, seen: _Seen) -> Iterator[str]:
        """Members of arrays and of maps."""
        for keyword, at in (("items", f"{path}[]"), ("additionalProperties", f"{path}{{}}")):
            inner, theirs = reader.get(keyword, True), writer.get(keyword, True)
            if isinstance(inner, Mapping):
                yield from self._compare(inner, theirs if isinstance(theirs, Mapping) else {}, at, seen)
            elif inner is False and theirs is not False:
                yield f"{at}: members are possible that the reader refuses"
        if reader.get("prefixItems") != writer.get("prefixItems"):
            yield f"{path}: its positions (prefixItems) changed"


def _branches(root: Schema, schema: Schema, name: str = "") -> Iterator[_Branch]:
    """The alternatives of a schema, references followed; each has at most one type."""
    while "$ref" in schema:
        name = str(schema["$ref"])
        target: Any = root
        for step in name.removeprefix("#/").split("/"):
            target = target[step]
        schema = {**target, **{keyword: value for keyword, value in schema.items() if keyword != "$ref"}}
    alternatives = [branch for keyword in _ALTERNATIVES for branch in schema.get(keyword, ())]
    for alternative in alternatives:
        yield from _branches(root, alternative, name)
    if not alternatives:
        types = schema.get("type")
        for one in types if isinstance(types, list) else [types]:
            yield _Branch(name, schema if one is None else {**schema, "type": one})


def _closest(readers: list[_Branch], writer: _Branch, attempts: list[list[str]], path: str) -> list[str]:
    """What to tell: the differences from the alternative of the same type, or that there is no such alternative."""
    sent = writer.schema.get("type")
    found = [attempt for reader, attempt in zip(readers, attempts, strict=True) if reader.schema.get("type") == sent]
    if found:
        return min(found, key=len)
    expected = " or ".join(str(reader.schema.get("type", "anything")) for reader in readers)
    return [f"{path}: may be {sent or 'anything'}, the reader expects {expected}"]


def _types(reader: Schema, writer: Schema, path: str) -> Iterator[str]:
    expected, sent = reader.get("type"), writer.get("type")
    if expected in {None, sent} or (expected, sent) == ("number", "integer"):
        return
    yield f"{path}: may be {sent or 'anything'}, the reader expects {expected}"


def _values(reader: Schema, writer: Schema, path: str) -> Iterator[str]:
    accepted, sent = _listed(reader), _listed(writer)
    if accepted is None:
        return
    if sent is None:
        yield f"{path}: may be any value, the reader expects one of {accepted}"
    for value in sent or ():
        if value not in accepted:
            yield f"{path}: may be {value!r}, which the reader does not know (a wider enum)"


def _listed(schema: Schema) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _limits(reader: Schema, writer: Schema, path: str) -> Iterator[str]:
    for keywords, sign in ((_UPPER, 1), (_LOWER, -1)):
        for keyword in keywords:
            limit, sent = reader.get(keyword), writer.get(keyword)
            if limit is not None and (sent is None or sign * sent > sign * limit):
                yield f"{path}: {keyword} is {'gone' if sent is None else sent}, the reader's limit is {limit}"
    for keyword in _EXACT:
        if reader.get(keyword) not in {None, writer.get(keyword)}:
            yield f"{path}: {keyword} is {writer.get(keyword, 'gone')}, the reader expects {reader[keyword]}"


def _unknown(reader: Schema, writer: Schema, path: str) -> Iterator[str]:
    if reader.get("uniqueItems") and not writer.get("uniqueItems"):
        yield f"{path}: members may repeat, the reader expects each once"
    for keyword in sorted((set(reader) | set(writer)) - _KNOWN):
        if reader.get(keyword, _ABSENT) != writer.get(keyword, _ABSENT):
            yield f"{path}: {keyword} changed; this check does not know that keyword, compare by hand"


def _default(field: Schema) -> tuple[str, Any]:
    """The default as something that compares by type too (`0` is not `False`)."""
    value = field.get("default", _ABSENT)
    return (type(value).__name__, value)
