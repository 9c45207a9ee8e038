"""The bodies of CDA documents as the demonstration judges them: there, and what they say they are (CDA R2 level 1)."""

import base64
import binascii
import re
from typing import Final, NamedTuple
from xml.etree.ElementTree import Element

_HL7: Final = "{urn:hl7-org:v3}"
_TAIL: Final = 4096
_CONTROL: Final = re.compile(rb"[\0-\x08\x0b\x0e-\x1f\x7f]")


class _Form(NamedTuple):
    begins: tuple[bytes, ...]
    ends: tuple[bytes, ...]
    """One of these stands near the end of a whole file; none where that is not looked at."""


_PDF: Final = _Form((b"%PDF-",), (b"%%EOF",))
_RTF: Final = _Form((b"{\\rtf",), (b"}",))
_JPEG: Final = _Form((b"\xff\xd8\xff",), (b"\xff\xd9",))
_TIFF: Final = _Form((b"II*\0", b"MM\0*"), ())
_TEXT: Final = _Form((), ())
_STATED: Final = {
    "application/pdf": _PDF,
    "text/rtf": _RTF,
    "application/rtf": _RTF,
    "image/jpeg": _JPEG,
    "image/tiff": _TIFF,
    "text/plain": _TEXT,
}
"""Media types of JDV_J60."""


def faults(document: Element) -> set[str]:
    """Codes of what is wrong with the body of a document."""
    if document.find(f"{_HL7}component/{_HL7}structuredBody") is not None:
        return set()
    text = document.find(f"{_HL7}component/{_HL7}nonXMLBody/{_HL7}text")
    if text is None:
        return {"no_body"}
    content = (text.text or "").encode()
    if text.get("representation") == "B64":
        try:
            content = base64.b64decode(b"".join(content.split()), validate=True)
        except binascii.Error:
            return {"bad_body"}
    stated = _STATED.get(text.get("mediaType", "text/plain"))
    return {"unknown_format"} if stated is None else _differences(content, stated)


def _differences(content: bytes, stated: _Form) -> set[str]:
    found = next((form for form in _STATED.values() if form.begins and content.startswith(form.begins)), None)
    if found is None and not _is_text(content):
        return {"unknown_format"}
    found = found or _TEXT
    tail = content[-_TAIL:]
    wrong = set() if found is stated else {"bad_body"}
    return wrong if not found.ends or any(end in tail for end in found.ends) else {*wrong, "broken_file"}


def _is_text(content: bytes) -> bool:
    try:
        return bool(content.decode("utf-8").strip()) and not _CONTROL.search(content)
    except UnicodeDecodeError:
        return False
