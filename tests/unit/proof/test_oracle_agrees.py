"""What the load sends is decided alike by the service's handlers and by the checker's oracle, step by step."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from deploy.proof.checker import deposits
from deploy.proof.checker.oracle import PERMITS, Asked, Oracle
from deploy.proof.load import bodies
from deploy.proof.load.plan import Deed, plan
from services.access_control.domain.record import ABSENT, Record, State
from shared.contracts.reasons import Reason
from shared.contracts.record_deposits import Deposit
from tests.unit.access_control.cast import DEPOSITS, NOW, decided, handle

RECORDS = [UUID(int=number) for number in range(1, 6)]
NOWHERE = UUID(int=99)
DEPOSIT = UUID(int=100)
EACH_S = timedelta(milliseconds=100)


def fed(step, record, life):
    """A deposit: what was told, and what may be."""
    actor = bodies.depositor(step)
    effects = handle(Deposit(deposit=DEPOSIT, actor=actor, type_code="11502-2"), record, lane=DEPOSITS)
    return decided(effects), deposits.decision(life, actor)


def asked(step, record, oracle, identity, now):
    """A request: what was told, what has to be, and the record afterwards."""
    body, request = bodies.request(step, record.rights_version, now), UUID(int=1000 + step.number)
    effects = handle(body, record, now)
    (expected,) = oracle.run([Asked(request, identity, body.type_name, body)], {request: now})
    told = decided(effects)
    assert told.rights_version == expected.version
    return told, expected.reasons, effects.state


def known(record):
    """A record as the oracle knows it."""
    authorised = {number: right.until for number, right in record.rights.items() if not right.blocked}
    blocked = {number for number, right in record.rights.items() if right.blocked}
    return record.state is State.CLOSED, record.held, record.treating, authorised, blocked


@pytest.mark.parametrize("seed", range(3))
def test_the_load_is_decided_as_the_oracle_says(seed):
    oracle, now, seen = Oracle(RECORDS), NOW, set()
    records = {identity: Record(state=State.OPEN) for identity in RECORDS}
    for step in plan(seed, records=len(RECORDS), rate=10, seconds=120):
        now += EACH_S
        identity = RECORDS[step.record] if step.record >= 0 else NOWHERE
        record, life = records.get(identity, ABSENT), oracle.life(identity)
        match step.deed:
            case Deed.LINE:
                continue
            case Deed.POISON:
                if record is not ABSENT:
                    records[identity], life.held = replace(record, held=True), True
                continue
            case Deed.DEPOSIT:
                told, reasons = fed(step, record, life)
            case _:
                told, reasons, after = asked(step, record, oracle, identity, now)
                if record is not ABSENT:
                    records[identity] = after
                    assert known(after) == (life.closed, life.held, life.treating, life.authorised, life.blocked)
        (reason,) = told.reasons
        assert reason in reasons, step
        assert (told.outcome == "permit") == (reason in PERMITS), step
        seen.add(reason)
    assert seen >= {Reason.AUTHORISED, Reason.BLOCKED, Reason.NOT_HOLDER, Reason.RECORD_HELD, Reason.TREATING_DOCTOR}
