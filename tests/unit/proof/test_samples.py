import os
from pathlib import Path

import orjson
import pytest
from lxml import etree

from deploy.proof import made, samples
from services.document.domain import cda
from services.document.domain.inspected import BrokenContent, Expected, Kind
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
    assert samples.describe(content).refusal is None


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
    with pytest.raises(BrokenContent):
        samples.publication(b"%PDF-1.4 %%EOF")


def test_a_type_outside_the_list_is_told_as_a_refusal():
    content = made.make("biology").replace(b'"11502-2"', b'"28617-9"')
    assert samples.describe(content).refusal == "not_in_dmp"
    assert samples.describe(content).patient == made.PATIENT.ins
    assert samples.describe(content[:-20]).refusal == "not_xml"


def test_documents_are_found_by_content_wherever_they_are(tmp_path):
    deep = tmp_path / "a b" / "é"
    deep.mkdir(parents=True)
    (deep / "no extension").write_bytes(made.make("biology"))
    (deep / "lies.pdf").write_bytes(made.make("imaging"))
    (tmp_path / "bom.XML").write_bytes(b"\xef\xbb\xbf" + made.make("vaccination"))
    headless = made.make("biology").replace(b"<title>", b"<other>").replace(b"</title>", b"</other>")
    (tmp_path / "headless.xml").write_bytes(headless)
    (tmp_path / "junk.xml").write_bytes(b"<ClinicalDocument xmlns='urn:hl7-org:v3'")
    (tmp_path / "other.xml").write_bytes(b"<html>ClinicalDocument</html>")
    (tmp_path / "empty.xml").touch()
    (tmp_path / "binary.bin").write_bytes(os.urandom(2000))
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (deep / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert [path.name for path in samples.collect(tmp_path)] == ["lies.pdf", "no extension", "bom.XML", "headless.xml"]


def test_a_folder_that_is_not_there_has_no_documents(tmp_path):
    assert samples.collect(tmp_path / "nowhere") == []


FOLDER = os.environ.get("CARNET_SAMPLES")


@pytest.mark.skipif(not FOLDER, reason="CARNET_SAMPLES names no folder with documents")
def test_every_sample_given_is_published_or_refused_for_its_type():
    paths = samples.collect(Path(FOLDER))
    assert paths
    for path in paths:
        content = path.read_bytes()
        if samples.describe(content).refusal:
            continue
        found = publication(orjson.dumps(samples.publication(content)))
        assert found.content == content
        cda.check(cda.inspect(content), Expected(found.patient, found.type_code, found.unique_id, cda_only=True))
