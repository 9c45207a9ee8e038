"""The narrative of a structured body (CDA R2, `text` of each section) as a part of the page.

Each element of the narrative has one place in the page; what stands where its kind can't stand, or is of no known kind,
keeps its text and loses its form. So every word of the narrative is in the page, in its order, whatever the markup was.
"""

import re
from collections.abc import Mapping
from typing import Final

from lxml import etree

from services.document.domain.rendering.limits import MAX_FIELD, MAX_SPAN, Budget
from services.document.domain.rendering.markup import STYLES, add, clean
from services.document.domain.rendering.media import Media

_NS: Final = "{urn:hl7-org:v3}"
_LOWEST_HEADING: Final = 6
_FIRST_ANCHOR: Final = 1000
"""Numbers below are those of images and attachments."""
_PLACES: Final[Mapping[str, Mapping[str, str]]] = {
    "table": {"caption": "caption", "thead": "thead", "tbody": "tbody", "tfoot": "tfoot"},
    "thead": {"tr": "tr"},
    "tbody": {"tr": "tr"},
    "tfoot": {"tr": "tr"},
    "tr": {"td": "td", "th": "th"},
    "ul": {"item": "li", "caption": "li"},
    "ol": {"item": "li", "caption": "li"},
}
"""What may stand in parts of tables and lists, and as what."""
_BETWEEN: Final[Mapping[str, str]] = {
    "table": "tbody",
    "thead": "tr",
    "tbody": "tr",
    "tfoot": "tr",
    "tr": "td",
    "ul": "li",
    "ol": "li",
}
"""What is put between such a part and anything else, so that no browser moves it out of its table."""
_BLOCKS: Final = frozenset({"paragraph", "table", "list"})
_LINKS: Final = tuple(f"{_NS}{name}" for name in ("linkHtml", "footnoteRef", "renderMultiMedia"))
_SPAN: Final = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
_CELLS: Final = frozenset({"td", "th"})


