"""`carnet document check`: what is told of a file before it is sent, where no system runs."""

import ast
import inspect
from unittest.mock import patch

import pytest
from typer.testing import CliRunner

from deploy import cli
from deploy.local.home import Home
from deploy.proof import made
from services.document.commands import documents
from services.document.domain import cda, checked, deposit, header, sniff
from services.document.domain.checked import Limits, check
from services.document.domain.deposit import accept
from services.document.domain.inspected import Kind
from shared.contracts.common import ActorKind
from tests.support.documents import KINDS, metadata, sample
from tests.support.pages import Looked

RUNNER = CliRunner()
LIMITS = Limits(cda.MAX_BYTES, 5 * 1024 * 1024)
PDF = made.pdf("Essai")
ABOUT_THE_FILE = {
    *("empty", "too_large", "wrong_encoding", "not_xml", "too_deep", "not_cda", "unknown_format", "broken_file"),
    *("wrong_content_type", "wrong_patient", "wrong_type", "wrong_unique_id", "wrong_class", "unknown_format_code"),
    *("unknown_confidentiality", "no_confidentiality", "forbidden_pair", "wrong_size", "wrong_hash", "bad_metadata"),
}
"""Codes without a place in a CDA: about the file as a whole, or about what only a caller says."""


@pytest.fixture(autouse=True)
def _no_system(monkeypatch):
    def asked(_):
        raise AssertionError("the local system was asked")

    monkeypatch.setattr(Home, "state", asked)


def carnet(*arguments, columns=300):
    """The consoles keep the width of where they were made, which each worker of the tests has its own."""
    with patch.object(documents._out, "_width", columns), patch.object(documents._errors, "_width", columns):
        result = RUNNER.invoke(cli.app, ["document", "check", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def file(folder, content, name="d.xml"):
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_document_is_accepted_with_what_staging_would_find(tmp_path, kind):
    content = sample(1, kind)
    code, said = carnet(file(tmp_path, content))
    staged = accept(content, metadata(content), max_bytes=LIMITS.any_file, max_patient_bytes=LIMITS.of_patient)
    found = cda.inspect(content)
    assert code == 0
    assert "1 of 1 would be accepted" in said
    for told in (
        staged.title,
        found.type_code,
        found.unique_id,
        staged.class_code,
        staged.sha1.hex(),
        made.AUTHOR.number,
    ):
        assert told in said


@pytest.mark.parametrize(
    ("old", "new", "code", "place"),
    [
        ("<title>", "<t>", "not_xml", "the file"),
        ('<code code="11502-2"', '<code code="0-0"', "unknown_document_type", "/ClinicalDocument/code/@code"),
        ('<code code="11502-2"', '<code code="a b"', "unknown_document_type", "/ClinicalDocument/code/@code"),
        ('<code code="11502-2"', '<code nullFlavor="UNK"', "no_type", "/ClinicalDocument/code/@code"),
        (made.PATIENT.ins.number, "12", "no_patient", "/ClinicalDocument/recordTarget/patientRole/id"),
        ('<effectiveTime value="', '<effectiveTime value="x', "bad_time", "/ClinicalDocument/effectiveTime/@value"),
        ("urn:hl7-org:v3", "urn:other", "not_cda", "the file"),
        ("<ClinicalDocument", "<!DOCTYPE a><ClinicalDocument", "dtd_forbidden", "the XML's prolog"),
    ],
)
def test_a_broken_document_is_refused_with_place_and_expectation(tmp_path, old, new, code, place):
    text = sample(1, "biology").decode()
    assert old in text
    status, said = carnet(file(tmp_path, text.replace(old, new, 1).encode()))
    assert status == 1
    assert f"refused: {code}" in said
    assert f"where: {place}" in said
    assert "why: " in said
    assert "0 of 1 would be accepted" in said


def test_one_refused_file_among_accepted_ones_ends_in_1(tmp_path):
    good, bad = file(tmp_path, sample()), file(tmp_path, b"\0", "bad.bin")
    assert carnet(good)[0] == 0
    code, said = carnet(good, bad, good)
    assert code == 1
    assert "2 of 3 would be accepted" in said


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (PDF, "PDF"),
        (b"{\\rtf1 essai}", "RTF"),
        (b"Bonjour", "TEXT"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 20 + b"\xff\xd9", "JPEG"),
        (b"II*\0\x08\0\0\0\x01\0" + b"\0" * 16, "TIFF"),
    ],
)
def test_other_files_are_the_patients_and_no_professionals(tmp_path, content, told):
    path = file(tmp_path, content, "f")
    code, said = carnet(path)
    assert (code, f"kind: {told}" in said, "EXPPAT_1" in said) == (0, True, True)
    code, said = carnet(path, "--as", "professional")
    assert (code, "not_cda" in said, "CDA of level 1" in said) == (1, True, True)


