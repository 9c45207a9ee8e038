"""The pure parts of the demonstration: what is expected of documents and lines, and how counts are compared."""

import base64
from collections import Counter
from datetime import date
from io import StringIO
from uuid import UUID

import httpx2
import orjson
import pytest
from rich.console import Console

from deploy.local.identity.cast import DR_ROUX
from deploy.proof import made
from deploy.proof.demo import words
from deploy.proof.demo.account import _row
from deploy.proof.demo.cases import REAL_REFUSED, USED, NoDocumentError, case_of, chosen, expecting_echoes, person
from deploy.proof.demo.day import EXPECTED, LINES_EACH, Bad, day
from deploy.proof.demo.documents import Documents, Played
from deploy.proof.demo.door import Door, Who, codes
from deploy.proof.demo.holders import Holder
from deploy.proof.demo.ledger import Ledger, percentile
from deploy.proof.demo.rest import markers
from deploy.proof.demo.screen import MOST_FILES, Screen
from deploy.proof.judgement import NOT_IN_LIST
from services.document.domain import cda
from services.document.domain.inspected import BrokenContent
from services.history_ingestion.domain.lines import fault_of
from shared.contracts.insurance import ReimbursedCare
from shared.terminology.ins import NIA, NIR, TEST_NIR

TODAY = date(2026, 11, 22)


def content_of(resource):
    return base64.b64decode(resource["content"][0]["attachment"]["data"])


def test_made_documents_are_played_without_a_folder(monkeypatch):
    monkeypatch.delenv("CARNET_SAMPLES", raising=False)
    cases = chosen().cases
    assert len(cases) == 3 * len(made.KINDS)
    assert {case.refusals for case in cases} == {frozenset()}
    assert len({case.ins for case in cases}) == 3
    assert len({case.unique_id for case in cases}) == len(cases)


def test_a_folder_without_documents_is_refused(tmp_path):
    with pytest.raises(NoDocumentError, match="CDA"):
        chosen(str(tmp_path))
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(NoDocumentError, match="CDA") as refused:
        chosen(str(tmp_path))
    assert [one.name for one in refused.value.passed] == ["notes.txt"]
    with pytest.raises(NoDocumentError, match="no folder"):
        chosen(str(tmp_path / "missing"))


def test_documents_of_a_folder_have_their_paths_as_names(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "one.xml").write_bytes(made.make("biology"))
    (tmp_path / "notes.txt").write_text("nothing")
    found = chosen(str(tmp_path))
    (case,) = found.cases
    assert (case.name, case.refusals, case.original) == ("deep/one.xml", frozenset(), None)
    assert [one.name for one in found.passed] == ["notes.txt"]
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
    assert case.refusals == {"no_patient"}
    assert content_of(case.resource) == broken


def test_another_content_under_the_same_unique_id_is_an_echo():
    first = made.make("biology")
    other = first.replace(b"<title>", b"<title>X")
    cases = expecting_echoes([case_of(name, content) for name, content in (("a", first), ("b", other), ("c", first))])
    assert [case.refusals for case in cases] == [frozenset(), USED, frozenset()]


def test_a_document_that_is_refused_takes_nobody_s_unique_id():
    first = made.make("biology")
    foreign, other = first.replace(b'"11502-2"', b'"28617-9"'), first.replace(b"<title>", b"<title>X")
    contents = (("foreign", foreign), ("a", first), ("b", other))
    cases = expecting_echoes([case_of(name, content) for name, content in contents])
    assert [case.refusals for case in cases] == [{NOT_IN_LIST}, frozenset(), USED]


def test_a_document_without_a_professional_is_published_as_of_who_deposits_it():
    content = made.make("biology").replace(b"1.2.250.1.71.4.2.1", b"1.2.3").replace(b"1.2.250.1.71.4.2.2", b"1.2.4")
    (author,) = case_of("device.xml", content).resource["contained"]
    assert author["identifier"][0]["value"] == DR_ROUX.number


def test_a_real_identity_that_leaves_no_copy_is_to_be_refused_as_it_is():
    other = f'<id root="{NIA}" extension="277076322082910"/><administrativeGenderCode'.encode()
    real = made.make("biology").replace(TEST_NIR.encode(), NIR.encode())
    real = real.replace(b'<patient classCode="PSN">', other.partition(b"<adm")[0] + b'<patient classCode="PSN">')
    case = case_of("two.xml", real)
    assert (case.refusals, content_of(case.resource)) == (REAL_REFUSED, real)


