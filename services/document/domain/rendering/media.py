"""Images and attachments that a document carries: shown, offered for saving, or told of.

PNG, JPEG and GIF within the limits are shown where the narrative has them. PDF, RTF and TIFF are links that save a
file: shown in the page they would run in the browser's viewer, beside what the page says; saved they are what
they would be anyway, opened by the reader's own program under a name of ours, and no browser opens such an address in
the page's place. Everything else is only told of. A content is taken for what its bytes are; one that its media type
does not name right is not shown, but for one image called another.
"""

import base64
import binascii
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from lxml import etree

from services.document.domain import sniff
from services.document.domain.inspected import BrokenContent, Kind
from services.document.domain.rendering.limits import (
    MAX_FIELD,
    MAX_IMAGE_BYTES,
    MAX_MEDIA,
    MAX_PIXELS,
    MAX_REFERENCES,
    Budget,
)
from services.document.domain.rendering.markup import add

_NS: Final = "{urn:hl7-org:v3}"
_IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/gif"})
_SAVED: Final[Mapping[str, str]] = {"application/pdf": "pdf", "text/rtf": "rtf", "image/tiff": "tiff"}
"""Extension under which a content is saved."""
_KINDS: Final[Mapping[Kind, str]] = {
    Kind.PDF: "application/pdf",
    Kind.RTF: "text/rtf",
    Kind.TIFF: "image/tiff",
    Kind.JPEG: "image/jpeg",
    Kind.TEXT: "text/plain",
}
_ALIASES: Final[Mapping[str, str]] = {"application/rtf": "text/rtf", "image/jpg": "image/jpeg"}
_NAMES: Final[Mapping[str, str]] = {"application/pdf": "PDF", "text/rtf": "RTF", "image/tiff": "TIFF"}
_KIB: Final = 1024
_MARKER: Final = 0xFF
_MARKERS: Final = 500
"""Markers looked at in a JPEG; photographs have some 20 before their frame."""
_FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""JPEG markers that begin a frame, which tells height and width."""


@dataclass(frozen=True, slots=True)
class Content:
    """A content by its bytes."""

    media_type: str
    """Empty where the page neither shows nor saves such a content."""
    data: bytes
    why: str = ""
    """Why it is not shown, in French."""


class Media:
    """The images and attachments of one document. Each is written once, however often it is referred to."""

    def __init__(self, document: etree._Element, budget: Budget) -> None:
        self._budget = budget
        self._told: dict[etree._Element, int] = {}
        self._all = list(document.iter(f"{_NS}observationMedia"))
        self._known: dict[str, Sequence[etree._Element]] = {}
        for element in document.iter(f"{_NS}observationMedia", f"{_NS}regionOfInterest"):
            # a region stands for the images in which it lies
            found = tuple(islice(element.iter(f"{_NS}observationMedia"), MAX_REFERENCES))
            self._known.setdefault(element.get("ID", ""), found)

    def refer(self, parent: etree._Element, references: str) -> None:
        """Write what a narrative refers to (renderMultiMedia): the content, or where it stands already."""
        found = [one for name in references[:MAX_FIELD].split() for one in self._known.get(name, ())]
        if not found:
            add(parent, "span", "[image ou pièce jointe absente du document]", class_="note")
        for one in found[:MAX_REFERENCES]:
            self._budget.element()
            if one in self._told:
                add(parent, "a", f"[voir la pièce {self._told[one]}]", href=f"#n{self._told[one]}")
            elif len(self._told) < MAX_MEDIA:
                self._show(parent, one)

    def others(self, parent: etree._Element) -> None:
        """Write what no narrative refers to: nothing that a document carries is kept quiet."""
        left = [one for one in self._all if one not in self._told]
        if not left:
            return
        add(parent, "h2", "Autres pièces du document")
        for one in left[: max(0, MAX_MEDIA - len(self._told))]:
            self._show(add(parent, "div", class_="paragraph"), one)
        untold = sum(one not in self._told for one in left)
        if untold:
            add(parent, "p", f"{untold} autres pièces ne sont pas affichées ; l'original les contient.", class_="limit")

    def body(self, parent: etree._Element, content: Content) -> None:
        """Write a content that is the whole document (CDA level 1, or a plain file)."""
        if content.media_type == "text/plain":
            text = content.data.decode("utf-8", "replace")
            taken = self._budget.characters(text)
            add(parent, "pre", taken)
            self._budget.whole(text, taken)
            return
        self._write(parent, content, len(self._told) + 1)

    def _show(self, parent: etree._Element, media: etree._Element) -> None:
        number = self._told[media] = len(self._told) + 1
        room = add(parent, "span", id=f"n{number}", class_="media")
        value = media.find(f"{_NS}value")
        content = Content("", b"", "vide") if value is None else embedded(value)
        self._write(room, content, number)

    def _write(self, parent: etree._Element, content: Content, number: int) -> None:
        why = content.why
        if content.media_type and not self._budget.carries(len(content.data)):
            why = "les pièces de ce document sont trop volumineuses pour une page"
        if why or not content.media_type:
            told = f"[pièce {number} non affichée : {why or 'format non affichable'} ; l'original la contient]"
            add(parent, "span", told, class_="note")
            return
        address = f"data:{content.media_type};base64,{base64.b64encode(content.data).decode()}"
        if content.media_type in _IMAGES:
            add(parent, "img", src=address, alt=f"Image {number}")
            return
        told = f"Pièce {number} : {_NAMES[content.media_type]}, {_size(content.data)} ; enregistrer pour l'ouvrir"
        add(parent, "a", told, href=address, download=f"piece-{number}.{_SAVED[content.media_type]}")


def embedded(value: etree._Element) -> Content:
    """What an element of type ED carries (observationMedia/value, nonXMLBody/text)."""
    stated = value.get("mediaType", "text/plain").strip().lower()
    stated = _ALIASES.get(stated, stated)
    text = value.text or ""
    if value.get("compression"):
        return Content("", b"", "contenu compressé")
    if value.get("representation") != "B64":
        if stated == "text/plain" and text.strip():
            return Content(stated, text.encode())
        return Content("", b"", "contenu hors du document")
    try:
        data = base64.b64decode(b"".join(text.encode().split()), validate=True)
    except binascii.Error:
        return Content("", b"", "contenu illisible")
    return content(data, stated)


def content(data: bytes, stated: str) -> Content:
    """A content whose bytes are held against the media type that is stated."""
    found = _recognised(data)
    if found != stated and not {found, stated} <= _IMAGES:
        return Content("", b"", "contenu d'un autre format que celui annoncé" if found else "format non affichable")
    if found in _IMAGES and (len(data) > MAX_IMAGE_BYTES or not 0 < pixels(data) <= MAX_PIXELS):
        return Content("", b"", "image trop grande ou illisible")
    return Content(found, data)


def _recognised(data: bytes) -> str:
    """Media type by the bytes; empty for what no page takes."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    try:
        return _KINDS[sniff.kind_of(data)]
    except BrokenContent:
        return ""


def pixels(data: bytes) -> int:
    """Pixels of a PNG, GIF or JPEG as its header tells them; 0 where it tells none."""
    try:
        if data.startswith(b"\x89PNG"):
            width, height = struct.unpack_from(">II", data, 16)
        elif data.startswith(b"GIF"):
            width, height = struct.unpack_from("<HH", data, 6)
        else:
            height, width = struct.unpack_from(">HH", data, _frame(data) + 5)
    except struct.error:
        return 0
    return int(width) * int(height)


def _frame(data: bytes) -> int:
    """Where the first frame of a JPEG begins; behind the end where there is none, or not soon."""
    position = 2
    for _ in range(_MARKERS):
        marker, kind, length = struct.unpack_from(">BBH", data, position)
        if marker != _MARKER or kind in _FRAMES:
            return position if marker == _MARKER else len(data)
        position += 2 + int(length)
    return len(data)


def _size(data: bytes) -> str:
    return f"{max(1, round(len(data) / _KIB))} Kio"
