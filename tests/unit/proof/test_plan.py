import itertools
from collections import Counter
from datetime import UTC, datetime

import pytest

from deploy.proof.checker.facts import Record
from deploy.proof.checker.requests import requests
from deploy.proof.faults.schedule import SESSION_S, TRANSACTION_TIMEOUT_S, Kind, schedule
from deploy.proof.load.bodies import request
from deploy.proof.load.extracts import DEEDS as OF_CASES
from deploy.proof.load.people import canary, person
from deploy.proof.load.plan import WITH_CASES, Deed, Poison, plan
from deploy.proof.load.run import poison
from shared.contracts.topics import RECORD_REQUESTS, SERVICES
from shared.messaging import partition_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_same_seed_gives_the_same_plan():
    def planned(seed):
        return list(plan(seed, records=20, rate=50, seconds=5))

    assert planned(1) == planned(1) != planned(2)


def test_a_plan_keeps_its_rate_and_has_every_deed():
    steps = list(plan(3, records=20, rate=200, seconds=20))
    assert 3500 < len(steps) < 4500
    assert all(earlier.at_s <= later.at_s for earlier, later in itertools.pairwise(steps))
    assert Counter(step.deed for step in steps).keys() == set(Deed)
    assert {step.times for step in steps} == {1, 2, 3}
    assert 0.02 < sum(step.outsider is not None for step in steps) / len(steps) < 0.1


def test_cases_for_extracts_are_of_few_records():
    of_cases = {step.record for step in plan(3, records=200, rate=200, seconds=20) if step.deed in OF_CASES}
    assert of_cases - {-1} == set(range(WITH_CASES))


def test_every_step_on_a_record_becomes_a_message():
    others = {Deed.DEPOSIT, Deed.LINE, Deed.POISON}
    for step in plan(4, records=5, rate=100, seconds=5):
        if step.deed not in others:
            assert request(step, 7, NOW).type_name.startswith("carnet.record.")


def test_people_differ_and_have_numbers_with_a_valid_key():
    numbers = {person(seed, number).ins.number for seed in (1, 2) for number in range(500)}
    assert len(numbers) == 1000
    assert all(person(1, number).ins.key_is_valid() for number in range(50))
    assert canary(1).ins.key_is_valid()
    assert not {*canary(1).words} & {*person(1, 1).words}


@pytest.mark.parametrize("kind", Poison)
def test_poison_can_only_be_parked_or_denied(kind):
    value, headers = poison(kind)
    key = "no record id" if kind is Poison.NO_RECORD else "00000000-0000-4000-8000-000000000001"
    place = (RECORD_REQUESTS, partition_of(key, 8))
    found = requests({place: [Record(5, key.encode(), tuple(headers), value)]}, 8)
    assert found.parked == {(place[1], 5)}
    assert [asked.body for asked in found.asked] == ([] if kind is Poison.NO_RECORD else [None])


def test_a_schedule_follows_its_seed_and_ends_in_time():
    def faults(seed):
        return list(schedule(seed, seconds=120, services=SERVICES, replicas=2))

    assert faults(1) == faults(1) != faults(2)
    assert {fault.kind for fault in faults(1)} == set(Kind)
    for fault, following in itertools.pairwise(faults(1)):
        assert fault.ends_s < following.at_s
        assert fault.ends_s <= 120


def test_freezes_are_longer_than_what_they_have_to_outlast():
    for fault in schedule(5, seconds=600, services=SERVICES, replicas=2):
        if fault.kind in {Kind.FREEZE, Kind.WIPE_FROZEN}:
            assert fault.lasts_s > SESSION_S
        if fault.kind is Kind.FREEZE_INSIDE:
            assert fault.lasts_s > TRANSACTION_TIMEOUT_S
