"""An explanation runs the same steps as the decision, and tells what each of them said."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from services.access_control.domain import decide
from services.access_control.domain.branches import apps, deposits, documents, holder, no_read, professionals
from services.access_control.domain.cases import ActOnDocument
from services.access_control.domain.record import Right, State
from services.access_control.domain.requests import ON_DOCUMENTS
from shared.contracts.common import AccessMode, Owner, Wishes
from shared.contracts.further_reasons import FurtherReason, code
from shared.contracts.reason_sentences import SENTENCES as FURTHER_SENTENCES
from shared.contracts.reason_sentences import sentence
from shared.contracts.reasons import SENTENCES, Reason
from tests.unit.access_control.cast import (
    APP,
    AUTHORISING,
    CARER,
    DOCTOR,
    HOLDER,
    HOSPITAL,
    INSURER,
    MATRIX,
    MINOR,
    MOTHER,
    NOW,
    NURSE,
    OPEN,
    OPERATOR,
    POLICY,
    RECORD,
    REGULATOR,
    SOCIAL_WORKER,
    changed,
    consult,
    reading,
    team,
)

ACTORS = [
    *(HOLDER, DOCTOR, NURSE, SOCIAL_WORKER, HOSPITAL, INSURER, OPERATOR, MOTHER, CARER, REGULATOR),
    *(changed(HOLDER, app=APP), changed(DOCTOR, sector="SA66"), changed(DOCTOR, authenticated=False)),
]
RECORDS = [
    *(OPEN, AUTHORISING, MINOR, team(), replace(OPEN, held=True), replace(OPEN, state=State.CLOSED)),
    replace(OPEN, treating=DOCTOR.number, wishes=Wishes(break_glass=False)),
    AUTHORISING.with_right(DOCTOR.number, Right(blocked=True)),
]
BRANCHES = [holder.BRANCH, apps.BRANCH, professionals.BRANCH, no_read.EXCLUDED, no_read.BY_CASE]
BRANCHES += [deposits.HOLDER, deposits.APP, deposits.FEEDER, *deposits.OF_AN_ADULT.values()]
BRANCHES += [documents.HOLDER, documents.PROFESSIONAL, documents.AUTHOR, documents.OPERATOR, documents.APP]
BRANCHES += [documents.EXCLUDED, documents.BY_CASE]


@given(st.sampled_from(RECORDS), st.sampled_from(ACTORS), st.sampled_from(Owner), st.sampled_from(AccessMode))
def test_an_explanation_says_what_was_decided(record, actor, owner, mode):
    asked = replace(reading(actor, owner, mode), reason_code="unconscious")
    decided = decide.consult(record, asked, NOW, MATRIX, POLICY)
    explained = decide.explain(record, asked, NOW, MATRIX, POLICY)
    assert replace(explained, trail=()) == decided
    assert decided.trail == (), "nobody asked"
    assert explained.trail[-1].code == decided.code
    assert all(said.code is None for said in explained.trail[:-1]), "the first that denies decides"


@given(st.sampled_from(RECORDS), st.sampled_from(ACTORS))
def test_a_deposit_is_explained_likewise(record, actor):
    explained = decide.explain_deposit(record, actor, NOW, POLICY)
    assert replace(explained, trail=()) == decide.deposit(record, actor, NOW, POLICY)
    assert explained.trail[-1].code == explained.code


@given(
    st.sampled_from(RECORDS),
    st.sampled_from(ACTORS),
    st.sampled_from(sorted(ON_DOCUMENTS.values())),
    st.booleans(),
)
def test_an_act_on_a_document_is_explained_likewise(record, actor, act, at_request):
    asked = ActOnDocument(act, actor, RECORD, at_request=at_request)
    decided = decide.act(record, asked, NOW, MATRIX, POLICY)
    explained = decide.explain_act(record, asked, NOW, MATRIX, POLICY)
    assert replace(explained, trail=()) == decided
    assert explained.trail[-1].code == decided.code
    assert all(said.code is None for said in explained.trail[:-1]), "the first that denies decides"


def test_the_steps_of_a_professionals_consultation_in_their_order():
    explained = decide.explain(AUTHORISING, reading(DOCTOR), NOW, MATRIX)
    assert [said.step for said in explained.trail] == [
        "deadline",
        "purpose",
        "secret",
        "E1",
        "E2",
        "E3",
        "E4",
        "E5",
        "E6/E7",
    ]
    blocked = AUTHORISING.with_right(DOCTOR.number, Right(blocked=True))
    trail = decide.explain(blocked, reading(DOCTOR), NOW, MATRIX).trail
    assert (trail[-1].step, trail[-1].code) == ("E4", Reason.BLOCKED)
    assert "AR-018" in trail[-1].rules


def test_an_apps_consultation_is_its_own_steps_then_those_of_the_holder():
    steps = [step.code for step in apps.BRANCH.steps]
    assert steps == ["deadline", "purpose", "secret", "B1", "B2", "A1", "A2", "A3", "A4", "A5"]


def test_every_rule_that_a_step_names_exists():
    table = (Path(__file__).parent / "rule_owners.csv").read_text(encoding="utf-8")
    named = {rule for branch in BRANCHES for step in (*branch.steps, branch.grant) for rule in step.rules}
    assert named
    assert all(f"\n{rule}," in table for rule in named)


def test_every_code_has_its_sentences_and_its_released_word():
    assert set(SENTENCES) == set(Reason)
    assert set(FURTHER_SENTENCES) == set(FurtherReason)
    for one in (*Reason, *FurtherReason):
        assert code(one.value) is one
        assert sentence(one, "fr") != sentence(one, "en")
    assert {one.broader for one in FurtherReason} <= set(Reason)
    assert not {one.value for one in FurtherReason} & {one.value for one in Reason}
    assert code("tomorrows_code") is None


def test_no_permit_is_told_by_a_denials_word_and_the_other_way_round():
    """A reader who knows the released codes alone never takes a denial for a permit."""
    permits = {Reason.HOLDER, Reason.FEEDING_DUTY, Reason.TREATING_DOCTOR, Reason.AUTHORISED}
    for record in RECORDS:
        for actor in ACTORS:
            for mode in AccessMode:
                verdict = consult(record, actor, mode=mode, reason_code="unconscious")
                assert (verdict.reason in permits) is verdict.permitted
