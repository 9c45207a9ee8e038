"""Acts on documents: who may, and to which documents, as the domain rules say in a table (4.9, AR-021 to AR-068)."""

import json
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.access_control.domain import decide
from services.access_control.domain.branches.documents import TAKE_AWAY
from services.access_control.domain.cases import ActOnDocument
from services.access_control.domain.changes import DecisionMade
from services.access_control.domain.oversight import Oversight
from services.access_control.domain.record import ABSENT, Right, State
from services.access_control.domain.relations import ALL_SCOPES
from services.access_control.domain.requests import ON_DOCUMENTS
from services.access_control.domain.verdict import Sight
from shared.contracts import record_documents as on
from shared.contracts.access_decisions import Decided, Outcome, RecordHeld
from shared.contracts.common import Capacity, FurtherAct, Scope
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import DelegationScope
from shared.messaging import Unreadable
from tests.unit.access_control.cast import (
    APP,
    AUTHORISING,
    CARER,
    CARER_ID,
    CASE,
    DELEGATIONS,
    DOCTOR,
    GUARDIAN,
    HOLDER,
    HOSPITAL,
    INSURER,
    MAJORITY,
    MATRIX,
    MINOR,
    MOTHER,
    NOW,
    NURSE,
    OPEN,
    OPERATOR,
    OSTEOPATH,
    OTHER_DOCTOR,
    POLICY,
    RECORD,
    REGULATOR,
    SOCIAL_WORKER,
    changed,
    consult,
    decided,
    fail,
    handle,
    team,
)

DOCUMENT = UUID(int=77)
MASK, UNMASK, WITHHOLD, ANNOUNCE = (FurtherAct(one) for one in ("mask", "unmask", "withhold", "announce"))
HIDE, REVEAL, ARCHIVE, UNARCHIVE, DELETE = (
    FurtherAct(one) for one in ("hide", "reveal", "archive", "unarchive", "delete")
)
ACTS = (MASK, UNMASK, WITHHOLD, ANNOUNCE, HIDE, REVEAL, ARCHIVE, UNARCHIVE, DELETE)
BODIES = {act: body for body, act in ON_DOCUMENTS.items()}
ON_REQUEST = (MASK, UNMASK, REVEAL)
ALL = Sight(masked=True, withheld=True)
"""Whatever there is."""
SEEN = Sight(masked=True)
"""What the holder's side sees."""
DEPOSITED = Sight(masked=True, holders=True)
"""Of that what the holder's side deposited."""
ADULT = replace(MINOR, majority=NOW)
TREATED = replace(OPEN, treating=DOCTOR.number)
BLOCKED = OPEN.with_right(DOCTOR.number, Right(blocked=True))


def own(actor):
    return Sight(frozenset(), own=actor.number, own_structure=actor.structure)


def his(actor):
    """His alone, and not his structure's."""
    return Sight(frozenset(), own=actor.number)


def read(record, actor):
    sight = consult(record, actor).scope
    assert sight is not None
    return sight


def act(record, actor, asked, *, at_request=True, case=None, now=NOW, policy=POLICY, document=DOCUMENT, opinion="ok"):
    on_it = ActOnDocument(asked, actor, document, at_request=at_request, case=case, opinion=opinion)
    return decide.act(record, on_it, now, MATRIX, policy)


def ask(asked, actor=HOLDER, record=OPEN, **more):
    return handle(BODIES[asked](actor=actor, document=DOCUMENT, **more), record)


def test_every_act_has_its_message():
    assert set(BODIES) == set(ACTS)
    assert set(ON_DOCUMENTS) == set(on.ON_A_DOCUMENT)
    assert set(ACTS) > TAKE_AWAY