class Narrative:
    """Writes the sections of one document."""

    def __init__(self, body: etree._Element, media: Media, budget: Budget) -> None:
        self._media = media
        self._budget = budget
        self._holding = _holding_blocks(body)
        self._marked = _marked(body)
        self._anchors = {element.get("ID", ""): anchor for element, anchor in self._marked.items()}

    def section(self, parent: etree._Element, section: etree._Element, level: int = 2) -> None:
        """Write a section and those in it.

        Raises:
            FullError: The page is full; what fitted stands there.
        """
        self._budget.section()
        room = add(parent, "section")
        title = section.find(f"{_NS}title")
        if title is not None:
            words = " ".join("".join(title.itertext()).split())
            taken = self._budget.characters(words)
            add(room, f"h{min(level, _LOWEST_HEADING)}", taken)
            self._budget.whole(words, taken)
        for text in section.iterchildren(f"{_NS}text"):
            self._fill(add(room, "div"), text)
        for inner in section.iterchildren(f"{_NS}component"):
            for one in inner.iterchildren(f"{_NS}section"):
                self.section(room, one, level + 1)

    def _fill(self, target: etree._Element, element: etree._Element) -> None:
        """Write what stands in an element: its text, its children, and the text behind each."""
        last = self._say(target, None, element.text)
        for child in element.iterchildren():
            if isinstance(child.tag, str):
                last = self._put(target, child)
            last = self._say(target, last, child.tail)

    def _say(self, target: etree._Element, last: etree._Element | None, text: str | None) -> etree._Element | None:
        """Write a text behind the last child; gives what is the last child then."""
        if not text or (target.tag in _BETWEEN and not text.strip()):
            return last
        if target.tag in _BETWEEN:
            last = self._made(target, _BETWEEN[target.tag])
            self._say(last, None, text)
            return last
        taken = self._budget.characters(text)
        if last is None:
            target.text = clean(taken)
        else:
            last.tail = clean(taken)
        self._budget.whole(text, taken)
        return last

    def _put(self, target: etree._Element, child: etree._Element) -> etree._Element:
        """Write an element as the last child; gives that."""
        name = child.tag.removeprefix(_NS)
        place = _PLACES.get(target.tag)
        if place is None:
            return self._flowing(target, child, name)
        if name not in place:
            between = self._made(target, _BETWEEN[target.tag])
            self._put(between, child)
            return between
        attributes = self._attributes(child, own="caption" if name == "caption" else "")
        if name in _CELLS:
            attributes |= _spans(child)
        made = self._made(target, place[name], **attributes)
        self._fill(made, child)
        return made

    def _flowing(self, target: etree._Element, child: etree._Element, name: str) -> etree._Element:
        """Write an element where text may stand."""
        if name == "br":
            made = self._made(target, "br")
            if len(child) or (child.text or "").strip():
                made = self._made(target, "div" if child in self._holding else "span")
                self._fill(made, child)
            return made
        tag, own = self._form(child, name)
        made = self._made(target, tag, **self._attributes(child, own=own))
        if name == "linkHtml":
            self._link(made, child)
        elif name == "footnoteRef":
            self._refer(made, child)
        elif name == "renderMultiMedia":
            self._media.refer(made, child.get("referencedObject", ""))
            self._beside(made, child)
        else:
            self._fill(made, child)
        return made

    def _form(self, child: etree._Element, name: str) -> tuple[str, str]:
        """Tag and class of an element where text may stand."""
        if name == "list":
            return ("ol" if child.get("listType") == "ordered" else "ul"), ""
        if name == "table":
            return "table", ""
        if name == "paragraph" or child in self._holding:
            return "div", "paragraph"
        if name in {"sub", "sup"}:
            return name, ""
        return "span", name if name in {"footnote", "caption"} else ""

    def _link(self, made: etree._Element, child: etree._Element) -> None:
        """A link within the document stays one; an address elsewhere is told, for nobody to be led there."""
        href = child.get("href", "").strip()
        anchor = self._anchors.get(href.removeprefix("#")) if href.startswith("#") else None
        alone = next(child.iterdescendants(*_LINKS), None) is None and child not in self._holding
        if anchor and alone:
            made = self._made(made, "a", href=f"#{anchor}")
        self._fill(made, child)
        if href and not href.startswith("#") and href not in "".join(child.itertext()):
            self._say(self._made(made, "span", class_="note"), None, f" ({href[:MAX_FIELD]})")

    def _refer(self, made: etree._Element, child: etree._Element) -> None:
        anchor = self._anchors.get(child.get("IDREF", ""))
        if anchor:
            self._made(made, "a", href=f"#{anchor}").text = "[note]"
        self._beside(made, child)

    def _beside(self, made: etree._Element, child: etree._Element) -> None:
        """Write what an element holds beside what it stands for."""
        if len(child) or child.text:
            self._fill(self._made(made, made.tag), child)

    def _attributes(self, child: etree._Element, *, own: str) -> dict[str, str]:
        asked = " ".join(child.get(name, "") for name in ("styleCode", "align", "revised"))[:MAX_FIELD].lower()
        classes = dict.fromkeys([*own.split(), *(one for one in asked.split() if one in STYLES)])
        anchor = self._marked.get(child)
        return ({"class_": " ".join(classes)} if classes else {}) | ({"id": anchor} if anchor else {})

    def _made(self, parent: etree._Element, tag: str, **attributes: str) -> etree._Element:
        self._budget.element()
        return add(parent, tag, **attributes)


def _holding_blocks(body: etree._Element) -> set[etree._Element]:
    """Elements with a block somewhere in them: they are blocks themselves, since none may stand in a run of text."""
    found: set[etree._Element] = set()
    for block in body.iter(*(f"{_NS}{name}" for name in _BLOCKS)):
        for above in block.iterancestors():
            if above in found:
                break
            found.add(above)
    return found


def _marked(body: etree._Element) -> dict[etree._Element, str]:
    """Elements that the narrative itself refers to, each with its name in the page; the first of equal ids counts."""
    asked = {link.get("href", "").strip().removeprefix("#") for link in body.iter(f"{_NS}linkHtml")}
    asked.update(reference.get("IDREF", "") for reference in body.iter(f"{_NS}footnoteRef"))
    asked.discard("")
    first: dict[str, etree._Element] = {}
    if asked:
        for text in body.iter(f"{_NS}text"):
            for element in text.iterdescendants(f"{_NS}*"):
                if element.get("ID") in asked:
                    first.setdefault(element.get("ID", ""), element)
    return {element: f"n{number}" for number, element in enumerate(first.values(), _FIRST_ANCHOR)}


def _spans(cell: etree._Element) -> dict[str, str]:
    """Columns and rows that a cell spans, as far as a page lays them out."""
    stated = {name: _SPAN.fullmatch(cell.get(name, "").strip()) for name in ("colspan", "rowspan")}
    return {name: found[0] for name, found in stated.items() if found and 1 < int(found[0]) <= MAX_SPAN}
