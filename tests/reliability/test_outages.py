"""Any service stopped: the others go on; when it is back, it catches up. That nothing is lost is judged at the end."""

import asyncio
import time

from deploy.local import environment
from deploy.proof.checker.gather import quiet
from deploy.proof.checker.sources import Sources
from shared.contracts.access_decisions import Outcome
from shared.contracts.topics import ACCESS_CONTROL, AUDIT, DOCUMENT, HISTORY, NOTIFICATION
from tests.support.acts import consult
from tests.support.system import eventually


class Stopped:
    """All replicas of a service are gone for the block, as after a power cut."""

    def __init__(self, system, service):
        self._units = [system.unit(environment.unit(service, number)) for number in (1, 2)]

    async def __aenter__(self):
        for unit in self._units:
            unit.wanted = False
            unit.process.kill()

    async def __aexit__(self, *_):
        for unit in self._units:
            unit.start(time.monotonic())


async def is_stored(acts, deposit):
    assert await acts.outcome(deposit) == "stored"


async def test_deposits_and_reads_go_on_without_any_of_those_that_follow(tended, acts):
    services = (AUDIT, NOTIFICATION, HISTORY)
    opened = [await acts.authorised() for _ in services]  # an opening needs all of them
    for service, (record, holder) in zip(services, opened, strict=True):
        async with Stopped(tended, service):
            deposit, _ = await acts.deposit(record, holder)
            await eventually(lambda deposit=deposit: is_stored(acts, deposit), timeout_s=40)
            decided = await acts.ask(record, consult())
            assert len((await acts.search(decided.permit)).json()["entries"]) == 1
    assert await quiet(Sources.of(tended)) is not None


async def test_reads_are_decided_without_document(tended, acts):
    record, holder = await acts.authorised()
    async with Stopped(tended, DOCUMENT):
        assert (await acts.ask(record, consult())).outcome is Outcome.PERMIT
    deposit, _ = await acts.deposit(record, holder)
    await eventually(lambda: is_stored(acts, deposit), timeout_s=40)
    assert await quiet(Sources.of(tended)) is not None


async def test_deposits_are_taken_without_access_control_and_decided_when_it_is_back(tended, acts):
    record, holder = await acts.authorised()
    async with Stopped(tended, ACCESS_CONTROL):
        deposits = [(await acts.deposit(record, holder))[0] for _ in range(5)]
        waiting = asyncio.create_task(acts.ask(record, consult(patience_s=60)))
        assert {await acts.outcome(deposit) for deposit in deposits} == {"staged"}
        assert not waiting.done()
    for deposit in deposits:
        await eventually(lambda deposit=deposit: is_stored(acts, deposit), timeout_s=40)
    assert (await waiting).outcome is Outcome.PERMIT
    assert await quiet(Sources.of(tended)) is not None