@pytest.mark.parametrize(
    ("asked", "holder", "mother"),
    [
        (MASK, SEEN, SEEN),
        (UNMASK, SEEN, SEEN),
        (WITHHOLD, FurtherReason.NOT_THE_AUTHOR, FurtherReason.NOT_THE_AUTHOR),
        (ANNOUNCE, FurtherReason.NOT_THE_AUTHOR, FurtherReason.NOT_THE_AUTHOR),
        (HIDE, SEEN, Reason.NOT_HOLDER),
        (REVEAL, SEEN, Reason.NOT_HOLDER),
        (ARCHIVE, DEPOSITED, DEPOSITED),
        (UNARCHIVE, DEPOSITED, DEPOSITED),
        (DELETE, DEPOSITED, DEPOSITED),
    ],
)
def test_ar_021_052_068_what_the_holders_side_does(asked, holder, mother):
    for actor, expected, granted in (
        (HOLDER, holder, Reason.HOLDER),
        (MOTHER, mother, FurtherReason.REPRESENTATIVE),
    ):
        verdict = act(MINOR, actor, asked, at_request=False)
        assert verdict.scope == (expected if isinstance(expected, Sight) else None)
        assert verdict.code is (granted if isinstance(expected, Sight) else expected)


@pytest.mark.parametrize("asked", ACTS)
@pytest.mark.parametrize("scope", DelegationScope)
def test_ar_061_a_delegate_does_what_his_delegation_covers(asked, scope):
    needed = {
        **dict.fromkeys((MASK, UNMASK), DelegationScope.RIGHTS),
        **dict.fromkeys((ARCHIVE, UNARCHIVE, DELETE), DelegationScope.DEPOSIT),
    }
    given_to = replace(DELEGATIONS[str(CARER_ID)], scopes=frozenset({scope}))
    verdict = act(replace(OPEN, delegations={str(CARER_ID): given_to}), CARER, asked)
    assert verdict.permitted is (needed.get(asked) is scope)
    if asked in needed and not verdict.permitted:
        assert verdict.code is FurtherReason.OUTSIDE_DELEGATION
    without = replace(given_to, scopes=ALL_SCOPES - {scope})
    verdict = act(replace(OPEN, delegations={str(CARER_ID): without}), CARER, asked)
    assert verdict.permitted is (asked in needed and needed[asked] is not scope)


@pytest.mark.parametrize("asked", ACTS)
def test_ar_045_a_representation_ends_at_majority_in_the_same_moment(asked):
    verdict = act(MINOR, MOTHER, asked, now=MAJORITY)
    assert (verdict.permitted, verdict.code) == (False, FurtherReason.MAJORITY_REACHED)


def test_ar_063_who_is_in_charge_of_a_protection_masks_as_the_holder():
    assert act(ADULT, GUARDIAN, MASK).scope == SEEN


@pytest.mark.parametrize("asked", ACTS)
def test_ar_063_who_is_in_charge_of_a_protection_says_what_the_adult_thinks_of_it(asked):
    theirs = {MASK: SEEN, UNMASK: SEEN} | dict.fromkeys((ARCHIVE, UNARCHIVE, DELETE), DEPOSITED)
    verdict = act(ADULT, GUARDIAN, asked, opinion=None)
    assert verdict.scope is None
    if asked in theirs:
        assert verdict.code is FurtherReason.OPINION_MISSING
        assert act(ADULT, GUARDIAN, asked, opinion="agrees").scope == theirs[asked]
    else:
        assert verdict == act(ADULT, GUARDIAN, asked, opinion="agrees")
    carer = replace(DELEGATIONS[str(CARER_ID)], scopes=ALL_SCOPES)
    cared_for = replace(OPEN, delegations={str(CARER_ID): carer})
    for record, actor in ((OPEN, HOLDER), (MINOR, MOTHER), (MINOR, DOCTOR), (cared_for, CARER)):
        assert act(record, actor, asked, opinion=None) == act(record, actor, asked), "nobody else is asked for it"


def test_ar_061_063_whom_the_law_puts_in_charge_of_nothing_here_is_not_asked_for_an_opinion():
    relation = replace(DELEGATIONS[str(GUARDIAN.delegation)], scopes=frozenset({DelegationScope.READ}))
    record = replace(OPEN, delegations={str(GUARDIAN.delegation): relation})
    assert act(record, GUARDIAN, MASK, opinion=None).code is FurtherReason.OUTSIDE_DELEGATION


