from uuid import uuid4

import pytest

from services.document.domain.masks import ByDefault
from services.document.domain.settlement import Destroyed, Flags, Status
from services.document.handlers import BY_TYPE, decided, deposit_of, failed, named_by, of_a_read
from shared.contracts.access_decisions import (
    ConsentChanged,
    Decided,
    DeletionAnnounced,
    LifeChanged,
    Outcome,
    RecordClosed,
    RecordReopened,
    RightsChanged,
    TreatingDoctorKnown,
)
from shared.contracts.common import Act, Actor, ActorKind, FurtherAct, Scope
from shared.contracts.document_changes import ActRefused, DocumentChanged
from shared.contracts.document_events import Deposited, DepositRefused, DocumentHeld, RecordDestroyed
from shared.contracts.envelope import Message
from shared.contracts.reasons import Reason
from shared.messaging import Failed
from tests.support.documents import DOCTOR, HOLDER, NOW, decision, entry, ordered

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
    assert set(BY_TYPE) == {Decided, DeletionAnnounced, ConsentChanged, Failed} | reminders


@pytest.mark.parametrize("act", list(Act))
@pytest.mark.parametrize("further", [None, "consult"])
def test_only_decisions_on_consultations_are_passed_over_unread(act, further):
    body = decision(uuid4(), RECORD, act=act).body.model_copy(update={"further_act": further})
    assert of_a_read(body.model_dump_json(exclude_none=True).encode()) is (act is Act.CONSULT)
    assert not of_a_read(body.model_dump_json(exclude_none=True, indent=1).encode())


def there(**changes):
    return entry(**({"status": Status.CURRENT} | changes))


def test_an_order_is_carried_out_and_told_as_the_document_is_from_now_on():
    document = there(flags=Flags(masked=True, withheld=True), version=4)
    message = ordered(document.id, RECORD, "announce", DOCTOR)
    effects = decided(message, {document.id: document}, NOW)
    assert effects.emits == (
        DocumentChanged(
            act="announce",
            document=document.id,
            actor=DOCTOR,
            request=message.body.request,
            version=5,
            masked=True,
            withheld=False,
            hidden_from_representatives=False,
            came_into_view=True,
        ),
    )
    assert effects.state[document.id].flags == Flags(masked=True)
    again = decided(ordered(document.id, RECORD, "announce", DOCTOR), effects.state, NOW)
    assert (again.changes, again.state) == ((), effects.state)
    (told,) = again.emits
    assert (told.changed, told.version, told.came_into_view) == (False, 5, False)


def test_an_order_that_comes_to_nothing_is_refused_with_its_request():
    message = ordered(uuid4(), RECORD, "delete", DOCTOR)
    effects = decided(message, {}, NOW)
    body = message.body
    assert effects == (
        {},
        (),
        (
            ActRefused(
                act="delete", document=body.document, actor=DOCTOR, request=body.request, reason="unknown_document"
            ),
        ),
    )


@pytest.mark.parametrize(
    "changes", [{"outcome": Outcome.DENY}, {"further_act": None}, {"actor": None}, {"order": None}]
)
def test_what_is_not_ordered_whole_is_not_done(changes):
    document = there()
    message = ordered(document.id, RECORD, "delete")
    altered = message._replace(body=message.body.model_copy(update=changes))
    effects = decided(altered, {document.id: document}, NOW)
    assert (effects.state[document.id], effects.changes, effects.emits) == (document, (), ())


def test_a_further_act_is_no_unreadable_request_of_the_deposit_that_it_follows():
    """Its correlation may be that of a deposit which still waits: that is neither refused nor loaded for it."""
    staged = entry()
    message = decision(staged.id, RECORD, Outcome.DENY, act=Act.UNKNOWN, further_act="wish", request=uuid4())
    effects = decided(message, {staged.id: staged}, NOW)
    assert (deposit_of(message), effects.changes, effects.emits) == (None, (), ())


