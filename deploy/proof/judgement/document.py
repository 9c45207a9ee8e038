"""What a file is: a CDA document with this header, one with faults that a refusal may name, or none."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple
from xml.etree.ElementTree import Element, TreeBuilder  # no parser: only what holds elements
from xml.parsers import expat

from deploy.proof.judgement.body import faults as faults_of_body
from shared.terminology import INS_OIDS, Ins, document_type

MAX_MARKUP: Final = 400_000
"""Most signs of tags and attributes (`<` and `=`) that the record takes."""
MAX_DEPTH: Final = 64
_NAME: Final = "ClinicalDocument"
_HL7: Final = "{urn:hl7-org:v3}"
_ROOT: Final = f"{_HL7}{_NAME}"
_WRAPPED: Final = ("{http://www.w3.org/1999/XSL/Transform}stylesheet", "{urn:asip-sante:ci-sis}Contenu", _ROOT)
"""A self-presentable document stands inside of its stylesheet."""
_WIDE: Final = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
_NARROW: Final = frozenset({"utf-8", "utf8", "us-ascii"})
_VERSION: Final = re.compile(r"1\.\d+", re.ASCII)
_LONGEST: Final = 256
_OID: Final = re.compile(r"[0-2](\.(0|[1-9]\d*))+", re.ASCII)
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_INS: Final = re.compile(r"\d{6}[\dAB]\d{8}", re.ASCII)
_TIME: Final = re.compile(r"(\d{4}|\d{6}|\d{8}|(?:\d{10}|\d{12}|\d{14})(?:\.\d+)?)([+-]\d{4})?", re.ASCII)
_FORMAT: Final = "%Y%m%d%H%M%S"
_PROFESSIONALS: Final = "1.2.250.1.71.4.2.1"
_STRUCTURES: Final = "1.2.250.1.71.4.2.2"
NOT_IN_LIST: Final = "code-invalid DocumentReference.type"
"""A type without class in ASS_X16: nobody but its author and the médecin traitant could ever read the document."""
NO_SUCH_TYPE: Final = "code-invalid DocumentReference.type.coding"


@dataclass(frozen=True, slots=True)
class Header:
    """What a document tells that its publication has to say."""

    patient: Ins
    """The INS under which it is deposited: one of test where it names one."""
    unique_id: str
    """`root` or `root^extension`."""
    type_code: str
    type_system: str
    title: str = field(repr=False)
    created: datetime
    professionals: tuple[str, ...]
    structures: tuple[str, ...]
    service_start: datetime | None
    language: str | None
    body_media_type: str | None


@dataclass(frozen=True, slots=True)
class Judged:
    """What a file is to the record."""

    refusals: frozenset[str] = frozenset()
    """Codes of which a refusal has to name one; empty where the record has to take it. A document with several faults
    may be refused for any of them."""
    header: Header | None = None
    """None where the document does not tell all of it."""
    no_cda: str = ""
    """Why the file is no CDA document at all, for people; empty where it is one, be it a broken one."""


def judge(content: bytes) -> Judged:
    """What a file is, and whether the record has to take it. Pure."""
    wide = next((encoding for begin, encoding in _WIDE.items() if content.startswith(begin)), None)
    if wide is not None:
        content = content.decode(wide, "replace").encode()
    read = _read(content) if _NAME.encode() in content else None
    if read is None or not read.is_cda:
        told = "nothing in it is called ClinicalDocument" if content.strip() else "it is empty"
        return Judged(no_cda=told if read is None else read.no_cda())
    faults = set(read.faults())
    if wide is not None:
        faults.add("wrong_encoding")
    if content.count(b"<") + content.count(b"=") > MAX_MARKUP:
        faults.add("too_large")
    header = None if read.document is None else _header(read.document, faults)
    if faults or header is None:
        return Judged(frozenset(faults))
    known = document_type(header.type_code)
    if known is None or known.system != header.type_system:
        return Judged(frozenset({NO_SUCH_TYPE}), header)
    return Judged(frozenset() if known.class_code else frozenset({NOT_IN_LIST}), header)


class _Stopped(Exception):  # noqa: N818 - no error: nothing behind a DTD is read
    pass


class _Read:
    """The elements of a file, and what was noticed on the way."""

    def __init__(self) -> None:
        self._builder = TreeBuilder()
        self._path: list[str] = []
        self.encoding = "utf-8"
        self.doctype: str | None = None
        self.broken = ""
        self.root = ""
        self.deep = False
        self.began = False
        """A ClinicalDocument began where one may stand."""
        self.document: Element | None = None

    @property
    def is_cda(self) -> bool:
        if self.doctype is not None:
            return self.doctype.rpartition(":")[2] == _NAME
        return self.began

    def no_cda(self) -> str:
        """Why it is none, for people."""
        if self.doctype is not None:
            return "it has a DTD of another name than ClinicalDocument"
        if not self.root:
            return f"it is no XML: {self.broken}"
        return f"its root is {self.root.rpartition('}')[2][:40]}, and no ClinicalDocument of HL7 v3 stands in its place"

    def faults(self) -> Iterator[str]:
        """What is wrong with it as XML."""
        if self.encoding.lower() not in _NARROW:
            yield "wrong_encoding"
        if self.doctype is not None:
            yield "dtd_forbidden"
        if self.broken:
            yield "not_xml"
        if self.deep:
            yield "too_deep"

    def declared(self, version: str, encoding: str | None, _standalone: int) -> None:
        self.encoding = encoding or self.encoding
        if not _VERSION.fullmatch(version):  # expat takes any
            self.broken = "its declaration names no version of XML"

    def typed(self, name: str, *_: object) -> None:
        self.doctype = name
        raise _Stopped

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = "{" + tag if "}" in tag else tag
        self.root = self.root or name
        self._path.append(name)
        if len(self._path) > MAX_DEPTH:
            self.deep = True
            return
        self._builder.start(name, attributes)
        self.began = self.began or tuple(self._path) in {(_ROOT,), _WRAPPED}

    def end(self, _tag: str) -> None:
        if len(self._path) <= MAX_DEPTH:
            self._builder.end(self._path[-1])
        self._path.pop()

    def text(self, text: str) -> None:
        self._builder.data(text)

    def close(self) -> None:
        root: Element = self._builder.close()
        self.document = root if root.tag == _ROOT else root.find("/".join(_WRAPPED[1:]))


def _read(content: bytes) -> _Read:
    read = _Read()
    parser = expat.ParserCreate("utf-8", "}")
    parser.buffer_text = True
    parser.XmlDeclHandler = read.declared
    parser.StartDoctypeDeclHandler = read.typed
    parser.StartElementHandler = read.start
    parser.EndElementHandler = read.end
    parser.CharacterDataHandler = read.text
    try:
        parser.Parse(content, True)  # noqa: FBT003 - the last piece
        read.close()
    except expat.ExpatError as error:
        read.broken = f"line {error.lineno} is not well formed"
    except _Stopped:
        pass
    return read


def _header(document: Element, faults: set[str]) -> Header | None:
    """The header; adds to the faults what it lacks, and is None then."""

    def need(fault: str, *, there: bool) -> None:
        if not there:
            faults.add(fault)

    unique_id = _identifier(document.find(f"{_HL7}id"))
    code = document.find(f"{_HL7}code")
    type_code = _attribute(code, "code")
    title = "".join(found.itertext()).strip() if (found := document.find(f"{_HL7}title")) is not None else ""
    created = _moment(_attribute(document.find(f"{_HL7}effectiveTime"), "value"))
    need("no_unique_id", there=bool(unique_id))
    need("no_type", there=bool(type_code))
    need("no_title", there=bool(title))
    need("bad_time", there=created is not None)
    need("no_author", there=document.find(_path("author", "assignedAuthor")) is not None)
    patient = _patient(document, faults)
    faults.update(faults_of_body(document))
    if created is None or patient is None or faults:
        return None
    body = document.find(_path("component", "nonXMLBody", "text"))
    return Header(
        patient,
        unique_id,
        type_code,
        _attribute(code, "codeSystem"),
        title,
        created,
        _numbers(document, _PROFESSIONALS, "author", "assignedAuthor", "id"),
        _numbers(document, _STRUCTURES, "author", "assignedAuthor", "representedOrganization", "id"),
        _moment(_attribute(document.find(_path("documentationOf", "serviceEvent", "effectiveTime", "low")), "value")),
        _attribute(document.find(f"{_HL7}languageCode"), "code") or None,
        None if body is None else body.get("mediaType", "text/plain"),
    )


def _path(*names: str) -> str:
    return "/".join(_HL7 + name for name in names)


def _attribute(element: Element | None, name: str) -> str:
    """Empty where there is none, or none of the length of a code."""
    value = "" if element is None else element.get(name, "").strip()
    return value if len(value) <= _LONGEST else ""


def _identifier(element: Element | None) -> str:
    root, extension = _attribute(element, "root"), _attribute(element, "extension")
    if not (_OID.fullmatch(root) or _UUID.fullmatch(root)) or not extension.isprintable():
        return ""
    return f"{root.lower()}^{extension}" if extension else root.lower()


class _Named(NamedTuple):
    oid: str
    number: str


def _patient(document: Element, faults: set[str]) -> Ins | None:
    """One patient, known by one number of each kind of INS."""
    ids = document.iterfind(_path("recordTarget", "patientRole", "id"))
    named = {_Named(one.get("root", ""), one.get("extension", "")) for one in ids if one.get("root") in INS_OIDS}
    several = len(document.findall(f"{_HL7}recordTarget")) > 1 or len({one.oid for one in named}) < len(named)
    if several:
        faults.add("several_patients")
    if not named or not all(_INS.fullmatch(one.number) for one in named):
        faults.add("no_patient")
        return None
    people = [Ins(*one) for one in sorted(named)]
    return None if several else next((ins for ins in people if ins.is_test), people[0])


def _numbers(document: Element, system: str, *path: str) -> tuple[str, ...]:
    """Directory numbers of one system at a path, in order, without repeats."""
    found = (_attribute(one, "extension") for one in document.iterfind(_path(*path)) if one.get("root") == system)
    return tuple(dict.fromkeys(filter(None, found)))


def _moment(text: str) -> datetime | None:
    """A time as HL7 v3 writes it, of any precision; UTC where it names no zone. None where it is none."""
    shape = _TIME.fullmatch(text)
    if shape is None:
        return None
    digits, zone = shape[1].partition(".")[0], shape[2] or "+0000"
    try:
        moment = datetime.strptime(digits + zone, _FORMAT[: len(digits) - 2] + "%z")  # noqa: DTZ007 - %z is there
        moment.astimezone(UTC)  # an instant before year 1 or behind 9999 can't be kept
    except (ValueError, OverflowError):
        return None
    return moment
