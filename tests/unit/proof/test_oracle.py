"""The oracle is a second writing of the rules, so it is held against sentences, not against the service."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from deploy.proof.checker.oracle import Asked, Oracle
from deploy.proof.load.people import HOLDER, INSURER, OPERATOR, STRUCTURE, outsiders, professional
from shared.contracts.common import AccessMode, Owner
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import (
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

RECORD = UUID(int=1)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
DOCTOR = professional(1)
NUMBER = DOCTOR.number


def consult(actor=DOCTOR, owner=Owner.DOCUMENT, **told):
    return Consult(actor=actor, owner=owner, deadline=NOW + timedelta(seconds=2), **told)


def command(kind, version, actor=HOLDER, **told):
    if kind in {Authorise, Revoke, Block, Unblock}:
        told = {"professional": NUMBER, **told}
    return kind(actor=actor, rights_version=version, **told)


def decided(*bodies, at=NOW, record=RECORD):
    oracle = Oracle([RECORD])
    asked = [Asked(uuid4(), record, getattr(body, "type_name", str(body)), _body(body)) for body in bodies]
    found = oracle.run(asked, dict.fromkeys((one.request for one in asked), at))
    return [next(iter(one.reasons)) if len(one.reasons) == 1 else one.reasons for one in found], oracle.life(record)


def _body(body):
    return None if isinstance(body, str) else body


@pytest.mark.parametrize(
    ("bodies", "reasons"),
    [
        ([consult()], [Reason.NOT_AUTHORISED]),
        ([consult(HOLDER)], [Reason.HOLDER]),
        ([command(Authorise, 0), consult()], [Reason.HOLDER, Reason.AUTHORISED]),
        ([command(Authorise, 0), command(Block, 1), consult()], [Reason.HOLDER, Reason.HOLDER, Reason.BLOCKED]),
        ([command(Authorise, 0), command(Revoke, 1), consult()], [Reason.HOLDER] * 2 + [Reason.NOT_AUTHORISED]),
        ([command(Authorise, 0, until=NOW), consult()], [Reason.HOLDER, Reason.AUTHORISATION_EXPIRED]),
        ([command(Block, 0), command(Unblock, 0), consult()], [Reason.HOLDER, Reason.STALE_RIGHTS, Reason.BLOCKED]),
        ([command(Block, 0), command(Unblock, 1), consult()], [Reason.HOLDER] * 2 + [Reason.NOT_AUTHORISED]),
        ([command(Block, 0), command(Authorise, 1)], [Reason.HOLDER, Reason.BLOCKED]),
        ([command(Block, 0), command(Block, 1), command(Unblock, 1)], [Reason.HOLDER] * 3),
        (
            [command(Close, 0), consult(HOLDER), command(Reopen, 1)],
            [Reason.HOLDER, Reason.RECORD_CLOSED, Reason.HOLDER],
        ),
        ([command(Block, 0, actor=DOCTOR)], [Reason.NOT_HOLDER]),
        ([command(Authorise, 0), consult(mode=AccessMode.EMERGENCY)], [Reason.HOLDER, Reason.EMERGENCY_NOT_SERVED]),
        ([command(Authorise, 0), consult(owner=Owner.AUDIT)], [Reason.HOLDER, Reason.NO_BRANCH]),
        ([consult(INSURER)], [Reason.EXCLUDED_ACTOR]),
        ([consult(STRUCTURE)], [Reason.NOT_AUTHENTICATED]),
        ([consult(outsiders(1)[2])], [Reason.EXCLUDED_SECTOR]),
        ([consult(outsiders(1)[3])], [Reason.NO_ROLE]),
    ],
)
def test_a_story_is_decided_as_the_rules_say(bodies, reasons):
    assert decided(*bodies)[0] == reasons


def test_the_treating_doctor_reads_and_is_not_blocked():
    declared = DeclareTreatingDoctor(actor=INSURER, professional=NUMBER)
    reasons, life = decided(declared, consult(), command(Block, 1))
    assert reasons == [Reason.INSURANCE_DECLARATION, Reason.TREATING_DOCTOR, Reason.NOT_BLOCKABLE]
    assert life.version == 1


def test_what_may_have_restricted_holds_the_record_until_it_is_released():
    reasons, life = decided(
        Block.type_name,
        consult(HOLDER),
        command(Authorise, 0),
        command(Block, 0),
        Release(actor=OPERATOR),
        consult(HOLDER),
    )
    assert reasons == [
        Reason.MALFORMED,
        Reason.RECORD_HELD,
        Reason.RECORD_HELD,
        Reason.HOLDER,
        Reason.OPERATOR_DUTY,
        Reason.HOLDER,
    ]
    assert not life.held


def test_a_broken_consultation_holds_nothing():
    assert decided(Consult.type_name, consult(HOLDER))[0] == [Reason.MALFORMED, Reason.HOLDER]


def test_a_late_consultation_is_denied_by_the_time_of_its_decision():
    assert decided(consult(HOLDER), at=NOW + timedelta(seconds=3))[0] == [Reason.LATE]


def test_a_record_that_is_not_there_stays_away():
    reasons, life = decided(consult(HOLDER), command(Close, 0), record=UUID(int=2))
    assert reasons == [Reason.NO_RECORD] * 2
    assert not life.exists


def test_of_a_request_that_comes_twice_the_first_counts():
    oracle, request = Oracle([RECORD]), uuid4()
    asked = Asked(request, RECORD, Authorise.type_name, command(Authorise, 0))
    assert len(oracle.run([asked, asked], {request: NOW})) == 1
    assert oracle.life(RECORD).version == 1
