"""Lines and records' life, message by message, without a database."""

import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.history_ingestion.domain.lines import Known
from services.history_ingestion.handlers import (
    Batch,
    Fed,
    Holder,
    Kept,
    Person,
    PersonChange,
    Taken,
    Unindexed,
    life_handlers,
    line_handlers,
)
from shared.contracts.access_decisions import (
    ConsentChanged,
    DeletionAnnounced,
    FunctionsKnown,
    RecordClosed,
    RecordMerged,
    RecordOpened,
    RecordReopened,
)
from shared.contracts.common import Actor, ActorKind, FurtherAct
from shared.contracts.history_events import HistoryUpdated
from shared.contracts.insurance import LineFate, LineReceipt, LineReceipts, ReimbursedCare
from shared.contracts.reasons import Reason
from shared.messaging import Failed, Unreadable
from shared.terminology.ins import TEST_INS_OIDS, TEST_NIR, Ins
from tests.support.history import INSURER, NOW, care, message, nir, record_of

HANDLERS = line_handlers(INSURER, TEST_INS_OIDS)
PERSONS = (1, 2)
LINES = ("L1", "L2", "L3")
TAKEN = Taken("t", 0, 0, 9, (record_of(50),))


def begin(*with_record: int, fed: bool = False) -> Batch:
    """Before a batch; `play` says which message closes it."""
    lines = {line: Known(record_of(100 + number)) for number, line in enumerate(LINES)}
    holders = {(TEST_NIR, nir(person)): Holder(record_of(person), fed) for person in with_record}
    return Batch(lines, holders, last=record_of(0))


def play(bodies, batch):
    """All changes and messages of a batch."""
    changes, emits = [], []
    messages = [message(body, offset) for offset, body in enumerate(bodies)]
    batch = replace(batch, last=messages[-1].id, taken=(TAKEN,))
    for one in messages:
        effects = HANDLERS[type(one.body)](one, batch, NOW)
        assert effects == HANDLERS[type(one.body)](one, batch, NOW), "not pure"
        batch = effects.state
        changes += effects.changes
        emits += effects.emits
    return changes, emits


def receipts(emits) -> list[LineReceipt]:
    return [receipt for emit in emits if isinstance(emit.body, LineReceipts) for receipt in emit.body.receipts]


def updates(emits):
    return [(emit.key, emit.body.first) for emit in emits if isinstance(emit.body, HistoryUpdated)]


def test_an_accepted_line_is_kept_answered_and_told() -> None:
    changes, emits = play([care()], begin(1))
    kept, fed, taken = changes
    assert taken is TAKEN
    assert isinstance(kept, Kept)
    assert fed == Fed(record_of(1))
    assert (kept.known.record, kept.known.version, kept.raised, kept.remove) == (record_of(1), 1, True, False)
    assert json.loads(kept.content)["code"] == "3400935673220"
    assert emits[-1].topic == "insurance.receipts.amo-test"
    assert (emits[-1].key, emits[-1].body.partition) == ("0", 0)
    assert receipts(emits) == [LineReceipt(offset=0, line="L1", version=1, fate=LineFate.ACCEPTED)]
    assert updates(emits) == [(str(record_of(1)), True)]


def test_receipts_are_the_same_whoever_has_a_record() -> None:
    bodies = [
        care("L1"),
        care("L1"),
        care("L2", version=2, person=2),
        care("L2", version=1, person=2),
        care("L3", care_date=date(2020, 1, 1)),
        care("L1", version=2, action="cancel"),
        care("L1", version=2, action="cancel"),
        care("L1", matricule="1" * 15),
        Unreadable(reason=Reason.MALFORMED),
        Failed(original=care("L2")),
    ]
    answers = [receipts(play(bodies, begin(*holders))[1]) for holders in ((), (1,), (2,), (1, 2))]
    assert len(answers[0]) == len(bodies)
    assert all(answer == answers[0] for answer in answers)
    assert [(one.fate.value, one.reason) for one in answers[0]] == [
        ("accepted", None),
        ("duplicate", None),
        ("accepted", None),
        ("rejected", Reason.STALE_VERSION),
        ("outside_window", Reason.OUTSIDE_WINDOW),
        ("accepted", None),
        ("duplicate", None),
        ("rejected", Reason.BAD_NIR),
        ("rejected", Reason.MALFORMED),
        ("rejected", Reason.INTERNAL_ERROR),
    ]


