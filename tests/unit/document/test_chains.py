"""What is done to a document is done to what it replaced: small cases, and all of them against a model of its own."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.document.domain.acts import RULES, carried_out, opened
from services.document.domain.settlement import Flags, Status, permitted, predecessors
from services.document.domain.visibility import shows, sight
from services.document.handlers import decided
from services.document.repository.decisions import merged
from shared.contracts.access_decisions import Order
from shared.contracts.common import ActorKind, Scope
from shared.contracts.document_changes import ActRefused
from tests.support.documents import DOCTOR, HOLDER, NOW, chain, decision, entry, ordered

REQUEST, RECORD = uuid4(), uuid4()
ALL = Scope(types=None, masked=True, withheld=True)
PROFESSIONAL, PATIENT, REPRESENTATIVE = ActorKind.PROFESSIONAL, ActorKind.PATIENT, ActorKind.REPRESENTATIVE
MASKED, WITHHELD, HIDDEN, PENDING = Flags(masked=True), Flags(withheld=True), Flags(hidden=True), Flags(True, True)
ALONG = ("mask", "unmask", "announce", "reveal", "delete")
ALONE = sorted(set(RULES) - set(ALONG))


def of(*documents):
    return {one.id: one for one in documents}


def do(act, documents, named=-1, /, by=PROFESSIONAL, scope=ALL, request=REQUEST, **order):
    asked = Order(**({"document": documents[named].id, "scope": scope} | order))
    return carried_out(of(*documents), asked, act, by, request)


def ends(done, documents):
    return [done.entries[one.id] for one in documents]


def test_predecessors_are_what_it_replaced_and_what_that_did_the_newest_first():
    old, middle, new = chain()
    other = entry("other", status=Status.CURRENT)
    entries = of(other, middle, old, new)
    assert predecessors(entries, new) == [middle, old]
    assert predecessors(entries, middle) == [old]
    assert predecessors(entries, old) == predecessors(entries, other) == []


def test_a_deleted_version_does_not_cut_its_chain_and_what_was_refused_is_none():
    old, middle, new = chain()
    gone = middle._replace(status=Status.DELETED)
    refused = entry("v1", status=Status.REFUSED, replaces="other")
    other = entry("other", status=Status.CURRENT)
    for documents in ((refused, other, new, gone, old), (old, gone, new, other, refused)):
        assert predecessors(of(*documents), new) == [gone, old]


def test_rows_that_contradict_each_other_end_the_chain():
    one, two = entry("a", replaces="b", status="superseded"), entry("b", replaces="a", status="superseded")
    itself = entry("c", replaces="c", status="current")
    newer = entry("d", replaces="a", status="current")
    assert predecessors(of(one, two), one) == [two]
    assert predecessors(of(one, two, newer), newer) == [one, two]
    assert predecessors(of(itself), itself) == []


@pytest.mark.parametrize(
    ("act", "before", "after"),
    [
        ("mask", Flags(), MASKED),
        ("unmask", MASKED, Flags()),
        ("announce", WITHHELD, Flags()),
        ("announce", PENDING, MASKED),
        ("reveal", HIDDEN, Flags()),
    ],
)
def test_ar_021_071_flags_change_on_every_version_that_it_replaced(act, before, after):
    documents = chain(before, before, before, version=4)
    done = do(act, documents)
    assert [(one.flags, one.version) for one in ends(done, documents)] == [(after, 5)] * 3
    assert done.document.id == documents[2].id
    assert [one.id for one in done.older] == [documents[1].id, documents[0].id]
    assert {row.id: (row.flags, row.version, row.status) for row in done.changes} == {
        one.id: (one.flags, one.version, one.status) for one in ends(done, documents)
    }


def test_ar_051_with_a_document_go_the_versions_that_it_replaced():
    documents = chain(MASKED, HIDDEN, Flags())
    done = do("delete", documents)
    assert [(one.status, one.flags) for one in ends(done, documents)] == [
        (Status.DELETED, flags) for flags in (MASKED, HIDDEN, Flags())
    ]


@pytest.mark.parametrize("act", ALONG)
def test_what_is_newer_than_the_named_one_stays(act):
    flags = {"mask": Flags(), "unmask": MASKED}.get(act, Flags(True, True, True))
    documents = chain(flags, flags, flags)
    done = do(act, documents, 1)
    assert done.refused is None
    old, middle, new = ends(done, documents)
    assert new == documents[2]
    assert old != documents[0]
    assert middle != documents[1]
    assert [one.id for one in done.older] == [documents[0].id]


@pytest.mark.parametrize("act", ALONE)
def test_ar_026_other_acts_are_done_to_the_named_one_alone(act):
    documents = chain(Flags(), Flags(), Flags(withheld=act == "withhold", hidden=act == "hide"))
    if act == "unarchive":
        documents[2] = documents[2]._replace(status=Status.ARCHIVED)
    done = do(act, documents)
    assert (done.refused, done.older) == (None, ())
    assert ends(done, documents)[:2] == documents[:2]


def test_what_is_refused_reaches_no_version():
    documents = chain(Flags(), Flags(), WITHHELD)
    for done in (do("mask", documents), do("unmask", documents, version=9), do("unmask", documents, scope=Scope())):
        assert done.refused is not None
        assert (done.entries, done.changes, done.older) == (of(*documents), (), ())


def test_ar_021_where_the_named_one_is_so_already_its_older_versions_become_so():
    documents = chain(Flags(), MASKED, MASKED)
    done = do("mask", documents)
    assert (done.changed, [one.id for one in done.older]) == (False, [documents[0].id])
    assert {one.flags for one in ends(done, documents)} == {MASKED}
    again = do("mask", ends(done, documents))
    assert (again.changed, again.older, again.changes) == (False, (), ())


def own(number):
    return Scope(types=frozenset(), own=number)


def test_ar_024_who_may_unmask_his_own_unmasks_no_older_version_that_is_not():
    documents = chain(MASKED, MASKED, MASKED)
    documents[0] = documents[0]._replace(owners="A S")
    documents[1] = documents[1]._replace(owners="B S")
    done = do("unmask", documents, scope=own("A"))
    assert [one.masked for one in ends(done, documents)] == [False, True, False]


@pytest.mark.parametrize(
    ("act", "flags", "scope", "by"),
    [
        ("unmask", MASKED, Scope(types=frozenset({"x"}), masked=True), PROFESSIONAL),
        ("announce", WITHHELD, Scope(types=frozenset({"x"}), withheld=True), PROFESSIONAL),
        ("announce", PENDING, Scope(types=None, withheld=True), PROFESSIONAL),
        ("reveal", HIDDEN, own("A"), PROFESSIONAL),
        ("unmask", PENDING, ALL, PATIENT),
        ("unmask", Flags(masked=True, hidden=True), ALL, REPRESENTATIVE),
    ],
)
def test_ar_024_029_043_what_opens_does_not_reach_what_its_author_may_not_know(act, flags, scope, by):
    named = {"unmask": MASKED, "announce": WITHHELD, "reveal": HIDDEN}[act]
    documents = chain(flags, named)
    documents[0] = documents[0]._replace(owners="B", type_code="y")
    documents[1] = documents[1]._replace(type_code="x")
    done = do(act, documents, scope=scope, by=by)
    assert (done.changed, done.older) == (True, ())
    assert ends(done, documents)[0] == documents[0]


@pytest.mark.parametrize("act", ["mask", "delete"])
@pytest.mark.parametrize("flags", [Flags(), WITHHELD, HIDDEN, Flags(withheld=True, hidden=True)])
def test_ar_021_051_what_closes_reaches_every_version_whoever_may_know_of_it(act, flags):
    documents = chain(flags, Flags())
    documents[0] = documents[0]._replace(owners="B", type_code="y")
    for by, scope in ((PROFESSIONAL, own("A")), (PATIENT, Scope(types=None, masked=True)), (REPRESENTATIVE, ALL)):
        old, _ = ends(do(act, documents, by=by, scope=scope), documents)
        if act == "mask":
            assert old.flags == flags._replace(masked=True), "a withheld one is masked when it opens (AR-025)"
        else:
            assert (old.status, old.flags) == (Status.DELETED, flags)


@pytest.mark.parametrize("act", ALONG)
def test_ar_051_a_version_that_was_deleted_stays_as_it_is(act):
    flags = {"mask": Flags(), "unmask": MASKED}.get(act, Flags(True, True, True))
    documents = chain(flags, flags, flags)
    documents[1] = documents[1]._replace(status=Status.DELETED)
    done = do(act, documents)
    assert [one.id for one in done.older] == [documents[0].id]
    assert ends(done, documents)[1] == documents[1]


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("act", ["announce", "clock"])
def test_ar_031_what_was_replaced_opens_and_does_not_come_into_view(act, status):
    document = entry(status=status, flags=WITHHELD)
    done = opened(of(document), document) if act == "clock" else do(act, [document])
    assert done.came_into_view is (status in (Status.CURRENT, Status.ARCHIVED))


def test_what_an_error_holds_is_closed_and_stays_held_and_is_not_opened():
    another = uuid4()
    for act, flags in (("mask", Flags()), ("delete", Flags()), ("unmask", MASKED), ("announce", WITHHELD)):
        documents = chain(flags, flags)
        documents[0] = documents[0]._replace(held_by=another)
        done = do(act, documents)
        old, _ = ends(done, documents)
        if act in ("mask", "delete"):
            assert (old.held_by, old.masked or old.status == Status.DELETED) == (another, True)
            assert {row.id: row.held_by for row in done.changes}[old.id] == another
        else:
            assert old == documents[0]


# -- all of it against a model

FLAGS = st.builds(Flags, st.booleans(), st.booleans(), st.booleans())
OWNERS = st.sampled_from(["A", "B", "A B", ""])
STEPS = st.lists(
    st.tuples(
        st.sampled_from(sorted(RULES)),
        st.integers(0, 4),
        st.sampled_from([PROFESSIONAL, PATIENT, REPRESENTATIVE]),
        st.sampled_from([ALL, own("A"), Scope(types=None), Scope(types=None, masked=True)]),
    ),
    max_size=8,
)


def expected(act, before, may):
    """What becomes of an older version, said once more: its status and flags."""
    status, (masked, withheld, hidden) = before.status, before.flags
    if status == "deleted":
        return status, before.flags
    if act == "delete":
        status = "deleted"
    if act == "mask":
        masked = True
    if act == "unmask" and may and not withheld:
        masked = False
    if act == "announce" and may:
        withheld = False
    if act == "reveal" and may:
        hidden = False
    return status, Flags(masked, withheld, hidden)


@given(st.lists(st.tuples(FLAGS, OWNERS), min_size=5, max_size=5), STEPS)
def test_whatever_is_asked_the_older_versions_go_along_and_rows_and_events_say_so(stated, steps):
    documents = [
        one._replace(owners=owners)
        for one, (_, owners) in zip(chain(*(flags for flags, _ in stated)), stated, strict=True)
    ]
    entries, rows, told = of(*documents), [], {one.id: one.version for one in documents}
    for act, named, by, scope in steps:
        before = [entries[one.id] for one in documents]
        actor = DOCTOR if by is PROFESSIONAL else HOLDER.model_copy(update={"kind": by})
        effects = decided(ordered(documents[named].id, RECORD, act, actor, scope=scope), entries, NOW)
        entries = effects.state
        rows += effects.changes
        after = [entries[one.id] for one in documents]
        refused = isinstance(effects.emits[0], ActRefused)
        for place, (old, new) in enumerate(zip(before, after, strict=True)):
            if refused or place > named:
                assert new == old
            elif place < named:
                may = shows(sight(scope, by), old)
                assert (new.status, new.flags) == expected(act, old, may)
        assert [event.document for event in effects.emits[1:]] == [
            new.id for old, new in reversed(list(zip(before, after, strict=True))[:named]) if new != old
        ]
        for event in effects.emits if not refused else ():
            document = entries[event.document]
            flags = Flags(event.masked, event.withheld, event.hidden_from_representatives)
            assert (flags, event.version) == (document.flags, document.version)
            assert event.version == told[event.document] + event.changed
            assert event.version_of in ({None} if event.document == documents[named].id else {documents[named].id})
            assert not (event.came_into_view and event.version_of)
            told[event.document] = event.version
    for row in merged(rows):
        end = entries[row.id]
        assert (row.status, row.flags, row.version) == (end.status, end.flags, end.version)


@given(FLAGS, FLAGS, st.sampled_from(["mask", "delete"]))
def test_ar_021_051_after_a_replacement_nothing_of_the_chain_is_left_open(before, stated, act):
    """From the settlement on: whoever may not see masked documents finds none of its versions."""
    old = entry("old", status=Status.CURRENT, flags=before)
    staged = entry("new", flags=stated, replaces="old")
    settled = decided(decision(staged.id, RECORD), of(old, staged), NOW)
    done = decided(ordered(staged.id, RECORD, act, DOCTOR), settled.state, NOW)
    if isinstance(done.emits[0], ActRefused):
        assert done.emits[0].reason == "flags_exclude_each_other"
        return
    reader = sight(Scope(types=None, withheld=True), PROFESSIONAL)
    assert not [one for one in done.state.values() if one.status != Status.DELETED and shows(reader, one)]


def test_a_chain_is_made_by_settling():
    first = entry("a", status=Status.CURRENT)
    second, third = entry("b", replaces="a"), entry("c", replaces="b")
    entries = of(first, second, third)
    for one in (second, third):
        entries = permitted(entries, one, NOW).entries
    assert [one.unique_id for one in predecessors(entries, entries[third.id])] == ["b", "a"]
