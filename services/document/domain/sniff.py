"""Recognises files by their bytes: the formats that the record takes beside CDA (JDV_J60).

Only enough of the structure is looked at to refuse what is cut short or something else under a false name.
"""

import re
import struct
from typing import Final

from services.document.domain.inspected import BrokenContent, Kind

_TAIL: Final = 4096
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_ADVICE = "send a CDA R2 document, PDF, RTF, UTF-8 text, JPEG or TIFF"


def kind_of(content: bytes) -> Kind:
    """The kind of a file that is not XML.

    Raises:
        BrokenContent: `unknown_format` for what the record does not take, `broken_file` for what is cut short.
    """
    if content.startswith(b"%PDF-"):
        return _require(Kind.PDF, whole=b"%%EOF" in content[-_TAIL:])
    if content.startswith(b"{\\rtf"):
        return _require(Kind.RTF, whole=content.rstrip(b"\0\r\n\t ").endswith(b"}"))
    if content.startswith(b"\xff\xd8\xff"):
        return _require(Kind.JPEG, whole=b"\xff\xd9" in content[-_TAIL:])
    if content.startswith((b"II*\0", b"MM\0*")):
        return _require(Kind.TIFF, whole=_has_directory(content))
    if _is_text(content):
        return Kind.TEXT
    raise BrokenContent("unknown_format", f"the file has no format that the record takes; {_ADVICE}")


def _require(kind: Kind, *, whole: bool) -> Kind:
    if not whole:
        raise BrokenContent("broken_file", f"the file begins as {kind.upper()} but is not whole; send it again")
    return kind


def _has_directory(content: bytes) -> bool:
    order = "<" if content.startswith(b"II") else ">"
    try:
        (offset,) = struct.unpack_from(f"{order}I", content, 4)
        (entries,) = struct.unpack_from(f"{order}H", content, offset)
    except struct.error:
        return False
    return bool(entries > 0 and offset + 2 + 12 * int(entries) <= len(content))


def _is_text(content: bytes) -> bool:
    if _CONTROL.search(content) or not content.strip():
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
