"""What decisions and the life of a record mean for reminders, and that withheld clocks are told of in two weeks."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.document.domain.reminders import SUMMARIES, UNANNOUNCED, InUse, Treated, in_use
from services.document.handlers import BY_TYPE
from shared.contracts.access_decisions import (
    LifeChanged,
    RecordClosed,
    RecordReopened,
    RightsChanged,
    TreatingDoctorKnown,
)
from shared.contracts.common import Act, Actor, ActorKind, FurtherAct
from shared.contracts.envelope import Envelope, Message
from shared.terminology import document_type
from tests.support.documents import NOW

RECORD = UUID(int=1)
INSURER = Actor(kind=ActorKind.INSURER, number="amo-test")
DOCTOR = "899700000019"


def life(act, **more):
    return LifeChanged(act=act, actor=INSURER, rights_version=1, **more)


def handled(body):
    envelope = Envelope(uuid4(), body.type_name, "access_control", NOW, uuid4())
    return BY_TYPE[type(body)](Message(envelope, str(RECORD), body, "access.decisions", 0, 0), {}, NOW)


@pytest.mark.parametrize(
    ("body", "used"),
    [
        (RecordClosed(actor=INSURER), False),
        (RecordReopened(actor=INSURER), True),
        (life(FurtherAct.SUSPEND), False),
        (life(FurtherAct.LIFT), True),
        (life(FurtherAct.DECEASE), False),
        (life(FurtherAct.DECEASE, undone=True), True),
        (life(FurtherAct.ACTIVATE), None),
        (life("something_new"), None),
    ],
)
def test_a_record_is_in_use_until_it_is_closed_suspended_or_its_holder_has_died(body, used):
    assert in_use(body) is used
    assert handled(body).changes == (() if used is None else (InUse(RECORD, used),))


@pytest.mark.parametrize("professional", [DOCTOR, None])
def test_ar_006_a_declaration_says_who_is_reminded(professional):
    body = RightsChanged(act=Act.DECLARE, actor=INSURER, professional=professional, rights_version=1)
    effects = handled(body)
    assert (effects.changes, effects.emits) == ((Treated(RECORD, professional),), ())


def test_ar_006_a_declaration_from_before_says_who_is_reminded():
    effects = handled(TreatingDoctorKnown(professional=DOCTOR))
    assert (effects.changes, effects.emits) == ((Treated(RECORD, DOCTOR),), ())


@pytest.mark.parametrize("act", [Act.AUTHORISE, Act.BLOCK, Act.UNBLOCK, Act.REVOKE])
def test_no_other_right_makes_a_treating_doctor(act):
    assert handled(RightsChanged(act=act, actor=INSURER, professional=DOCTOR, rights_version=1)).changes == ()


def test_ar_030_within_two_weeks_and_ar_006_by_a_type_that_is_a_summary():
    assert timedelta(days=14) == UNANNOUNCED
    assert all(document_type(code) is not None for code in SUMMARIES)
