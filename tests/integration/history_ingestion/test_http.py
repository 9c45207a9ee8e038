"""The gateway's calls: indexing a holder, and reading on a permit."""

import asyncio
import time
from uuid import uuid4

import pytest

from shared.contracts.access_decisions import RecordOpened
from shared.contracts.common import Act, Owner, Scope
from shared.terminology.ins import NIR
from tests.integration.history_ingestion.conftest import ACTOR, History
from tests.support.history import care, nir, record_of

BACKFILL = "insurance.backfill-requests.amo-test"


async def test_indexing_twice_is_indexing_once(history: History) -> None:
    assert (await history.put(1)).json() == {"open": False}
    assert await history.sent(BACKFILL) == []
    await history.says(1, RecordOpened(actor=ACTOR))
    assert (await history.put(1)).json() == {"open": True}
    assert len(await history.sent(BACKFILL)) == 1


async def test_the_backfill_is_asked_for_whichever_comes_last(history: History) -> None:
    await history.says(1, RecordOpened(actor=ACTOR))
    assert await history.sent(BACKFILL) == []
    for _ in range(2):
        assert (await history.put(1)).json() == {"open": True}
    asked = await history.sent(BACKFILL)
    assert [one["matricule"] for one in asked] == [nir(1)]
    assert str(record_of(1)) not in str(asked)


async def test_calls_at_the_same_moment_index_once(history: History) -> None:
    await history.says(1, RecordOpened(actor=ACTOR))
    answers = await asyncio.gather(*(history.put(1) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await history.sent(BACKFILL)) == 1


async def test_an_ins_leads_to_one_record(history: History) -> None:
    await history.put(1)
    for answer in (await history.put(1, record=record_of(2)), await history.put(2, record=record_of(1))):
        assert answer.status_code == 409
        assert answer.json()["code"] == "indexed_elsewhere"
    both = await asyncio.gather(history.put(5, record=uuid4()), history.put(5, record=uuid4()))
    assert sorted(answer.status_code for answer in both) == [200, 409]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"oid": "1.2.3"}, "bad_ins"),
        ({"matricule": "X" * 15}, "bad_ins"),
        ({"oid": NIR}, "ins_not_taken_here"),
        ({"matricule": "1"}, "invalid_request"),
    ],
)
async def test_an_ins_that_is_none_is_refused_without_repeating_it(history: History, changes, code) -> None:
    answer = await history.put(1, **changes)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert nir(1) not in answer.text


async def test_only_the_gateway_may_call(history: History) -> None:
    for answer in (
        await history.put(1, identity=history.stranger),
        await history.call("POST", "/read", {"permit": history.permit(1)}, history.stranger),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "caller_not_allowed")
    assert await history.rows("SELECT FROM person") == []


async def test_a_read_is_recorded_and_traced(history: History) -> None:
    await history.open(1)
    await history.take([care()])
    request = uuid4()
    answer = await history.read(1, id=request)
    assert answer.status_code == 200
    assert len(answer.json()["sections"]) == 7
    assert answer.json()["usage_title"] == "Usage et Responsabilités"
    rows = await history.rows("SELECT request, record FROM consulted")
    assert [tuple(row.values()) for row in rows] == [(request, record_of(1))]
    event = (await history.sent("history.events"))[-1]
    assert event["request"] == str(request)
    assert event["actor"]["number"] == ACTOR.number
    assert "SECRET" not in str(event)


async def test_an_empty_history_shows_every_section(history: History) -> None:
    shown = await history.shown(7)
    assert len(shown) == 7
    assert not any(shown.values())


async def refused(history: History, permit: str) -> str:
    answer = await history.call("POST", "/read", {"permit": permit})
    assert answer.status_code == 403, answer.text
    assert answer.json()["detail"]
    return str(answer.json()["code"])


async def test_permits_that_do_not_hold_are_refused_and_say_why(history: History) -> None:
    await history.open(1)
    await history.take([care()])
    good = history.permit(1)
    header, _, signature = good.split(".")
    other = history.permit(2).split(".")[1]
    assert await refused(history, history.permit(1, age_s=5.1)) == "permit_expired"
    assert await refused(history, history.permit(1, owner=Owner.DOCUMENT)) == "permit_other_owner"
    assert await refused(history, f"{header}.{other}.{signature}") == "permit_altered"
    assert await refused(history, "nonsense") == "permit_malformed"
    assert await refused(history, history.permit(1, act=Act.DEPOSIT)) == "permit_other_act"
    assert await refused(history, history.permit(1, scope=Scope(types=frozenset({"34133-9"})))) == "outside_scope"
    assert await history.rows("SELECT FROM consulted") == []
    assert (await history.read(1, scope=Scope(types=frozenset({"REMB"})))).status_code == 200


async def test_a_permit_opens_one_read(history: History) -> None:
    await history.open(1)
    permit = history.permit(1)
    answers = await asyncio.gather(*(history.call("POST", "/read", {"permit": permit}) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 403, 403]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 403} == {"permit_used"}
    assert len(await history.sent("history.events")) == 1


async def test_the_databases_clock_decides_when_a_permit_has_run_out(history: History, monkeypatch) -> None:
    """The service's clock goes 3 s late, so its own check lets the permit pass."""
    permit = history.permit(1, age_s=6)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 3)
    assert await refused(history, permit) == "permit_expired"
    assert await history.rows("SELECT FROM consulted") == []
