"""Pages of documents that somebody wrote to hurt: whatever stands in a field comes out as text, pages stay small."""

import base64
import json
import os
import re
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.proof import made
from services.document.domain import cda
from services.document.domain.inspected import BrokenContent, Kind
from services.document.domain.rendering import limits, render
from tests.support.pages import Looked, missing, with_body, with_narrative

NAUGHTY = Path(os.environ.get("CARNET_SAMPLES", "/nonexistent")) / "hostile" / "blns.json"
OURS = [
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' autofocus onfocus='alert(1)",
    "javascript:alert(1)",
    "data:text/html;base64,PHNjcmlwdD4=",
    "&lt;script&gt;&#60;b&#62;&amp;amp;",
    "<!--", "-->", "<![CDATA[", "]]>", "<?php", "<plaintext>", "</main></body></html>",
    "\u202eexe.fdp\u202c", "\u0085\u009b31m", "\ufdd0", "\u2028\u2029", "{{7*7}}${7*7}", "\\u003cscript\\u003e", " ",
    "",
]  # fmt: skip
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML can't hold."""
NO_CHARACTER = re.compile("[\x7f-\x9f\ufdd0-\ufdef]")
"""What a page replaces."""

NAMES = [
    *("paragraph", "content", "list", "item", "caption", "table", "thead", "tbody", "tfoot", "tr", "td", "th", "col"),
    *("colgroup", "br", "sub", "sup", "footnote", "footnoteRef", "linkHtml", "renderMultiMedia"),
    *("script", "iframe", "style", "svg", "math", "object", "form", "input", "meta", "base", "link", "template"),
    *("noscript", "textarea", "title", "xmp", "plaintext", "select", "body", "html", "head", "frameset", "a", "img"),
    *("text", "section", "div", "p", "é", "_", "x-y"),
]
ATTRIBUTES = [
    *("ID", "IDREF", "href", "referencedObject", "styleCode", "align", "revised", "listType", "colspan", "rowspan"),
    *("onclick", "onerror", "style", "src", "srcdoc", "formaction", "class", "id", "http-equiv", "content", "target"),
]
LETTERS = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff").filter(
    lambda letter: not NO_CHARACTER.match(letter)
)
TEXTS = st.text(LETTERS, max_size=12) | st.sampled_from([one for one in OURS if not NO_CHARACTER.search(one)])
VALUES = st.sampled_from(["a", "b", "#a", "#b", "m1", "a m1", "bold", "ordered", "2", "javascript:x", "expression(1)"])
VALUES = VALUES | TEXTS


def element(name, attributes, parts):
    stated = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<{name}{stated}>{''.join(parts)}</{name}>"


TREES = st.recursive(
    TEXTS.map(escape),
    lambda inner: st.builds(
        element,
        st.sampled_from(NAMES),
        st.dictionaries(st.sampled_from(ATTRIBUTES), VALUES, max_size=3),
        st.lists(inner | TEXTS.map(escape), max_size=4),
    ),
    max_leaves=30,
)
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01" + b"\0" * 1000).decode()
IMAGE = f'<entry><observationMedia ID="m1"><value mediaType="image/png" representation="B64">{PNG}</value>'
IMAGE += "</observationMedia></entry>"


def texts_of(content: bytes) -> list[str]:
    """All texts of the first section, as the parser of inspection reads them."""
    section = cda.parsed(content).find(".//{*}section")
    return [text for one in section.iterfind("{*}text") for text in one.itertext()]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(TREES, max_size=4))
def test_any_narrative_is_shown_whole_and_does_nothing(trees):
    content = with_narrative("".join(trees), entries=IMAGE)
    found = Looked(render(content, Kind.CDA))
    assert found.faults == []
    assert missing(found, texts_of(content)) == []
    assert len(found.sources) == 1


