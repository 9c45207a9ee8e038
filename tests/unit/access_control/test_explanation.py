"""Looks that nobody takes are decided by the rules of real ones, told step by step, and change nothing."""

from dataclasses import replace
from datetime import timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.access_control.domain import decide, explanation
from services.access_control.domain.cases import ActOnDocument
from services.access_control.domain.explanation import Rules
from services.access_control.domain.record import Right
from services.access_control.domain.requests import ON_DOCUMENTS
from services.access_control.domain.rights import Command
from services.access_control.domain.verdict import Sight
from services.document.domain.visibility import visibility
from shared.contracts.common import AccessMode, Act, FurtherAct, Owner, Wishes
from shared.contracts.http_explanations import DocumentKind, Hidden, Look, LookAct
from shared.contracts.reasons import Reason
from shared.security import Permit
from tests.unit.access_control.cast import (
    AUTHORISING,
    CARER,
    DELEGATIONS,
    DOCTOR,
    GUARDIAN,
    HOLDER,
    INSURER,
    MAJORITY,
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
    changed,
)
from tests.unit.access_control.test_explain import ACTORS, RECORDS

RULES = Rules(MATRIX, POLICY)
REPORT, MASKED, WITHHELD, HIDDEN = "11502-2", "MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX"
SIGHTS = st.builds(
    Sight,
    types=st.sampled_from([None, frozenset({REPORT}), frozenset()]),
    masked=st.booleans(),
    withheld=st.booleans(),
    own=st.sampled_from([None, DOCTOR.number]),
    own_structure=st.sampled_from([None, DOCTOR.structure]),
)
DOCUMENTS = st.builds(
    DocumentKind,
    type_code=st.sampled_from([REPORT, "34133-9"]),
    confidentiality=st.frozensets(st.sampled_from([MASKED, WITHHELD, HIDDEN])),
    own=st.booleans(),
)


@given(st.sampled_from(RECORDS), st.sampled_from(ACTORS), st.sampled_from(Owner), st.sampled_from(AccessMode))
def test_a_look_is_decided_as_a_real_one(record, actor, owner, mode):
    look = Look(actor=actor, owner=owner, mode=mode, reason_code="unconscious")
    reading = decide.Reading(actor, owner, mode, NOW + timedelta(seconds=9), "unconscious", reason_told=True)
    decided = decide.consult(record, reading, NOW, MATRIX, POLICY)
    told = explanation.explained(record, look, NOW, RULES)
    assert (told.permitted, told.code) == (decided.permitted, decided.code.value)
    assert told.types == (decided.scope.types if decided.scope else None)
    assert told.steps[-1].code == told.code
    assert all(said.rules for said in told.steps[1:]), "each step names its rules"


@given(st.sampled_from(RECORDS), st.sampled_from(ACTORS))
def test_a_deposit_is_decided_as_a_real_one(record, actor):
    told = explanation.explained(record, Look(actor=actor, act=Act.DEPOSIT), NOW, RULES)
    decided = decide.deposit(record, actor, NOW, POLICY)
    assert (told.permitted, told.code) == (decided.permitted, decided.code.value)


@given(
    st.sampled_from(RECORDS),
    st.sampled_from([*ACTORS, GUARDIAN]),
    st.sampled_from(sorted(ON_DOCUMENTS.values())),
    st.booleans(),
    st.sampled_from(AccessMode),
)
def test_an_act_on_a_document_is_decided_as_a_real_one(record, actor, act, at_request, mode):
    """What the protected adult thinks of it is taken as told, and an emergency mode changes nothing."""
    told = explanation.explained(record, Look(actor=actor, act=act, at_request=at_request, mode=mode), NOW, RULES)
    asked = ActOnDocument(act, actor, RECORD, at_request=at_request, opinion="agrees")
    decided = decide.act(record, asked, NOW, MATRIX, POLICY)
    assert (told.permitted, told.code) == (decided.permitted, decided.code.value)
    assert told.steps[-1].code == told.code
    assert (told.types, told.holders) == (
        (decided.scope.types, decided.scope.holders) if decided.scope else (None, False)
    )
    assert all(said.rules for said in told.steps), "each step names its rules"


def test_an_act_is_explained_with_the_adults_opinion_and_by_the_settings():
    def told(actor, record, policy=POLICY):
        look = Look(actor=actor, act=FurtherAct.MASK, at_request=True)
        return explanation.explained(record, look, NOW, Rules(MATRIX, policy)).code

    assert told(GUARDIAN, MINOR) == "representative"
    occupational = changed(DOCTOR, sector="SA66")
    assert told(occupational, AUTHORISING) == "excluded_sector"
    assert told(occupational, AUTHORISING, replace(POLICY, occupational_medicine=True)) == "authorised"


def test_every_act_on_a_document_can_be_explained():
    assert set(get_args(LookAct)) == {Act.CONSULT, Act.DEPOSIT, *ON_DOCUMENTS.values()}