def test_receipts_leave_together_by_partition_when_the_batch_closes() -> None:
    messages = [message(care("L1"), 4), message(care("L2"), 7, partition=3), message(care("L3"), 5)]
    batch = replace(begin(), last=messages[-1].id)
    sent = []
    for one in messages:
        assert sent == []
        effects = HANDLERS[ReimbursedCare](one, batch, NOW)
        batch, sent = effects.state, list(effects.emits)
    assert [(emit.key, [one.offset for one in emit.body.receipts]) for emit in sent] == [("0", [4, 5]), ("3", [7])]


def test_a_repeat_has_no_effect_but_may_close_the_batch() -> None:
    messages = [message(care("L1"), 0), message(care("L2"), 1)]
    batch = replace(begin(1), last=messages[1].id, repeats=frozenset({messages[1].id}), taken=(TAKEN,))
    first = HANDLERS[ReimbursedCare](messages[0], batch, NOW)
    second = HANDLERS[ReimbursedCare](messages[1], first.state, NOW)
    assert second.changes == (TAKEN,)
    assert [one.line for one in receipts(second.emits)] == ["L1"]


def test_nothing_of_a_person_without_record_is_kept_or_told() -> None:
    changes, emits = play([care(), care(version=2, code="3400935673221")], begin())
    assert all(change.content is None for change in changes if isinstance(change, Kept))
    assert updates(emits) == []


def test_a_record_is_told_once_per_batch() -> None:
    bodies = [care("L1"), care("L2"), care("L3", person=2), care("L1", version=2)]
    changes, emits = play(bodies, begin(1, 2))
    assert updates(emits) == [(str(record_of(1)), True), (str(record_of(2)), True)]
    assert [change.record for change in changes if isinstance(change, Fed)] == [record_of(1), record_of(2)]


def test_a_fed_record_is_not_told_as_first() -> None:
    changes, emits = play([care()], begin(1, fed=True))
    assert updates(emits) == [(str(record_of(1)), False)]
    assert not [change for change in changes if isinstance(change, Fed)]


def test_both_records_are_told_of_a_line_that_moves() -> None:
    batch = begin(1, 2, fed=True)
    batch = replace(batch, lines={"L1": Known(record_of(100), 1, False, record_of(1), 1)})
    _, emits = play([care(version=2, person=2)], batch)
    assert updates(emits) == [(str(record_of(1)), False), (str(record_of(2)), False)]


def test_a_cancelled_line_is_removed() -> None:
    batch = replace(begin(1, fed=True), lines={"L1": Known(record_of(100), 1, False, record_of(1), 1)})
    changes, emits = play([care(version=2, action="cancel")], batch)
    assert [change.remove for change in changes if isinstance(change, Kept)] == [True]
    assert updates(emits) == [(str(record_of(1)), False)]


def test_no_number_of_a_person_leaves() -> None:
    _, emits = play([care(), care("L2", person=2), Failed(original=care("L3"))], begin(1, 2))
    text = "".join(emit.body.model_dump_json() + (emit.key or "") for emit in emits)
    assert nir(1) not in text
    assert "SECRET-LABEL" not in text


ACTOR = Actor(kind=ActorKind.PATIENT)
INS = Ins(TEST_NIR, nir(1))
LIFE = life_handlers(("amo-test", "other"))


def live(body, person):
    return LIFE[type(body)](message(body, key=str(record_of(1)), topic="access.decisions"), person, NOW)


@pytest.mark.parametrize("body", [RecordOpened(actor=ACTOR), RecordReopened(actor=ACTOR)])
def test_a_record_that_opens_is_asked_for_at_every_insurer(body) -> None:
    effects = live(body, Person("closed", INS))
    assert effects.changes[0].person.state == "open"
    assert [emit.topic for emit in effects.emits] == [
        "insurance.backfill-requests.amo-test",
        "insurance.backfill-requests.other",
    ]
    for emit in effects.emits:
        assert (emit.body.matricule, emit.body.since) == (nir(1), date(2024, 11, 22))
        assert str(record_of(1)) not in emit.body.model_dump_json() + emit.key


def test_a_record_without_a_known_holder_is_asked_for_later() -> None:
    assert live(RecordOpened(actor=ACTOR), Person(None, None)).emits == ()


