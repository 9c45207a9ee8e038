"""What a page is written in: a closed list of elements and attributes, each with the values that it may have.

Nothing of a document's own markup is ever copied. A page is a tree that we build; a document gives only texts and, once
it was recognised by its bytes, the base64 of an image or attachment. What is not in the list can't be written at all.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Final

from lxml import etree

ELEMENTS: Final[frozenset[str]] = frozenset(
    {
        *("html", "head", "meta", "title", "style", "body", "header", "main", "section"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "dl", "dt", "dd", "div", "p", "pre", "span", "br", "sub", "sup"),
        *("ul", "ol", "li", "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "a", "img"),
    }
)
"""Every element that a page may have."""
_VOID: Final = frozenset({"br", "img", "meta"})
STYLES: Final[Mapping[str, str]] = {
    "bold": "font-weight:bold",
    "italics": "font-style:italic",
    "emphasis": "font-style:italic",
    "underline": "text-decoration:underline",
    "bolditalics": "font-weight:bold;font-style:italic",
    "lrule": "border-left:2px solid #333",
    "rrule": "border-right:2px solid #333",
    "toprule": "border-top:2px solid #333",
    "botrule": "border-bottom:2px solid #333",
    "left": "text-align:left",
    "center": "text-align:center",
    "right": "text-align:right",
    "justify": "text-align:justify",
    "delete": "text-decoration:line-through",
    "insert": "text-decoration:underline",
}
"""What a narrative block may ask for (styleCode of CDA R2, align, revised), each as a class of our own."""
_OWN: Final = frozenset({"note", "caption", "footnote", "media", "paragraph", "limit"})
_CLASSES: Final = frozenset(STYLES) | _OWN

_ANCHOR = r"n[0-9]{1,6}"
_DATA = r"[A-Za-z0-9+/]+={0,2}"
_VALUES: Final[Mapping[tuple[str, str], re.Pattern[str]]] = {
    name: re.compile(pattern, re.ASCII)
    for name, pattern in {
        ("html", "lang"): r"fr",
        ("main", "lang"): r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}",
        ("meta", "charset"): r"utf-8",
        ("meta", "http-equiv"): r"Content-Security-Policy",
        ("meta", "content"): r"default-src 'none'; [a-zA-Z0-9 :;'+/=-]*",
        ("meta", "name"): r"referrer",
        ("a", "href"): rf"#{_ANCHOR}|data:(application/pdf|text/rtf|image/tiff);base64,{_DATA}",
        ("a", "download"): r"piece-[0-9]{1,4}\.(pdf|rtf|tiff)",
        ("img", "src"): rf"data:image/(png|jpeg|gif);base64,{_DATA}",
        ("img", "alt"): r"Image [0-9]{1,4}",
        ("th", "colspan"): r"[0-9]{1,3}",
        ("td", "colspan"): r"[0-9]{1,3}",
        ("th", "rowspan"): r"[0-9]{1,3}",
        ("td", "rowspan"): r"[0-9]{1,3}",
    }.items()
}
"""Values that an attribute may have; `id` and `class` stand on any element."""
_ID = re.compile(_ANCHOR, re.ASCII)
_META_CONTENT: Final = frozenset({"no-referrer"})

_STYLE: Final = (
    "body{font:16px/1.5 sans-serif;color:#111;background:#fff;max-width:62rem;margin:0 auto;padding:1rem}"
    "h1,dd,td,th,pre{unicode-bidi:isolate}"
    "header{border:1px solid #999;padding:.5rem 1rem}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:0}dt{font-weight:bold}dd{margin:0}"
    "table{border-collapse:collapse;margin:.5rem 0;max-width:100%}"
    "th,td{border:1px solid #999;padding:.2rem .5rem;vertical-align:top;text-align:left;overflow-wrap:anywhere}"
    "th{background:#eee}img{max-width:100%;height:auto}pre{white-space:pre-wrap;overflow-wrap:anywhere}"
    ".paragraph{margin:.5rem 0}.caption{font-style:italic}.footnote{font-size:.9em}"
    ".note{color:#444}.limit{border:2px solid #a00;padding:.5rem}"
) + "".join(f".{name}{{{rule}}}" for name, rule in STYLES.items())
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; img-src data:; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"
)
"""The page's Content-Security-Policy: nothing is run, fetched or sent; images come from the page itself, and of styles
only our own one is taken."""

# C0 and C1 controls but tab and line feed, and what HTML takes for no character
_BAD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]")


class ForbiddenMarkupError(Exception):
    """Our own code tried to write what no page may have; the page is not made."""


def clean(text: str) -> str:
    """A text as a page can hold it: line ends as line feeds, controls as U+FFFD."""
    return _BAD.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def add(parent: etree._Element, tag: str, text: str = "", **attributes: str) -> etree._Element:
    """A new last child.

    Args:
        parent: Where it is added.
        tag: Its name.
        text: Its text, written as text whatever it is.
        attributes: Its attributes; `class_` and `http_equiv` for what Python can't name.

    Raises:
        ForbiddenMarkupError: A page may not have that.
    """
    named = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    _check(tag, named)
    made = etree.SubElement(parent, tag, named)
    if tag not in _VOID:
        made.text = clean(text)  # also an empty one, with which every element is closed where it is written
    return made


def page(title: str, language: str | None) -> tuple[etree._Element, etree._Element, etree._Element]:
    """An empty page, the room for what stands above the document, and the document's own."""
    root = etree.Element("html", {"lang": "fr"})
    head = add(root, "head")
    add(head, "meta", charset="utf-8")
    add(head, "meta", http_equiv="Content-Security-Policy", content=POLICY)
    add(head, "meta", name="referrer", content="no-referrer")
    add(head, "title", title)
    add(head, "style").text = _STYLE
    body = add(root, "body")
    top = add(body, "header")
    told = language if language and _VALUES["main", "lang"].fullmatch(language) else None
    return root, top, add(body, "main", **({"lang": told} if told else {}))


def written(root: etree._Element) -> str:
    """The page as a file holds it."""
    whole: str = etree.tostring(root, method="html", encoding="unicode", doctype="<!DOCTYPE html>")
    return whole


def _check(tag: str, attributes: Mapping[str, str]) -> None:
    if tag not in ELEMENTS:
        raise ForbiddenMarkupError(f"a page has no element {tag!r}")
    for name, value in attributes.items():
        if not _may_stand(tag, name, value):
            raise ForbiddenMarkupError(f"a page has no such {tag}/@{name}")
    if attributes.get("href", "").startswith("data:") and "download" not in attributes:
        raise ForbiddenMarkupError("an attachment is saved, never opened in the page's place")


def _may_stand(tag: str, name: str, value: str) -> bool:
    if name == "class":
        return _CLASSES.issuperset(value.split())
    if name == "id":
        return _ID.fullmatch(value) is not None
    if (tag, name) == ("meta", "content") and value in _META_CONTENT:
        return True
    pattern = _VALUES.get((tag, name))
    return pattern is not None and pattern.fullmatch(value) is not None
