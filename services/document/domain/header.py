"""Reads the header of a CDA R2 document, as CI-SIS fixes it (volet Structuration minimale)."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, Literal

from lxml import etree

from services.document.domain.inspected import BrokenContent, Inspected, Kind
from shared.terminology import INS_OIDS, Ins, parse_ins

_NS: Final = "{urn:hl7-org:v3}"
_BODY: Final = ("component", "nonXMLBody", "text")
_PROFESSIONALS = "1.2.250.1.71.4.2.1"
_STRUCTURES = "1.2.250.1.71.4.2.2"
_TIME = re.compile(r"(\d{4})(\d\d)?(\d\d)?(?:(\d\d)(\d\d)?(\d\d)?(?:\.\d+)?)?(?:([+-])(\d\d)(\d\d))?", re.ASCII)
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]*))+|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)
_LONGEST: Final = 256

Parts = Mapping[str, Sequence[etree._Element]]  # noqa: SLF001 - lxml has no public name for it
"""Children of a document by their names."""


def read(document: etree._Element, *, self_presentable: bool = False) -> Inspected:
    """The header of a ClinicalDocument.

    Raises:
        BrokenContent: Something that the record relies on is missing or malformed.
    """
    parts = _parts(document)
    unique_id = _identifier(_find(parts, "id"))
    if unique_id is None:
        raise BrokenContent(
            "no_unique_id", "the CDA has no usable ClinicalDocument/id; expected an OID or UUID as root"
        )
    code = _find(parts, "code")
    type_code = _attribute(code, "code")
    if type_code is None:
        raise BrokenContent("no_type", "the CDA has no ClinicalDocument/code/@code; give the document's type")
    title = "".join(_text(_find(parts, "title")).split("\0")).strip()
    if not title:
        raise BrokenContent("no_title", "the CDA has no title; give it one")
    level = _level(parts)
    body = _find(parts, *_BODY) if level == 1 else None
    version = _attribute(_find(parts, "versionNumber"), "value") or ""
    return Inspected(
        kind=Kind.CDA,
        content_type="text/xml",
        unique_id=unique_id,
        type_code=type_code,
        type_system=_attribute(code, "codeSystem"),
        title=title,
        patients=_patients(parts),
        authors=_authors(parts),
        structures=_numbers(parts, "author", "assignedAuthor", "representedOrganization", "id", root=_STRUCTURES),
        effective_time=_time(_find(parts, "effectiveTime"), required=True),
        service_start=_time(_find(parts, "documentationOf", "serviceEvent", "effectiveTime", "low"), required=False),
        set_id=_identifier(_find(parts, "setId")),
        version=int(version) if re.fullmatch(r"[0-9]{1,9}", version, re.ASCII) else None,
        replaces=_replaced(parts),
        language=_attribute(_find(parts, "languageCode"), "code"),
        confidentiality=_attribute(_find(parts, "confidentialityCode"), "code"),
        level=level,
        body_media_type=None if body is None else body.get("mediaType", "text/plain"),
        templates=frozenset(filter(None, map(_identifier, _all(parts, "templateId")))),
        self_presentable=self_presentable,
    )


def unstructured_body(document: etree._Element) -> etree._Element | None:
    """The element with the text of a level 1 body, or None."""
    return _find(_parts(document), *_BODY)


def _parts(document: etree._Element) -> Parts:
    """The children of the document by their names: found in one pass, since a path costs more than all of them."""
    parts: dict[str, list[etree._Element]] = {}
    for child in document.iterchildren(f"{_NS}*"):
        parts.setdefault(child.tag, []).append(child)
    return parts


def _all(parts: Parts, first: str, *path: str) -> Sequence[etree._Element]:
    """The elements at a path from the document on, in their order."""
    found = parts.get(_NS + first, ())
    for name in path:
        found = [child for element in found for child in element.iterchildren(_NS + name)]
    return found


def _find(parts: Parts, *path: str) -> etree._Element | None:
    return next(iter(_all(parts, *path)), None)


def _text(element: etree._Element | None) -> str:
    return "" if element is None else "".join(element.itertext())


def _attribute(element: etree._Element | None, name: str) -> str | None:
    """A short, non-empty attribute; what is longer than any code or identifier counts as absent."""
    value = (element.get(name) or "").strip() if element is not None else ""
    return value if 0 < len(value) <= _LONGEST else None


def _identifier(element: etree._Element | None) -> str | None:
    root, extension = _attribute(element, "root"), _attribute(element, "extension")
    if root is None or not _OID.fullmatch(root):
        return None
    root = root.lower()
    if extension and not extension.isprintable():
        return None
    return f"{root}^{extension}" if extension else root


def _replaced(parts: Parts) -> str | None:
    replacing = [element for element in _all(parts, "relatedDocument") if element.get("typeCode") == "RPLC"]
    return _identifier(_find({f"{_NS}relatedDocument": replacing}, "relatedDocument", "parentDocument", "id"))


def _level(parts: Parts) -> Literal[1, 3]:
    if _all(parts, "component", "structuredBody"):
        return 3
    if _all(parts, "component", "nonXMLBody"):
        return 1
    raise BrokenContent("no_body", "the CDA has neither structuredBody nor nonXMLBody; send the whole document")


def _patients(parts: Parts) -> frozenset[Ins]:
    if len(_all(parts, "recordTarget")) > 1:
        raise BrokenContent("several_patients", "the CDA has several recordTarget; a document is about one patient")
    found: dict[str, Ins] = {}
    for element in _all(parts, "recordTarget", "patientRole", "id"):
        oid = element.get("root", "")
        if oid not in INS_OIDS:
            continue
        try:
            ins = parse_ins(oid, element.get("extension", ""))
        except ValueError as error:
            raise BrokenContent("no_patient", f"the CDA's patientRole/id: {error}") from None
        if found.setdefault(oid, ins) != ins:
            raise BrokenContent(
                "several_patients", "the CDA names two INS of one kind; a document is about one patient"
            )
    if not found:
        known = ", ".join(sorted(INS_OIDS))
        raise BrokenContent(
            "no_patient", f"the CDA's recordTarget has no INS; expected patientRole/id, root one of {known}"
        )
    return frozenset(found.values())


def _authors(parts: Parts) -> tuple[str, ...]:
    if not _all(parts, "author", "assignedAuthor"):
        raise BrokenContent("no_author", "the CDA has no author; name who wrote it")
    return _numbers(parts, "author", "assignedAuthor", "id", root=_PROFESSIONALS)


def _numbers(parts: Parts, *path: str, root: str) -> tuple[str, ...]:
    found = (_attribute(element, "extension") for element in _all(parts, *path) if element.get("root") == root)
    return tuple(dict.fromkeys(filter(None, found)))


def _time(element: etree._Element | None, *, required: bool) -> datetime | None:
    """A time as HL7 v3 writes it (`20210108111700+0100`); UTC where it names no zone."""
    shape = _TIME.fullmatch(_attribute(element, "value") or "")
    try:
        if shape:
            return _moment(shape)
    except (ValueError, OverflowError):
        pass
    if required:
        told = "the CDA's effectiveTime is no time; expected digits as 20210108111700+0100"
        raise BrokenContent("bad_time", told)
    return None


def _moment(shape: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second = (int(part) if part else None for part in shape.groups()[:6])
    sign, zone_hours, zone_minutes = shape.groups()[6:]
    zone = UTC
    if sign:
        offset = timedelta(hours=int(zone_hours), minutes=int(zone_minutes))
        zone = timezone(offset if sign == "+" else -offset)
    moment = datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, second or 0, tzinfo=zone)
    moment.astimezone(UTC)  # an instant before year 1 or after 9999 can't be stored
    return moment