def everywhere(text: str) -> bytes:
    """A document with one text in every field that a page shows, and some that it does not."""
    word, value = escape(text), quoteattr(text)
    narrative = (
        f"<paragraph ID={value} styleCode={value}>{word}</paragraph><linkHtml href={value}>{word}</linkHtml>"
        f"<list listType={value}><caption>{word}</caption><item>{word}</item></list>"
        f"<table><caption>{word}</caption>{word}<tbody>{word}<tr>{word}<td colspan={value} align={value}>{word}</td>"
        f"</tr></tbody></table><renderMultiMedia referencedObject={value}><caption>{word}</caption></renderMultiMedia>"
        f"<footnote ID={value}>{word}</footnote><footnoteRef IDREF={value}/><linkHtml href={quoteattr('#' + text)}/>"
    )
    media = f"<entry><observationMedia ID={value}><value mediaType={value} representation={value}>{word}</value>"
    media += f"<id root={value}/></observationMedia></entry>"
    content = with_narrative(narrative, entries=media).decode()
    content = re.sub(r"<title>[^<]*", lambda _: f"<title>{word}", content)
    content = re.sub(r"(<(?:family|given)[^>]*>)[^<]*", lambda found: found[1] + word, content)
    content = re.sub(r"<name>[^<]+<", lambda _: f"<name>{word}<", content)
    content = re.sub(
        r"(?:displayName|extension)=\"[^\"]*\"", lambda found: found[0].split("=")[0] + f"={value}", content
    )
    codes = r"<(languageCode|birthTime|versionNumber|effectiveTime|code|administrativeGenderCode) [^>]*/>"
    stated = f"code={value} value={value} displayName={value}"
    content = re.sub(codes, lambda found: f"<{found[1]} {stated}/>", content)
    return content.encode()


def inert(text: str) -> None:
    content = everywhere(FORBIDDEN.sub("", text))
    page = render(content, Kind.CDA)
    found = Looked(page)
    assert found.faults == []
    assert found.sources == []
    assert not any(link.startswith("data:") for link in found.links)
    assert missing(found, [NO_CHARACTER.sub("\ufffd", one) for one in texts_of(content)]) == []


@pytest.mark.parametrize("number", range(len(OURS)))
def test_a_naughty_string_in_every_field_comes_out_as_text(number):
    inert(OURS[number])


@pytest.mark.skipif(not NAUGHTY.is_file(), reason="CARNET_SAMPLES names no folder with naughty strings")
def test_every_naughty_string_in_every_field_comes_out_as_text():
    strings = json.loads(NAUGHTY.read_text(encoding="utf-8"))
    assert len(strings) > 100
    for text in strings:
        inert(text)


@pytest.mark.parametrize("text", OURS)
def test_a_naughty_plain_file_comes_out_as_text(text):
    found = Looked(render(f"début {text} fin".encode(), Kind.TEXT))
    assert found.faults == []
    assert missing(found, [NO_CHARACTER.sub("\ufffd", text), "fin"]) == []


def told(content: bytes, kind: Kind = Kind.CDA) -> tuple[Looked, str]:
    """What a page holds, and the limit that it tells of."""
    found = Looked(render(content, kind))
    assert found.faults == []
    return found, "".join(found.header).partition("pas affiché en entier")[2]


def test_a_narrative_of_too_many_elements_is_cut_and_that_is_told():
    found, limit = told(with_narrative("<br/>" * (limits.MAX_ELEMENTS + 1), "never"))
    assert f"plus de {limits.MAX_ELEMENTS} éléments" in limit
    assert found.tags.count("br") == limits.MAX_ELEMENTS
    assert "never" not in "".join(found.main)


def test_a_narrative_just_small_enough_is_whole():
    found, limit = told(with_narrative("<br/>" * limits.MAX_ELEMENTS + "end"))
    assert not limit
    assert missing(found, ["end"]) == []


@pytest.mark.parametrize("letter", ["x", "&lt;", "é"])
def test_too_long_a_text_is_cut_and_that_is_told(letter):
    found, limit = told(with_narrative("first", letter * limits.MAX_CHARACTERS))
    assert f"plus de {limits.MAX_CHARACTERS} caractères" in limit
    assert limits.MAX_CHARACTERS - 100 < len("".join(found.main)) <= limits.MAX_CHARACTERS


