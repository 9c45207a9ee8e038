"""Emergencies, contested accesses and deletions: the oracle decides them, the checker finds what is wrong with them."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4, uuid5

import pytest

from deploy.proof.checker import check
from deploy.proof.checker.facts import Decision, Deletion, Delivery
from deploy.proof.checker.oracle import Asked, Oracle
from deploy.proof.load.people import HOLDER, INSURER, professional
from shared.contracts.access_decisions import Emergency, Outcome
from shared.contracts.common import AccessMode, Act, Owner
from shared.contracts.reasons import Reason
from shared.contracts.record_oversight import ConfirmEmergency, Contest
from shared.contracts.record_requests import Authorise, Block, Consult, DeclareTreatingDoctor, Release, RequestDeletion
from shared.contracts.topics import ACCESS_CONTROL, ACCESS_DECISIONS, AUDIT, DOCUMENT, HISTORY, RECORD_REQUESTS
from tests.unit.proof import test_checker as plain
from tests.unit.proof import test_checker_documents, test_checker_extracts
from tests.unit.proof.test_checker import DOCTOR, NOW, TOPICS, R, asked, in_kafka, leaf, told, whole

URGENT, WANTED, OTHER = UUID(int=50), UUID(int=51), UUID(int=52)
COLLEAGUE = professional(2)
REASON = "unconscious"
H, A, NO, GONE = Reason.HOLDER, Reason.AUTHORISED, Reason.NO_BRANCH, Reason.RECORD_CLOSED
NONE = Reason.EMERGENCY_NOT_SERVED
HALF_AN_HOUR = timedelta(minutes=30)


def urgent(mode=AccessMode.EMERGENCY, actor=DOCTOR, code=REASON, **more):
    later = NOW + timedelta(days=1)
    return Consult(actor=actor, owner=Owner.DOCUMENT, mode=mode, deadline=later, reason_code=code, **more)


def decided(*bodies, texts=(), every=timedelta(0)):
    """Reasons, alarms and the life of a record, of requests with the ids 1, 2, 3, … that come one after the other."""
    oracle = Oracle([R], texts)
    requests = [Asked(UUID(int=at), R, body.type_name, body) for at, body in enumerate(bodies, 1)]
    found = oracle.run(requests, {one.request: NOW + at * every for at, one in enumerate(requests)})
    return [one.reasons for one in found], [one.alarm for one in found], oracle.life(R)


def reasons(*bodies, **more):
    return [next(iter(one)) if len(one) == 1 else one for one in decided(*bodies, **more)[0]]


MINUTE = timedelta(minutes=1)


def test_an_emergency_lasts_half_an_hour_and_needs_its_reason_once():
    story = [urgent(), urgent(code=None), urgent(code=None)]
    assert reasons(*story, every=15 * MINUTE) == [A, A, NONE]
    _, alarms, life = decided(*story, every=15 * MINUTE)
    assert [(one.reason, one.first) for one in alarms if one] == [(REASON, None), (REASON, UUID(int=1))]
    assert [request for request, *_ in life.began] == [UUID(int=1)]


def test_an_emergency_is_one_persons_in_one_mode():
    other = urgent(actor=COLLEAGUE, code=None)
    regulating = urgent(AccessMode.REGULATION, DOCTOR.model_copy(update={"regulator": True}), None)
    assert reasons(urgent(), other, regulating, every=MINUTE) == [A, NONE, NONE]


def test_the_treating_doctor_is_told_and_begins_no_emergency():
    declared = DeclareTreatingDoctor(actor=INSURER, professional=COLLEAGUE.number)
    _, alarms, life = decided(declared, urgent(), urgent(actor=COLLEAGUE, code=None), every=MINUTE)
    assert [(one.tell, one.reason) for one in alarms if one] == [(COLLEAGUE.number, REASON), (None, None)]
    assert len(life.began) == 1


@pytest.mark.parametrize(("texts", "said", "reason"), [((1,), True, A), ((1,), False, NONE), ((), True, NONE)])
def test_other_reasons_need_a_text_that_was_handed_over(texts, said, reason):
    assert reasons(urgent(code="other", reason_told=said), texts=[UUID(int=one) for one in texts]) == [reason]


@pytest.mark.parametrize(
    ("actor", "reason"),
    [
        (COLLEAGUE, A),
        (DOCTOR, Reason.NOT_HOLDER),
        (HOLDER, NO),
        (COLLEAGUE.model_copy(update={"authenticated": False}), Reason.NOT_AUTHENTICATED),
        (COLLEAGUE.model_copy(update={"role": "R95_71"}), Reason.NOT_HOLDER),
    ],
)
def test_a_colleague_confirms_an_emergency(actor, reason):
    assert reasons(ConfirmEmergency(actor=actor, professional=DOCTOR.number)) == [reason]


def test_a_word_that_stands_is_not_given_again():
    words = [ConfirmEmergency(actor=professional(at), professional=DOCTOR.number) for at in (2, 3, 4)]
    *_, life = decided(*words, every=20 * MINUTE)
    assert life.confirmations[DOCTOR.number][0] == professional(4).number
    assert life.version == 0


def contest(request=1, case=9, actor=HOLDER, professional=None):
    return Contest(actor=actor, case=UUID(int=case), request=UUID(int=request), professional=professional)


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ([contest()], [NO]),
        ([contest(2)], [NO]),
        ([contest(7, professional=COLLEAGUE.number)], [H]),
        ([contest(), contest()], [NO, NO]),
        ([contest(2, actor=DOCTOR)], [Reason.NOT_HOLDER]),
        ([urgent(), contest(), contest(), contest(case=8)], [A, H, H, NO]),
    ],
)
def test_an_access_is_contested_once_and_somebody_is_named(bodies, expected):
    assert reasons(*bodies, every=MINUTE) == expected


def test_our_own_decision_names_the_reader():
    *_, life = decided(urgent(), contest(professional=COLLEAGUE.number), every=MINUTE)
    assert life.cases == {UUID(int=9): (UUID(int=1), DOCTOR.number)}


def test_what_was_decided_in_the_same_batch_is_not_seen():
    assert reasons(urgent(), contest()) == [A, NO]


def test_an_access_to_another_record_is_not_contested_here():
    read, mine = Asked(OTHER, UUID(int=77), "", urgent()), contest(52, professional=DOCTOR.number)
    here = Asked(URGENT, R, mine.type_name, mine)
    oracle = Oracle([R, UUID(int=77)])
    found = oracle.run([here, read], {OTHER: NOW, URGENT: NOW + MINUTE})
    assert found[0].reasons == {NO}


def test_a_deletion_ends_everything_but_itself():
    deletion, block = (
        RequestDeletion(actor=HOLDER, rights_version=0),
        Block(actor=HOLDER, rights_version=1, professional=DOCTOR.number),
    )
    release = Release(actor=INSURER.model_copy(update={"kind": "operator"}))
    again = RequestDeletion(actor=HOLDER, rights_version=1)
    assert reasons(deletion, urgent(), block, release, again) == [H, GONE, GONE, GONE, H]


def test_what_is_forgotten_may_be_decided_either_way():
    told = Authorise(actor=HOLDER, rights_version=0, professional=DOCTOR.number)
    deletion = RequestDeletion(actor=HOLDER, rights_version=2)
    blocked = Block(actor=HOLDER, rights_version=1, professional=COLLEAGUE.number)
    word = ConfirmEmergency(actor=COLLEAGUE, professional=DOCTOR.number)
    assert reasons(told, blocked, deletion, word)[-1] == {Reason.BLOCKED, GONE}


def test_what_cannot_be_read_holds_no_record_that_is_deleted():
    deletion = RequestDeletion(actor=HOLDER, rights_version=0)
    oracle = Oracle([R])
    asked_for = [Asked(uuid4(), R, deletion.type_name, deletion), Asked(uuid4(), R, Block.type_name, None)]
    oracle.run(asked_for, dict.fromkeys((one.request for one in asked_for), NOW))
    assert not oracle.life(R).held


EMERGENCY = Emergency(reason=REASON)


def followed(request, said, body, row, **changes):
    """The whole facts with one more request behind them, its decision told, kept in a row and traced."""
    facts = whole()
    rows = [*facts.outboxes[ACCESS_DECISIONS, 0], told(5, said, "decided")]
    requests = [*facts.topics[RECORD_REQUESTS, 0], asked(4, request, body)]
    return replace(
        facts,
        outboxes=dict(facts.outboxes) | {(ACCESS_DECISIONS, 0): rows},
        topics=dict(facts.topics) | {(ACCESS_DECISIONS, 0): in_kafka(rows), (RECORD_REQUESTS, 0): requests},
        counters=dict(facts.counters) | {(ACCESS_DECISIONS, 0): 5},
        cursors=dict(facts.cursors) | {(ACCESS_DECISIONS, 0): 5},
        progress={(ACCESS_CONTROL, RECORD_REQUESTS, 0): (0, 4), (AUDIT, ACCESS_DECISIONS, 0): (5, 4)},
        decisions=dict(facts.decisions) | {request: row},
        leaves=[*facts.leaves, leaf(6, (ACCESS_DECISIONS, 0), rows[-1])],
        tree_size=7,
        **changes,
    )


def in_need(emergency=EMERGENCY):
    """An emergency access behind the whole facts."""
    read = {"owner": Owner.DOCUMENT, "permit": "a.b.c", "expires": plain.EXPIRES, "mode": AccessMode.EMERGENCY}
    said = plain.decision(URGENT, Act.CONSULT, A, rights_version=1, emergency=emergency, **read)
    said = said.model_copy(update={"actor": DOCTOR})
    relation = ("emergency", str(URGENT), DOCTOR.number, "bris_de_glace")
    alarm = told(5, said, "decided").id
    notice = Delivery(uuid5(R, "alarm"), R, "ACCES_BRIS_GLACE", alarm, "none", "planned", leased=True)
    return followed(
        URGENT,
        said,
        urgent(),
        Decision(R, "permit", "break_glass", 1, NOW),
        records={R: whole().records[R]._replace(relations=frozenset({relation}))},
        deliveries=[*whole().deliveries, notice],
    )


def deleted(*confirmed, ended=True):
    """A deletion behind the whole facts that everybody has confirmed."""
    said = plain.decision(WANTED, Act.UNKNOWN, H, rights_version=2, in_force_at=plain.EXPIRES)
    stone = {"rights_version": 2, "authorised": {}, "flags": frozenset({"deletion"}), "gone": ended}
    return followed(
        WANTED,
        said,
        RequestDeletion(actor=HOLDER, rights_version=1),
        Decision(R, "permit", "holder", 2, NOW),
        records={R: whole().records[R]._replace(**stone)},
        documents={},
        deliveries=[],
        mails=[],
        deletions={R: Deletion(frozenset(confirmed or (DOCUMENT, HISTORY, AUDIT, "notification")), ended)},
    )


def known(facts, **changes):
    return replace(facts, records={R: facts.records[R]._replace(**changes)})


PLANTED = {
    "an emergency is told without its reason": ("emergencies are told", lambda: in_need(Emergency())),
    "an emergency is told to the wrong one": (
        "emergencies are told",
        lambda: in_need(Emergency(reason=REASON, tell="8")),
    ),
    "an emergency is told as one that goes on": (
        "emergencies are told",
        lambda: in_need(Emergency(reason=REASON, first=OTHER)),
    ),
    "an emergency is not told at all": ("emergencies are told", lambda: in_need(None)),
    "an emergency is told to nobody": ("one ledger row", lambda: replace(in_need(), deliveries=whole().deliveries)),
    "the treating doctor is not told": (
        "one ledger row",
        lambda: in_need(Emergency(reason=REASON, tell=COLLEAGUE.number)),
    ),
    "an emergency has no row": ("records and rights", lambda: known(in_need(), relations=frozenset())),
    "a case was invented": (
        "records and rights",
        lambda: known(whole(), relations=frozenset({("case", str(OTHER), str(URGENT), "8")})),
    ),
    "a deletion is not on its way": ("what is deleted", lambda: replace(deleted(), deletions={})),
    "a record was deleted that nobody gave up": (
        "what is deleted",
        lambda: replace(whole(), deletions={R: Deletion(frozenset(), ended=False)}),
    ),
    "an owner did not confirm": ("every owner confirmed", lambda: deleted(DOCUMENT, AUDIT, ended=False)),
    "the last owner did not confirm": ("every owner confirmed", lambda: deleted(DOCUMENT, AUDIT, HISTORY, ended=False)),
    "something is left": ("nothing is left", lambda: replace(deleted(), left={"access_control.past_right": 1})),
    "a tombstone has rights": ("records and rights", lambda: known(deleted(), authorised={DOCTOR.number: None})),
}


@pytest.mark.parametrize("facts", [in_need, deleted])
def test_whole_facts_have_no_fault(facts):
    verdict = check(facts(), TOPICS)
    assert verdict.ok, verdict.reasons


def test_a_deletion_waits_for_a_notice_that_an_attempt_has_taken():
    begun = known(deleted(DOCUMENT, AUDIT, HISTORY, ended=False), authorised={DOCTOR.number: None})
    begun = known(begun, flags=plain.AT_FIRST | {"deletion"})
    verdict = check(replace(begun, leased=frozenset({R})), TOPICS)
    assert verdict.ok, verdict.reasons


def test_a_refused_emergency_alarms_nobody():
    facts = known(in_need(None), relations=frozenset())
    rows = list(facts.outboxes[ACCESS_DECISIONS, 0])
    rows[-1] = plain.reworded(rows[-1], outcome=Outcome.DENY)
    wrong = check(replace(facts, outboxes=dict(facts.outboxes) | {(ACCESS_DECISIONS, 0): rows}), TOPICS)
    assert "emergencies are told: when they began, why, to whom" not in {
        one.claim for one in wrong.findings if not one.ok
    }


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found(name):
    claim, plant = PLANTED[name]
    wrong = [found.claim for found in check(plant(), TOPICS).findings if not found.ok]
    assert any(found.startswith(claim) for found in wrong), wrong


def test_every_claim_has_a_planted_fault():
    claims = {found.claim for found in check(whole(), TOPICS).findings}
    everything = (*plain.PLANTED.values(), *PLANTED.values(), *test_checker_documents.PLANTED.values())
    everything += tuple(test_checker_extracts.PLANTED.values())
    planted = [begin for begin, _ in everything]
    assert claims == {claim for claim in claims if any(claim.startswith(begin) for begin in planted)}
