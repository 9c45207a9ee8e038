import base64
import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.proof import samples
from services.document.domain import cda
from services.document.domain.inspected import BrokenContent, Expected, Kind
from shared.terminology import Ins

PDF = b"%PDF-1.4\n1 0 obj <<>> endobj\n%%EOF\n"
PATIENT = Ins("1.2.250.1.213.1.4.10", "279035121518989")
SECTION = "<section><title>Résultats</title><text>Glycémie</text></section>"
OTHER = "277076322082910"
BODY = f"<structuredBody><component>{SECTION}</component></structuredBody>"
DOCUMENT = f"""<?xml version="1.0" encoding="UTF-8"?>
<?xml-stylesheet type="text/xsl" href="CDA.xsl"?>
<!-- a comment -->
<ClinicalDocument xmlns="urn:hl7-org:v3">
  <templateId root="1.2.250.1.213.1.1.1.1"/><templateId root="1.2.250.1.213.1.1.1.55" extension="2024.01"/>
  <id root="1.2.250.1.213.1.1.1.55.7"/>
  <code code="11502-2" codeSystem="2.16.840.1.113883.6.1"/>
  <title>Compte rendu d'examens biologiques</title>
  <effectiveTime value="20240401171000+0200"/>
  <confidentialityCode code="N"/><languageCode code="fr-FR"/>
  <setId root="1.2.250.1.213.1.1.1.55"/><versionNumber value="2"/>
  <recordTarget><patientRole>
    <id root="1.2.250.1.213.1.4.10" extension="279035121518989"/><id root="1.2.3" extension="77"/>
  </patientRole></recordTarget>
  <author><assignedAuthor><id root="1.2.250.1.71.4.2.1" extension="801234534765"/>
    <representedOrganization><id root="1.2.250.1.71.4.2.2" extension="1120459876"/></representedOrganization>
  </assignedAuthor></author>
  <relatedDocument typeCode="RPLC"><parentDocument><id root="1.2.9" extension="old"/></parentDocument></relatedDocument>
  <component>{BODY}</component>
</ClinicalDocument>"""
NARROW = "20240401171000+0200"


def changed(old: str, new: str) -> bytes:
    assert old in DOCUMENT
    return DOCUMENT.replace(old, new).encode()


def level_1(content: bytes, media_type: str = "application/pdf") -> bytes:
    text = base64.b64encode(content).decode()
    body = f'<nonXMLBody><text mediaType="{media_type}" representation="B64">{text}</text></nonXMLBody>'
    return changed(BODY, body)


def refusal(content: bytes, **limits: int) -> str:
    with pytest.raises(BrokenContent) as refused:
        cda.inspect(content, **limits)
    assert len(refused.value.sentence) > 30
    assert "279035121518989" not in str(refused.value)
    return refused.value.code


def test_the_header_of_a_cda():
    found = cda.inspect(DOCUMENT.encode())
    assert found.kind is Kind.CDA
    assert found.unique_id == "1.2.250.1.213.1.1.1.55.7"
    assert (found.type_code, found.type_system) == ("11502-2", "2.16.840.1.113883.6.1")
    assert found.title == "Compte rendu d'examens biologiques"
    assert found.patients == {PATIENT}
    assert (found.authors, found.structures) == (("801234534765",), ("1120459876",))
    assert found.effective_time == datetime(2024, 4, 1, 15, 10, tzinfo=UTC)
    assert (found.set_id, found.version, found.replaces) == ("1.2.250.1.213.1.1.1.55", 2, "1.2.9^old")
    assert (found.language, found.confidentiality, found.level) == ("fr-FR", "N", 3)
    assert "1.2.250.1.213.1.1.1.55^2024.01" in found.templates
    assert not found.self_presentable


def test_neither_title_nor_patient_shows_in_a_log():
    shown = repr(cda.inspect(DOCUMENT.encode()))
    assert "biologiques" not in shown
    assert "279035121518989" not in shown


def test_an_unstructured_body_is_level_1():
    found = cda.inspect(level_1(PDF))
    assert (found.level, found.body_media_type) == (1, "application/pdf")


def test_an_id_with_extension():
    found = cda.inspect(changed('root="1.2.250.1.213.1.1.1.55.7"', 'root="1.2.3" extension="ABC-1"'))
    assert found.unique_id == "1.2.3^ABC-1"


def test_a_document_wrapped_in_its_stylesheet():
    inner = DOCUMENT.partition("?>")[2].partition("-->")[2]
    wrapped = f"""<?xml version="1.0"?>
    <x:stylesheet xmlns:x="http://www.w3.org/1999/XSL/Transform" version="1.0">
    <c:Contenu xmlns:c="urn:asip-sante:ci-sis">{inner}</c:Contenu></x:stylesheet>"""
    found = cda.inspect(wrapped.encode())
    assert found.self_presentable
    assert found.patients == {PATIENT}


