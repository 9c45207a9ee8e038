"""The pure parts of the demonstration: what is expected of documents and lines, and how counts are compared."""

import base64
from collections import Counter
from datetime import date

import orjson
import pytest

from deploy.proof import made
from deploy.proof.demo.account import _row
from deploy.proof.demo.cases import NoDocumentError, case_of, chosen, expecting_echoes, person
from deploy.proof.demo.day import EXPECTED, LINES_EACH, Bad, day
from deploy.proof.demo.ledger import Ledger, percentile
from deploy.proof.demo.rest import markers
from services.history_ingestion.domain.lines import fault_of
from shared.contracts.insurance import ReimbursedCare
from shared.terminology.ins import NIR, TEST_NIR

TODAY = date(2026, 11, 22)


def content_of(resource):
    return base64.b64decode(resource["content"][0]["attachment"]["data"])


def test_made_documents_are_played_without_a_folder(monkeypatch):
    monkeypatch.delenv("CARNET_SAMPLES", raising=False)
    cases = chosen()
    assert len(cases) == 3 * len(made.KINDS)
    assert {case.refusal for case in cases} == {None}
    assert len({case.ins for case in cases}) == 3
    assert len({case.unique_id for case in cases}) == len(cases)


def test_a_folder_without_documents_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(NoDocumentError, match="CDA"):
        chosen(str(tmp_path))
    with pytest.raises(NoDocumentError, match="no folder"):
        chosen(str(tmp_path / "missing"))


def test_documents_of_a_folder_have_their_paths_as_names(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "one.xml").write_bytes(made.make("biology"))
    (case,) = chosen(str(tmp_path))
    assert (case.name, case.refusal, case.original) == ("deep/one.xml", None, None)
    assert content_of(case.resource) == case.content


def test_a_document_about_a_real_kind_of_identity_is_played_as_a_copy():
    real = made.make("biology").replace(TEST_NIR.encode(), NIR.encode())
    case = case_of("real.xml", real)
    assert case.ins == made.PATIENT.ins
    assert content_of(case.original) == real
    assert content_of(case.resource) == case.content == made.make("biology")


def test_a_longer_oid_that_begins_alike_is_left_alone():
    content = made.make("biology").replace(TEST_NIR.encode(), NIR.encode())
    content = content.replace(b"<title>", f"<!-- {NIR}1 {NIR}.2 -->".encode() + b"<title>")
    assert f"<!-- {NIR}1 {NIR}.2 -->".encode() in case_of("real.xml", content).content


def test_a_broken_document_is_sent_and_expected_to_be_refused():
    broken = made.make("biology").replace(b"recordTarget", b"recordNobody")
    case = case_of("broken.xml", broken)
    assert case.refusal is not None
    assert content_of(case.resource) == broken


def test_another_content_under_the_same_unique_id_is_an_echo():
    first = made.make("biology")
    other = first.replace(b"<title>", b"<title>X")
    cases = expecting_echoes([case_of(name, content) for name, content in (("a", first), ("b", other), ("c", first))])
    assert [case.refusal for case in cases] == [None, "unique_id_used", None]


def test_people_have_valid_numbers_of_their_own():
    people = [person(number) for number in range(1, 3001)]
    assert len(set(people)) == len(people)
    assert all(ins.key_is_valid() and ins.is_test for ins in people)


def test_a_day_has_one_line_in_a_hundred_that_can_only_be_refused():
    people = [person(number) for number in range(1, 101)]
    lines = day(people, "run", TODAY)
    assert Counter(line.bad for line in lines) == {None: 990, Bad.JSON: 5, Bad.NIR: 3, Bad.DATE: 2}
    assert len({line.body.line for line in lines}) == len(lines)
    spared = [line for line in lines if line.body.matricule == people[0].number]
    assert [line.bad for line in spared] == [None] * LINES_EACH


@pytest.mark.parametrize("bad", list(EXPECTED))
def test_the_rules_give_each_line_the_fate_that_is_expected(bad):
    lines = [line for line in day([person(number) for number in range(1, 101)], "run", TODAY) if line.bad is bad]
    assert lines
    for line in lines:
        if bad is Bad.JSON:
            with pytest.raises(orjson.JSONDecodeError):
                orjson.loads(line.value)
        else:
            read = ReimbursedCare.model_validate_json(line.value)
            assert fault_of(read, TODAY, {TEST_NIR}) == EXPECTED[bad][1]


def test_no_run_publishes_the_lines_of_another():
    one, two = (day([person(1)], run, TODAY) for run in ("one", "two"))
    assert not {line.body.line for line in one} & {line.body.line for line in two}


def test_markers_are_long_enough_to_prove_something():
    content = made.make("imaging")
    assert all(len(marker) >= 12 for marker in markers(content, made.PATIENT.ins.number))
    assert any(marker in content[500:] for marker in markers(content, "?" * 15))
    assert len(list(markers(content, "?" * 15))) > 10


@pytest.mark.parametrize(
    ("counts", "agrees"),
    [
        ((5, 5, 5, 5), True),
        ((4, 5, 5, 5), False),
        ((5, 5, 4, 5), False),
        ((6, 5, 5, 5), False),
        ((5, 5, None, 5), True),
    ],
)
def test_stations_have_to_agree(counts, agrees):
    decided, stored, told, traced = counts
    assert (_row("x", 5, decided, stored, told, traced).wrong == ()) is agrees


def test_what_was_sent_again_may_be_decided_twice():
    assert _row("x", 5, 6, None, None, 6, more=1).wrong == ()
    assert _row("x", 5, 7, None, None, 7, more=1).wrong


def test_percentiles_are_values_that_were_measured():
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile(list(range(1, 101)), 0.99) == 99
    with pytest.raises(ValueError, match="at least one"):
        percentile([], 0.5)


def test_a_ledger_is_good_only_with_something_verified_and_nothing_failed():
    ledger = Ledger()
    assert not ledger.ok
    assert ledger.expect("step", "subject", None, "next")
    assert ledger.ok
    assert not ledger.expect("step", "subject", "wrong", "next")
    assert not ledger.ok
    assert ledger.failures[0].next_step == "next"
