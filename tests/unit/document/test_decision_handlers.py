from uuid import uuid4

import pytest

from services.document.domain.settlement import Destroyed, Flags, Status
from services.document.handlers import BY_TYPE, decided, failed, of_a_read
from shared.contracts.access_decisions import (
    Decided,
    DeletionAnnounced,
    LifeChanged,
    Outcome,
    RecordClosed,
    RecordReopened,
    RightsChanged,
    TreatingDoctorKnown,
)
from shared.contracts.common import Act, Actor, ActorKind
from shared.contracts.document_events import Deposited, DepositRefused, DocumentHeld, RecordDestroyed
from shared.contracts.envelope import Message
from shared.contracts.reasons import Reason
from shared.messaging import Failed
from tests.support.documents import DOCTOR, NOW, decision, entry

RECORD = uuid4()


def as_failed(message):
    body = Failed.model_construct(original=message.body)
    return Message(message.envelope, message.key, body, message.topic, 0, 0)


def test_a_permit_is_told_as_deposited_with_the_flags():
    staged = entry(flags=Flags(masked=True))
    effects = decided(decision(staged.id, RECORD), {staged.id: staged}, NOW)
    assert effects.emits == (
        Deposited(
            deposit=staged.id, document=staged.id, actor=DOCTOR, type_code="34112-3", class_code="10", masked=True
        ),
    )
    assert effects.changes[0].status is Status.CURRENT


def test_a_replacement_is_told_with_its_target_and_inherited_flags():
    target = entry("old", status=Status.CURRENT, flags=Flags(withheld=True))
    staged = entry("new", replaces="old")
    (event,) = decided(decision(staged.id, RECORD), {target.id: target, staged.id: staged}, NOW).emits
    assert (event.replaces, event.withheld) == (target.id, True)


def test_a_denial_refuses_and_keeps_the_decisions_reasons():
    staged = entry()
    effects = decided(decision(staged.id, RECORD, Outcome.DENY), {staged.id: staged}, NOW)
    assert effects.emits == (DepositRefused(deposit=staged.id, actor=DOCTOR, reason=Reason.DENIED),)
    (change,) = effects.changes
    assert (change.status, change.reason, change.because) == (Status.REFUSED, Reason.DENIED, "record_closed")


def test_a_duplicate_is_refused_as_such():
    staged, there = entry(), entry(status=Status.CURRENT)
    (event,) = decided(decision(staged.id, RECORD), {staged.id: staged, there.id: there}, NOW).emits
    assert event.reason is Reason.DUPLICATE


@pytest.mark.parametrize("act", [act for act in Act if act not in {Act.DEPOSIT, Act.UNKNOWN}])
def test_decisions_on_other_acts_do_nothing(act):
    staged = entry()
    state = {staged.id: staged}
    effects = decided(decision(staged.id, RECORD, act=act), state, NOW)
    assert (effects.state, effects.changes, effects.emits) == (state, (), ())


def test_a_decision_on_an_unreadable_request_refuses_the_deposit_of_its_flow():
    staged = entry(submitter="structure:1750", submitter_structure="1750")
    message = decision(staged.id, RECORD, Outcome.DENY, act=Act.UNKNOWN, request=uuid4(), actor=None)
    (event,) = decided(message, {staged.id: staged}, NOW).emits
    assert event == DepositRefused(
        deposit=staged.id,
        actor=Actor(kind=ActorKind.STRUCTURE, number="1750", structure="1750"),
        reason=Reason.DENIED,
    )


def test_an_unknown_act_never_stores_even_where_it_says_permit():
    staged = entry()
    effects = decided(decision(staged.id, RECORD, act=Act.UNKNOWN), {staged.id: staged}, NOW)
    assert effects.changes[0].status is Status.REFUSED


def test_a_decision_on_nothing_staged_is_told():
    deposit = uuid4()
    effects = decided(decision(deposit, RECORD), {}, NOW)
    assert effects.emits == (DepositRefused(deposit=deposit, actor=DOCTOR, reason=Reason.NOT_STAGED),)
    assert not effects.changes


@pytest.mark.parametrize("status", [Status.CURRENT, Status.SUPERSEDED, Status.REFUSED])
@pytest.mark.parametrize("outcome", list(Outcome))
def test_what_is_settled_stays_settled(status, outcome):
    done = entry(status=status)
    effects = decided(decision(done.id, RECORD, outcome), {done.id: done}, NOW)
    assert (effects.changes, effects.emits) == ((), ())


def test_what_is_handled_twice_happens_once():
    staged = entry()
    message = decision(staged.id, RECORD)
    once = decided(message, {staged.id: staged}, NOW)
    twice = decided(message, once.state, NOW)
    assert (twice.state, twice.changes, twice.emits) == (once.state, (), ())


def test_an_error_holds_the_document_and_a_later_decision_frees_it():
    staged = entry()
    effects = failed(as_failed(decision(staged.id, RECORD)), {staged.id: staged}, NOW)
    assert effects.emits == (DocumentHeld(deposit=staged.id),)
    assert effects.changes[0].status is Status.HELD
    held = entry(status=Status.HELD)
    assert decided(decision(held.id, RECORD), {held.id: held}, NOW).changes[0].status is Status.CURRENT


def test_an_error_holds_nothing_that_is_settled_or_not_here():
    done = entry(status=Status.CURRENT)
    for state in ({done.id: done}, {}):
        effects = failed(as_failed(decision(done.id, RECORD)), state, NOW)
        assert (effects.changes, effects.emits) == ((), ())


def test_ar_055_a_deletion_destroys_all_and_is_confirmed_each_time():
    staged = entry()
    body = DeletionAnnounced(because="request", latest=NOW)
    announced = Message(decision(staged.id, RECORD).envelope, str(RECORD), body, "access.decisions", 0, 0)
    effects = BY_TYPE[DeletionAnnounced](announced, {staged.id: staged}, NOW)
    assert (effects.state, effects.changes, effects.emits) == ({}, (Destroyed(RECORD),), (RecordDestroyed(),))
    (refused,) = decided(decision(staged.id, RECORD, Outcome.DENY), effects.state, NOW).emits
    assert refused.reason is Reason.NOT_STAGED
    assert failed(as_failed(announced), {staged.id: staged}, NOW).changes == ()


def test_the_lane_takes_decisions_and_what_a_record_lives_through_only():
    reminders = {RightsChanged, TreatingDoctorKnown, RecordClosed, RecordReopened, LifeChanged}
    assert set(BY_TYPE) == {Decided, DeletionAnnounced, Failed} | reminders


@pytest.mark.parametrize("act", list(Act))
@pytest.mark.parametrize("further", [None, "consult"])
def test_only_decisions_on_consultations_are_passed_over_unread(act, further):
    body = decision(uuid4(), RECORD, act=act).body.model_copy(update={"further_act": further})
    assert of_a_read(body.model_dump_json(exclude_none=True).encode()) is (act is Act.CONSULT)
    assert not of_a_read(body.model_dump_json(exclude_none=True, indent=1).encode())
