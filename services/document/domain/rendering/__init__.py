"""Documents as pages: one HTML file each, made by a transformation of our own, that shows and does nothing else.

A page has no script, no form, no frame, no event, no style but its own and no address to load anything from; what it
shows it carries. Its elements and attributes come from a closed list (`markup`), its texts from the document, and its
policy forbids the browser whatever is not told there. Pages are French, since people read them in France.
"""

from typing import Final

from lxml import etree

from services.document.domain import cda, header
from services.document.domain.inspected import CONTENT_TYPES, Kind
from services.document.domain.rendering import heading, media
from services.document.domain.rendering.limits import Budget, FullError
from services.document.domain.rendering.markup import POLICY, add, page, written
from services.document.domain.rendering.narrative import Narrative

__all__ = ["POLICY", "render"]

_SECTIONS: Final = "/".join(
    f"{{urn:hl7-org:v3}}{name}" for name in ("component", "structuredBody", "component", "section")
)
_PLAIN: Final = {Kind.PDF: "Document PDF", Kind.RTF: "Document RTF", Kind.TEXT: "Texte"}


def render(content: bytes, kind: Kind) -> str:
    """The page of a document that inspection took.

    Args:
        content: The whole file.
        kind: What inspection says that it is.

    Raises:
        BrokenContent: It is a CDA that can't be parsed; inspection would have refused it.
    """
    return _of_cda(cda.parsed(content)) if kind is Kind.CDA else _of_file(content, kind)


def _of_cda(document: etree._Element) -> str:
    root, top, main = page(heading.title(document), heading.language(document))
    heading.write(top, document)
    budget = Budget()
    carried = media.Media(document, budget)
    text = header.unstructured_body(document)
    try:
        narrative = Narrative(document, carried, budget)
        for section in document.iterfind(_SECTIONS):
            narrative.section(main, section)
        if text is not None:
            carried.body(main, media.embedded(text))
    except FullError as limit:
        _tell(top, limit)
    carried.others(main)
    return written(root)


def _of_file(content: bytes, kind: Kind) -> str:
    title = _PLAIN.get(kind, "Image")
    root, top, main = page(title, None)
    add(top, "h1", title)
    budget = Budget()
    try:
        stated = "text/rtf" if kind is Kind.RTF else min(CONTENT_TYPES[kind])
        media.Media(main, budget).body(main, media.content(content, stated))
    except FullError as limit:
        _tell(top, limit)
    return written(root)


def _tell(top: etree._Element, limit: FullError) -> None:
    told = f"Ce document n'est pas affiché en entier : {limit}. L'original contient la suite."
    add(top, "p", told, class_="limit")