def test_a_stated_type_is_held_against_the_document(tmp_path):
    assert "DOCPAT03" in carnet(file(tmp_path, PDF, "f"), "--type", "DOCPAT03")[1]
    code, said = carnet(file(tmp_path, sample(1, "biology")), "--type", "DOCPAT03")
    assert (code, "wrong_type" in said) == (1, True)


def test_a_patients_file_may_be_smaller_only(tmp_path):
    large = b"x" * (LIMITS.of_patient + 1)
    code, said = carnet(file(tmp_path, large, "f"))
    assert (code, "too_large" in said) == (1, True)


def test_a_file_that_is_far_too_large_is_not_read(tmp_path):
    path = tmp_path / "huge"
    with path.open("wb") as opened:
        opened.truncate(1 << 40)
    code, said = carnet(path)
    assert (code, f"{1 << 40} bytes" in said) == (1, True)


def test_what_is_no_file_is_told_and_the_others_are_checked(tmp_path):
    code, said = carnet(tmp_path, tmp_path / "gone", file(tmp_path, sample()))
    assert code == 1
    assert "it is no file" in said and "No such file" in said
    assert "1 of 3 would be accepted" in said


def test_pages_are_written_for_accepted_files_alone(tmp_path):
    (tmp_path / "other").mkdir()
    files = [file(tmp_path, sample(1)), file(tmp_path / "other", sample(2)), file(tmp_path, b"\0", "bad")]
    files.append(file(tmp_path, sample(3), "d.xml-2"))
    code, said = carnet(*files, "--html", tmp_path / "new" / "pages")
    assert (code, "3 pages are in" in said) == (1, True)
    pages = sorted((tmp_path / "new" / "pages").iterdir())
    assert [page.name for page in pages] == ["d.xml-2-2.html", "d.xml-2.html", "d.xml.html"]
    for page in pages:
        found = Looked(page.read_text(encoding="utf-8"))
        assert found.faults == []
        assert "Patient" in found.header


def test_a_folder_that_can_not_be_written_is_told(tmp_path):
    path = file(tmp_path, sample())
    code, said = carnet(path, "--html", path)
    assert (code, "can't be written" in said) == (1, True)


def test_a_real_identity_is_not_printed_whole(tmp_path):
    text = sample(1, "biology").decode().replace(made.TEST_OID, "1.2.250.1.213.1.4.8")
    code, said = carnet(file(tmp_path, text.encode()))
    assert code == 0
    assert made.PATIENT.ins.number not in said
    assert f"…{made.PATIENT.ins.number[-2:]}" in said
    assert made.PATIENT.ins.number in carnet(file(tmp_path, sample(1, "biology")))[1]


def test_nothing_of_a_file_steers_the_terminal(tmp_path):
    text = sample(1, "biology").decode().replace("<title>CR", "<title>[red]\u009b31m\u202e CR", 1)
    _, said = carnet(file(tmp_path, text.encode(), "[bold]\x1b[31m.xml"))
    assert "[red]\ufffd31m\ufffd CR" in said
    assert "[bold]\ufffd[31m.xml" in said
    assert not {"\x1b", "\u009b", "\u202e"} & set(said)


def test_a_title_of_several_lines_is_told_in_one(tmp_path):
    text = sample(1, "biology").decode().replace("<title>CR", "<title>\n  CR\n  ", 1)
    assert "title: CR d'examens biologiques" in carnet(file(tmp_path, text.encode()))[1]


def test_wrong_use_is_told():
    assert carnet()[0] == 2
    assert carnet("x", "--as", "nobody")[0] == 2


def test_the_check_says_what_staging_says():
    for content in (sample(), b"", b"\0", PDF, sample()[:-20]):
        for depositor in (ActorKind.PROFESSIONAL, ActorKind.PATIENT):
            told = check(content, LIMITS, depositor)
            assert (told.accepted is None) == bool(told.code) == bool(told.sentence) == bool(told.place)
    assert check(PDF, LIMITS).found.kind is Kind.PDF


def test_every_refusal_has_a_place():
    codes = {
        node.args[0].value
        for module in (cda, header, sniff, deposit, checked)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") in {"BrokenContent", "RefusedDeposit"}
        and isinstance(node.args[0], ast.Constant)
    }
    assert codes == set(checked.PLACES) | ABOUT_THE_FILE
