"""Inspection of a deposited file, before anything of it is kept: what it is, whose, by whom, and whether it is whole.

A CDA R2 document is parsed without DTD, entities or network and within limits of size, count and depth; it is stored
byte for byte and never rewritten. Inspection checks what the record relies on (CI-SIS header: unique id, type, title,
time, patient, author, body) and leaves the rest of the standard to its authors.
"""

import base64
import binascii
import re
from typing import Final

from lxml import etree

from services.document.domain import header, sniff
from services.document.domain.inspected import CONTENT_TYPES, BrokenContent, Expected, Inspected, Kind

MAX_BYTES: Final = 10 * 1024 * 1024
"""Largest file taken, in bytes; the largest published example has 3 MB, and no rule is published."""
MAX_DEPTH: Final = 64
"""Deepest nesting taken; published examples reach 19."""
MAX_MARKUP: Final = 400_000
"""Most tags and attributes taken; published examples have some 10 000."""

_CDA = "{urn:hl7-org:v3}ClinicalDocument"
_STYLESHEET = "{http://www.w3.org/1999/XSL/Transform}stylesheet"
_WRAPPED = f"{{urn:asip-sante:ci-sis}}Contenu/{_CDA}"
_BOM = b"\xef\xbb\xbf"
_DECLARATION = re.compile(rb"<\?xml\s[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_DEEPER = etree.XPath("/*" * (MAX_DEPTH + 1))


def inspect(content: bytes, max_bytes: int = MAX_BYTES) -> Inspected:
    """What a file is and, for a CDA, what its header says.

    Args:
        content: The whole file.
        max_bytes: Largest size taken, in bytes.

    Raises:
        BrokenContent: The file can't be taken. Codes: empty, too_large, wrong_encoding, dtd_forbidden, not_xml,
            too_deep, not_cda, no_unique_id, no_type, no_title, bad_time, no_patient, several_patients, no_author,
            no_body, bad_body, unknown_format, broken_file.
    """
    if not content:
        raise BrokenContent("empty", "the file is empty; send the document itself")
    if len(content) > max_bytes:
        raise BrokenContent("too_large", f"the file has {len(content)} bytes; at most {max_bytes} are taken")
    if content.startswith((b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<", b"\0\0\0<")):
        raise BrokenContent("wrong_encoding", "the file is written in UTF-16 or UTF-32; write it in UTF-8")
    if content.removeprefix(_BOM).lstrip().startswith(b"<"):
        return _inspect_cda(content)
    kind = sniff.kind_of(content)
    return Inspected(kind, min(CONTENT_TYPES[kind]))


def check(inspected: Inspected, expected: Expected) -> None:
    """Hold a file against the metadata of its deposit.

    Raises:
        BrokenContent: They differ: wrong_content_type, not_cda, wrong_patient, wrong_type or wrong_unique_id.
    """
    if expected.content_type and expected.content_type not in CONTENT_TYPES[inspected.kind]:
        allowed = " or ".join(sorted(CONTENT_TYPES[inspected.kind]))
        raise BrokenContent("wrong_content_type", f"the file is {inspected.kind.upper()}; state {allowed}")
    if inspected.kind is not Kind.CDA:
        if expected.cda_only:
            raise BrokenContent("not_cda", "professionals' documents are CDA R2; put this file into a CDA of level 1")
        return
    if expected.patient and expected.patient not in inspected.patients:
        raise BrokenContent("wrong_patient", "the document is about another patient than the deposit; check both INS")
    if expected.type_code and expected.type_code != inspected.type_code:
        told = f"the document says type {inspected.type_code}, the deposit another; make both equal"
        raise BrokenContent("wrong_type", told)
    if expected.unique_id and expected.unique_id != inspected.unique_id:
        told = "the document's id is not the deposit's unique id (masterIdentifier); make both equal"
        raise BrokenContent("wrong_unique_id", told)


def is_cda(content: bytes) -> bool:
    """True where a file can be parsed and is a ClinicalDocument, whatever its header lacks."""
    if len(content) > MAX_BYTES or b"ClinicalDocument" not in content:
        return False
    try:
        parsed(content)
    except BrokenContent:
        return False
    return True


def parsed(content: bytes) -> etree._Element:
    """The ClinicalDocument of a CDA, parsed within the limits of inspection; its header is not looked at.

    Raises:
        BrokenContent: wrong_encoding, dtd_forbidden, not_xml, too_large, too_deep or not_cda.
    """
    bare = content.removeprefix(_BOM)
    _check_prolog(bare)
    root = _parse(bare)
    document = root if root.tag == _CDA else root.find(_WRAPPED) if root.tag == _STYLESHEET else None
    if document is None:
        told = "the XML is no CDA R2: its root must be ClinicalDocument of urn:hl7-org:v3; send the CDA itself"
        raise BrokenContent("not_cda", told)
    return document


def _inspect_cda(content: bytes) -> Inspected:
    document = parsed(content)
    # a self-presentable document stands in its stylesheet
    found = header.read(document, self_presentable=document.getparent() is not None)
    if found.level == 1:
        _check_body(document)
    return found


def _check_prolog(content: bytes) -> None:
    """Refuse another encoding or a DTD before any parser sees it; what precedes the root is read as bytes."""
    declared = _DECLARATION.match(content)
    if declared and declared[1].upper() not in {b"UTF-8", b"UTF8", b"US-ASCII"}:
        told = f"the XML is declared as {declared[1].decode('ascii')}; CDA documents are written in UTF-8"
        raise BrokenContent("wrong_encoding", told)
    if content.count(b"<") + content.count(b"=") > MAX_MARKUP:
        raise BrokenContent("too_large", f"the XML has more than {MAX_MARKUP} tags and attributes; send less")
    position = content.find(b"<")
    while position >= 0:
        end = {b"<?": b"?>", b"<!": b"-->"}.get(content[position : position + 2])
        if end is None:
            return
        if end == b"-->" and content[position : position + 4] != b"<!--":
            raise BrokenContent("dtd_forbidden", "the XML has a DTD (DOCTYPE), which CDA never needs; take it out")
        closed = content.find(end, position + len(end))
        position = content.find(b"<", closed) if closed >= 0 else -1
    raise BrokenContent("not_xml", "the XML has no root element; the file is cut short, send it whole")


def _parse(content: bytes) -> etree._Element:
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        collect_ids=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        told = f"the XML is not well formed at line {line}, column {column}; the file is broken or cut short"
        raise BrokenContent("not_xml", told) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise BrokenContent("dtd_forbidden", "the XML has a DTD (DOCTYPE), which CDA never needs; take it out")
    if _DEEPER(root):
        raise BrokenContent("too_deep", f"the XML is nested deeper than {MAX_DEPTH}; flatten it")
    return root


def _check_body(document: etree._Element) -> None:
    """The unstructured body must be what its media type says (CDA R2 level 1)."""
    text = header.unstructured_body(document)
    if text is None:
        raise BrokenContent("no_body", "the CDA's nonXMLBody has no text; put the document itself there")
    content = (text.text or "").encode()
    if text.get("representation") == "B64":
        try:
            content = base64.b64decode(b"".join(content.split()), validate=True)
        except binascii.Error:
            raise BrokenContent("bad_body", "the body of the CDA is no base64; encode it again") from None
    media_type = text.get("mediaType", "text/plain")
    allowed = {name: kind for kind, names in CONTENT_TYPES.items() for name in names if kind is not Kind.CDA}
    if media_type not in allowed:
        told = "the body of the CDA has a media type that the record does not take; use PDF, RTF, text, JPEG or TIFF"
        raise BrokenContent("unknown_format", told)
    if sniff.kind_of(content) is not allowed[media_type]:
        raise BrokenContent(
            "bad_body", f"the body of the CDA is not the {media_type} that it says; correct one of them"
        )