def test_an_open_record_is_not_asked_for_again() -> None:
    assert live(RecordOpened(actor=ACTOR), Person("open", INS)).emits == ()


def test_a_record_is_closed() -> None:
    effects = live(RecordClosed(actor=ACTOR), Person("open", INS))
    assert (effects.state.state, effects.changes[0].person.state, effects.emits) == ("closed", "closed", ())


def numbered(body, number, person):
    one = message(body, number, key=str(record_of(1)), topic="access.decisions")
    one = one._replace(envelope=one.envelope._replace(number=number))
    return LIFE[type(body)](one, person, NOW)


def opted(*unwanted: str) -> ConsentChanged:
    return ConsentChanged(act=FurtherAct.OPT_OUT, actor=ACTOR, scopes=unwanted, rights_version=1)


def known(*unwanted: str) -> FunctionsKnown:
    return FunctionsKnown(unwanted=unwanted)


@pytest.mark.parametrize("told", [opted, known])
@pytest.mark.parametrize(
    ("unwanted", "wanted"), [((), True), (("apps",), True), (("history",), False), (("apps", "history"), False)]
)
def test_an_opt_out_says_whether_the_history_is_wanted_and_asks_for_nothing(told, unwanted, wanted) -> None:
    for before in (Person("open", INS), Person("open", INS, wanted=False), Person(None, None)):
        effects = live(told(*unwanted), before)
        assert effects.state.wanted == wanted
        assert (effects.changes[0].record, effects.changes[0].person) == (record_of(1), effects.state)
        assert effects.state.state == before.state
        assert effects.emits == ()


@pytest.mark.parametrize("act", sorted(set(FurtherAct) - {FurtherAct.OPT_OUT}))
def test_no_other_consent_says_anything_of_the_history(act) -> None:
    body = ConsentChanged(act=act, actor=ACTOR, scopes=("history", "read_history"), rights_version=1)
    assert live(body, Person("open", INS)) == (Person("open", INS), (), ())


@pytest.mark.parametrize("body", [RecordOpened(actor=ACTOR), RecordReopened(actor=ACTOR)])
def test_nothing_is_asked_of_the_insurers_for_who_does_without(body) -> None:
    effects = live(body, Person("closed", INS, wanted=False))
    assert (effects.state.state, effects.state.wanted, effects.emits) == ("open", False, ())


SAID = [RecordOpened(actor=ACTOR), RecordReopened(actor=ACTOR), RecordClosed(actor=ACTOR)]
SAID += [opted(), opted("history"), known("history")]


def is_wish(body) -> bool:
    return isinstance(body, ConsentChanged | FunctionsKnown)


def failing(body, number, person, kind=Failed):
    """The message as it is told of where its handler raised, or where it could not be read."""
    told = Failed.model_construct(original=body) if kind is Failed else Unreadable(reason=Reason.MALFORMED)
    one = message(told, number, key=str(record_of(1)), topic="access.decisions")
    one = one._replace(envelope=one.envelope._replace(number=number, type=body.type_name))
    return LIFE[kind](one, person, NOW)


RUNNING = Person("open", INS, told=1)


@pytest.mark.parametrize("kind", [Failed, Unreadable])
@pytest.mark.parametrize("body", [RecordClosed(actor=ACTOR), DeletionAnnounced(because="request", latest=NOW)])
def test_an_end_that_cannot_be_handled_ends_the_feeding(kind, body) -> None:
    effects = failing(body, 3, RUNNING, kind)
    assert effects.state == replace(RUNNING, state="closed", told=3)
    assert (effects.changes, effects.emits) == ((PersonChange(record_of(1), effects.state),), ())


@pytest.mark.parametrize("kind", [Failed, Unreadable])
def test_a_merge_that_cannot_be_handled_feeds_the_record_no_more(kind) -> None:
    effects = failing(RecordMerged(actor=ACTOR, into=record_of(2)), 3, RUNNING, kind)
    assert (effects.state.ins, effects.changes, effects.emits) == (None, (Unindexed(record_of(1)),), ())


@pytest.mark.parametrize("kind", [Failed, Unreadable])
@pytest.mark.parametrize("body", [opted(), opted("apps"), opted("history"), known("apps")])
def test_a_choice_that_cannot_be_handled_counts_as_doing_without(kind, body) -> None:
    """Whatever stands in it: who could read it wrote the bug."""
    effects = failing(body, 3, RUNNING, kind)
    assert effects.state == replace(RUNNING, wanted=False, wanted_told=3, missed=True)
    assert (effects.changes, effects.emits) == ((PersonChange(record_of(1), effects.state),), ())


