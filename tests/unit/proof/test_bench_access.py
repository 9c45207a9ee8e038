"""The load on access_control alone: seeded, and decided by the rules as it says that it has to be."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

from deploy.proof.bench import access
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
