"""Pages of documents: all that a document says is there, in its form, and nothing that does anything."""

import base64
import os
import struct
import zlib
from pathlib import Path

import pytest
from defusedxml import ElementTree

from deploy.proof import made, samples
from services.document.domain import cda
from services.document.domain.inspected import BrokenContent, Kind
from services.document.domain.rendering import POLICY, markup, media, render
from tests.support.documents import KINDS, sample
from tests.support.pages import Looked, missing, with_body, with_narrative

NS = "{urn:hl7-org:v3}"
PDF = made.pdf("Essai")
JPEG = b"\xff\xd8\xff\xe0\x00\x04\x00\x00\xff\xc0\x00\x11\x08\x00\x10\x00\x10" + b"\0" * 12 + b"\xff\xd9"
GIF = b"GIF89a\x10\x00\x10\x00\x00\x00\x00;"
SAMPLES = samples.look(Path(os.environ.get("CARNET_SAMPLES", "/nonexistent"))).documents


def png(width=16, height=16) -> bytes:
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def carried(content: bytes, media_type: str, name: str = "m1", more: str = "") -> str:
    value = f'<value mediaType="{media_type}" representation="B64" {more}>{b64(content)}</value>'
    return f'<entry><observationMedia ID="{name}">{value}</observationMedia></entry>'


def level_1(content: bytes, media_type: str) -> bytes:
    text = f'<text mediaType="{media_type}" representation="B64">{b64(content)}</text>'
    return with_body(f"<nonXMLBody>{text}</nonXMLBody>")


def looked(content: bytes, kind: Kind = Kind.CDA) -> Looked:
    found = Looked(render(content, kind))
    assert found.faults == []
    assert found.policy == POLICY
    return found


def shown(narrative: str) -> str:
    """How a narrative stands in the page, without the `div` around it."""
    page = render(with_narrative(narrative), Kind.CDA)
    assert Looked(page).faults == []
    return page.partition("<h2>Titre 0</h2><div>")[2].partition("</div></section>")[0]


def narratives(content: bytes) -> list[str]:
    """All texts of all sections, by another parser and another way than the page's."""
    root = ElementTree.fromstring(content)
    found = []
    for section in root.iter(f"{NS}section"):
        for one in section:
            if one.tag in {f"{NS}title", f"{NS}text"}:
                found += one.itertext()
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_made_documents_render(kind):
    content = sample(3, kind)
    found = looked(content)
    assert missing(found, narratives(content)) == []
    assert "INS de test" in found.header and made.PATIENT.ins.number in found.header


@pytest.mark.skipif(not SAMPLES, reason="CARNET_SAMPLES names no folder with documents")
@pytest.mark.parametrize("one", SAMPLES, ids=lambda one: one.name)
def test_documents_of_the_folder_render(one):
    try:
        cda.parsed(one.content)
    except BrokenContent:
        pytest.skip("inspection refuses it")
    found = looked(one.content)
    assert missing(found, narratives(one.content)) == []
    assert "".join(found.main).strip()


def test_the_header_names_the_document_its_author_and_its_patient():
    told = looked(sample(0, "biology")).header
    fields = dict(zip(told[1::2], told[2::2], strict=True))
    assert told[0] == "CR d'examens biologiques"
    assert fields["Type"] == "CR d'examens biologiques"
    assert fields["Patient"] == "CARNET-ESSAI (nom de naissance) CAMILLE"
    assert (fields["Né(e) le"], fields["Sexe"]) == ("28/03/1979", "féminin")
    assert fields["Auteur"] == "AUTEUR-ESSAI Dominique, Cabinet d'essai"
    assert fields["Date"].endswith("(UTC+02:00)") and " au " not in fields["Date"]
    assert fields["Version"] == "1"