def test_ar_063_the_opinion_is_told_with_the_decision():
    for opinion in ("agrees", None):
        told = decided(ask(MASK, GUARDIAN, ADULT, opinion=opinion))
        assert (told.opinion, told.outcome) == (opinion, Outcome.PERMIT if opinion else Outcome.DENY)


def test_ar_041_only_a_minor_hides_a_document():
    assert act(MINOR, HOLDER, HIDE).scope == SEEN
    for record in (ADULT, OPEN):  # also where it is not known that the holder is a minor
        assert act(record, HOLDER, HIDE).code is FurtherReason.NOT_A_MINOR
    assert act(MINOR, HOLDER, HIDE, now=MAJORITY).code is FurtherReason.NOT_A_MINOR


@pytest.mark.parametrize("record", [MINOR, ADULT])
def test_ar_043_the_holder_reveals_of_age_too_and_a_representative_never(record):
    assert act(record, HOLDER, REVEAL).scope == SEEN
    for actor in (MOTHER, GUARDIAN, CARER):
        assert not act(record, actor, REVEAL).permitted
        assert not act(record, actor, HIDE).permitted


def test_ar_043_a_professional_reveals_his_own_at_the_minors_request():
    assert act(MINOR, DOCTOR, REVEAL).scope == own(DOCTOR)
    assert act(MINOR, DOCTOR, REVEAL, at_request=False).code is FurtherReason.REQUEST_NOT_RECORDED


@pytest.mark.parametrize(
    ("asked", "stranger", "reader", "treating"),
    [
        (MASK, "own", "read", "all"),
        (UNMASK, "own", "own", "all"),
        (WITHHOLD, "own", "own", "own"),
        (ANNOUNCE, "own", "read", "all"),
        (HIDE, "own", "own", "own"),
        (REVEAL, "own", "own", "own"),
        (ARCHIVE, "own", "read", "all"),
        (UNARCHIVE, "own", "read", "all"),
        (DELETE, "his", "his", "his"),
    ],
)
def test_ar_021_024_029_053_what_a_professional_does(asked, stranger, reader, treating):
    sights = {"own": own(DOCTOR), "his": his(DOCTOR), "read": read(AUTHORISING, DOCTOR), "all": ALL}
    for record, expected in ((OPEN, stranger), (AUTHORISING, reader), (TREATED, treating)):
        assert act(record, DOCTOR, asked).scope == sights[expected]


def test_ar_024_the_medecin_traitant_unmasks_any_document_and_others_only_their_own():
    assert act(TREATED, DOCTOR, UNMASK).code is Reason.TREATING_DOCTOR
    assert act(TREATED, DOCTOR, UNMASK).scope == ALL
    named = OPEN.with_right(DOCTOR.number, Right(administrator="SAGE_FEMME_REFERENTE"))
    for record in (AUTHORISING, team(), named, OPEN):
        assert act(record, DOCTOR, UNMASK).scope == own(DOCTOR)
    assert act(OPEN, HOLDER, UNMASK).scope == SEEN


@pytest.mark.parametrize("asked", ACTS)
@pytest.mark.parametrize("record", [OPEN, AUTHORISING, TREATED, MINOR])
def test_ar_024_a_professional_masks_and_unmasks_only_what_the_holder_asked_for(record, asked):
    verdict = act(record, DOCTOR, asked, at_request=False)
    if asked in ON_REQUEST:
        assert (verdict.code, verdict.reason) == (FurtherReason.REQUEST_NOT_RECORDED, Reason.NO_BRANCH)
    else:
        assert verdict == act(record, DOCTOR, asked)


@pytest.mark.parametrize("actor", [DOCTOR, NURSE, OSTEOPATH, SOCIAL_WORKER, REGULATOR, OTHER_DOCTOR])
@pytest.mark.parametrize("record", [OPEN, AUTHORISING, team(), TREATED, MINOR])
def test_what_a_reader_may_act_on_is_what_he_would_be_shown(actor, record):
    shown = consult(record, actor)
    for asked in (MASK, ANNOUNCE, ARCHIVE, UNARCHIVE):
        verdict = act(record, actor, asked)
        assert verdict.scope == (shown.scope or own(actor))
        assert verdict.code is (shown.code if shown.permitted else FurtherReason.AUTHOR)


