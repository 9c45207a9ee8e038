"""What clients and insurers do follows from the seed; a client repeats what is unknown, and nothing else."""

import itertools
from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace

import httpx2
import orjson
import pytest

from deploy.proof.checker.clients import Clients
from deploy.proof.faults.schedule import Kind, schedule
from deploy.proof.load import client as module
from deploy.proof.load.client import Client, Who, problem
from deploy.proof.load.lines import WRONG, batches, label
from deploy.proof.load.lines import Kind as LineKind
from deploy.proof.load.people import person
from deploy.proof.load.visits import Deed, visits
from shared.contracts.insurance import LineAction
from shared.contracts.topics import GATEWAY, SERVICES
from shared.http import Problem

TODAY = datetime(2026, 1, 1, tzinfo=UTC).date()
PEOPLE = [person(1, number).ins for number in range(4)]


def planned(seed=1, seconds=60):
    return list(visits(seed, records=10, rate=20, seconds=seconds))


def test_the_same_seed_gives_the_same_visits():
    assert planned() == planned() != planned(2)


def test_visits_keep_their_rate_and_have_every_deed():
    found = planned()
    assert 1000 < len(found) < 1400
    assert all(earlier.at_s <= later.at_s for earlier, later in itertools.pairwise(found))
    assert {visit.deed for visit in found} == set(Deed)
    assert {visit.times for visit in found} == {1, 2, 3}
    assert all(visit.reader is not None for visit in found if visit.deed in {Deed.CHANGE, Deed.MASK, Deed.UNMASK})
    assert {visit.deed for visit in found if visit.later} == {Deed.DEPOSIT}


def days(seed=1, seconds=60):
    return list(batches(seed, PEOPLE, TODAY, seconds=seconds))


def test_the_same_seed_gives_the_same_lines():
    assert days() == days() != days(2)


def test_a_day_has_every_kind_of_line_and_batches_again():
    found = days()
    kinds = Counter(line.kind for batch in found for line in batch.lines)
    assert kinds.keys() == set(LineKind)
    assert kinds[LineKind.NEW] > sum(kinds[kind] for kind in WRONG)
    assert {(batch.again, batch.same_ids) for batch in found} == set(itertools.product((True, False), repeat=2))


def test_every_mark_is_one_persons_and_corrections_raise_the_version():
    people, last = {}, {}
    for line in (line for batch in days() for line in batch.lines if line.kind not in WRONG):
        body = line.body
        assert body.label == label(body.line, body.version)
        assert people.setdefault(body.label, line.person) == line.person
        if line.kind in {LineKind.CORRECTION, LineKind.CANCELLATION}:
            assert body.version == last[body.line] + 1
            assert (body.action is LineAction.CANCEL) is (line.kind is LineKind.CANCELLATION)
        last[body.line] = max(last.get(body.line, 0), body.version)


def test_each_round_of_faults_kills_a_door_and_freezes_one():
    found = list(schedule(1, seconds=300, services=SERVICES, replicas=2))
    at_doors = Counter(fault.kind for fault in found if fault.target.startswith(GATEWAY))
    rounds = sum(fault.kind is Kind.WIPE for fault in found)
    assert rounds > 1
    assert min(at_doors[Kind.KILL], at_doors[Kind.FREEZE]) >= rounds - 1


def test_who_has_no_door_hurts_none():
    services = [service for service in SERVICES if service != GATEWAY]
    assert not any(
        fault.target.startswith(GATEWAY) for fault in schedule(1, seconds=300, services=services, replicas=2)
    )


@pytest.fixture
def asked(monkeypatch):
    """A client of two doors that answer as told, by turns; gives it, what it wrote down, and who was asked."""
    monkeypatch.setattr(module, "fetch", lambda *_, **__: "token")
    monkeypatch.setattr(module, "AGAIN_S", 0.0)

    def arrange(*answers):
        coming, doors, clients = iter(answers), [], Clients()

        def door(number):
            async def request(_method, _path, **_):
                doors.append(number)
                answer = next(coming)
                if isinstance(answer, Exception):
                    raise answer
                return answer

            return SimpleNamespace(request=request)

        client = Client([door(1), door(2)], "", clients)

        async def insist():
            return await client.insist(lambda: client.ask("search", Who("x"), "GET", "/fhir/x", 5.0))

        return SimpleNamespace(insist=insist, clients=clients, doors=doors)

    return arrange


def answer(status, body=None):
    return httpx2.Response(status, content=b"" if body is None else orjson.dumps(body))


def outcome(code, sentence):
    issue = {"code": "transient", "diagnostics": sentence, "details": {"coding": [{"code": code}]}}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


async def test_what_is_unknown_is_repeated_at_the_other_door(asked):
    broken, lost = answer(503, outcome("unsent", "Not handed over.")), httpx2.ConnectError("reset")
    found = asked(lost, broken, answer(504, {"oops": 1}), answer(200))
    assert (await found.insist()).status_code == 200
    assert found.doors == [1, 2, 1, 2]
    assert [attempt.status for attempt in found.clients.attempts] == [None, 503, 504, 200]
    assert [attempt.unknown for attempt in found.clients.attempts] == [True, True, True, False]
    assert [attempt.clear for attempt in found.clients.attempts] == [True, True, False, True]
    assert found.clients.attempts[1].code == "unsent"


@pytest.mark.parametrize("status", [200, 202, 403, 404, 412])
async def test_what_is_known_is_not_repeated(asked, status):
    found = asked(answer(status))
    assert (await found.insist()).status_code == status
    assert len(found.doors) == 1


async def test_what_stays_unknown_is_given_up_and_told(asked, monkeypatch):
    monkeypatch.setattr(module, "GIVE_UP_S", -1.0)
    found = asked(answer(503))
    assert await found.insist() is None
    assert found.clients.given_up == ["a search was never answered, at last 503"]


def test_a_problem_has_the_form_that_its_address_promises():
    plain = Problem(503, "unsent", "Not handed over.").content()
    fhir = outcome("unsent", "Not handed over.")
    assert problem(answer(503, plain), "/records/x") == ("unsent", "Not handed over.")
    assert problem(answer(503, fhir), "/fhir/x") == ("unsent", "Not handed over.")
    assert problem(answer(503, fhir), "/records/x") == problem(answer(503, plain), "/fhir/x") == ("", "")
    assert problem(answer(500), "/fhir/x") == ("", "")
