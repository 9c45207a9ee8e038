"""The verdict over races sees what it is there to see, and the seed alone decides what happens in them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

import pytest

from deploy.proof.races.judge import DENIED, Happened, judge
from deploy.proof.races.plan import Restriction, When, plans
from deploy.proof.races.race import READ, Race
from shared.contracts.reasons import Reason

TOLD = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECORD = UUID(int=1)
FIRST, SECOND, BEHIND = (UUID(int=number) for number in (2, 3, 4))
MOMENT = timedelta(microseconds=1)


def race(restriction=Restriction.BLOCK, **changes):
    fair = Race(
        RECORD,
        told_at=TOLD,
        reads=[FIRST, SECOND, BEHIND],
        ends=[TOLD, TOLD - timedelta(seconds=1)],
        beside=[True, False],
        behind=(DENIED[restriction],),
        late_uses=2,
    )
    return restriction, replace(fair, **changes)


def verdict(*races, reads=None, permits=(FIRST, SECOND), **more):
    happened = {FIRST: Happened(RECORD, TOLD)} if reads is None else reads
    more = {"faults": ["freeze"]} | more
    return judge(races or [race()], happened, set(permits), **more)


def broken(found):
    return [one.claim for one in found.findings if not one.ok]


@pytest.mark.parametrize("restriction", list(Restriction))
def test_a_fair_race_has_no_fault(restriction):
    assert verdict(race(restriction)).ok


@pytest.mark.parametrize("read", [FIRST, SECOND, BEHIND])
def test_a_read_that_happened_behind_the_restriction_is_seen(read):
    found = verdict(reads={read: Happened(RECORD, TOLD + MOMENT)}, permits=(read,))
    assert broken(found) == ["no read happened after its restriction was told"]


def test_a_read_at_the_moment_at_which_it_is_told_is_in_time():
    assert verdict(reads={FIRST: Happened(RECORD, TOLD)}).ok


@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        ({"late_answers": [FIRST]}, "no use of a permit begun after that was answered"),
        ({"late_uses": 0}, "no use of a permit begun after that was answered"),
        ({"ends": [TOLD + MOMENT]}, "a restriction is told after the last permit before it"),
        ({"behind": (READ,)}, "what is asked behind the decision is denied"),
        ({"behind": (Reason.NOT_AUTHORISED,)}, "what is asked behind the decision is denied"),
        ({"stale": (Reason.HOLDER,)}, "what is asked behind the decision is denied"),
        ({"beside": [True, True]}, "races came out on both sides"),
        ({"ends": [TOLD - MOMENT]}, "permits were out when restrictions were decided"),
    ],
)
def test_what_contradicts_a_claim_is_seen(changes, claim):
    assert broken(verdict(race(**changes))) == [claim]


def test_a_read_without_a_permit_is_seen():
    assert broken(verdict(permits=())) == ["every read that happened was permitted"]


def test_a_race_that_did_not_come_about_is_seen():
    assert broken(verdict(failures=["no decision"])) == ["every race came to its end"]


def test_a_run_without_reads_races_or_faults_proves_nothing():
    assert "no read happened after its restriction was told" in broken(verdict(reads={}))
    assert broken(verdict(faults=[])) == ["processes were frozen and killed meanwhile"]
    assert verdict(faults=[], faults_needed=False).ok
    nothing = judge([], {}, ())
    assert broken(nothing) == [found.claim for found in nothing.findings]


def test_the_seed_decides_the_races_and_all_kinds_come():
    some = list(islice(plans(1), 200))
    assert some == list(islice(plans(1), 200))
    assert some != list(islice(plans(2), 200))
    assert {one.restriction for one in some} == set(Restriction)
    assert {use.when for one in some for use in (*one.out, *one.beside)} == set(When)
    assert {one.place for one in some} >= {0, 1, 2}, "the restriction comes before, among and behind the reads"
