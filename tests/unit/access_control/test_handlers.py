import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.access_control import handlers
from services.access_control.domain.changes import DecisionMade, MatrixAsked, RecordChanged, RightChanged
from services.access_control.domain.record import ABSENT, Right, State
from shared.contracts.access_decisions import (
    Outcome,
    RecordClosed,
    RecordHeld,
    RecordReleased,
    RecordReopened,
    RightsChanged,
)
from shared.contracts.common import Act, FurtherAct, Owner
from shared.contracts.reasons import Reason
from shared.contracts.record_deposits import Deposit
from shared.contracts.record_documents import MESSAGES as DOCUMENTS
from shared.contracts.record_extracts import MESSAGES as EXTRACTS
from shared.contracts.record_oversight import MESSAGES as OVERSIGHT
from shared.contracts.record_requests import (
    MESSAGES,
    Authorise,
    Block,
    Close,
    Consult,
    DeclareTreatingDoctor,
    Release,
    Reopen,
    Revoke,
    Unblock,
)
from shared.messaging import Failed, Unreadable
from shared.security import PERMIT_LIFETIME, PermitSigner, PermitVerifier, new_private_jwk, public_jwks
from tests.unit.access_control.cast import (
    AUTHORISING,
    DEPOSITS,
    DOCTOR,
    HOLDER,
    INSURER,
    MATRIX,
    NOW,
    OPEN,
    OPERATOR,
    RECORD,
    REQUESTS,
    SOON,
    decided,
    fail,
    handle,
    message,
)

P = DOCTOR.number
CONSULT = Consult(actor=DOCTOR, owner=Owner.DOCUMENT, deadline=SOON)
BLOCK = Block(actor=HOLDER, rights_version=0, professional=P)
DECLARE = DeclareTreatingDoctor(actor=INSURER, professional=P)
DEPOSIT = Deposit(deposit=uuid4(), actor=DOCTOR, type_code="11502-2")
COMMANDS = [
    BLOCK,
    Authorise(actor=HOLDER, rights_version=0, professional=P),
    Revoke(actor=HOLDER, rights_version=0, professional=P),
    Unblock(actor=HOLDER, rights_version=0, professional=P),
    Close(actor=HOLDER, rights_version=0),
    Reopen(actor=HOLDER, rights_version=0),
    DECLARE,
    Release(actor=OPERATOR),
]
UNREADABLE = Unreadable(reason=Reason.MALFORMED)


def rows(effects, kind):
    return [change for change in effects.changes if isinstance(change, kind)]


def test_every_message_of_the_topics_has_its_handler():
    assert {*MESSAGES, *OVERSIGHT, *EXTRACTS, *DOCUMENTS, Failed, Unreadable} == set(REQUESTS)
    assert {Deposit, Failed, Unreadable} == set(DEPOSITS)


def test_a_permit_is_signed_for_one_owner_and_lives_five_seconds():
    key = new_private_jwk("access_control.permits-1")
    lane = handlers.requests(MATRIX, PermitSigner(key))
    request = uuid4()
    effects = handle(CONSULT, AUTHORISING, lane=lane, identity=request)
    told = decided(effects)
    permit = PermitVerifier(public_jwks(key), Owner.DOCUMENT).verify(told.permit, NOW.timestamp())
    assert (permit.id, permit.record, permit.actor, permit.act) == (request, RECORD, DOCTOR, Act.CONSULT)
    assert permit.scope.types == MATRIX.types_for("medecin")
    assert permit.expires - NOW == PERMIT_LIFETIME == timedelta(seconds=5)
    assert told.expires == permit.expires
    assert effects == handle(CONSULT, AUTHORISING, lane=lane, identity=request), "a repeat gives the same"


def test_a_consultation_is_decided_told_and_remembered():
    request = uuid4()
    effects = handle(CONSULT, AUTHORISING, identity=request)
    told = decided(effects)
    assert (told.request, told.act, told.outcome, told.reasons) == (
        request,
        Act.CONSULT,
        Outcome.PERMIT,
        (Reason.AUTHORISED,),
    )
    assert (told.actor, told.owner, told.matrix_version) == (DOCTOR, Owner.DOCUMENT, MATRIX.version)
    assert rows(effects, DecisionMade) == [
        DecisionMade(
            request,
            RECORD,
            Act.CONSULT,
            Outcome.PERMIT,
            Reason.AUTHORISED,
            0,
            NOW,
            MatrixAsked("medecin", Owner.DOCUMENT, MATRIX.version),
            DOCTOR.number,
        )
    ]
    assert effects.state.permits_until == NOW + PERMIT_LIFETIME
    assert [type(change) for change in effects.changes] == [DecisionMade], "a read writes no row of the record"


