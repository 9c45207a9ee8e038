"""What the load sends is decided alike by the service's handlers and by the checker's oracle, step by step."""

import functools
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from deploy.proof.checker import acts, deposits, extracts
from deploy.proof.checker.commands import HARMLESS
from deploy.proof.checker.oracle import PERMITS, Asked, Oracle
from deploy.proof.load import bodies, oversight
from deploy.proof.load import extracts as load_extracts
from deploy.proof.load.people import person
from deploy.proof.load.plan import Deed, plan
from services.access_control import handlers
from services.access_control.domain.changes import EmergencyBegan
from services.access_control.domain.record import ABSENT, Record, State
from services.access_control.domain.requests import ACTS
from shared.contracts import record_documents, record_extracts, record_oversight, record_requests
from shared.contracts.common import ActorKind
from shared.contracts.reasons import Reason
from shared.contracts.record_deposits import Deposit
from shared.contracts.record_requests import Consult
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


def asked(step, record, oracle, identity, now, traces):
    """A request: what was told, what has to be, and the record afterwards."""
    foreign = step.number % 5 == 0
    known = [trace for of, trace in traces[-200:] if (of != identity) is foreign]
    trace = known[step.number % len(known)] if known else None
    body = bodies.request(step, record.rights_version, now, trace, record=identity)
    request = UUID(int=1000 + step.number)
    effects = handle(body, beside(record, step, identity, traces), now, identity=request)
    (expected,) = oracle.run([Asked(request, identity, body.type_name, body)], {request: now})
    told = decided(effects)
    assert told.rights_version == expected.version
    alarmed(told, expected, effects, request)
    if isinstance(body, Consult) and body.case is None:
        professional = body.actor.kind is ActorKind.PROFESSIONAL
        traces.append((identity, oversight.Trace(request, body.actor.number if professional else None)))
    return told, expected.reasons, effects.state


def beside(record, step, identity, traces):
    """The record with what the repository would find beside it."""
    if record is ABSENT:
        return record
    texts = handed_over(step, identity)
    readers = {trace.request: trace.reader for of, trace in traces[-200:] if of == identity}
    foreign = frozenset(trace.request for of, trace in traces[-200:] if of != identity)
    return replace(record, oversight=replace(record.oversight, texts=texts, readers=readers, foreign=foreign))


def handed_over(step, identity):
    """What was handed over before a step, by what it stands under."""
    texts = {UUID(int=1000 + step.number)} if oversight.text(step, HOLDER) else set()
    papers = {load_extracts.case_of(step, identity)} if load_extracts.paper(step, HOLDER) else set()
    return frozenset(texts | papers)


def alarmed(told, expected, effects, request):
    """What is told of an emergency, and the row that it leaves where it begins."""
    said = told.emergency
    assert (said is None) == (expected.alarm is None)
    began = any(isinstance(change, EmergencyBegan) for change in effects.changes)
    if said is not None:
        assert (said.reason, said.tell, said.first) == (
            expected.alarm.reason,
            expected.alarm.tell,
            expected.alarm.first,
        )
        assert began == (said.first is None and told.reasons != (Reason.TREATING_DOCTOR,))


def known(record):
    """A record as the oracle knows it."""
    authorised = {number: right.until for number, right in record.rights.items() if not right.blocked}
    blocked = {number for number, right in record.rights.items() if right.blocked}
    return record.state is State.CLOSED, record.held, record.treating, authorised, blocked


def told_plainly(record):
    """Flags and relations of a record as the tables show them."""
    flags = {
        "activated": record.activated,
        "suspended": record.suspended,
        "objected": record.objected,
        "deceased": record.deceased,
        "deletion": record.deletion_due is not None,
        "masks_by_default": record.masks_by_default,
        "heirs_opposed": record.heirs_opposed,
        **record.wishes.model_dump(),
    }
    relations = {
        *(("administrator", number, one.administrator) for number, one in record.rights.items() if one.administrator),
        *(("team", key, team.kind) for key, team in record.teams.items()),
        *(("delegation", key, one.kind, one.state) for key, one in record.delegations.items()),
        *(("opted_out", function) for function in record.opted_out),
    }
    relations |= {
        *(("confirmation", number, one.colleague) for number, one in record.oversight.confirmations.items()),
        *(("case", str(key), str(one.request), one.professional or "") for key, one in record.oversight.cases.items()),
    }
    relations |= {extract_told(case, one) for case, one in record.oversight.extracts.items()}
    return frozenset(name for name, true in flags.items() if true), frozenset(relations)