def test_a_denied_act_loads_nothing_and_an_order_its_document():
    message = ordered(document := uuid4(), RECORD, "mask")
    assert named_by(message) == named_by(as_failed(message)) == document
    assert deposit_of(message) is deposit_of(as_failed(message)) is None
    denied = message._replace(body=message.body.model_copy(update={"outcome": Outcome.DENY}))
    assert named_by(denied) is deposit_of(denied) is None


@pytest.mark.parametrize("act", ["mask", "delete"])
def test_an_act_that_fails_hides_the_document_until_it_is_done(act):
    document = there()
    message = ordered(document.id, RECORD, act, HOLDER)
    held = failed(as_failed(message), {document.id: document}, NOW)
    assert held.emits == (DocumentHeld(deposit=document.id),)
    (change,) = held.changes
    assert (change.status, change.held_by, change.at) == ("current", message.body.request, None)
    (refused,) = decided(ordered(document.id, RECORD, "unmask", HOLDER), held.state, NOW).emits
    assert refused.reason == "unknown_document"
    done = decided(message, held.state, NOW)
    assert done.state[document.id].held_by is None
    assert isinstance(done.emits[0], DocumentChanged)


@pytest.mark.parametrize("status", ["deleted", "staged", "refused", "held"])
def test_an_act_that_fails_holds_nothing_that_is_not_in_the_record(status):
    document = there(status=status)
    for state in ({document.id: document}, {}):
        effects = failed(as_failed(ordered(document.id, RECORD, "mask")), state, NOW)
        assert (effects.state, effects.changes, effects.emits) == (state, (), ())


def test_a_second_act_that_fails_leaves_the_first_to_free_the_document():
    document = there(held_by=uuid4())
    assert failed(as_failed(ordered(document.id, RECORD, "mask")), {document.id: document}, NOW).changes == ()


def wished(state, act=FurtherAct.MASK_BY_DEFAULT):
    body = ConsentChanged(act=act, actor=HOLDER, state=state, rights_version=2)
    return Message(decision(uuid4(), RECORD).envelope, str(RECORD), body, "access.decisions", 0, 0)


def test_ar_025_the_holders_wish_is_noted_and_counts_for_what_is_settled_after_it_in_the_same_batch():
    before, after = entry("a"), entry("b")
    state = {one.id: one for one in (before, after)}
    first = decided(decision(before.id, RECORD), state, NOW)
    noted = BY_TYPE[ConsentChanged](wished("masked"), first.state, NOW)
    assert (noted.changes, noted.emits) == ((ByDefault(RECORD, masked=True),), ())
    second = decided(decision(after.id, RECORD), noted.state, NOW)
    assert (first.emits[0].masked, second.emits[0].masked) == (False, True)
    assert second.state[before.id].masked is False, "what is there stays as it is"
    off = BY_TYPE[ConsentChanged](wished("not_masked"), state, NOW)
    assert off.changes == (ByDefault(RECORD, masked=False),)
    assert not decided(decision(after.id, RECORD), off.state, NOW).emits[0].masked


def test_other_consents_are_not_ours():
    assert BY_TYPE[ConsentChanged](wished("masked", FurtherAct.WISH), {}, NOW) == ({}, (), ())


def test_ar_025_a_withheld_deposit_under_the_default_is_told_with_both_flags():
    staged = entry(flags=Flags(withheld=True), masked_by_default=True)
    (event,) = decided(decision(staged.id, RECORD), {staged.id: staged}, NOW).emits
    assert (event.masked, event.withheld) == (True, True)


def test_an_order_for_what_the_same_batch_stores_finds_it():
    staged = entry()
    stored = decided(decision(staged.id, RECORD), {staged.id: staged}, NOW)
    (early,) = decided(ordered(staged.id, RECORD, "mask"), {staged.id: staged}, NOW).emits
    (told,) = decided(ordered(staged.id, RECORD, "mask", scope=Scope()), stored.state, NOW).emits
    assert (early.reason, told.changed, told.masked) == ("unknown_document", True, True)
