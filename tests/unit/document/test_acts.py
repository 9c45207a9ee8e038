"""What acts make of documents: small cases, and for all of them what holds whatever is asked in whatever order."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.document.domain.acts import RULES, carried_out, opened
from services.document.domain.settlement import IN_RECORD, TAKEN, Flags, Settled, Status, permitted
from services.document.domain.visibility import Visibility, shows, sight
from services.document.repository.decisions import merged
from shared.contracts.access_decisions import Order
from shared.contracts.common import ActorKind, Scope
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_documents import ON_A_DOCUMENT
from tests.support.documents import NOW, entry

REQUEST = uuid4()
ALL = Scope(types=None, masked=True, withheld=True)
PROFESSIONAL, PATIENT, REPRESENTATIVE = ActorKind.PROFESSIONAL, ActorKind.PATIENT, ActorKind.REPRESENTATIVE
UNKNOWN = FurtherReason.UNKNOWN_DOCUMENT
MASKED, WITHHELD, HIDDEN = Flags(masked=True), Flags(withheld=True), Flags(hidden=True)
PENDING = Flags(masked=True, withheld=True)


def there(flags=None, **changes):
    return entry(flags=flags or Flags(), **({"status": Status.CURRENT} | changes))


def do(act, document, /, by=PROFESSIONAL, scope=ALL, request=REQUEST, **order):
    named = Order(**({"document": document.id, "scope": scope} | order))
    return carried_out({document.id: document}, named, act, by, request)


def outcome(done):
    """What an actor learns, and what became of the document."""
    if done.refused is not None:
        assert (done.document, done.changes, done.changed) == (None, (), False)
        return done.refused.value
    document = done.document
    return (document.status, document.flags, document.version) if done.changed else None


@pytest.mark.parametrize(
    ("act", "flags", "wanted"),
    [
        ("mask", Flags(), MASKED),
        ("mask", HIDDEN, Flags(masked=True, hidden=True)),
        ("mask", MASKED, None),
        ("unmask", MASKED, Flags()),
        ("unmask", Flags(), None),
        ("unmask", WITHHELD, None),
        ("unmask", PENDING, None),
        ("withhold", WITHHELD, None),
        ("withhold", PENDING, None),
        ("announce", WITHHELD, Flags()),
        ("announce", PENDING, MASKED),
        ("announce", Flags(withheld=True, hidden=True), HIDDEN),
        ("announce", MASKED, None),
        ("hide", HIDDEN, None),
        ("reveal", HIDDEN, Flags()),
        ("reveal", Flags(), None),
    ],
)
@pytest.mark.parametrize("status", IN_RECORD)
def test_ar_021_029_041_flags_are_added_and_taken_away_one_by_one(act, flags, wanted, status):
    done = do(act, there(flags, status=status, version=3))
    assert outcome(done) == (None if wanted is None else (status, wanted, 4))
    assert done.document.version == 3 + done.changed


@pytest.mark.parametrize("flags", [WITHHELD, PENDING])
def test_ar_026_what_is_withheld_is_not_masked_and_does_not_tell_whether_it_will_be(flags):
    assert outcome(do("mask", there(flags))) == "flags_exclude_each_other"


def test_ar_026_what_is_masked_is_not_withheld():
    assert outcome(do("withhold", there(MASKED))) == "flags_exclude_each_other"


@pytest.mark.parametrize("flags", [Flags(), HIDDEN])
def test_ar_029_what_the_holder_could_see_is_not_withheld_any_more(flags):
    assert outcome(do("withhold", there(flags))) == "already_visible"


@pytest.mark.parametrize("flags", [Flags(), MASKED, WITHHELD])
def test_ar_043_what_representatives_could_see_is_not_hidden_any_more(flags):
    assert outcome(do("hide", there(flags))) == "already_visible"


def test_ar_043_what_was_revealed_stays_so():
    revealed = do("reveal", there(HIDDEN), by=PATIENT).document
    assert outcome(do("hide", revealed, by=PATIENT)) == "already_visible"


@pytest.mark.parametrize(
    ("act", "status", "wanted"),
    [
        ("archive", "current", "archived"),
        ("archive", "archived", None),
        ("archive", "superseded", "wrong_state"),
        ("unarchive", "archived", "current"),
        ("unarchive", "current", None),
        ("unarchive", "superseded", "wrong_state"),
        ("delete", "current", "deleted"),
        ("delete", "archived", "deleted"),
        ("delete", "superseded", "deleted"),
    ],
)
def test_ar_051_states(act, status, wanted):
    done = do(act, there(status=status, version=1))
    if wanted in TAKEN:
        assert outcome(done) == (wanted, Flags(), 2)
        (row,) = done.changes
        assert (row.status, row.at, row.reason) == (wanted, None, None), "when it was settled stays"
    else:
        assert outcome(done) == wanted


@pytest.mark.parametrize("act", sorted(RULES))
@pytest.mark.parametrize("status", [one for one in Status if one not in IN_RECORD])
def test_nothing_is_done_to_what_is_not_in_the_record(act, status):
    assert outcome(do(act, there(status=status), version=9)) == "unknown_document"


@pytest.mark.parametrize("act", sorted(RULES))
def test_ar_023_absent_foreign_masked_withheld_and_deleted_are_one_answer(act):
    nothing = Scope(types=frozenset())
    answers = {
        outcome(do(act, there(), version=7, document=uuid4())),
        outcome(do(act, there(MASKED), version=7, scope=Scope(types=None, withheld=True))),
        outcome(do(act, there(WITHHELD), version=7, scope=Scope(types=None, masked=True))),
        outcome(do(act, there(WITHHELD), version=7, by=PATIENT)),
        outcome(do(act, there(HIDDEN), version=7, by=REPRESENTATIVE)),
        outcome(do(act, there(status="deleted"), version=7)),
        outcome(do(act, there(owners="B"), version=7, scope=nothing.model_copy(update={"own": "A"}))),
    }
    assert answers == {"unknown_document"}


def test_another_version_is_a_conflict_and_none_means_any():
    assert outcome(do("mask", there(version=2), version=1)) == "version_conflict"
    assert outcome(do("mask", there(version=2), version=2)) == ("current", MASKED, 3)
    assert outcome(do("mask", there(MASKED, version=2), version=1)) == "version_conflict", "also where it is so already"


def test_an_act_without_a_rule_is_done_to_nothing():
    for act in (None, "open_by_time", "frobnicate"):
        assert outcome(do(act, there())) == "unknown_document"
    assert {one.type_name.split(".")[2] for one in ON_A_DOCUMENT} == set(RULES)


def own(number, structure=None):
    return Scope(types=frozenset(), own=number, own_structure=structure)


@pytest.mark.parametrize("flags", [MASKED, PENDING])
def test_ar_024_who_may_unmask_his_own_reaches_no_other(flags):
    assert do("unmask", there(flags, owners="A S"), scope=own("A")).refused is None
    assert do("unmask", there(flags, owners="B S"), scope=own("A")).refused is UNKNOWN


@given(st.sampled_from(["mask", "unmask"]), st.sampled_from([Flags(), MASKED, HIDDEN]), st.sampled_from(IN_RECORD))
def test_ar_021_024_the_holder_masks_and_unmasks_whatever_he_sees(act, flags, status):
    """Whoever deposited it, and back again."""
    before = there(flags, status=status, owners="Z", submitter="professional:Z")
    done = do(act, before, by=PATIENT, scope=Scope(types=None, masked=True))
    assert done.document.flags == flags._replace(masked=act == "mask")


def test_ar_051_053_an_author_deletes_his_own_and_his_structure_what_was_written_for_it():
    written = there(owners="A S", submitter="professional:A", submitter_structure="S")
    for scope, kind in ((own("A"), PROFESSIONAL), (own("S"), ActorKind.STRUCTURE), (own("Z", "S"), PROFESSIONAL)):
        assert outcome(do("delete", written, scope=scope, by=kind)) == ("deleted", Flags(), 2)
    for scope in (own("B"), own("T", "U"), own(None)):
        assert outcome(do("delete", written, scope=scope)) == "unknown_document"


@pytest.mark.parametrize("flags", [MASKED, WITHHELD, PENDING, HIDDEN])
def test_ar_053_an_author_who_may_read_nothing_deletes_his_own_whatever_hides_it(flags):
    assert outcome(do("delete", there(flags), scope=own("A"))) == ("deleted", flags, 2)


SUBMITTERS = {"patient:": True, "representative:": True, "professional:A": False, "structure:S": False}


@pytest.mark.parametrize("submitter", SUBMITTERS)
@pytest.mark.parametrize("act", ["delete", "archive"])
@pytest.mark.parametrize("scope", [ALL, Scope(types=frozenset()), Scope()])
@pytest.mark.parametrize("by", [PATIENT, REPRESENTATIVE])
def test_ar_052_068_the_holders_side_deletes_what_it_deposited_and_nothing_else(submitter, act, scope, by):
    done = do(act, there(submitter=submitter), by=by, scope=scope, holders=True)
    assert (done.refused is None) is SUBMITTERS[submitter]
    assert done.refused in (None, FurtherReason.NOT_THE_AUTHOR)
    hidden = do(act, there(HIDDEN, submitter=submitter), by=REPRESENTATIVE, scope=scope, holders=True)
    withheld = do(act, there(WITHHELD, submitter=submitter), by=by, scope=scope, holders=True)
    assert {hidden.refused, withheld.refused} == {UNKNOWN}, "that they did not deposit it is no news of what they see"


def test_ar_041_052_of_its_own_a_representative_deletes_nothing_that_is_hidden():
    assert do("delete", there(HIDDEN, submitter="patient:"), by=REPRESENTATIVE, holders=True).refused is UNKNOWN
    assert do("delete", there(HIDDEN, submitter="patient:"), by=PATIENT, holders=True).refused is None


def test_ar_068_by_an_operators_case_another_ones_entry_is_erased():
    for flags in (Flags(), MASKED, WITHHELD, HIDDEN, Flags(masked=True, withheld=True, hidden=True)):
        assert outcome(do("delete", there(flags), by=ActorKind.OPERATOR)) == ("deleted", flags, 2)


def test_ar_068_the_holder_rectifies_his_own_entry_by_replacing_it_and_no_others():
    mine, another = there(submitter="patient:", owners=""), there(submitter="professional:A", unique_id="2")
    for target, reason in ((mine, None), (another, Reason.UNKNOWN_TARGET)):
        staged = entry("new", replaces=target.unique_id, submitter="patient:", owners="")
        done = permitted({one.id: one for one in (mine, another, staged)}, staged, NOW)
        assert done.refused is reason


def test_ar_051_with_what_replaced_it_what_was_replaced_goes_and_does_not_come_back():
    old, staged = there(unique_id="old"), entry("new", replaces="old")
    settled = permitted({old.id: old, staged.id: staged}, staged, NOW)
    new = settled.entries[staged.id]
    done = carried_out(settled.entries, Order(document=new.id, scope=ALL), "delete", PROFESSIONAL, REQUEST)
    assert (done.entries[old.id].status, done.entries[new.id].status) == ("deleted", "deleted")


@pytest.mark.parametrize("status", ["deleted", "archived", "superseded"])
def test_ar_051_what_is_not_current_is_not_replaced_and_keeps_its_unique_id(status):
    old = there(unique_id="old", status=status)
    for staged, reason in (
        (entry("new", replaces="old"), Reason.UNKNOWN_TARGET),
        (entry("old", submitter="professional:B"), Reason.DUPLICATE),
    ):
        assert permitted({old.id: old, staged.id: staged}, staged, NOW).refused is reason


@pytest.mark.parametrize("flags", [WITHHELD, PENDING])
@pytest.mark.parametrize("status", TAKEN)
def test_ar_031_025_by_the_clock_it_opens_and_what_waits_to_be_masked_is(flags, status):
    document = there(flags, status=status)
    done = opened({document.id: document}, document)
    assert outcome(done) == (status, flags._replace(withheld=False), 2)
    assert done.came_into_view is (status in ("current", "archived")), "others are told, and nothing is new"


@given(st.sampled_from(sorted(RULES)), st.builds(Flags, st.booleans(), st.booleans(), st.booleans()))
def test_only_what_is_announced_comes_into_the_holders_view(act, flags):
    assert do(act, there(flags)).came_into_view is (act == "announce" and flags.withheld)


def test_what_an_error_holds_is_there_for_the_request_that_failed_alone():
    held = there(held_by=REQUEST)
    for act in RULES:
        assert do(act, held, request=uuid4()).refused is UNKNOWN
    done = do("mask", held)
    assert (done.document.held_by, done.document.flags, done.changes[0].held_by) == (None, MASKED, None)
    same = do("unmask", held)
    assert (same.changed, same.document.version, same.document.held_by) == (False, 1, None)
    assert len(same.changes) == 1, "its row is freed though it is as it was"


def test_what_an_error_holds_is_not_replaced():
    held, staged = there(unique_id="old", held_by=REQUEST), entry("new", replaces="old")
    assert permitted({held.id: held, staged.id: staged}, staged, NOW).refused is Reason.UNKNOWN_TARGET


STEPS = st.lists(st.tuples(st.sampled_from(sorted(RULES)), st.sampled_from([PROFESSIONAL, PATIENT, REPRESENTATIVE])))
FLAGS = st.builds(Flags, st.booleans(), st.booleans(), st.booleans())


@given(STEPS, FLAGS)
def test_whatever_is_asked_nothing_is_taken_back_that_is_for_ever(steps, flags):
    """Nobody loses sight by a second thought (AR-029, AR-043), versions count changes, and the rows say the same."""
    document = start = there(flags)
    rows, changes = [], 0
    for act, by in steps:
        done = do(act, document, by)
        after = done.entries[document.id]
        assert after.withheld <= document.withheld
        assert after.hidden <= document.hidden
        assert not (after.masked and after.withheld) or (document.masked and document.withheld)
        assert document.status in IN_RECORD or after == document
        assert (after == document) is not done.changed
        assert bool(done.changes) is done.changed
        changes += done.changed
        rows += done.changes
        document = after
    assert document.version == start.version + changes
    one = merged(rows)
    assert len(one) == bool(rows)
    for row in one:
        assert (row.status, row.flags, row.version) == (document.status, document.flags, document.version)


@given(STEPS, FLAGS, st.booleans())
def test_ar_025_a_deposit_and_what_follows_in_its_batch_are_one_change(steps, stated, by_default):
    staged = entry(flags=stated, masked_by_default=by_default)
    settled = permitted({staged.id: staged}, staged, NOW)
    rows, entries = [*settled.changes], settled.entries
    for act, by in steps:
        done = carried_out(entries, Order(document=staged.id, scope=ALL), act, by, REQUEST)
        rows += done.changes
        entries = done.entries
    (row,) = merged(rows)
    end = entries[staged.id]
    masked, withheld, hidden = row.flags or stated._replace(masked=stated.masked or row.masked_by_default)
    assert (Flags(masked, withheld, hidden), row.status, row.at) == (end.flags, end.status, NOW)
    assert (row.version or 1) == end.version


def test_later_changes_leave_what_they_do_not_say():
    first = Settled(UUID(int=1), Status.CURRENT, NOW, masked_by_default=True)
    both = first.then(Settled(UUID(int=1), Status.SUPERSEDED, version=2, held_by=REQUEST))
    assert both == Settled(UUID(int=1), Status.SUPERSEDED, NOW, masked_by_default=True, version=2, held_by=REQUEST)
    freed = both.then(Settled(UUID(int=1), Status.SUPERSEDED, flags=Flags()))
    assert (freed.flags, freed.masked_by_default, freed.held_by, freed.version) == (Flags(), False, None, 2)


@pytest.mark.parametrize("stated", [Flags(), MASKED, WITHHELD, HIDDEN])
@pytest.mark.parametrize("submitter", ["professional:A", "structure:S", "patient:"])
def test_ar_025_the_holders_default_masks_whatever_is_deposited_by_whomever(stated, submitter):
    staged = entry(flags=stated, submitter=submitter, masked_by_default=True)
    assert permitted({staged.id: staged}, staged, NOW).document.flags == stated._replace(masked=True)


@pytest.mark.parametrize("before", [Flags(), MASKED, WITHHELD, HIDDEN])
def test_ar_025_071_a_replacement_is_masked_by_default_beside_what_it_inherits(before):
    old = there(before, unique_id="old")
    staged = entry("new", replaces="old", masked_by_default=True)
    done = permitted({old.id: old, staged.id: staged}, staged, NOW)
    assert done.document.flags == before._replace(masked=True)
    assert done.changes[1].flags == done.document.flags


@given(
    st.builds(
        Visibility,
        types=st.none() | st.sets(st.sampled_from("ab")).map(tuple),
        masked=st.booleans(),
        withheld=st.booleans(),
        hidden=st.booleans(),
        own=st.sets(st.sampled_from(["A", "B", "AB"])).map(tuple),
    ),
    FLAGS,
    st.sampled_from("ab"),
    st.sampled_from(["", "A", "A S", "AB"]),
)
def test_ar_021_022_029_041_what_is_shown_as_the_law_says_it(seen, flags, type_code, owners):
    document = there(flags, type_code=type_code, owners=owners)
    hidden = flags.hidden and not seen.hidden
    own_one = not set(owners.split()).isdisjoint(seen.own)
    lost = (flags.masked and not seen.masked) or (flags.withheld and not seen.withheld)
    of_its_types = seen.types is None or type_code in seen.types
    assert shows(seen, document) is (not hidden and (own_one or (of_its_types and not lost)))


@given(st.sampled_from([PATIENT, REPRESENTATIVE]), st.booleans(), st.booleans(), FLAGS)
def test_ar_029_the_holders_side_knows_of_nothing_withheld_whatever_a_scope_says(kind, masked, withheld, flags):
    scope = Scope(types=None, masked=masked, withheld=withheld, own="A")
    known = shows(sight(scope, kind), there(flags))
    assert known is not (flags.withheld or (flags.hidden and kind is REPRESENTATIVE))