@pytest.mark.parametrize("kind", [Failed, Unreadable])
def test_what_opens_or_concerns_others_stops_nothing(kind) -> None:
    for body in (RecordOpened(actor=ACTOR), RecordReopened(actor=ACTOR)):
        for person in (RUNNING, Person("closed", INS), Person(None, None)):
            assert failing(body, 3, person, kind) == (person, (), ())
    other = ConsentChanged(act=FurtherAct.WISH, actor=ACTOR, rights_version=1)
    told = failing(other, 3, RUNNING, kind).state
    assert (told == RUNNING) is (kind is Failed), "nobody knows what could not be read"


@pytest.mark.parametrize("body", [opted("apps"), known()])
def test_what_was_missed_is_asked_for_once_it_is_known_to_be_wanted(body) -> None:
    stopped = failing(body, 3, RUNNING).state
    effects = numbered(body, 3, stopped)  # replayed
    assert effects.state == replace(RUNNING, wanted_told=3)
    assert [emit.topic for emit in effects.emits] == [
        "insurance.backfill-requests.amo-test",
        "insurance.backfill-requests.other",
    ]
    assert numbered(body, 3, effects.state).emits == ()
    assert numbered(body, 4, stopped).emits != (), "a later choice says it as well"
    assert numbered(opted("history"), 3, stopped) == numbered(opted("history"), 3, replace(stopped, missed=False))
    for nobody in (replace(stopped, state="closed"), replace(stopped, ins=None)):
        assert numbered(body, 3, nobody).emits == (), "asked for when it opens, or is indexed"


def test_nothing_is_asked_for_where_the_holder_did_without_before() -> None:
    without = numbered(opted("history"), 2, RUNNING).state
    stopped = failing(opted(), 3, without).state
    assert (stopped.missed, stopped.wanted_told) == (False, 3)
    assert numbered(opted(), 3, stopped).emits == ()


def test_of_two_parked_choices_the_first_replayed_opens_nothing() -> None:
    stopped = failing(opted("history"), 4, failing(opted(), 3, RUNNING).state).state
    assert stopped == replace(RUNNING, wanted=False, wanted_told=4, missed=True)
    assert numbered(opted(), 3, stopped) == (stopped, (), ())


def is_fed(person) -> bool:
    return person.state == "open" and person.wanted


@given(st.lists(st.sampled_from([*SAID, opted("apps")]), min_size=1, max_size=6), st.data())
def test_whatever_is_parked_and_replayed_comes_to_what_its_turn_would_have(bodies, data) -> None:
    """And no line comes in meanwhile that would not have."""
    parked = data.draw(st.sets(st.integers(1, len(bodies)), min_size=1))
    stopped = sound = Person(None, INS)
    for number, body in enumerate(bodies, 1):
        sound = numbered(body, number, sound).state
        stopped = (failing if number in parked else numbered)(body, number, stopped).state
        assert not is_fed(stopped) or is_fed(sound)
    for number in sorted(parked):
        stopped = numbered(bodies[number - 1], number, stopped).state
    assert stopped == sound


@given(st.lists(st.sampled_from(SAID), min_size=1, max_size=6), st.data())
def test_what_is_replayed_late_counts_only_where_nothing_later_of_its_kind_came(bodies, data) -> None:
    """A parked opening must not open what was closed since, nor a closure since hide a parked opt-out."""
    parked = data.draw(st.integers(1, len(bodies)))
    person = Person(None, INS)
    for number, body in enumerate(bodies, 1):
        if number != parked:
            person = numbered(body, number, person).state
    late = bodies[parked - 1]
    effects = numbered(late, parked, person)
    if any(is_wish(body) == is_wish(late) for body in bodies[parked:]):
        assert effects == (person, (), ())
    elif is_wish(late):
        assert effects.state == replace(person, wanted=late == opted(), wanted_told=parked)
    else:
        state = "closed" if isinstance(late, RecordClosed) else "open"
        assert effects.state == replace(person, state=state, told=parked)


def test_every_message_of_an_insurer_has_a_handler() -> None:
    assert set(HANDLERS) == {ReimbursedCare, Unreadable, Failed}
