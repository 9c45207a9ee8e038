"""The load on access_control alone: seeded, and decided by the rules as it says that it has to be."""

import subprocess
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID

import psutil
import pytest

from deploy.local import environment
from deploy.proof.bench import access
from deploy.proof.bench.bed import BenchError
from deploy.proof.bench.figures import Figure
from deploy.proof.bench.preloaded import AUTHORISED, Preloaded
from services.access_control.domain.record import Record, Right, State
from shared.contracts.access_decisions import Outcome
from shared.contracts.record_requests import Authorise
from tests.unit.access_control.cast import REQUESTS, decided, message

RECORDS = [UUID(int=number, version=4) for number in range(1, 20)]
STOCK = Record(state=State.OPEN, rights={AUTHORISED.number: Right()})


def test_every_request_is_decided_for_the_reason_that_its_place_in_the_load_demands():
    load = Preloaded(RECORDS, seed=1)
    states = dict.fromkeys(RECORDS, STOCK)
    found: Counter[str] = Counter()
    for record, body in load.requests(1500):
        effects = REQUESTS[type(body)](message(body, record=record), states[record], datetime.now(UTC))
        states[record] = effects.state
        found[decided(effects).reasons[0].value] += 1
    assert found == load.wanted
    assert len(found) == 3
    assert load.versions == {record: state.rights_version for record, state in states.items()}


def test_the_next_load_goes_on_with_the_versions_that_the_last_one_left():
    first = Preloaded(RECORDS, seed=1)
    first.requests(100)
    before = dict(first.versions)
    second = Preloaded(RECORDS, seed=2, versions=first.versions)
    commands = [(record, body) for record, body in second.requests(300) if isinstance(body, Authorise)]
    begun = {record: body.rights_version for record, body in reversed(commands)}
    assert begun == {record: before.get(record, 0) for record in begun}
    assert any(begun.values())


def test_the_record_of_the_pure_decision_has_its_rights_and_its_cases_their_answers():
    record, now = access._busy_record(), datetime.now(UTC)
    assert len(record.rights) == 200
    found = {}
    for name, (actor, mode, reason) in access._cases().items():
        asked = access.Asked(actor, access.Owner.DOCUMENT, mode, now + timedelta(seconds=1), reason_code=reason)
        verdict = access.decide.consult(record, asked, now, access.load_matrix())
        found[name] = (Outcome.PERMIT if verdict.permitted else Outcome.DENY, str(verdict.reason))
    assert found["authorised"] == ("permit", "authorised")
    assert found["blocked"] == ("deny", "blocked")
    assert found["not authorised"] == ("deny", "not_authorised")
    assert found["holder"] == ("permit", "holder")
    assert found["bris de glace"][0] == "permit"


def test_a_comparison_is_disturbed_where_either_side_was():
    """Three thousand a second beside somebody else's work would make any number of rights look cheap."""
    for few_beside, many_beside in ((0.9, 0.0), (0.0, 0.9), (0.0, 0.0)):
        few, many, ratio = (Figure(name, {}) for name in (*["access.decisions_per_s"] * 2, "access.rights_10m_ratio"))
        few.add(4000, others_cores=0.0)
        few.add(6000, others_cores=few_beside)
        many.add(4500, others_cores=many_beside)
        access._compare(ratio, few, many)
        assert (ratio.runs, ratio.disturbed) == ([0.9], few_beside + many_beside > 0)


@pytest.fixture
def processes():
    """As many processes as the figure takes, under the names that a system gives them."""
    running = {name: subprocess.Popen(["sleep", "60"]) for name in access._NAMES}
    try:
        yield {name: process.pid for name, process in running.items()}
    finally:
        for process in running.values():
            process.kill()
            process.wait()


def become(pids: dict[str, int], *, stopped: bool) -> bool:
    """True once all are stopped, or none is."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if all((psutil.Process(pid).status() == psutil.STATUS_STOPPED) is stopped for pid in pids.values()):
            return True
        time.sleep(0.01)
    return False


def test_nobody_decides_while_the_load_is_published_and_everybody_afterwards(processes):
    ready = SimpleNamespace(pids=lambda: processes)
    with access._frozen(ready):
        assert become(processes, stopped=True)
    assert become(processes, stopped=False)
    with pytest.raises(ZeroDivisionError), access._frozen(ready):
        raise ZeroDivisionError
    assert become(processes, stopped=False)


def test_who_is_frozen_for_so_long_that_partitions_are_lost_makes_no_figure(processes, monkeypatch):
    monkeypatch.setattr(access, "_FREEZE_S", 0.0)
    with pytest.raises(BenchError), access._frozen(SimpleNamespace(pids=lambda: processes)):
        pass
    assert become(processes, stopped=False)


def test_the_figure_is_taken_on_as_many_processes_as_its_config_says():
    options = access._alone()
    assert [environment.unit(*one) for one in options.units()] == list(access._NAMES)
    assert access._PATH["processes"] == options.replicas == len(access._NAMES)