@pytest.mark.parametrize("asked", ACTS)
def test_ar_018_053_a_blocked_author_only_deletes(asked):
    verdict = act(BLOCKED, DOCTOR, asked)
    assert verdict.scope == (his(DOCTOR) if asked is DELETE else None)
    assert verdict.code is (FurtherReason.AUTHOR if asked is DELETE else Reason.BLOCKED)
    treating = replace(BLOCKED, treating=DOCTOR.number)
    assert act(treating, DOCTOR, asked).permitted, "the médecin traitant is not blocked (AR-019)"


@pytest.mark.parametrize("asked", ACTS)
@pytest.mark.parametrize(
    ("actor", "record", "code"),
    [
        (changed(DOCTOR, sector="SA66"), AUTHORISING, Reason.EXCLUDED_SECTOR),
        (changed(DOCTOR, sector="SA23"), AUTHORISING, Reason.EXCLUDED_SECTOR),
        (
            DOCTOR,
            replace(AUTHORISING, oversight=Oversight(suspended=frozenset({DOCTOR.number}))),
            FurtherReason.ACTOR_SUSPENDED,
        ),
        (INSURER, OPEN, Reason.EXCLUDED_ACTOR),
        (changed(INSURER, capacity=Capacity.COUNSELLOR), OPEN, FurtherReason.COUNSELLOR_READS_NOTHING),
        (changed(HOLDER, capacity=Capacity.HEIR), OPEN, FurtherReason.CASE_NEEDED),
        (changed(DOCTOR, capacity=Capacity.COURT_EXPERT), AUTHORISING, FurtherReason.CASE_NEEDED),
        (changed(HOLDER, capacity=Capacity.TRUSTED_PERSON), OPEN, FurtherReason.NO_RELATION),
        (changed(HOLDER, app=APP), OPEN, Reason.NOT_HOLDER),
        (changed(MOTHER, app=APP), MINOR, Reason.NOT_HOLDER),
        (changed(HOLDER, authenticated=False), OPEN, Reason.NOT_AUTHENTICATED),
        (changed(HOLDER, secret=True), OPEN, FurtherReason.NOT_A_MINOR),
        (changed(DOCTOR, secret=True), AUTHORISING, FurtherReason.NOT_A_MINOR),
        (changed(MOTHER, secret=True), MINOR, FurtherReason.CONFIDENTIAL_SESSION),
        (changed(MOTHER, delegation=UUID(int=99)), MINOR, FurtherReason.NO_RELATION),
    ],
)
def test_ar_046_048_062_067_069_who_does_nothing_to_documents(asked, actor, record, code):
    verdict = act(record, actor, asked, case=CASE)
    assert (verdict.permitted, verdict.code) == (False, code)


@pytest.mark.parametrize("asked", ACTS)
@pytest.mark.parametrize(
    ("record", "code"),
    [
        (ABSENT, Reason.NO_RECORD),
        (replace(MINOR, state=State.CLOSED), Reason.RECORD_CLOSED),
        (replace(MINOR, suspended=True), Reason.RECORD_SUSPENDED),
        (replace(MINOR, deceased=True), FurtherReason.RECORD_DECEASED),
        (replace(MINOR, deletion_due=NOW), FurtherReason.RECORD_DELETED),
        (replace(MINOR, held=True), Reason.RECORD_HELD),
    ],
)
def test_the_state_decides_first_and_on_a_held_record_the_holders_side_masks_alone(asked, record, code):
    for actor in (HOLDER, MOTHER, DOCTOR, HOSPITAL, OPERATOR):
        masks = record.held and asked is MASK and actor in (HOLDER, MOTHER)
        verdict = act(record, actor, asked)
        if masks:
            assert verdict.scope == SEEN
        elif actor is HOSPITAL and asked is not DELETE:
            assert not verdict.permitted
        else:
            assert verdict.code is code