def test_a_plain_file_that_is_too_long_is_cut_and_that_is_told():
    found, limit = told(b"x" * (limits.MAX_CHARACTERS + 1), Kind.TEXT)
    assert "caractères" in limit
    assert len("".join(found.main)) == limits.MAX_CHARACTERS


def test_too_many_sections_are_cut_and_that_is_told():
    found, limit = told(with_narrative(*["x"] * (limits.MAX_SECTIONS + 1)))
    assert "sections" in limit
    assert found.tags.count("section") == limits.MAX_SECTIONS


def test_an_image_referred_to_ever_again_is_carried_once():
    found, _ = told(with_narrative('<renderMultiMedia referencedObject="m1 m1 m1"/>' * 2000, entries=IMAGE))
    assert len(found.sources) == 1


def test_references_that_multiply_are_cut():
    region = f'<entry><regionOfInterest ID="r">{"<a>" + IMAGE[7:-8] + "</a>"}</regionOfInterest></entry>'
    found, limit = told(with_narrative(f'<renderMultiMedia referencedObject="{"r " * 100}"/>' * 5000, entries=region))
    assert "éléments" in limit
    assert len(found.tags) < limits.MAX_ELEMENTS + 1000


def test_images_altogether_are_bounded_and_that_is_told():
    big = IMAGE.replace(PNG, base64.b64encode(base64.b64decode(PNG) + b"\0" * 3 * 1024 * 1024).decode())
    entries = "".join(big.replace('"m1"', f'"m{number}"') for number in range(4))
    page = render(with_narrative("x", entries=entries), Kind.CDA)
    assert Looked(page).faults == []
    assert len(page) < limits.MAX_EMBEDDED_BYTES * 4 / 3 + 100_000
    assert "trop volumineuses" in page


def test_many_attachments_are_bounded_and_that_is_told():
    entries = "".join(IMAGE.replace('"m1"', f'"m{number}"') for number in range(limits.MAX_MEDIA + 7))
    found, _ = told(with_narrative("x", entries=entries))
    assert len(found.sources) == limits.MAX_MEDIA
    assert "7 autres pièces" in "".join(found.main)


def test_a_header_that_is_too_long_is_cut():
    content = with_body("<structuredBody/>", **{made.PATIENT.given: "x" * 50_000}).decode()
    author = content[content.index("<author>") : content.index("</author>") + 9]
    page = render(content.replace(author, author * 500).encode(), Kind.CDA)
    assert Looked(page).faults == []
    assert len(page) < 20_000


@pytest.mark.parametrize("name", ["content", "list", "table", "tr", "td", "sub", "linkHtml", "renderMultiMedia", "x"])
def test_a_narrative_as_deep_as_inspection_takes_is_shown(name):
    depth = cda.MAX_DEPTH - 6
    content = with_narrative(f"<{name}>" * depth + "core" + f"</{name}>" * depth)
    assert cda.inspect(content).level == 3
    found, limit = told(content)
    assert not limit
    assert missing(found, ["core"]) == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (with_narrative("<x>" * 100_000 + "</x>" * 100_000), "too_deep"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>' + with_narrative("&b;").partition(b"?>")[2], "dtd_forbidden"),
        (with_narrative("&nbsp;"), "not_xml"),
        (with_narrative("<br/>" * 500_000), "too_large"),
    ],
)
def test_what_inspection_refuses_has_no_page(content, code):
    with pytest.raises(BrokenContent) as refused:
        render(content, Kind.CDA)
    assert refused.value.code in {code, "not_xml"}


def test_comments_and_instructions_are_not_copied():
    page = render(with_narrative("a<!-- <script>x</script> -->b<?php evil ?>c"), Kind.CDA)
    assert "evil" not in page and "script" not in page
    assert "abc" in page
