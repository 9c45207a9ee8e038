import hashlib
from itertools import combinations

import pytest

from deploy.proof import made
from services.document.domain.cda import MAX_BYTES
from services.document.domain.deposit import RefusedDeposit, accept, check_confidentiality
from services.document.domain.inspected import BrokenContent
from services.document.domain.settlement import Flags
from shared.contracts.http_document import DepositMetadata, HeaderError, from_header, to_header
from shared.terminology import document_types
from tests.support.documents import DOCTOR, HOLDER, metadata, sample

PDF = b"%PDF-1.4\n1 0 obj <<>> endobj\n%%EOF\n"
CDA = sample()


def accepted(content=CDA, max_bytes=MAX_BYTES, max_patient_bytes=MAX_BYTES, **changes):
    stated = changes.pop("stated", None) or metadata(CDA, **changes)
    return accept(content, stated, max_bytes=max_bytes, max_patient_bytes=max_patient_bytes)


def code_of(**arguments):
    with pytest.raises((RefusedDeposit, BrokenContent)) as refused:
        accepted(**arguments)
    assert len(refused.value.sentence) > 30
    assert made.PATIENT.ins.number not in f"{refused.value} {refused.value.sentence}"
    return refused.value.code


def test_a_deposit_is_taken_with_what_the_document_tells():
    done = accepted()
    assert done.class_code
    assert (done.label, done.flags) == ("N", Flags())
    assert done.title
    assert done.size == len(CDA)
    assert done.sha1 == hashlib.sha1(CDA, usedforsecurity=False).digest()
    assert done.sha256 == hashlib.sha256(CDA).digest()
    assert done.submitter == f"professional:{DOCTOR.number}"
    assert set(done.owners) == {DOCTOR.number, DOCTOR.structure}
    assert done.professionals == (DOCTOR.number,)


def test_what_is_stated_goes_before_what_the_document_tells():
    done = accepted(title="Mon titre", language="en", professionals=("899",))
    assert (done.title, done.language) == ("Mon titre", "en")
    assert done.professionals == ("899", DOCTOR.number)
    assert "Mon titre" not in repr(done)


@pytest.mark.parametrize("number", ["", "x" * 65, "8 01", "Dr Martin"])
def test_a_number_of_the_document_that_is_none_is_left_out(number):
    content = CDA.replace(made.AUTHOR.number.encode(), number.encode())
    done = accept(content, metadata(CDA), max_bytes=MAX_BYTES, max_patient_bytes=MAX_BYTES)
    assert done.professionals == ()
    assert DOCTOR.number in done.owners


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        ("too_large", {"max_bytes": len(CDA) - 1}),
        ("unknown_document_type", {"type_code": "nothing"}),
        ("wrong_class", {"class_code": "99"}),
        ("unknown_format_code", {"format_code": "urn:made:up"}),
        ("unknown_confidentiality", {"confidentiality": {"N", "X"}}),
        ("no_confidentiality", {"confidentiality": {"MASQUE_PS"}}),
        ("no_confidentiality", {"confidentiality": set()}),
        ("no_confidentiality", {"confidentiality": {"N", "R"}}),
        ("forbidden_pair", {"confidentiality": {"N", "MASQUE_PS", "INVISIBLE_PATIENT"}}),
        ("wrong_content_type", {"content_type": "application/pdf"}),
        ("wrong_type", {"type_code": "60591-5"}),
        ("wrong_unique_id", {"unique_id": "1.2.3"}),
        ("wrong_patient", {"patient": {"oid": made.TEST_OID, "number": "277076322082910"}}),
        ("wrong_patient", {"patient": {"oid": made.TEST_OID, "number": "1"}}),
        ("wrong_size", {"size": len(CDA) + 1}),
        ("wrong_hash", {"sha1": "0" * 40}),
        ("not_xml", {"content": CDA[:-20]}),
        ("empty", {"content": b""}),
    ],
)
def test_a_broken_deposit_is_refused(code, arguments):
    assert code_of(**arguments) == code


@pytest.mark.parametrize("actor", [DOCTOR, HOLDER])
def test_ar_007_an_empty_document_is_refused(actor):
    assert code_of(content=b"", actor=actor) == "empty"


FLAGS = ["MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX"]


@pytest.mark.parametrize("flags", [chosen for size in range(4) for chosen in combinations(FLAGS, size)])
@pytest.mark.parametrize("label", ["N", "R", "V"])
def test_ar_026_masked_and_withheld_exclude_each_other_and_no_other_flags_do(flags, label):
    codes = {label, *flags}
    if {"MASQUE_PS", "INVISIBLE_PATIENT"} <= codes:
        with pytest.raises(RefusedDeposit) as refused:
            check_confidentiality(codes)
        assert refused.value.code == "forbidden_pair"
    else:
        assert check_confidentiality(codes) == (label, Flags(*(flag in flags for flag in FLAGS)))


def test_the_checks_have_an_order():
    wrong = {"confidentiality": {"X"}, "type_code": "nothing", "size": 1}
    assert code_of(content=CDA[:-20], max_bytes=10, **wrong) == "too_large"
    assert code_of(content=CDA[:-20], **wrong) == "unknown_document_type"
    assert code_of(content=CDA[:-20], **wrong | {"type_code": "60591-5"}) == "unknown_confidentiality"
    assert code_of(content=CDA[:-20], size=1) == "not_xml"


def test_types_outside_the_list_of_the_record_are_refused():
    outside = [one.code for one in document_types().values() if not one.in_dmp]
    assert outside
    assert {code_of(type_code=code) for code in outside} == {"not_in_dmp"}


def test_a_patient_deposits_plain_files_up_to_a_smaller_size_and_a_professional_does_not():
    stated = metadata(
        CDA, actor=HOLDER, unique_id="1.2.3", type_code="EXPPAT_1", content_type="application/pdf", patient=None
    )
    done = accepted(PDF, stated=stated)
    assert (done.submitter, done.owners, done.class_code) == ("patient:", (), "90")
    assert code_of(content=PDF, stated=stated, max_patient_bytes=len(PDF) - 1) == "too_large"
    assert code_of(content=PDF, stated=stated.model_copy(update={"actor": DOCTOR})) == "not_cda"


def test_metadata_travel_in_a_header_and_hide_who_it_is_about():
    stated = metadata(CDA, title="Hémoglobine, été")
    header = to_header(stated)
    assert header.isascii()
    assert from_header(DepositMetadata, header) == stated
    assert made.PATIENT.ins.number not in repr(stated)
    assert "Hémoglobine" not in repr(stated)


@pytest.mark.parametrize("header", ["", "%%%", "bm8=", "e30="])
def test_a_header_that_is_none_is_refused_without_its_content(header):
    with pytest.raises(HeaderError) as refused:
        from_header(DepositMetadata, header)
    assert "bm8" not in str(refused.value)


def test_an_invalid_header_names_fields_and_no_values():
    good = metadata(CDA, title="SECRET").model_dump(mode="json")
    bad = DepositMetadata.model_construct(**good | {"created": "SECRET-TIME", "sha1": "SECRET-SHA"})
    with pytest.warns(UserWarning, match="serializer"):
        header = to_header(bad)
    with pytest.raises(HeaderError, match="created, sha1") as refused:
        from_header(DepositMetadata, header)
    assert "SECRET" not in str(refused.value)