def test_a_byte_order_mark_of_utf_8_is_no_fault():
    assert cda.inspect(b"\xef\xbb\xbf" + DOCUMENT.encode()).level == 3


def test_no_declaration_means_utf_8():
    assert cda.inspect(DOCUMENT.partition("?>")[2].strip().encode()).title.startswith("Compte")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024", datetime(2024, 1, 1, tzinfo=UTC)),
        ("20240229", datetime(2024, 2, 29, tzinfo=UTC)),
        ("202404011710+0200", datetime(2024, 4, 1, 15, 10, tzinfo=UTC)),
        ("20240401171000.123-0500", datetime(2024, 4, 1, 22, 10, tzinfo=UTC)),
    ],
)
def test_times_of_any_precision(value, expected):
    assert cda.inspect(changed(NARROW, value)).effective_time == expected


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"<", "not_xml"),
        (b"<?xml version='1.0'?>", "not_xml"),
        (b"<!-- no end", "not_xml"),
        (DOCUMENT.encode()[:-30], "not_xml"),
        (DOCUMENT.encode()[:200], "not_xml"),
        (DOCUMENT.encode() + b"<more/>", "not_xml"),
        (changed("Résultats", "R\x01"), "not_xml"),
        (changed("Résultats", "&nbsp;"), "not_xml"),
        (DOCUMENT.encode("latin-1"), "not_xml"),
        (DOCUMENT.encode("utf-16"), "wrong_encoding"),
        (DOCUMENT.encode("utf-16-le"), "wrong_encoding"),
        (DOCUMENT.encode("utf-32-be"), "wrong_encoding"),
        (changed('"UTF-8"', '"ISO-8859-1"'), "wrong_encoding"),
        (changed('"UTF-8"', "'UTF-7'"), "wrong_encoding"),
        (b"<html><body/></html>", "not_cda"),
        (changed("urn:hl7-org:v3", "urn:hl7-org:v4"), "not_cda"),
        (b'<ClinicalDocument xmlns="urn:hl7-org:v3"/>', "no_unique_id"),
        (changed('root="1.2.250.1.213.1.1.1.55.7"', 'nullFlavor="UNK"'), "no_unique_id"),
        (changed('root="1.2.250.1.213.1.1.1.55.7"', 'root="x&#10;y"'), "no_unique_id"),
        (changed('code="11502-2"', 'nullFlavor="UNK"'), "no_type"),
        (changed("Compte rendu d'examens biologiques", " "), "no_title"),
        (changed(NARROW, "20241301"), "bad_time"),
        (changed(NARROW, "yesterday"), "bad_time"),
        (changed(NARROW, "00010101000000+1400"), "bad_time"),
        (changed(NARROW, "99991231235959-2400"), "bad_time"),
        (changed('root="1.2.250.1.213.1.4.10"', 'root="1.2.4"'), "no_patient"),
        (changed("279035121518989", "27903"), "no_patient"),
        (changed('root="1.2.3" extension="77"', f'root="{PATIENT.oid}" extension="{OTHER}"'), "several_patients"),
        (changed("</recordTarget>", "</recordTarget><recordTarget/>"), "several_patients"),
        (changed("assignedAuthor", "other"), "no_author"),
        (changed(BODY, ""), "no_body"),
        (changed(BODY, "<nonXMLBody/>"), "no_body"),
        (level_1(b"\x89PNG\r\n\x1a\n", "image/png"), "unknown_format"),
        (level_1(PDF, "image/jpeg"), "bad_body"),
        (level_1(PDF[:20]), "broken_file"),
        (changed(BODY, '<nonXMLBody><text representation="B64">%%</text></nonXMLBody>'), "bad_body"),
    ],
)  # fmt: skip
def test_broken_documents_are_refused(content, code):
    assert refusal(content) == code


DOCTYPES = [
    '<!DOCTYPE ClinicalDocument SYSTEM "http://localhost:9/evil.dtd">',
    '<!DOCTYPE ClinicalDocument [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    "<!DOCTYPE c [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;'>]>",
    "<!ELEMENT c ANY>",
]


@pytest.mark.parametrize("doctype", DOCTYPES)
def test_a_dtd_is_refused_wherever_it_hides(doctype):
    assert refusal(changed("<!-- a comment -->", doctype)) == "dtd_forbidden"
    assert refusal(changed("<!-- a comment -->", f"<!-- > <x> --> <?p <y> ?>\n{doctype}")) == "dtd_forbidden"


