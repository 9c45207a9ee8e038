"""Who can wait gives way to who is waited for: smaller batches and rests, only while someone waits."""

import pytest

from shared.messaging import Precedence
from shared.messaging import precedence as module


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_nobody_gives_way_while_nobody_waits(clock):
    idle = Precedence()
    assert idle.most(500) == 500
    assert idle.rest_s(500, 0.1) == 0


def test_a_backlog_is_taken_in_slices_with_rests_while_someone_waits(clock):
    busy = Precedence()
    busy.claim()
    assert busy.most(500) == module.SLICE
    assert busy.rest_s(module.SLICE, 0.1) == pytest.approx(0.1 * module.REST)


def test_a_claim_ends_by_itself(clock):
    busy = Precedence()
    busy.claim()
    clock[0] += module.CLAIM_S
    assert busy.most(500) == 500
    assert busy.rest_s(500, 0.1) == 0


def test_who_has_no_backlog_does_not_rest(clock):
    busy = Precedence()
    busy.claim()
    assert busy.rest_s(module.SLICE - 1, 0.1) == 0


def test_a_slow_batch_rests_no_longer_than_the_longest(clock):
    busy = Precedence()
    busy.claim()
    assert busy.rest_s(module.SLICE, 5.0) == module.LONGEST_REST_S


def test_a_lane_with_small_batches_keeps_them(clock):
    busy = Precedence()
    busy.claim()
    assert busy.most(10) == 10