def extract_told(case, one):
    by = (one.opened_by, one.approved_by or "", one.refused_by or "")
    waits = "true" if one.approved_until is not None else "false"
    return "extract", str(case), one.applied.kind.value, *by, waits, str(one.taken)


def emergencies(record):
    """The last emergency by professional and mode."""
    return {key: (one.request, one.reason, one.until) for key, one in record.oversight.emergencies.items()}


def plainly(life):
    """The same of the oracle, but for its emergencies."""
    flags, relations = life.plain()
    return flags, frozenset(one for one in relations if one[0] != "emergency")


HOLDER = person(1, 1)
NEVER_PERMITTED = {Deed.AGREE_APP, Deed.CLOSE_UNCONTESTED}
"""No app is referenced, no run lasts six weeks."""
NOT_ASKED = {Deed.LINE, Deed.POISON}
SENT = {
    *(*record_requests.MESSAGES, *record_oversight.MESSAGES),
    *(*record_documents.MESSAGES, *record_extracts.MESSAGES),
}


SEEDS = range(6)


@functools.cache
def played(seed):
    """A plan decided step by step by both; gives the reasons met, and which deeds were permitted and which denied."""
    steps = list(plan(seed, records=len(RECORDS), rate=10, seconds=400))
    places = [RECORDS[step.record] if step.record >= 0 else NOWHERE for step in steps]
    texts = {text for step, place in zip(steps, places, strict=True) for text in handed_over(step, place)}
    oracle, now, seen, done, traces = Oracle(RECORDS, texts), NOW, set(), set(), []
    records = {identity: Record(state=State.OPEN) for identity in RECORDS}
    for step in steps:
        now += EACH_S
        identity = RECORDS[step.record] if step.record >= 0 else NOWHERE
        record, life = records.get(identity, ABSENT), oracle.life(identity)
        match step.deed:
            case Deed.LINE:
                continue
            case Deed.POISON:
                if record is not ABSENT and not life.deletion:
                    records[identity], life.held = replace(record, held=True), True
                continue
            case Deed.DEPOSIT:
                told, reasons = fed(step, record, life)
            case _:
                told, reasons, after = asked(step, record, oracle, identity, now, traces)
                if record is not ABSENT:
                    records[identity] = after
                    assert known(after) == (life.closed, life.held, life.treating, life.authorised, life.blocked)
                    assert told_plainly(after) == plainly(life), step
                    assert emergencies(after) == {
                        key: (one.request, one.reason, one.until) for key, one in life.emergencies.items()
                    }
                    assert after.sessions == life.sessions, step
        (reason,) = told.reasons
        assert reason in reasons, step
        assert (told.outcome == "permit") == (reason in PERMITS), step
        seen.add(reason)
        done.add((step.deed, told.outcome == "permit"))
    return seen, done


@pytest.mark.parametrize("seed", SEEDS)
def test_the_load_is_decided_as_the_oracle_says(seed):
    seen, _ = played(seed)
    assert seen >= {Reason.AUTHORISED, Reason.BLOCKED, Reason.NOT_HOLDER, Reason.RECORD_HELD, Reason.TREATING_DOCTOR}


def test_the_load_has_every_command_permitted_and_denied():
    done = set().union(*(played(seed)[1] for seed in SEEDS))
    assert {deed for deed, permitted in done if permitted} == set(Deed) - NEVER_PERMITTED - NOT_ASKED
    assert {deed for deed, permitted in done if not permitted} == set(Deed) - NOT_ASKED


def test_the_load_sends_every_message_of_the_topic():
    sent = {type(bodies.request(step, 1, NOW)) for step in steps_of_requests()}
    assert sent == SENT


def test_what_the_oracle_takes_for_harmless_is_what_holds_no_record():
    asked_for, harmless = {ACTS[body] for body in SENT}, HARMLESS | acts.HARMLESS | extracts.HARMLESS
    assert {ACTS[body] for body in harmless} == handlers._NEVER_RESTRICTING & asked_for


def steps_of_requests():
    return [step for step in plan(1, records=5, rate=100, seconds=60) if step.deed not in {*NOT_ASKED, Deed.DEPOSIT}]
