"""What stands above a document: its title, type, dates, authors and patient, as the document itself names them.

The page is for who may read the document; it tells whom the document says it is about, not whose record it stands in.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from lxml import etree

from services.document.domain.rendering.limits import MAX_FIELD, MAX_REPEATS
from services.document.domain.rendering.markup import add
from shared.terminology import INS_OIDS, TEST_INS_OIDS, document_type

_NAMESPACES: Final = {"h": "urn:hl7-org:v3"}
_SEXES: Final = {"F": "féminin", "M": "masculin", "UN": "indéterminé"}
_FAMILY: Final = {"BR": "nom de naissance", "SP": "nom d'usage", "CL": "nom utilisé"}
_TIME: Final = re.compile(
    r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(\d\d)(?:\d\d(?:\.\d+)?)?)?)?)?(?:([+-]\d\d)(\d\d))?", re.ASCII
)

Field = tuple[str, str]
"""A name and what stands behind it."""


def title(document: etree._Element) -> str:
    """The document's title."""
    return _words(document.find("h:title", _NAMESPACES)) or "Document sans titre"


def language(document: etree._Element) -> str | None:
    """The language that the document says it is written in."""
    found = document.find("h:languageCode", _NAMESPACES)
    return None if found is None else found.get("code")


def write(top: etree._Element, document: etree._Element) -> None:
    """Write the header of a ClinicalDocument above the page."""
    add(top, "h1", title(document))
    fields(top, _fields(document))


def fields(top: etree._Element, pairs: Iterable[Field]) -> None:
    """Write names and values; what is empty is left out."""
    room = add(top, "dl")
    for name, value in pairs:
        if value:
            add(room, "dt", name)
            add(room, "dd", value)


def _fields(document: etree._Element) -> Iterator[Field]:
    yield "Type", _type(document.find("h:code", _NAMESPACES))
    yield "Date", _time(document.find("h:effectiveTime", _NAMESPACES))
    for act in _some(document, "h:documentationOf/h:serviceEvent"):
        yield "Acte", _act(act)
    for role in _some(document, "h:recordTarget/h:patientRole"):
        yield from _patient(role)
    for author in _some(document, "h:author"):
        yield "Auteur", _author(author)
    yield "Version", _attribute(document.find("h:versionNumber", _NAMESPACES), "value")


def _some(element: etree._Element, path: str) -> Iterator[etree._Element]:
    return islice(element.iterfind(path, _NAMESPACES), MAX_REPEATS)


def _type(code: etree._Element | None) -> str:
    stated = _attribute(code, "code")
    known = document_type(stated)
    return known.label if known else _attribute(code, "displayName") or stated


def _act(act: etree._Element) -> str:
    code = act.find("h:code", _NAMESPACES)
    what = _attribute(code, "displayName")
    times = [_time(act.find(f"h:effectiveTime/h:{end}", _NAMESPACES)) for end in ("low", "high")]
    when = " au ".join(dict.fromkeys(filter(None, times))) or _time(act.find("h:effectiveTime", _NAMESPACES))
    return _joined((what, when))


def _patient(role: etree._Element) -> Iterator[Field]:
    for name in _some(role, "h:patient/h:name"):
        yield "Patient", _name(name)
    yield "Né(e) le", _time(role.find("h:patient/h:birthTime", _NAMESPACES))
    sex = role.find("h:patient/h:administrativeGenderCode", _NAMESPACES)
    yield "Sexe", _SEXES.get(_attribute(sex, "code"), _attribute(sex, "displayName"))
    for one in _some(role, "h:id"):
        if one.get("root") in INS_OIDS:
            yield ("INS de test" if one.get("root") in TEST_INS_OIDS else "INS"), _attribute(one, "extension")


def _author(author: etree._Element) -> str:
    assigned = author.find("h:assignedAuthor", _NAMESPACES)
    if assigned is None:
        return ""
    person = assigned.find("h:assignedPerson/h:name", _NAMESPACES)
    device = _words(assigned.find("h:assignedAuthoringDevice/h:softwareName", _NAMESPACES))
    role = _attribute(assigned.find("h:code", _NAMESPACES), "displayName")
    structure = _words(assigned.find("h:representedOrganization/h:name", _NAMESPACES))
    return _joined((device if person is None else _name(person), role, structure))


def _name(name: etree._Element) -> str:
    """A person's name; each family name says which it is, since a patient may have several."""
    parts: list[str] = []
    for part in islice(name.iterchildren("{urn:hl7-org:v3}*"), MAX_REPEATS):
        kind = _FAMILY.get(part.get("qualifier", ""))
        parts.append(f"{_words(part)} ({kind})" if kind and part.tag.endswith("}family") else _words(part))
    return _cut(" ".join(filter(None, parts)) or _words(name))


def _time(element: etree._Element | None) -> str:
    """A time of HL7 v3 as people write it, no finer than it is told; as it stands where it is none."""
    value = _attribute(element, "value")
    found = _TIME.fullmatch(value)
    if not found:
        return value
    year, month, day, hour, minute, zone, zone_minutes = found.groups()
    date = "/".join(part for part in (day, month, year) if part)
    return date + (f" {hour}:{minute}" if hour else "") + (f" (UTC{zone}:{zone_minutes})" if hour and zone else "")


def _joined(parts: Iterable[str]) -> str:
    return _cut(", ".join(filter(None, parts)))


def _attribute(element: etree._Element | None, name: str) -> str:
    return "" if element is None else _cut(" ".join(element.get(name, "").split()))


def _words(element: etree._Element | None) -> str:
    return "" if element is None else _cut(" ".join("".join(element.itertext()).split()))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_FIELD else f"{text[:MAX_FIELD]}…"
