import os
from pathlib import Path

import orjson
import pytest
from lxml import etree

from deploy.proof import made, samples
from deploy.proof.judgement import NOT_IN_LIST, judge
from services.document.domain import cda
from services.document.domain.inspected import Expected, Kind
from services.gateway.fhir.publish import publication
from shared.terminology import Ins

OTHER = made.SamplePatient(Ins(made.TEST_OID, "277076322082910"), family="O'NEIL <&>", given='"É"')


def _every_kind(patient=made.PATIENT, seed=0):
    return [made.make(kind, patient, seed=seed) for kind in made.KINDS]


@pytest.mark.parametrize("kind", made.KINDS)
def test_every_kind_is_a_document_that_the_record_takes(kind):
    content = made.make(kind)
    found = cda.inspect(content)
    assert found.kind is Kind.CDA
    assert found.patients == {made.PATIENT.ins}
    assert found.authors == (made.AUTHOR.number,)
    assert found.structures == (made.AUTHOR.structure,)
    assert found.type_code == made.KINDS[kind].type_code
    assert found.service_start < found.effective_time
    assert judge(content).refusals == frozenset()


def test_both_levels_are_made():
    assert {cda.inspect(content).level for content in _every_kind()} == {1, 3}


def test_the_same_arguments_give_the_same_bytes():
    assert _every_kind(seed=4) == _every_kind(seed=4)


def test_another_seed_or_patient_gives_another_document():
    contents = [*_every_kind(seed=1), *_every_kind(seed=2), *_every_kind(OTHER, seed=1)]
    assert len({cda.inspect(content).unique_id for content in contents}) == len(contents)


def test_hostile_names_do_not_break_the_xml():
    root = etree.fromstring(made.make("biology", OTHER))
    assert root.findtext(".//{*}patient/{*}name/{*}family") == OTHER.family


def test_the_pdf_says_where_its_objects_are():
    content = made.pdf("Essai (1)")
    start = int(content.rsplit(b"startxref\n", 1)[1].split()[0])
    assert content[start:].startswith(b"xref")
    offsets = [int(line[:10]) for line in content[start:].split(b"\n")[3:9]]
    assert [content[offset:].split()[0] for offset in offsets] == [b"1", b"2", b"3", b"4", b"5", b"6"]


@pytest.mark.parametrize("kind", made.KINDS)
def test_a_publication_carries_the_document_and_agrees_with_it(kind):
    content = made.make(kind, OTHER)
    found = publication(orjson.dumps(samples.publication(content, labels=("N", "MASQUE_PS"))))
    assert found.content == content
    assert found.confidentiality == {"N", "MASQUE_PS"}
    assert [author.number for author in found.authors] == [made.AUTHOR.number, made.AUTHOR.structure]
    cda.check(
        cda.inspect(content),
        Expected(found.patient, found.type_code, found.unique_id, found.content_type, cda_only=True),
    )


def test_a_publication_that_replaces():
    first, second = (made.make("biology", seed=seed) for seed in (1, 2))
    unique = cda.inspect(first).unique_id
    assert publication(orjson.dumps(samples.publication(second, replaces=unique))).replaces == unique


def test_an_author_stands_in_where_the_document_names_none():
    content = made.make("biology").replace(b"1.2.250.1.71.4.2.1", b"1.2.3").replace(b"1.2.250.1.71.4.2.2", b"1.2.4")
    resource = samples.publication(content, author="899700218896")
    assert [one.number for one in publication(orjson.dumps(resource)).authors] == ["899700218896"]


def test_what_is_no_cda_makes_no_publication():
    with pytest.raises(samples.NoHeaderError, match="ClinicalDocument"):
        samples.publication(b"%PDF-1.4 %%EOF")
    with pytest.raises(samples.NoHeaderError, match="not_xml"):
        samples.publication(made.make("biology")[:-20])


def test_a_type_outside_the_list_is_told_as_a_refusal():
    content = made.make("biology").replace(b'"11502-2"', b'"28617-9"')
    assert judge(content).refusals == {NOT_IN_LIST}
    assert judge(content).header.patient == made.PATIENT.ins