def test_a_doctype_in_a_comment_is_no_dtd():
    assert cda.inspect(changed("a comment", "<!DOCTYPE x>")).level == 3


def test_limits_of_depth_size_and_count():
    assert refusal(changed("Glycémie", "<b>" * 80 + "</b>" * 80)) == "too_deep"
    assert refusal(DOCUMENT.encode(), max_bytes=100) == "too_large"
    assert refusal(changed("Glycémie", "<b/>" * cda.MAX_MARKUP)) == "too_large"


def test_very_deep_nesting_is_refused_and_breaks_nothing():
    assert refusal(changed("Glycémie", "<b>" * 100_000 + "</b>" * 100_000)) in {"not_xml", "too_deep"}


@pytest.mark.parametrize(
    ("content", "kind", "content_type"),
    [
        (PDF, Kind.PDF, "application/pdf"),
        (b"{\\rtf1\\ansi Bonjour}\r\n", Kind.RTF, "application/rtf"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 40 + b"\xff\xd9", Kind.JPEG, "image/jpeg"),
        (b"II*\0\x08\0\0\0\x01\0" + b"\0" * 16, Kind.TIFF, "image/tiff"),
        (b"MM\0*\0\0\0\x08\0\x01" + b"\0" * 16, Kind.TIFF, "image/tiff"),
        ("Voici mes directives anticipées.\n".encode(), Kind.TEXT, "text/plain"),
    ],
)
def test_other_formats_by_their_bytes(content, kind, content_type):
    found = cda.inspect(content)
    assert (found.kind, found.content_type, found.patients) == (kind, content_type, frozenset())


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (PDF[:20], "broken_file"),
        (b"{\\rtf1 cut", "broken_file"),
        (b"\xff\xd8\xff\xe0 cut", "broken_file"),
        (b"II*\0\xff\xff\xff\x7f", "broken_file"),
        (b"II*\0", "broken_file"),
        (b"\x89PNG\r\n\x1a\n", "unknown_format"),
        (b"PK\x03\x04", "unknown_format"),
        (b"MZ\x90\0", "unknown_format"),
        (b" \n ", "unknown_format"),
        ("Prénom".encode("latin-1"), "unknown_format"),
    ],
)
def test_what_is_cut_short_or_no_format_of_ours(content, code):
    assert refusal(content) == code


@pytest.mark.parametrize(
    ("expected", "code"),
    [
        (Expected(patient=Ins(PATIENT.oid, "277076322082910")), "wrong_patient"),
        (Expected(patient=Ins("1.2.250.1.213.1.4.8", PATIENT.number)), "wrong_patient"),
        (Expected(type_code="34133-9"), "wrong_type"),
        (Expected(unique_id="1.2.3"), "wrong_unique_id"),
        (Expected(content_type="application/pdf"), "wrong_content_type"),
    ],
)
def test_a_document_that_is_not_what_the_deposit_says(expected, code):
    with pytest.raises(BrokenContent) as refused:
        cda.check(cda.inspect(DOCUMENT.encode()), expected)
    assert refused.value.code == code
    assert "2770763" not in str(refused.value)


def test_a_document_that_is_what_the_deposit_says():
    found = cda.inspect(DOCUMENT.encode())
    cda.check(found, Expected(PATIENT, "11502-2", "1.2.250.1.213.1.1.1.55.7", "application/xml", cda_only=True))
    cda.check(found, Expected())


def test_professionals_send_cda():
    found = cda.inspect(PDF)
    cda.check(found, Expected(patient=PATIENT, type_code="EXPPAT_3"))
    with pytest.raises(BrokenContent) as refused:
        cda.check(found, Expected(cda_only=True))
    assert refused.value.code == "not_cda"


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_random_bytes_are_broken_content_or_fine(content):
    with contextlib.suppress(BrokenContent):
        assert cda.inspect(content).kind in Kind


@settings(max_examples=300)
@given(st.integers(0, len(DOCUMENT) - 1), st.integers(0, 60), st.binary(max_size=12))
def test_a_mangled_document_is_broken_content_or_fine(start, length, new):
    content = DOCUMENT.encode()
    with contextlib.suppress(BrokenContent):
        assert cda.inspect(content[:start] + new + content[start + length :]).kind in Kind


SAMPLES = samples.look(Path(os.environ.get("CARNET_SAMPLES", "/nonexistent"))).documents


@pytest.mark.skipif(not SAMPLES, reason="CARNET_SAMPLES names no folder with documents")
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_published_examples_are_accepted(sample):
    found = cda.inspect(sample.content)
    assert found.patients
    assert found.unique_id
    assert found.level in {1, 3}