def test_a_denied_consultation_leaves_no_permit_and_changes_no_record():
    effects = handle(CONSULT, OPEN)
    told = decided(effects)
    assert (told.outcome, told.reasons, told.permit, told.expires) == (
        Outcome.DENY,
        (Reason.NOT_AUTHORISED,),
        None,
        None,
    )
    assert effects.state == OPEN
    assert [type(change) for change in effects.changes] == [DecisionMade]


def test_the_end_of_the_last_permit_never_moves_back():
    late = replace(AUTHORISING, permits_until=NOW + timedelta(seconds=30))
    assert handle(CONSULT, late).state.permits_until == NOW + timedelta(seconds=30)


def test_a_block_is_in_force_for_the_next_request_and_told_when_the_permit_has_run_out():
    permitted = handle(CONSULT, AUTHORISING)
    blocked = handle(BLOCK, permitted.state, NOW + timedelta(seconds=1))
    assert decided(blocked).in_force_at == NOW + PERMIT_LIFETIME
    assert blocked.emits[1] == RightsChanged(
        act=Act.BLOCK, actor=HOLDER, professional=P, rights_version=1, in_force_at=NOW + PERMIT_LIFETIME
    )
    assert rows(blocked, RightChanged) == [RightChanged(RECORD, P, Right(blocked=True))]
    assert decided(handle(CONSULT, blocked.state, NOW + timedelta(seconds=1))).reasons == (Reason.BLOCKED,)


def test_a_stale_unblock_that_arrives_late_opens_nothing():
    stale = Unblock(actor=HOLDER, rights_version=1, professional=P)
    record = handle(BLOCK, AUTHORISING).state
    record = handle(Unblock(actor=HOLDER, rights_version=1, professional=P), record).state
    record = handle(Block(actor=HOLDER, rights_version=2, professional=P), record).state
    late = handle(stale, record)
    assert decided(late).reasons == (Reason.STALE_RIGHTS,)
    assert len(late.emits) == 1
    assert [type(change) for change in late.changes] == [DecisionMade]
    assert decided(handle(CONSULT, late.state)).reasons == (Reason.BLOCKED,)


@pytest.mark.parametrize(
    ("body", "record", "event"),
    [
        (Close(actor=HOLDER, rights_version=0), OPEN, RecordClosed),
        (Reopen(actor=HOLDER, rights_version=0), replace(OPEN, state=State.CLOSED), RecordReopened),
        (Release(actor=OPERATOR), replace(OPEN, held=True), RecordReleased),
        (DECLARE, OPEN, RightsChanged),
        (Authorise(actor=HOLDER, rights_version=0, professional=P, until=SOON), OPEN, RightsChanged),
    ],
)
def test_what_happened_is_told_after_its_decision(body, record, event):
    effects = handle(body, record)
    assert decided(effects).outcome is Outcome.PERMIT
    assert decided(effects).rights_version == effects.state.rights_version
    assert [type(one) for one in effects.emits[1:]] == [event]
    again = handle(body, effects.state)
    assert len(again.emits) == 1, "nothing happened, so only the decision is told"


def test_a_deposit_is_decided_without_a_row_and_without_a_permit():
    effects = handle(DEPOSIT, OPEN, lane=DEPOSITS)
    assert effects.changes == ()
    told = decided(effects)
    assert (told.request, told.act, told.outcome, told.permit) == (DEPOSIT.deposit, Act.DEPOSIT, Outcome.PERMIT, None)


@pytest.mark.parametrize("body", COMMANDS)
def test_an_error_is_a_denial_and_holds_the_record_where_it_may_have_restricted(body):
    record = replace(AUTHORISING, permits_until=SOON)
    effects = fail(body, record)
    told = decided(effects)
    assert (told.outcome, told.reasons, told.actor) == (Outcome.DENY, (Reason.INTERNAL_ERROR,), body.actor)
    restricting = type(body) in {Block, Revoke, Close, DeclareTreatingDoctor}
    assert effects.state == replace(record, held=restricting)
    assert [type(one) for one in effects.emits[1:]] == ([RecordHeld] if restricting else [])
    assert rows(effects, RecordChanged) == ([RecordChanged(RECORD, effects.state)] if restricting else [])
    assert [row.reason for row in rows(effects, DecisionMade)] == [Reason.INTERNAL_ERROR]
    assert decided(handle(CONSULT, effects.state)).outcome is (Outcome.DENY if restricting else Outcome.PERMIT)


def test_a_failed_consultation_or_deposit_holds_nothing():
    assert fail(CONSULT).state == OPEN
    failed = fail(DEPOSIT, lane=DEPOSITS)
    assert (failed.state, failed.changes, decided(failed).act) == (OPEN, (), Act.DEPOSIT)


def test_a_failed_authorisation_holds_where_it_would_have_shortened_one():
    shorter = Authorise(actor=HOLDER, rights_version=0, professional=P, until=SOON)
    assert fail(shorter, AUTHORISING).state.held
    assert not fail(shorter, OPEN).state.held


