"""Parameters of a search for documents (ITI-67) and for traces (ITI-81).

An identity never stands in a URL, since URLs end up in logs: software searches by `POST …/_search` with
`patient.identifier=system|value` in the form, or by `GET` with the opaque `patient=Patient/<record id>`. A parameter
that is not known is refused: to ignore a filter would show more than was asked for.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from services.gateway.fhir import systems
from services.gateway.fhir.errors import FhirError
from shared.terminology import Ins, class_of, confidentiality, document_class, document_format, parse_ins

STATUSES: Final = {
    "current": "current",
    "superseded": "superseded",
    systems.APPROVED: "current",
    systems.DEPRECATED: "superseded",
    systems.ARCHIVED: "archived",
}
"""Words of FHIR, and of XDS, whose statuses are told apart by it; FHIR says by an extension what is archived."""
DEFAULT_COUNT: Final = 50
MAX_COUNT: Final = 200
MAX_OFFSET: Final = 100_000

_DATE = re.compile(
    r"(eq|ge|gt|le|lt)?(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:\d\d)?)?)?)?"
)
_DIRECTORY_NUMBER = re.compile(r"[A-Za-z0-9_.:/-]{1,64}", re.ASCII)
_POSITIVE = re.compile(r"0*[1-9][0-9]{0,8}", re.ASCII)
_NATURAL = re.compile(r"[0-9]{1,6}", re.ASCII)
_IGNORED = frozenset({"_format", "_pretty", "_total"})


@dataclass(frozen=True, slots=True)
class Range:
    """A half-open range of time; None means open."""

    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class DocumentSearch:
    """What is searched. Patient and record are both None where the token itself says whose record (a holder's)."""

    patient: Ins | None = None
    record: UUID | None = None
    unique_id: str | None = None
    types: frozenset[str] = frozenset()
    """typeCodes; empty means all."""
    classes: frozenset[str] = frozenset()
    formats: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    """Confidentiality codes, one of which the document must carry."""
    statuses: frozenset[str] = frozenset({"current"})
    """Approved only, unless asked otherwise (EX_3.1-1030)."""
    archived: bool = False
    """True where archived documents alone are asked for; with others, they are by `status` as XDS writes it."""
    deposited: Range = Range()
    created: Range = Range()
    period: Range = Range()
    """When the act told of took place."""
    author: str | None = None
    count: int = DEFAULT_COUNT
    offset: int = 0
    """How many to pass over; a next page's link says it."""


def parse_search(parameters: Iterable[tuple[str, str]], *, posted: bool) -> DocumentSearch:
    """Read the parameters of a search for documents.

    Args:
        parameters: Names and values as they came, repeated names included.
        posted: True for the form of `POST /DocumentReference/_search`; only there may an INS stand.

    Raises:
        FhirError: 400 with the parameter's name as expression.
    """
    found = DocumentSearch()
    for name, value in parameters:
        if name in _IGNORED or not value:
            continue
        if name not in _READERS:
            told = f"this parameter is not known; known are {', '.join(sorted(_READERS))}"
            raise FhirError(400, "not-supported", told, name[:64])
        if name in _IDENTITY and not posted:
            told = (
                "an identity must not stand in a URL; POST the same parameters as a form to DocumentReference/_search"
            )
            raise FhirError(400, "business-rule", told, name)
        field, reader = _READERS[name]
        found = replace(found, **{field: reader(name, value, getattr(found, field))})
    return found


def parse_period(text: str, expression: str, known: Range = Range()) -> Range:
    """Narrow a range by one date parameter: `ge2024-01-01`, `lt2025`, `2024-04`; UTC where it names no zone.

    Raises:
        FhirError: 400 for what is no date.
    """
    shape = _DATE.fullmatch(text)
    if not shape:
        raise _bad(expression, "expected a date as 2024-04-01, with ge, gt, le or lt before it")
    prefix = shape[1] or "eq"
    try:
        start, end = _interval(shape)
    except (ValueError, OverflowError):
        raise _bad(expression, "this date does not exist; correct it") from None
    if prefix in {"eq", "ge"}:
        known = replace(known, start=start)
    if prefix == "gt":
        known = replace(known, start=end)
    if prefix in {"eq", "le"}:
        known = replace(known, end=end)
    if prefix == "lt":
        known = replace(known, end=start)
    return known


def _bad(expression: str, diagnostics: str) -> FhirError:
    return FhirError(400, "invalid", diagnostics, expression)


def _record(name: str, value: str, _: object) -> UUID:
    try:
        return UUID(value.removeprefix("Patient/"))
    except ValueError:
        told = (
            "expected Patient/<record id>; to search by INS, POST to DocumentReference/_search with patient.identifier"
        )
        raise _bad(name, told) from None


def _patient(name: str, value: str, _: object) -> Ins:
    system, bar, number = value.partition("|")
    if not bar:
        raise _bad(name, "expected urn:oid:<OID of the INS>|<number>")
    try:
        return parse_ins(system, number)
    except ValueError as error:
        raise _bad(name, str(error)) from None


def _unique_id(name: str, value: str, _: object) -> str:
    system, bar, rest = value.rpartition("|")
    found = systems.unique_id(system if bar else None, rest)
    if found is None:
        raise _bad(name, "expected urn:ietf:rfc:3986|urn:oid:… or urn:oid:<root>|<extension>")
    return found


def _codes(known: Callable[[str], object]) -> Callable[[str, str, object], frozenset[str]]:
    """A reader of `code`, `system|code` and lists of them; what no value set knows finds nothing and is dropped."""

    def read(name: str, value: str, _: object) -> frozenset[str]:
        found = frozenset(code for token in value.split(",") if known(code := token.rpartition("|")[2]))
        if not found:
            raise _bad(name, "no value of this parameter is a code that the record knows; correct it or leave it out")
        return found

    return read


def _statuses(name: str, value: str, _: object) -> frozenset[str]:
    found = frozenset(STATUSES[code] for token in value.split(",") if (code := token.rpartition("|")[2]) in STATUSES)
    if not found:
        raise _bad(name, f"no value of this parameter is a status; known are {', '.join(STATUSES)}")
    return found


def _range(name: str, value: str, known: Range) -> Range:
    return parse_period(value, name, known)


def _boolean(name: str, value: str, _: object) -> bool:
    if value not in {"true", "false"}:
        raise _bad(name, "expected true or false")
    return value == "true"


def _number(name: str, value: str, _: object) -> str:
    found = value.rpartition("|")[2]
    if not _DIRECTORY_NUMBER.fullmatch(found):
        raise _bad(name, "expected the national number of a professional or structure")
    return found


def _count(name: str, value: str, _: object) -> int:
    if not _POSITIVE.fullmatch(value):
        raise _bad(name, f"expected a number from 1; more than {MAX_COUNT} gives {MAX_COUNT}")
    return min(int(value), MAX_COUNT)


def _offset(name: str, value: str, _: object) -> int:
    if not _NATURAL.fullmatch(value) or int(value) > MAX_OFFSET:
        raise _bad(name, f"expected a number from 0 to {MAX_OFFSET}; follow the link to the next page")
    return int(value)


def _interval(shape: re.Match[str]) -> tuple[datetime, datetime]:
    """The first instant of a date of any precision, and the first instant after it."""
    year, month, day = int(shape[2]), int(shape[3] or 1), int(shape[4] or 1)
    start = datetime(year, month, day, tzinfo=UTC)
    if shape[5]:
        start = datetime.fromisoformat(f"{start:%Y-%m-%d}T{shape[5]}{shape[6] or 'Z'}").astimezone(UTC)
        return start, start + (timedelta(seconds=1) if shape[5].count(":") > 1 else timedelta(minutes=1))
    if shape[4]:
        return start, start + timedelta(days=1)
    if shape[3]:
        return start, datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return start, datetime(year + 1, 1, 1, tzinfo=UTC)


_READERS: Final[dict[str, tuple[str, Callable[[str, str, Any], Any]]]] = {
    "patient": ("record", _record),
    "patient.identifier": ("patient", _patient),
    "subject:Patient.identifier": ("patient", _patient),
    "identifier": ("unique_id", _unique_id),
    "type": ("types", _codes(class_of)),
    "category": ("classes", _codes(document_class)),
    "format": ("formats", _codes(document_format)),
    "security-label": ("labels", _codes(confidentiality)),
    "status": ("statuses", _statuses),
    "PDSm-isArchived": ("archived", _boolean),
    "date": ("deposited", _range),
    "creation": ("created", _range),
    "period": ("period", _range),
    "author.identifier": ("author", _number),
    "_count": ("count", _count),
    "_offset": ("offset", _offset),
}
_IDENTITY = frozenset({"patient.identifier", "subject:Patient.identifier"})
