"""The wait for a decision: only the one on this request ends it."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest

from services.gateway.api.outcomes import translated
from services.gateway.api.requests import Requests, by_our_clock
from shared.contracts import topics
from shared.contracts.access_decisions import Decided, Outcome, RightsChanged
from shared.contracts.common import Act, Actor, ActorKind, Owner
from shared.contracts.document_events import DocumentHeld
from shared.contracts.envelope import Envelope, to_headers
from shared.contracts.record_requests import Consult
from shared.http import Problem
from shared.messaging import UnsentError

HOLDER = Actor(kind=ActorKind.PATIENT)
ASKED = Consult(actor=HOLDER, owner=Owner.AUDIT, deadline=datetime(2027, 1, 1, tzinfo=UTC))


def decided(request):
    return Decided(request=request, act=Act.CONSULT, outcome=Outcome.PERMIT, reasons=())


@pytest.fixture
def requests(world, settings):
    return Requests(world, world.replies, settings.partitions)


async def test_what_else_a_request_causes_is_passed_over(world, requests, monkeypatch) -> None:
    async def send(topic, body, *, key, partitions, identity):
        changed = RightsChanged(act=Act.BLOCK, actor=HOLDER, professional=None, rights_version=1)
        for caused in (changed, decided(uuid4()), decided(identity)):
            world.tell(identity, caused, topics.ACCESS_DECISIONS, key)
        sent.append(identity)

    sent = []
    monkeypatch.setattr(world, "send", send)
    found = await requests.decide(uuid4(), ASKED, 0.5)
    assert [found.request] == sent


async def test_decisions_on_others_do_not_prolong_the_wait(world, requests, monkeypatch) -> None:
    async def send(topic, body, *, key, partitions, identity):
        for _ in range(3):
            world.tell(identity, decided(uuid4()), topics.ACCESS_DECISIONS, key)

    monkeypatch.setattr(world, "send", send)
    started = time.monotonic()
    with pytest.raises(Problem) as error:
        await requests.decide(uuid4(), ASKED, 0.2)
    assert error.value.status == 504
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("behind", [timedelta(hours=-1), timedelta(), timedelta(hours=1)])
def test_a_block_is_in_force_after_the_span_that_it_told_whatever_our_clock_says(behind) -> None:
    """An hour ahead, our clock would have told the patient at once, with permits out for five seconds."""
    told_at, left = datetime.now(UTC) - behind, timedelta(seconds=5)
    block = decided(uuid4()).model_copy(update={"in_force_at": told_at + left})
    before = datetime.now(UTC)
    moment = by_our_clock(block, told_at).in_force_at
    assert before + left <= moment <= datetime.now(UTC) + left


async def test_a_decision_is_waited_for_by_the_span_that_it_told(world, requests, monkeypatch) -> None:
    async def send(topic, body, *, key, partitions, identity):
        block = decided(identity).model_copy(update={"in_force_at": datetime(2020, 1, 1, tzinfo=UTC)})
        world.tell(identity, block, topics.ACCESS_DECISIONS, key)

    monkeypatch.setattr(world, "send", send)
    found = await requests.decide(uuid4(), ASKED, 0.5)
    assert found.in_force_at <= datetime.now(UTC)


async def test_nobody_waits_after_the_answer(world, requests) -> None:
    await requests.decide(uuid4(), ASKED, 0.5)
    world.silent = True
    with pytest.raises(Problem):
        await requests.decide(uuid4(), ASKED, 0.05)
    assert world.replies._waiting == {}


async def test_requests_that_come_together_leave_together_and_each_fails_alone(world, requests, monkeypatch) -> None:
    send, begun, all_begun = world.send, [], asyncio.Event()
    refused = uuid4()

    async def slow(topic, body, *, key, partitions, identity):
        begun.append(key)
        if len(begun) == 3:
            all_begun.set()
        await all_begun.wait()  # nobody is confirmed before all are handed over
        if key == str(refused):
            raise UnsentError("no broker")
        return await send(topic, body, key=key, partitions=partitions, identity=identity)

    monkeypatch.setattr(world, "send", slow)
    one, two = uuid4(), uuid4()
    found = await asyncio.gather(
        *(requests.decide(record, ASKED, 5.0) for record in (one, refused, two)), return_exceptions=True
    )
    assert isinstance(found[1], Problem)
    assert found[1].code == "unsent"
    assert [decision.outcome for decision in (found[0], found[2])] == [Outcome.PERMIT] * 2


async def test_who_asks_later_is_handed_over_while_others_are_not_confirmed(world, requests, monkeypatch) -> None:
    send, stuck = world.send, uuid4()

    async def slow(topic, body, *, key, partitions, identity):
        if key == str(stuck):
            await asyncio.Event().wait()
        return await send(topic, body, key=key, partitions=partitions, identity=identity)

    monkeypatch.setattr(world, "send", slow)
    first = asyncio.create_task(requests.decide(stuck, ASKED, 5.0))
    await asyncio.sleep(0.02)
    assert (await asyncio.wait_for(requests.decide(uuid4(), ASKED, 5.0), 5)).outcome is Outcome.PERMIT
    first.cancel()


def record(correlation, body, topic):
    """A message as it comes from Kafka."""
    headers = to_headers(Envelope(uuid4(), body.type_name, "test", datetime.now(UTC), correlation))
    value = body.model_dump_json().encode()
    return SimpleNamespace(topic=topic, partition=0, offset=0, headers=headers, key=b"k", value=value)


async def test_who_waits_for_one_topic_is_not_woken_by_another(world, requests) -> None:
    deposit = uuid4()
    held = DocumentHeld(deposit=deposit)
    with requests.waiting(deposit, topics.DOCUMENT_EVENTS) as waiting:
        world.replies._hand_over(record(deposit, decided(deposit), topics.ACCESS_DECISIONS))
        world.replies._hand_over(record(deposit, held, topics.DOCUMENT_EVENTS))
        assert (await waiting.next(0.1)).body == held
        with pytest.raises(TimeoutError):
            await waiting.next(0.01)


def test_a_problem_with_named_fields_as_an_outcome() -> None:
    problem = {"status": 422, "code": "invalid_request", "detail": "No.", "errors": [{"at": "path.x", "wrong": "uuid"}]}
    (issue,) = translated(problem)["issue"]
    assert (issue["code"], issue["diagnostics"]) == ("processing", "No. path.x: uuid")
    assert issue["details"]["coding"][0]["code"] == "invalid_request"


def test_every_status_is_an_issue() -> None:
    assert translated({"status": 500, "code": "x", "detail": "d"})["issue"][0]["code"] == "exception"