@pytest.mark.parametrize(
    ("narrative", "expected"),
    [
        ("<paragraph>Un</paragraph>", '<div class="paragraph">Un</div>'),
        ('<content styleCode="Bold">x</content>y', '<span class="bold">x</span>y'),
        ('<content styleCode="Bold Italics evil">x</content>', '<span class="bold italics">x</span>'),
        ('<content revised="delete">x</content>', '<span class="delete">x</span>'),
        ("H<sub>2</sub>O<br/>m<sup>2</sup>", "H<sub>2</sub>O<br>m<sup>2</sup>"),
        ("<list><item>a</item><item>b</item></list>", "<ul><li>a</li><li>b</li></ul>"),
        ('<list listType="ordered"><item>a</item></list>', "<ol><li>a</li></ol>"),
        ("<list><caption>c</caption><item>a</item></list>", '<ul><li class="caption">c</li><li>a</li></ul>'),
        ("<footnote>n</footnote>", '<span class="footnote">n</span>'),
        (
            '<table border="1"><caption>c</caption><thead><tr><th align="center">h</th></tr></thead></table>',
            '<table><caption class="caption">c</caption><thead><tr><th class="center">h</th></tr></thead></table>',
        ),
        (
            '<table><tbody><tr><td colspan="2" rowspan="3">d</td></tr></tbody></table>',
            '<table><tbody><tr><td colspan="2" rowspan="3">d</td></tr></tbody></table>',
        ),
        ("<table><tr><td>a</td></tr></table>", "<table><tbody><tr><td>a</td></tr></tbody></table>"),
        ("<table>lost</table>", "<table><tbody><tr><td>lost</td></tr></tbody></table>"),
        ("<td>a</td><item>b</item>", "<span>a</span><span>b</span>"),
        ("<content>a<table/></content>", '<div class="paragraph">a<table></table></div>'),
        ("<script>a</script>", "<span>a</span>"),
        ("<content>&lt;script&gt;</content>", "<span>&lt;script&gt;</span>"),
    ],
)
def test_each_element_of_a_narrative_has_its_form(narrative, expected):
    assert shown(narrative) == expected


@pytest.mark.parametrize("span", ["0", "1", "-1", "1e9", "101", "99999999999", "2.5", "٣", "", "x"])
def test_a_span_that_no_page_lays_out_is_left_out(span):
    assert "<td>a</td>" in shown(f'<table><tbody><tr><td colspan="{span}">a</td></tr></tbody></table>')


def test_a_link_within_the_document_leads_there():
    page = shown('<linkHtml href="#a">see</linkHtml><content ID="a">x</content><content ID="a">y</content>')
    assert page == '<span><a href="#n1000">see</a></span><span id="n1000">x</span><span>y</span>'


@pytest.mark.parametrize(
    "href", ["https://example.org/a", "javascript:alert(1)", "data:text/html,x", "//host", "a.pdf"]
)
def test_a_link_elsewhere_is_told_and_leads_nowhere(href):
    page = shown(f'<linkHtml href="{href}">see</linkHtml>')
    assert page == f'<span>see<span class="note"> ({href})</span></span>'


def test_a_link_to_nothing_and_a_link_in_a_link_lead_nowhere():
    assert shown('<linkHtml href="#gone">see</linkHtml>') == "<span>see</span>"
    outer = looked(
        with_narrative('<linkHtml href="#a">x<linkHtml href="#a">y</linkHtml></linkHtml><sub ID="a">z</sub>')
    )
    assert outer.links == ["#n1000"]


def test_a_footnote_is_found_from_its_reference():
    assert shown('a<footnoteRef IDREF="f"/><footnote ID="f">n</footnote>') == (
        'a<span><a href="#n1000">[note]</a></span><span class="footnote" id="n1000">n</span>'
    )


@pytest.mark.parametrize(
    ("content", "media_type"), [(png(), "image/png"), (JPEG, "image/jpeg"), (GIF, "image/gif"), (png(), "image/jpeg")]
)
def test_an_image_stands_where_the_narrative_has_it_and_once(content, media_type):
    refers = '<paragraph>before<renderMultiMedia referencedObject="m1"/>after</paragraph>'
    found = looked(with_narrative(refers, refers, entries=carried(content, media_type)))
    assert [base64.b64decode(one.partition(",")[2]) for one in found.sources] == [content]
    assert found.links == ["#n1"]
    assert missing(found, ["before", "after", "before", "voir la pièce 1", "after"]) == []


def test_a_pdf_is_saved_and_never_opened_in_place():
    found = looked(with_narrative('<renderMultiMedia referencedObject="m1"/>', entries=carried(PDF, "application/pdf")))
    (link,) = found.links
    assert base64.b64decode(link.removeprefix("data:application/pdf;base64,")) == PDF
    assert "object" not in found.tags and "embed" not in found.tags


def test_what_no_narrative_refers_to_is_told_at_the_end():
    found = looked(with_narrative("text", entries=carried(PDF, "application/pdf")))
    assert missing(found, ["text", "Autres pièces du document", "Pièce 1 : PDF"]) == []


