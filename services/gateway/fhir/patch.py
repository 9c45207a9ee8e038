"""JSON Patch (RFC 6902) on a DocumentReference: which act on a document it asks for (PDSm, update of metadata).

The guide lets status, securityLabel and the extension isArchived change, nothing else. A patch is read as one act and
not applied to a text, since only document knows how a document stands: security labels are a set, to which a flag is
added or from which it is taken, and N, R or V always stays. So what would replace a label is refused: the guide's own
examples, `replace /securityLabel/0` by MASQUE_PS, would drop N. A label is never named by its place alone, which
another act may have moved, but by its code: in a `test` before, or in the `value` of `remove`.
"""

import re
from typing import Any, Final

import orjson
from pydantic import TypeAdapter, ValidationError

from services.gateway.fhir import systems
from services.gateway.fhir.errors import FhirError
from services.gateway.fhir.labels import label
from services.gateway.fhir.resources import CodeableConcept, Coding, Part, Short
from shared.contracts.common import FurtherAct
from shared.terminology.documents import FLAG_SYSTEM

MOST_BYTES: Final = 16 * 1024
"""A longer patch says more than one act."""
MOST_OPERATIONS: Final = 8
_ADDED: Final = {
    "MASQUE_PS": FurtherAct.MASK,
    "INVISIBLE_PATIENT": FurtherAct.WITHHOLD,
    "INVISIBLE_REPRESENTANTS_LEGAUX": FurtherAct.HIDE,
}
_REMOVED: Final = {
    "MASQUE_PS": FurtherAct.UNMASK,
    "INVISIBLE_PATIENT": FurtherAct.ANNOUNCE,
    "INVISIBLE_REPRESENTANTS_LEGAUX": FurtherAct.REVEAL,
}
_STATUSES: Final = {
    "entered-in-error": FurtherAct.DELETE,
    systems.DELETED: FurtherAct.DELETE,
    systems.ARCHIVED: FurtherAct.ARCHIVE,
    systems.APPROVED: FurtherAct.UNARCHIVE,
}
_SUPERSEDED: Final = "superseded"
_LABEL = re.compile(r"(/securityLabel/\d{1,3})(?P<coding>/coding/0(?P<code>/code)?)?", re.ASCII)
_NEW_LABEL = re.compile(r"/securityLabel/(-|\d{1,3})", re.ASCII)
_EXTENSION = re.compile(r"/extension/(-|\d{1,3})", re.ASCII)
_ARCHIVED_OR_NOT = re.compile(r"/extension/\d{1,3}/valueBoolean", re.ASCII)
_LABELS, _STATUS, _EXTENSIONS = "/securityLabel", "/status", "/extension"
_ALLOWED: Final = (_LABELS, _STATUS, _EXTENSIONS)
_HOW: Final = (
    'to add a flag: {"op": "add", "path": "/securityLabel/-", "value": {"coding": [{"system": …, "code": …}]}}; to '
    'take it away: {"op": "remove", "path": "/securityLabel", "value": …} with the same value'
)


class Operation(Part):
    """One operation of a patch; members that RFC 6902 does not know are ignored, but for the value of `remove`."""

    op: Short
    path: str
    value: Any = None


class Extension(Part):
    """An extension that says yes or no."""

    url: Short
    valueBoolean: bool  # noqa: N815 - FHIR's name


_PATCH: Final = TypeAdapter(list[Operation])


def act_asked(body: bytes) -> FurtherAct:
    """The act that a patch asks for.

    Raises:
        FhirError: 400 where it can't be read, 405 where it changes what never changes, 422 where it is no act, or more
            than one, or would replace labels.
    """
    reading = _Reading()
    for operation in _operations(body):
        reading.take(operation)
    return reading.act()


def _operations(body: bytes) -> list[Operation]:
    if len(body) > MOST_BYTES:
        raise FhirError(413, "too-long", f"a patch has at most {MOST_BYTES} bytes; send one act")
    try:
        found = _PATCH.validate_python(orjson.loads(body))
    except (orjson.JSONDecodeError, ValidationError):
        raise FhirError(400, "structure", "expected a JSON array of operations with op and path (RFC 6902)") from None
    if len(found) > MOST_OPERATIONS:
        raise _refused(f"a patch is one act of at most {MOST_OPERATIONS} operations; send one for each act")
    return found