@pytest.mark.parametrize(
    ("type_name", "act", "hold"),
    [
        ("carnet.record.consult.v1", Act.CONSULT, False),
        ("carnet.record.authorise.v1", Act.AUTHORISE, False),
        ("carnet.record.unblock.v1", Act.UNBLOCK, False),
        ("carnet.record.reopen.v1", Act.REOPEN, False),
        ("carnet.record.release.v1", Act.RELEASE, False),
        ("carnet.record.block.v1", Act.BLOCK, True),
        ("carnet.record.revoke.v1", Act.REVOKE, True),
        ("carnet.record.close.v1", Act.CLOSE, True),
        ("carnet.record.declare-treating-doctor.v1", Act.DECLARE, True),
        ("carnet.record.mask.v9", Act.UNKNOWN, True),
        ("carnet.record.mask.v1", FurtherAct.MASK, True),
        ("carnet.record.withhold.v1", FurtherAct.WITHHOLD, True),
        ("carnet.record.hide.v1", FurtherAct.HIDE, True),
        ("carnet.record.delete.v1", FurtherAct.DELETE, True),
        ("carnet.record.mask-by-default.v1", FurtherAct.MASK_BY_DEFAULT, True),
        ("carnet.record.unmask.v1", FurtherAct.UNMASK, False),
        ("carnet.record.announce.v1", FurtherAct.ANNOUNCE, False),
        ("carnet.record.reveal.v1", FurtherAct.REVEAL, False),
        ("carnet.record.archive.v1", FurtherAct.ARCHIVE, False),
        ("carnet.record.unarchive.v1", FurtherAct.UNARCHIVE, False),
        (Unreadable.type_name, Act.UNKNOWN, True),
    ],
)
@pytest.mark.parametrize("lane", [REQUESTS, DEPOSITS])
def test_what_cannot_be_read_is_denied_and_holds_unless_it_surely_restricts_nothing(type_name, act, hold, lane):
    effects = handle(UNREADABLE, AUTHORISING, lane=lane, type_name=type_name)
    told = decided(effects)
    assert (told.further_act or told.act) == act
    assert (told.outcome, told.reasons, told.actor) == (Outcome.DENY, (Reason.MALFORMED,), None)
    assert effects.state.held is hold
    assert [type(one) for one in effects.emits[1:]] == ([RecordHeld] if hold else [])


def test_a_hold_ends_by_release_and_lets_restrictions_and_deposits_through_meanwhile():
    held = handle(UNREADABLE, AUTHORISING, type_name="carnet.record.mask.v9").state
    assert decided(handle(CONSULT, held)).reasons == (Reason.RECORD_HELD,)
    assert decided(handle(DEPOSIT, held, lane=DEPOSITS)).outcome is Outcome.PERMIT
    blocked = handle(BLOCK, held)
    assert decided(blocked).outcome is Outcome.PERMIT
    released = handle(Release(actor=OPERATOR), blocked.state).state
    assert decided(handle(CONSULT, released)).reasons == (Reason.BLOCKED,)


def test_a_held_record_is_not_held_twice_and_none_is_invented():
    """Nor is one held that is deleted: nobody could release it, and rows would come back that were forgotten."""
    for record in (replace(OPEN, held=True), ABSENT, replace(OPEN, deletion_due=NOW)):
        for effects in (handle(UNREADABLE, record, type_name="carnet.record.mask.v9"), fail(BLOCK, record)):
            assert effects.state == record
            assert len(effects.emits) == 1
            assert [type(one) for one in effects.changes] == [DecisionMade]


@pytest.mark.parametrize("body", [CONSULT, *COMMANDS])
def test_a_request_on_no_record_is_denied(body):
    effects = handle(body, ABSENT)
    assert decided(effects).reasons == (Reason.NO_RECORD,)
    assert (effects.state, len(effects.emits)) == (ABSENT, 1)


def test_a_deposit_that_cannot_be_read_is_told_by_the_id_of_its_flow():
    root = UUID(int=7)
    unreadable = message(UNREADABLE, type_name=Deposit.type_name)
    unreadable = unreadable._replace(envelope=unreadable.envelope._replace(correlation=root))
    assert decided(DEPOSITS[Unreadable](unreadable, OPEN, NOW)).request == root
    assert decided(REQUESTS[Unreadable](unreadable, OPEN, NOW)).request == unreadable.id


def test_no_message_names_a_person():
    """The holder appears by nothing but the kind, professionals by number."""
    for body in [CONSULT, *COMMANDS]:
        for emitted in handle(body, AUTHORISING).emits:
            told = json.loads(emitted.model_dump_json(exclude_none=True, exclude={"permit"}))
            assert set(told.get("actor", {})) <= {
                "kind",
                "number",
                "role",
                "specialty",
                "sector",
                "structure",
                "authenticated",
                "regulator",
                "strength",
                "capacity",
                "team",
                "secret",
                "delegation",
                "app",
            }
