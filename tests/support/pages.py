"""An independent look at a page: by the library's HTML parser and a list of its own of what does nothing."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from deploy.proof import made

VOID = {"meta", "br", "img"}
INERT = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "section", "div", "p", "pre", "span"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "dl", "dt", "dd", "br", "sub", "sup", "ul", "ol", "li"),
    *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "a", "img"),
}
PLAIN_ATTRIBUTES = {"class", "id", "lang", "colspan", "rowspan", "alt", "charset", "name", "content", "http-equiv"}
PARENTS = {
    "tr": {"thead", "tbody", "tfoot"},
    "td": {"tr"},
    "th": {"tr"},
    "li": {"ul", "ol"},
    "thead": {"table"},
    "tbody": {"table"},
    "tfoot": {"table"},
    "caption": {"table"},
}
ROOMS = {"table", "thead", "tbody", "tfoot", "tr", "ul", "ol"}
"""Hold their parts and no text."""
BLOCKS = {"div", "table", "ul", "ol", "p", "section", "pre"}
INLINE = {"span", "a", "sub", "sup", "p", "h1", "h2", "h3", "h4", "h5", "h6", "dt"}


@dataclass
class Looked(HTMLParser):
    """What a page holds, and what is wrong with it."""

    source: str
    faults: list[str] = field(default_factory=list)
    main: list[str] = field(default_factory=list)
    """Texts below `main`."""
    header: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    policy: str = ""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []
        self.feed(self.source)
        self.close()
        if self._open:
            self.faults.append(f"never closed: {self._open}")
        if len(self.ids) != len(set(self.ids)):
            self.faults.append("an id twice")

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in INERT:
            self.faults.append(f"element {tag}")
        parent = self._open[-1] if self._open else ""
        if parent not in PARENTS.get(tag, {parent}) or (parent in ROOMS and parent not in PARENTS.get(tag, ())):
            self.faults.append(f"{tag} in {parent}")
        if tag in BLOCKS and INLINE & set(self._open):
            self.faults.append(f"{tag} within {self._open}")
        if tag == "a" and "a" in self._open:
            self.faults.append("a link in a link")
        if len(dict(attrs)) != len(attrs):
            self.faults.append("an attribute twice")
        stated = {name: value or "" for name, value in attrs}
        for name, value in stated.items():
            self._attribute(tag, name, value, stated)
        if tag not in VOID:
            self._open.append(tag)

    def _attribute(self, tag, name, value, stated):
        if (tag, name) == ("img", "src"):
            self.sources.append(value)
            good = re.match(r"data:image/(png|jpeg|gif);base64,[A-Za-z0-9+/=]+$", value)
        elif (tag, name) == ("a", "href"):
            self.links.append(value)
            saved = re.match(r"data:(application/pdf|text/rtf|image/tiff);base64,[A-Za-z0-9+/=]+$", value)
            good = value.startswith("#n") or (saved and "download" in stated)
        elif (tag, name) == ("a", "download"):
            good = re.fullmatch(r"piece-\d+\.(pdf|rtf|tiff)", value)
        else:
            good = name in PLAIN_ATTRIBUTES and value.isprintable()
        if name == "id":
            self.ids.append(value)
        if stated.get("http-equiv", "Content-Security-Policy") != "Content-Security-Policy":
            good = False
        if tag == "meta" and "http-equiv" in stated:
            self.policy = stated["content"]
        if not good:
            self.faults.append(f"{tag}/@{name}={value[:80]!r}")

    def handle_startendtag(self, tag, attrs):
        self.faults.append(f"a tag closed in itself: {tag}")

    def handle_endtag(self, tag):
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"closed out of order: {tag}")

    def handle_data(self, data):
        if self._open and self._open[-1] in ROOMS and data.strip():
            self.faults.append(f"text in {self._open[-1]}")
        if "main" in self._open:
            self.main.append(data)
        elif "header" in self._open:
            self.header.append(data)

    def handle_comment(self, data):
        self.faults.append("a comment")

    def handle_pi(self, data):
        self.faults.append("a processing instruction")

    def handle_decl(self, decl):
        if decl != "DOCTYPE html":
            self.faults.append(decl)

    def unknown_decl(self, data):
        self.faults.append("a declaration")


def squeezed(text: str) -> str:
    """A text without its spaces, which narrative and page may break otherwise."""
    return "".join(text.split())


def missing(looked: Looked, pieces) -> list[str]:
    """Pieces of text that the page does not have, or not in this order."""
    shown, position, lost = squeezed("".join(looked.main)), 0, []
    for piece in filter(None, map(squeezed, pieces)):
        found = shown.find(piece, position)
        if found < 0:
            lost.append(piece)
        else:
            position = found + len(piece)
    return lost


def with_body(body: str, **replaced: str) -> bytes:
    """A whole document with this structuredBody or nonXMLBody."""
    text = made.make("biology").decode()
    before, _, rest = text.partition("<component><structuredBody>")
    text = f"{before}<component>{body}</component>{rest.partition('</structuredBody></component>')[2]}"
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    return text.encode()


def with_narrative(*narratives: str, entries: str = "") -> bytes:
    """A whole document with one section for each narrative, and entries in the last one."""
    sections = [f"<section><title>Titre {n}</title><text>{text}</text>" for n, text in enumerate(narratives)]
    inner = "</section></component><component>".join(sections)
    return with_body(f"<structuredBody><component>{inner}{entries}</section></component></structuredBody>")