class Gateway:
    """Answers every deposit with one refusal, or takes it."""

    def __init__(self, code=""):
        self.code = code
        self.asked = 0

    async def deposit(self, *_):
        self.asked += 1
        issue = {"code": "invalid", "details": {"coding": [{"code": self.code}]}, "diagnostics": "A sentence."}
        return httpx2.Response(422, json={"resourceType": "OperationOutcome", "issue": [issue]})


async def performed(gateway, *cases):
    ledger = Ledger()
    documents = Documents(gateway, ledger, lambda _: None)
    await documents.play([(case, Holder(1, case.ins)) for case in cases], lambda: None)
    documents.conclude(cases)
    return {failure.step for failure in ledger.failures}


async def test_a_refusal_for_another_reason_than_the_fault_is_a_failure():
    broken = case_of("broken.xml", made.make("biology").replace(b"recordTarget", b"recordNobody"))
    assert "refused, and why" not in await performed(Gateway("no_patient"), broken)
    assert "refused, and why" in await performed(Gateway("internal_error"), broken)


async def test_nothing_taken_is_a_failure_whatever_was_expected():
    broken = case_of("broken.xml", made.make("biology").replace(b"recordTarget", b"recordNobody"))
    assert await performed(Gateway("no_patient"), broken) == {"a document was taken"}


async def test_a_whole_document_that_is_refused_is_a_failure_even_by_a_parser_that_refuses_all(monkeypatch):
    """The record's own parser is broken, and what is expected does not follow it."""

    def refusing(*_):
        raise BrokenContent("not_xml", "a bug")

    monkeypatch.setattr(cda, "inspect", refusing)
    wrong = await performed(Gateway("not_xml"), *(case_of(kind, made.make(kind)) for kind in made.KINDS))
    assert wrong == {"deposited", "every whole document was taken", "a document was taken"}


async def test_a_real_identity_has_to_be_refused_as_one():
    real = case_of("real.xml", made.make("biology").replace(TEST_NIR.encode(), NIR.encode()))
    assert "real identity refused" in await performed(Gateway("not_xml"), real)
    assert "real identity refused" not in await performed(Gateway("unacceptable_ins"), real)


def test_a_refusal_of_the_door_itself_is_called_by_its_issue_and_path():
    issue = {"code": "code-invalid", "diagnostics": "told", "expression": ["DocumentReference.type"]}
    answer = httpx2.Response(422, json={"resourceType": "OperationOutcome", "issue": [issue]})
    assert codes(answer) == {NOT_IN_LIST}
    assert codes(httpx2.Response(413, json={"code": "too_large"})) == {"too_large"}
    assert codes(httpx2.Response(502, text="<html>")) == frozenset()


async def test_every_refusal_is_kept_to_be_looked_into():
    answers = iter(
        [httpx2.Response(503, text="later"), httpx2.Response(404, text="no"), httpx2.Response(200, text="yes")]
    )
    who = Who("patient")
    async with httpx2.AsyncClient(
        transport=httpx2.MockTransport(lambda _: next(answers)), base_url="http://x"
    ) as client:
        door = Door(client, "", Ledger(), _tokens={who: "token"})
        await door.ask(who, "GET", "/")
        await door.ask(who, "GET", "/")
    assert sorted(problem.rpartition(b"\n\n")[2] for problem in door.problems) == [b"later", b"no"]
    assert all(b"content-type: text/plain" in problem.lower() for problem in door.problems)


def test_the_words_that_may_show_nowhere_are_of_people_and_of_documents():
    case = case_of("one.xml", made.make("biology"))
    holder = Holder(1, case.ins)
    found = words.of([holder], [Played(case, holder, None, UUID(int=1))], ["a free text", ""])
    assert {case.ins.number, holder.patient.email, holder.patient.family_name, "a free text"} < set(found)
    pieces = [word for word in found if word in case.content.decode()]
    assert len(pieces) > 4
    assert all(len(word.strip()) > 3 for word in found)


@pytest.mark.parametrize("judged", [{}, {"foreign.xml": "code-invalid"}])
def test_what_was_passed_over_and_refused_stands_in_the_tables(judged):
    out = StringIO()
    screen = Screen(Console(file=out, width=120))
    screen.documents(3, judged)
    screen.passed_over([("huge.xml", "too large"), *((f"{number}.txt", "no CDA") for number in range(MOST_FILES))])
    shown = out.getvalue()
    assert "3 documents" in shown
    assert all(name in shown for name in ("huge.xml", "too large", "1 more", *judged))


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