@pytest.fixture
def folder(tmp_path):
    """A folder as people have them."""
    deep = tmp_path / "a b" / "é"
    deep.mkdir(parents=True)
    (deep / "no extension").write_bytes(made.make("biology"))
    (deep / "lies.pdf").write_bytes(made.make("imaging"))
    (tmp_path / "bom.XML").write_bytes(b"\xef\xbb\xbf" + made.make("vaccination"))
    headless = made.make("biology").replace(b"<title>", b"<other>").replace(b"</title>", b"</other>")
    (tmp_path / "headless.xml").write_bytes(headless)
    (tmp_path / "short.xml").write_bytes(made.make("biology")[:1500])
    (tmp_path / "junk.xml").write_bytes(b"<ClinicalDocument xmlns='urn:hl7-org:v3'")
    (tmp_path / "other.xml").write_bytes(b"<html>ClinicalDocument</html>")
    (tmp_path / "empty.xml").touch()
    (tmp_path / "binary.bin").write_bytes(os.urandom(2000))
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (deep / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "huge.xml").open("wb") as huge:
        huge.write(made.make("biology"))
        huge.truncate(200 * samples.MAX_BYTES)
    return tmp_path


def test_documents_are_found_by_content_wherever_they_are_and_broken_ones_too(folder):
    assert [Path(one.name).name for one in samples.look(folder).documents] == [
        "lies.pdf", "no extension", "bom.XML", "headless.xml", "short.xml"
    ]  # fmt: skip


def test_nothing_is_passed_over_in_silence(folder):
    found = samples.look(folder)
    why = dict(found.passed)
    assert "2,097,152,000 bytes; the record takes at most 10,485,760" in why["huge.xml"]
    assert "empty" in why["empty.xml"]
    assert "no XML" in why["junk.xml"]
    assert "html" in why["other.xml"]
    assert "ClinicalDocument" in why["binary.bin"]
    assert why["dangling"] == "a link to nothing"
    assert why["pipe"] == "no plain file"
    assert "not followed" in why["a b/é/loop"]
    assert len(found.documents) + len(found.passed) == sum(1 for path in folder.rglob("*") if not path.is_dir()) + 1


def test_what_can_not_be_read_is_told(folder, monkeypatch):
    def broken(path):
        raise PermissionError(13, "Permission denied", str(path))

    def unlisted(_top, onerror):
        onerror(PermissionError(13, "Permission denied", str(folder / "locked")))
        return iter([(str(folder), [], ["bom.XML"])])

    monkeypatch.setattr(Path, "read_bytes", broken)
    monkeypatch.setattr(samples.os, "walk", unlisted)
    assert samples.look(folder).passed == [
        ("bom.XML", "can't be read: Permission denied"),
        ("locked", "can't be looked into: Permission denied"),
    ]


@pytest.mark.parametrize("name", [b"caf\xe9.xml", b"two\nlines.xml", "right\u202eleft.xml".encode()])
def test_a_name_that_is_no_text_is_shown_escaped(tmp_path, name):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(made.make("biology"))
    (one,) = samples.look(tmp_path).documents
    assert one.name.encode().isascii()
    assert one.name.isprintable()


def test_a_folder_that_is_not_there_has_no_documents(tmp_path):
    assert not samples.look(tmp_path / "nowhere").documents


FOLDER = os.environ.get("CARNET_SAMPLES")


@pytest.mark.skipif(not FOLDER, reason="CARNET_SAMPLES names no folder with documents")
def test_every_sample_given_is_published_or_refused_for_its_type():
    found = samples.look(Path(FOLDER)).documents
    assert found
    for one in found:
        if one.judged.refusals:
            continue
        read = publication(orjson.dumps(samples.publication(one.content)))
        assert read.content == one.content
        cda.check(cda.inspect(one.content), Expected(read.patient, read.type_code, read.unique_id, cda_only=True))