@pytest.mark.parametrize(
    ("content", "media_type", "more"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "image/svg+xml", ""),
        (b"<html><script>alert(1)</script></html>", "text/html", ""),
        (b"<html>%PDF-1.4 %%EOF", "application/pdf", ""),
        (PDF, "image/png", ""),
        (PDF, "text/html", ""),
        (PDF, "application/pdf", 'compression="DF"'),
        (png(100_000, 100_000), "image/png", ""),
        (png(0, 10), "image/png", ""),
        (b"\xff\xd8\xff\xd9", "image/jpeg", ""),
        (b"\xff\xd8" + b"\xff\xe0\0\0" * 100_000 + JPEG[2:], "image/jpeg", ""),
        (png() + b"\0" * media.MAX_IMAGE_BYTES, "image/png", ""),
    ],
)
def test_what_is_no_image_or_attachment_is_only_told_of(content, media_type, more):
    entries = carried(content, media_type, more=more)
    found = looked(with_narrative('<renderMultiMedia referencedObject="m1"/>', entries=entries))
    assert found.sources == found.links == []
    assert "non affichée" in "".join(found.main)


def test_an_object_by_address_is_not_fetched():
    entries = '<entry><observationMedia ID="m1"><value mediaType="image/png"><reference value="http://a.example/b"/>'
    entries += "</value></observationMedia></entry>"
    page = render(with_narrative('<renderMultiMedia referencedObject="m1"/>', entries=entries), Kind.CDA)
    assert "a.example" not in page
    assert "hors du document" in page


def test_a_region_of_an_image_shows_that_image():
    inner = carried(png(), "image/png", "inner")
    entries = f'<entry><regionOfInterest ID="r">{inner}</regionOfInterest></entry>'
    assert len(looked(with_narrative('<renderMultiMedia referencedObject="r"/>', entries=entries)).sources) == 1


def test_an_unstructured_body_is_shown_by_its_kind():
    assert len(looked(level_1(PDF, "application/pdf")).links) == 1
    assert len(looked(level_1(JPEG, "image/jpeg")).sources) == 1
    assert missing(looked(level_1("Glycémie <b>".encode(), "text/plain")), ["Glycémie <b>"]) == []


def test_an_unstructured_body_in_plain_words_is_shown():
    content = with_body('<nonXMLBody><text mediaType="text/plain">Tout va &lt;bien&gt;</text></nonXMLBody>')
    assert missing(looked(content), ["Tout va <bien>"]) == []


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PDF, Kind.PDF),
        (b"{\\rtf1 essai}", Kind.RTF),
        (b"II*\0\x08\0\0\0\x01\0" + b"\0" * 16, Kind.TIFF),
        (JPEG, Kind.JPEG),
        ("Élan\r\n<script>".encode(), Kind.TEXT),
    ],
)
def test_files_that_are_no_cda_have_a_page_too(content, kind):
    assert cda.inspect(content).kind is kind
    found = looked(content, kind)
    carried_here = [base64.b64decode(one.partition(",")[2]) for one in found.sources + found.links]
    assert carried_here == ([content] if kind is not Kind.TEXT else [])
    assert kind is not Kind.TEXT or missing(found, ["Élan", "<script>"]) == []


@pytest.mark.parametrize(
    ("tag", "attributes"),
    [
        ("script", {}),
        ("iframe", {}),
        ("div", {"onclick": "x"}),
        ("div", {"style": "x"}),
        ("div", {"class_": "other"}),
        ("div", {"id": "body"}),
        ("a", {"href": "https://a.example"}),
        ("a", {"href": "javascript:x"}),
        ("a", {"href": "#n1\njavascript:x"}),
        ("a", {"href": "data:application/pdf;base64,AAAA"}),
        ("a", {"href": "data:text/html;base64,AAAA", "download": "piece-1.pdf"}),
        ("img", {"src": "data:image/svg+xml;base64,AAAA"}),
        ("img", {"src": "https://a.example/x.png"}),
        ("meta", {"http_equiv": "refresh"}),
        ("td", {"colspan": "1000"}),
    ],
)
def test_our_own_code_can_write_nothing_else(tag, attributes):
    root, _, main = markup.page("t", "fr")
    with pytest.raises(markup.ForbiddenMarkupError):
        markup.add(main, tag, **attributes)
    assert Looked(markup.written(root)).faults == []
