"""What the demonstration expects of documents is right by examples, and agrees with the record's own reading."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.proof import made
from deploy.proof.judgement import NO_SUCH_TYPE, NOT_IN_LIST, judge
from services.document.domain import cda
from services.document.domain.inspected import BrokenContent
from shared.terminology import class_of, document_type
from shared.terminology.ins import NIR, TEST_NIR

BIOLOGY, IMAGING = made.make("biology"), made.make("imaging")
PATIENT_ID = f'<id root="{TEST_NIR}" extension="{made.PATIENT.ins.number}"/>'.encode()
UTF_16 = BIOLOGY.decode().replace("UTF-8", "UTF-16").encode("utf-16")


def without(name: str, content: bytes = BIOLOGY) -> bytes:
    """A document in which an element has another name."""
    assert f"<{name}".encode() in content
    return content.replace(f"<{name}".encode(), b"<absent").replace(f"</{name}>".encode(), b"</absent>")


def swapped(old: bytes, new: bytes, content: bytes = BIOLOGY) -> bytes:
    assert old in content
    return content.replace(old, new)


def with_body(content: bytes, media_type: str = "application/pdf", representation: str = "B64") -> bytes:
    text = base64.b64encode(content) if representation == "B64" else content
    begin, end = IMAGING.index(b"<text "), IMAGING.index(b"</text>")
    said = f'<text mediaType="{media_type}" representation="{representation}">'.encode()
    return IMAGING[:begin] + said + text + IMAGING[end:]


WHOLE = {
    "level 3": BIOLOGY,
    "level 1": IMAGING,
    "a mark of bytes": b"\xef\xbb\xbf" + BIOLOGY,
    "wrapped in its stylesheet": b'<x:stylesheet xmlns:x="http://www.w3.org/1999/XSL/Transform">'
    b'<c:Contenu xmlns:c="urn:asip-sante:ci-sis">' + BIOLOGY.partition(b"?>")[2] + b"</c:Contenu></x:stylesheet>",
    "another number beside": swapped(PATIENT_ID, PATIENT_ID + b'<id root="1.2.3" extension="?"/>'),
    "a real identity beside": swapped(PATIENT_ID, PATIENT_ID.replace(TEST_NIR.encode(), NIR.encode()) + PATIENT_ID),
    "a text": with_body(b"Bilan calme", "text/plain", "TXT"),
    "a picture": with_body(b"\xff\xd8\xff\xe0 \xff\xd9", "image/jpeg"),
    "a letter": with_body(b"{\\rtf1 calm}", "text/rtf"),
}
FAULTS = {
    "cut short": (BIOLOGY[:-20], {"not_xml"}),
    "cut very short": (BIOLOGY[: BIOLOGY.index(b"<realmCode")], {"not_xml"}),
    "a DTD": (swapped(b"<ClinicalDocument", b"<!DOCTYPE ClinicalDocument><ClinicalDocument"), {"dtd_forbidden"}),
    "UTF-16": (UTF_16, {"wrong_encoding"}),
    "Latin-1": (swapped(b"UTF-8", b"ISO-8859-1"), {"wrong_encoding"}),
    "too deep": (swapped(b"<title>", b"<a>" * 65 + b"</a>" * 65 + b"<title>"), {"too_deep"}),
    "too many tags": (swapped(b"<title>", b"<a/>" * 400_001 + b"<title>"), {"too_large"}),
    "no id": (swapped(b'<id root="2.25.', b'<absent root="2.25.'), {"no_unique_id"}),
    "an id that is none": (swapped(b'<id root="2.25.', b'<id root="2.25.x'), {"no_unique_id"}),
    "no title": (without("title"), {"no_title"}),
    "an empty title": (BIOLOGY[: BIOLOGY.index(b"<title>") + 7] + BIOLOGY[BIOLOGY.index(b"</title>") :], {"no_title"}),
    "no code": (without("code"), {"no_type"}),
    "no time": (without("effectiveTime"), {"bad_time"}),
    "a time that is none": (swapped(b'effectiveTime value="2025', b'effectiveTime value="2025-'), {"bad_time"}),
    "no patient": (without("recordTarget"), {"no_patient"}),
    "no INS": (swapped(TEST_NIR.encode(), b"1.2.3"), {"no_patient"}),
    "a number cut short": (swapped(made.PATIENT.ins.number.encode(), b"27903512151898"), {"no_patient"}),
    "two patients": (swapped(b"<author>", b"<recordTarget/><author>"), {"several_patients"}),
    "two numbers": (
        swapped(PATIENT_ID, PATIENT_ID + PATIENT_ID.replace(b"279035121518989", b"277076322082910")),
        {"several_patients"},
    ),
    "no author": (without("author"), {"no_author"}),
    "no body": (without("structuredBody"), {"no_body"}),
    "no text of the body": (without("text", IMAGING), {"no_body"}),
    "no base64": (swapped(b'representation="B64">', b'representation="B64">?', IMAGING), {"bad_body"}),
    "another body": (with_body(b"{\\rtf1 calm}"), {"bad_body"}),
    "half a body": (with_body(b"%PDF-1.4 and no end"), {"broken_file"}),
    "an unknown body": (with_body(b"\0\1\2"), {"unknown_format"}),
    "a body of an unknown kind": (with_body(b"x", "video/mp4"), {"unknown_format"}),
    "two faults": (without("author", without("title")), {"no_title", "no_author"}),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_document_has_to_be_taken(name):
    judged = judge(WHOLE[name])
    assert (judged.refusals, judged.no_cda) == (frozenset(), "")
    assert judged.header.patient == made.PATIENT.ins
    cda.inspect(WHOLE[name])


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_as_the_refusal_to_expect(name):
    content, refusals = FAULTS[name]
    assert judge(content).refusals == refusals
    assert judge(content).header is None
    with pytest.raises(BrokenContent) as refused:
        cda.inspect(content)
    assert refused.value.code in refusals


def test_types_outside_the_list_are_refused_for_that():
    foreign = next(code for code in ("28617-9", "11488-4") if document_type(code) and class_of(code) is None)
    assert judge(swapped(b'"11502-2"', f'"{foreign}"'.encode())).refusals == {NOT_IN_LIST}
    assert judge(swapped(b'"11502-2"', b'"00000-0"')).refusals == {NO_SUCH_TYPE}
    assert judge(swapped(b'"11502-2" codeSystem="2.16', b'"11502-2" codeSystem="2.17')).refusals == {NO_SUCH_TYPE}


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 99, b"<a/>", b"<html>ClinicalDocument</html>", b"<ClinicalDocument/>"]
)
def test_what_is_no_cda_is_told_as_such(content):
    assert judge(content).no_cda


def agrees(content: bytes) -> None:
    """The record's reading says the same: taken, or refused for one of the faults."""
    judged = judge(content)
    try:
        inspected = cda.inspect(content)
    except BrokenContent as error:
        refused = error.code
    else:
        refused, said = "", (inspected.unique_id, inspected.type_code, inspected.title, inspected.effective_time)
    if refused:
        assert judged.no_cda or refused in judged.refusals
        return
    if not judged.no_cda and judged.header is not None:
        header = judged.header
        assert header.patient in inspected.patients
        assert (header.unique_id, header.type_code, header.title, header.created) == said
        assert (header.professionals, header.structures) == (inspected.authors, inspected.structures)
    assert not inspected.patients or not judged.refusals - {NOT_IN_LIST, NO_SUCH_TYPE}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([BIOLOGY, IMAGING]), st.data())
def test_both_readings_agree_on_mangled_documents(content, data):
    start = data.draw(st.integers(0, len(content) - 1))
    end = start + data.draw(st.integers(0, 60))
    agrees(content[:start] + data.draw(st.sampled_from([b"", b" ", b"<", b"&", b"=", b"x", b"\xff"])) + content[end:])


@settings(max_examples=100, deadline=None)
@given(st.text("123456789+-", max_size=24) | st.from_regex(r"[1-9]{4,14}([+-][0-9]{2}[0-5][0-9])?", fullmatch=True))
def test_both_readings_agree_on_times(text):
    at = BIOLOGY.index(b'effectiveTime value="') + len(b'effectiveTime value="')
    agrees(BIOLOGY[:at] + text.encode() + BIOLOGY[BIOLOGY.index(b'"', at) :])