@pytest.mark.parametrize(
    ("act", "actor", "kind", "code"),
    [
        (FurtherAct.MASK, HOLDER, {}, "reached"),
        (FurtherAct.MASK, HOLDER, {"confidentiality": {WITHHELD}}, Hidden.WITHHELD),
        (FurtherAct.DELETE, HOLDER, {}, Hidden.NOT_OF_THE_HOLDERS_SIDE),
        (FurtherAct.DELETE, HOLDER, {"holders": True}, "reached"),
        (FurtherAct.ARCHIVE, MOTHER, {"holders": True, "confidentiality": {HIDDEN}}, Hidden.FROM_REPRESENTATIVES),
        (FurtherAct.WITHHOLD, HOLDER, {}, None),
        (FurtherAct.MASK, DOCTOR, {}, "reached"),
        (FurtherAct.MASK, DOCTOR, {"type_code": "ATTEST-RESID"}, Hidden.TYPE),
        (FurtherAct.MASK, DOCTOR, {"confidentiality": {MASKED}}, Hidden.MASKED),
        (FurtherAct.UNMASK, DOCTOR, {}, Hidden.NOT_OWN),
        (FurtherAct.UNMASK, DOCTOR, {"own": True, "confidentiality": {MASKED}}, "reached"),
        (FurtherAct.DELETE, NURSE, {"own": True}, "reached"),
        (FurtherAct.DELETE, NURSE, {}, Hidden.NOT_OWN),
    ],
)
def test_which_documents_an_act_reaches_is_the_last_step(act, actor, kind, code):
    document = DocumentKind(**{"type_code": REPORT} | kind)
    record = replace(MINOR, rights=AUTHORISING.rights)
    told = explanation.explained(record, Look(actor=actor, act=act, at_request=True, document=document), NOW, RULES)
    assert told.permitted is (code == "reached")
    last = told.steps[-1]
    assert (last.step, last.code) == (("document", code) if code is not None else ("D4", "not_the_author"))


@given(SIGHTS, DOCUMENTS, st.sampled_from([HOLDER, MOTHER, DOCTOR]))
def test_a_kind_of_document_is_shown_as_its_owner_shows_it(sight, document, actor):
    """The same as what the documents' owner makes of the permit."""
    permit = Permit(
        jti=RECORD,
        record=RECORD,
        actor=actor,
        owner=Owner.DOCUMENT,
        act=Act.CONSULT,
        mode=AccessMode.NORMAL,
        scope=sight.scope(),
        issued=NOW,
        expires=NOW + timedelta(seconds=5),
    )
    seen, flags = visibility(permit), document.confidentiality
    by_owner = (document.own and bool(seen.own)) or (
        (seen.types is None or document.type_code in seen.types)
        and (MASKED not in flags or seen.masked)
        and (WITHHELD not in flags or seen.withheld)
        and (HIDDEN not in flags or seen.hidden)
    )
    assert (explanation.hidden(document, sight, actor) is None) is by_owner


def test_why_a_document_would_be_hidden_is_the_last_step():
    def last(actor, record=AUTHORISING, **kind):
        look = Look(actor=actor, document=DocumentKind(type_code=REPORT, **kind))
        told = explanation.explained(record, look, NOW, RULES)
        return told.permitted, told.steps[-1].step, told.steps[-1].code

    assert last(DOCTOR) == (True, "document", "shown")
    assert last(DOCTOR, confidentiality={MASKED}) == (False, "document", Hidden.MASKED)
    assert last(DOCTOR, confidentiality={MASKED}, own=True) == (True, "document", "shown")
    assert last(HOLDER, confidentiality={WITHHELD}) == (False, "document", Hidden.WITHHELD)
    assert last(MOTHER, MINOR, confidentiality={HIDDEN}) == (False, "document", Hidden.FROM_REPRESENTATIVES)
    assert last(NURSE, OPEN, confidentiality={MASKED}) == (False, "E5", "not_authorised"), (
        "what is denied shows nothing"
    )


def test_a_change_is_imagined_on_todays_rights_and_changes_nothing():
    block = Command(Act.BLOCK, HOLDER, version=None, professional=DOCTOR.number)
    before = replace(AUTHORISING, rights_version=41)
    after = explanation.hypothetical(before, block, NOW, POLICY)
    look = Look(actor=DOCTOR)
    assert explanation.explained(before, look, NOW, RULES).code == "authorised"
    assert explanation.explained(after.record, look, NOW, RULES).code == "blocked"
    assert before.rights == AUTHORISING.rights
    unheard = explanation.hypothetical(replace(before, held=True), replace(block, act=Act.AUTHORISE), NOW, POLICY)
    assert (unheard.verdict.permitted, unheard.verdict.reason) == (False, Reason.RECORD_HELD)


def test_the_samu_is_seen_by_its_wish():
    look = Look(actor=REGULATOR, mode=AccessMode.REGULATION, reason_code="unconscious")
    assert explanation.explained(OPEN, look, NOW, RULES).permitted
    opposed = replace(OPEN, wishes=Wishes(regulation=False))
    assert explanation.explained(opposed, look, NOW, RULES).code == "emergency_opposed"


@pytest.mark.parametrize(
    ("reader", "record", "code"),
    [
        (HOLDER, OPEN, None),
        (changed(HOLDER, authenticated=False), OPEN, "not_authenticated"),
        (changed(HOLDER, app="app-health-1"), OPEN, "not_holder"),
        (MOTHER, MINOR, None),
        (GUARDIAN, replace(OPEN, delegations=DELEGATIONS), None),
        (MOTHER, replace(MINOR, majority=NOW), "majority_reached"),
        (MOTHER, OPEN, "no_relation"),
        (CARER, MINOR, "outside_delegation"),
        (changed(MOTHER, secret=True), MINOR, "confidential_session"),
        (DOCTOR, replace(OPEN, treating=DOCTOR.number), "not_holder"),
        (NURSE, OPEN.with_right(NURSE.number, Right()), "not_holder"),
        (INSURER, OPEN, "not_holder"),
        (OPERATOR, OPEN, "not_holder"),
    ],
)
def test_ar_061_only_the_holder_and_who_decides_for_him_knows_what_was_decided(reader, record, code):
    refused = explanation.refused(record, reader, NOW)
    assert (refused.value if refused is not None else None) == code


def test_ar_045_a_mother_knows_nothing_any_more_from_the_childs_majority_on():
    assert explanation.refused(MINOR, MOTHER, MAJORITY - timedelta(seconds=1)) is None
    assert explanation.refused(MINOR, MOTHER, MAJORITY) is not None