@pytest.mark.parametrize("actor", [HOLDER, MOTHER, GUARDIAN, CARER])
def test_on_a_held_record_whoever_decides_on_rights_masks(actor):
    scoped = replace(DELEGATIONS[str(CARER_ID)], scopes=frozenset({DelegationScope.RIGHTS}))
    held = replace(MINOR, held=True, delegations={**MINOR.delegations, str(CARER_ID): scoped})
    assert act(held, actor, MASK).scope == SEEN
    assert act(held, actor, UNMASK).code is Reason.RECORD_HELD
    if actor is CARER:
        assert act(replace(MINOR, held=True), actor, MASK).code is FurtherReason.OUTSIDE_DELEGATION


def test_the_order_says_to_which_documents():
    effects = ask(MASK, DOCTOR, AUTHORISING, version=3, at_request=True, identity=None)
    told = decided(effects)
    assert (told.act.value, told.further_act, told.outcome) == ("unknown", "mask", Outcome.PERMIT)
    assert (told.document, told.order.document, told.order.version) == (DOCUMENT, DOCUMENT, 3)
    assert told.order.scope == Scope(
        types=MATRIX.types_for("medecin"), withheld=True, own=DOCTOR.number, own_structure=DOCTOR.structure
    )
    assert (told.order.holders, told.actor, told.permit, told.case) == (False, DOCTOR, None, None)
    assert effects.state is AUTHORISING
    assert decided(ask(DELETE)).order.holders is True


@given(st.sampled_from(ACTS), st.sampled_from([HOLDER, MOTHER, DOCTOR, HOSPITAL, OSTEOPATH]), st.booleans())
def test_an_order_is_read_as_it_was_written(asked, actor, at_request):
    """No type at all must not be read as every type."""
    told = decided(ask(asked, actor, MINOR, at_request=at_request))
    again = Decided.model_validate(json.loads(told.model_dump_json(exclude_none=True)))
    assert again.order == told.order
    if again.order is not None and actor.number is not None:
        owned = act(MINOR, actor, asked, at_request=at_request).code is FurtherReason.AUTHOR
        assert (again.order.scope.types == frozenset()) is owned


def test_a_denied_act_names_its_document_and_orders_nothing():
    told = decided(ask(WITHHOLD))
    assert (told.outcome, told.document, told.order) == (Outcome.DENY, DOCUMENT, None)
    assert told.further_reasons == ("not_the_author",)


@pytest.mark.parametrize("asked", ACTS)
def test_an_act_leaves_its_decision_and_changes_no_record(asked):
    for actor, record in ((HOLDER, MINOR), (DOCTOR, AUTHORISING), (INSURER, OPEN)):
        effects = ask(asked, actor, record)
        assert effects.state == record
        assert len(effects.emits) == 1
        (row,) = effects.changes
        assert isinstance(row, DecisionMade)
        assert (row.act, row.record, row.actor, row.matrix) == (asked, RECORD, None, None)


def test_what_could_neither_be_read_nor_kept_holds_the_record():
    effects = fail(Unreadable(reason=Reason.MALFORMED), AUTHORISING)
    assert (effects.state.held, decided(effects).outcome) == (True, Outcome.DENY)


@pytest.mark.parametrize("asked", ACTS)
def test_an_act_that_fails_holds_the_record_where_it_may_have_taken_sight_away(asked):
    effects = fail(BODIES[asked](actor=DOCTOR, document=DOCUMENT), AUTHORISING)
    taking = asked in {MASK, WITHHOLD, HIDE, DELETE}
    told = decided(effects)
    assert (told.outcome, told.reasons, told.document) == (Outcome.DENY, (Reason.INTERNAL_ERROR,), DOCUMENT)
    assert effects.state == replace(AUTHORISING, held=taking)
    assert [type(one) for one in effects.emits[1:]] == ([RecordHeld] if taking else [])