class _Reading:
    """What the operations said so far."""

    def __init__(self) -> None:
        self._acts: list[FurtherAct] = []
        self._tested: dict[str, str] = {}
        """The flag that a `test` names, by the label's path; the `remove` behind it uses it up."""
        self._superseded = False

    def take(self, operation: Operation) -> None:
        """Read one operation."""
        path = operation.path
        element = path[: path.find("/", 1)] if "/" in path[1:] else path
        if element not in _ALLOWED or (element == _STATUS and path != _STATUS):
            told = "status, securityLabel and isArchived alone are updated; deposit a replacement for the rest"
            raise FhirError(405, "not-supported", told, path[:64])
        if element == _LABELS:
            self._label(operation)
        elif operation.op not in {"add", "replace"}:
            raise _refused("of status and extension nothing is tested, removed or moved; use add or replace", path)
        elif element == _STATUS:
            self._status(operation)
        else:
            self._extension(operation)

    def act(self) -> FurtherAct:
        """The one act that was asked for."""
        if self._tested:
            told = f"a test of a label stands before the remove of that label; {_HOW}"
            raise _refused(told, next(iter(self._tested)))
        if self._superseded and self._acts != [FurtherAct.DELETE]:
            raise _refused("a document is superseded by depositing the one that replaces it (relatesTo)", _STATUS)
        if len(self._acts) != 1:
            raise _refused(f"a patch asks for exactly one act, this one for {len(self._acts)}; send one for each act")
        return self._acts[0]

    def _label(self, operation: Operation) -> None:
        path = operation.path
        match operation.op:
            case "add" if _NEW_LABEL.fullmatch(path):
                self._acts.append(_ADDED[_flag(operation.value, path)])
            case "test" if named := _LABEL.fullmatch(path):
                self._tested[named[1]] = _flag(_as_concept(operation.value, named), path)
            case "remove" if path == _LABELS or _LABEL.fullmatch(path):
                flag = self._tested.pop(path, None) if operation.value is None else _flag(operation.value, path)
                if flag is None:
                    raise _refused(f"a label is not named by its place alone, which may have changed; {_HOW}", path)
                self._acts.append(_REMOVED[flag])
            case _:
                told = f"security labels are a set, of which nothing is replaced or moved: N would be lost; {_HOW}"
                raise _refused(told, path)

    def _status(self, operation: Operation) -> None:
        if operation.value == _SUPERSEDED:
            self._superseded = True
            return
        act = _STATUSES.get(operation.value) if isinstance(operation.value, str) else None
        if act is None:
            told = "the status changes to entered-in-error, which deletes; archive by the extension isArchived"
            raise _refused(told, _STATUS)
        self._acts.append(act)

    def _extension(self, operation: Operation) -> None:
        path, value = operation.path, operation.value
        if _ARCHIVED_OR_NOT.fullmatch(path):  # it is the only extension that a document is shown with
            found = _extension({"url": systems.IS_ARCHIVED, "valueBoolean": value}, path)
        elif path == _EXTENSIONS and isinstance(value, list) and len(value) == 1:
            found = _extension(value[0], path)
        elif _EXTENSION.fullmatch(path):
            found = _extension(value, path)
        else:
            raise _refused("expected one extension with url and valueBoolean at /extension/-", path)
        self._acts.append(_act_of(found, path))


def _act_of(extension: Extension, path: str) -> FurtherAct:
    match extension.url, extension.valueBoolean:
        case systems.IS_ARCHIVED, archived:
            return FurtherAct.ARCHIVE if archived else FurtherAct.UNARCHIVE
        case systems.IS_DELETED, True:
            return FurtherAct.DELETE
        case systems.IS_DELETED, _:
            raise _refused("what is deleted stays deleted", path)
        case _:
            told = f"no extension but {systems.IS_ARCHIVED} is updated"
            raise FhirError(405, "not-supported", told, path)


def _extension(value: Any, path: str) -> Extension:
    try:
        return Extension.model_validate(value)
    except ValidationError:
        raise _refused("expected an extension with url and valueBoolean, true or false", path) from None


def _as_concept(value: Any, path: re.Match[str]) -> Any:
    """What a `test` compares with, as the whole label; the code alone says its system."""
    if path["code"]:
        value = {"system": f"{systems.URN_OID}{FLAG_SYSTEM}", "code": value}
    return {"coding": [value]} if path["coding"] else value


def _flag(value: Any, path: str) -> str:
    """The flag that a label is: a CodeableConcept with one coding, or that coding itself."""
    found = label(_coding(value, path))
    if found is None:
        told = "no code of JDV_J08 under its own system; send a flag of TRE_A07 as a search gives it"
        raise FhirError(422, "code-invalid", told, path[:64])
    if not found.flag:
        raise FhirError(405, "not-supported", "N, R and V stay as they were deposited; flags alone change", path)
    return found.code


def _coding(value: Any, path: str) -> Coding:
    try:
        if isinstance(value, dict) and "code" in value:
            return Coding.model_validate(value)
        (coding,) = CodeableConcept.model_validate(value).coding
    except (ValidationError, ValueError):
        raise _refused(f"expected a security label with one coding; {_HOW}", path) from None
    return coding


def _refused(told: str, path: str | None = None) -> FhirError:
    return FhirError(422, "processing", told, path and path[:64])
