from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.document.domain.settlement import IN_RECORD, TAKEN, Flags, Status, may_replace, permitted, refused
from services.document.repository.decisions import merged
from shared.contracts.reasons import Reason
from tests.support.documents import NOW, entry

CURRENT = Status.CURRENT


def of(*entries):
    return {one.id: one for one in entries}


def test_a_permit_makes_a_staged_document_current():
    staged = entry()
    done = permitted(of(staged), staged, NOW)
    assert done.refused is None
    assert done.entries[staged.id].status is CURRENT
    assert [(change.id, change.status, change.at) for change in done.changes] == [(staged.id, CURRENT, NOW)]


@pytest.mark.parametrize("status", sorted(TAKEN))
def test_a_unique_id_stands_once_in_a_record(status):
    staged, there = entry(), entry(status=status, submitter="professional:B")
    done = permitted(of(staged, there), staged, NOW)
    assert done.refused is Reason.DUPLICATE
    assert done.entries[staged.id].status is Status.REFUSED


DEPOSITORS = st.sampled_from(["professional:A", "professional:B", "structure:1", "patient:"])


@given(st.sampled_from(sorted(TAKEN)), DEPOSITORS, DEPOSITORS, st.sampled_from([None, "old"]))
def test_ar_007_whoever_sends_a_unique_id_again_sends_a_duplicate(status, first, second, replaces):
    """Also where it says that it replaces something: what is replaced has to come under an id of its own."""
    there, old = entry(status=status, submitter=first), entry("old", status=CURRENT, submitter=second)
    staged = entry(submitter=second, replaces=replaces)
    done = permitted(of(staged, there, old), staged, NOW)
    assert done.refused is Reason.DUPLICATE
    assert {change.id for change in done.changes} == {staged.id}
    assert (done.entries[there.id], done.entries[old.id]) == (there, old)


@pytest.mark.parametrize("status", [Status.REFUSED, Status.STAGED, Status.HELD])
def test_what_is_not_in_the_record_takes_no_unique_id(status):
    staged, there = entry(), entry(status=status, submitter="professional:B")
    assert permitted(of(staged, there), staged, NOW).refused is None


def test_two_of_a_batch_with_one_unique_id_see_each_other():
    first, second = entry(), entry(submitter="professional:B")
    done = permitted(of(first, second), first, NOW)
    assert permitted(done.entries, second, NOW).refused is Reason.DUPLICATE


FLAGS = st.builds(Flags, st.booleans(), st.booleans(), st.booleans())


@given(FLAGS, FLAGS)
def test_ar_071_a_replacement_takes_no_flag_away(before, stated):
    """Not even where both together could not be deposited: what is masked and withheld is seen by neither side."""
    target = entry("old", status=CURRENT, flags=before)
    staged = entry("new", replaces="old", flags=stated)
    flags = permitted(of(target, staged), staged, NOW).document.flags
    assert flags == Flags(*(one or other for one, other in zip(before, stated, strict=True)))


def test_a_replacement_supersedes_its_target_and_inherits_flags_and_clock():
    since = NOW - timedelta(days=3)
    target = entry("old", status=CURRENT, flags=Flags(withheld=True), withheld_since=since)
    staged = entry("new", replaces="old", flags=Flags(hidden=True))
    done = permitted(of(target, staged), staged, NOW)
    assert done.target == target.id
    assert done.entries[target.id].status is Status.SUPERSEDED
    assert done.document.flags == Flags(withheld=True, hidden=True)
    assert done.document.withheld_since == since
    old, new = done.changes
    assert (old.id, old.status, old.version, old.at) == (target.id, Status.SUPERSEDED, 2, None)
    assert (new.id, new.flags, new.replaces, new.at) == (staged.id, done.document.flags, target.id, NOW)


@pytest.mark.parametrize(
    "target",
    [
        None,
        entry("old", status=Status.SUPERSEDED),
        entry("old", status=Status.STAGED),
        entry("old", status=CURRENT, submitter="professional:B", owners="B"),
    ],
)
def test_what_can_not_be_replaced_is_an_unknown_target(target):
    staged = entry("new", replaces="old")
    entries = of(staged) if target is None else of(staged, target)
    done = permitted(entries, staged, NOW)
    assert done.refused is Reason.UNKNOWN_TARGET
    assert len(done.changes) == 1


def test_a_document_is_replaced_once_also_within_a_batch():
    target = entry("old", status=CURRENT)
    first, second = entry("new", replaces="old"), entry("newer", replaces="old")
    done = permitted(of(target, first, second), first, NOW)
    assert permitted(done.entries, second, NOW).refused is Reason.UNKNOWN_TARGET


@pytest.mark.parametrize(
    ("staged", "target", "allowed"),
    [
        ({"submitter": "professional:A"}, {"owners": "A S"}, True),
        ({"submitter": "professional:C", "submitter_structure": "S"}, {"owners": "A S"}, True),
        ({"submitter": "structure:S"}, {"owners": "A S"}, True),
        ({"submitter": "professional:C", "submitter_structure": "T"}, {"owners": "A S"}, False),
        ({"submitter": "patient:"}, {"submitter": "patient:", "owners": ""}, True),
        ({"submitter": "patient:"}, {"owners": "A"}, False),
        ({"submitter": "patient:"}, {"owners": " "}, False),
        ({"submitter": "professional:A"}, {"submitter": "patient:", "owners": ""}, False),
    ],
)
def test_who_may_replace(staged, target, allowed):
    assert may_replace(entry(**staged), entry(**{"submitter": "professional:Z"} | target)) is allowed


def test_a_document_stored_and_replaced_in_one_batch_keeps_both():
    first = entry("old", flags=Flags(masked=True))
    second = entry("new", replaces="old")
    one = permitted(of(first, second), first, NOW)
    two = permitted(one.entries, second, NOW)
    rows = {row.id: row for row in merged([*one.changes, *two.changes])}
    assert len(rows) == 2
    assert (rows[first.id].status, rows[first.id].at, rows[first.id].version) == (Status.SUPERSEDED, NOW, 2)
    assert rows[second.id].flags == Flags(masked=True)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from([None, "a", "b", "c"]),
            st.sampled_from("XY"),
            st.sampled_from(["permit", "deny"]),
            st.tuples(st.booleans(), st.booleans(), st.booleans()),
        ),
        max_size=12,
    )
)
def test_whatever_is_decided_a_record_stays_sound(steps):
    staged = [
        entry(unique, replaces=target, submitter=f"professional:{who}", owners=who, flags=Flags(*flags))
        for unique, target, who, _, flags in steps
    ]
    entries = of(*staged)
    replaced = {}
    for one, (_, _, _, outcome, _) in zip(staged, steps, strict=True):
        act = permitted if outcome == "permit" else lambda e, s, at: refused(e, s, Reason.DENIED, at)
        done = act(entries, one, NOW)
        for identity in entries.keys() - {one.id, done.target}:
            assert done.entries[identity] == entries[identity]
        entries = done.entries
        if done.target:
            assert done.target not in replaced
            replaced[done.target] = one.id
            assert all(new or not old for new, old in zip(done.document.flags, entries[done.target].flags, strict=True))
    there = [one for one in entries.values() if one.status in IN_RECORD]
    assert len({one.unique_id for one in there}) == len(there)
    assert {one.id for one in there if one.status is Status.SUPERSEDED} == set(replaced)
    assert all(one.status is not Status.STAGED for one in entries.values())


def test_an_entry_shows_its_depositors_number():
    assert entry(submitter="structure:1750").number == "1750"
    assert entry(submitter="patient:").number == ""
