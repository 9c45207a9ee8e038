"""Requests through a real broker, by two replicas: one decision each, equal to a sequential reading of the topic."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from aiokafka import TopicPartition

from services.access_control.domain.record import Record, State
from shared.contracts.access_decisions import Decided
from shared.contracts.common import Body
from shared.contracts.envelope import Envelope, from_headers, to_headers
from shared.contracts.record_deposits import Deposit
from shared.contracts.record_requests import Authorise, Block, Consult, Revoke, Unblock
from shared.contracts.topics import ACCESS_DECISIONS, RECORD_DEPOSITS, RECORD_REQUESTS
from shared.messaging import partition_of
from tests.integration.access_control.conftest import Service, composed, consult
from tests.support.parts import replica
from tests.support.system import PARTITIONS, System, eventually, fresh_database
from tests.unit.access_control.cast import DOCTOR, HOLDER, OTHER_DOCTOR, REQUESTS, decided, message

pytestmark = pytest.mark.kafka


@dataclass
class Live:
    """The running service, and the writers and readers around it."""

    service: Service

    async def send(self, topic: str, bodies: Sequence[tuple[UUID, UUID, Body]], *, number_from: int = 1) -> None:
        """Send (record, request, body), in order; numbered where the topic is."""
        kafka = self.service.runtime.kafka
        producer = kafka.producer()
        await producer.start()
        numbers: dict[int, int] = defaultdict(lambda: number_from - 1)
        sent = []
        for record, request, body in bodies:
            partition = partition_of(str(record), PARTITIONS)
            numbers[partition] += 1
            number = numbers[partition] if topic == RECORD_DEPOSITS else None
            headers = to_headers(Envelope(request, body.type_name, "gateway", datetime.now(UTC), request, None, number))
            value = body.model_dump_json().encode()
            sent.append(
                await producer.send(kafka.prefix + topic, value, str(record).encode(), partition, headers=headers)
            )
        await asyncio.gather(*sent)
        await producer.stop()

    async def decisions(self) -> list[Decided]:
        """Every decision in the topic, each partition's in order."""
        kafka = self.service.runtime.kafka
        reader = kafka.reader()
        await reader.start()
        places = [TopicPartition(kafka.prefix + ACCESS_DECISIONS, one) for one in range(PARTITIONS)]
        end = await reader.end_offsets(places)
        reader.assign(places)
        await reader.seek_to_beginning(*places)
        found = []
        while any([await reader.position(place) < end[place] for place in places]):
            for records in (await reader.getmany(timeout_ms=200)).values():
                found += [
                    Decided.model_validate_json(one.value)
                    for one in records
                    if from_headers(one.headers).type == Decided.type_name
                ]
        await reader.stop()
        return found

    async def answered(self, requests: set[UUID]) -> dict[UUID, Decided]:
        """Wait for the decisions on these requests; each has one."""
        told: list[Decided] = []

        async def all_told():
            told[:] = [one for one in await self.decisions() if one.request in requests]
            assert {one.request for one in told} == requests

        await eventually(all_told, 60)
        assert len(told) == len(requests), "one decision each"
        return {one.request: one for one in told}


@pytest.fixture
async def live(system: System, prefix: str, tmp_path: Path) -> AsyncIterator[Live]:
    system.topics(prefix)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(fresh_database(system, service="access_control"))
        service = await stack.enter_async_context(composed(tmp_path, system, url, prefix))
        await stack.enter_async_context(replica(service.runtime, service.parts))
        await stack.enter_async_context(replica(service.runtime, service.parts))
        yield Live(service)


def anything(version: int) -> Body:
    """A request as a holder or a doctor may make it, now and then on rights that were overtaken."""
    kind = random.choice([Consult, Consult, Authorise, Block, Unblock, Revoke])
    actor = random.choice([DOCTOR, OTHER_DOCTOR])
    if kind is Consult:
        return consult(actor, seconds=300)
    return kind(actor=HOLDER, rights_version=random.choice([version, version, version - 1]), professional=actor.number)


async def test_every_request_is_decided_once_as_a_sequential_reading_says(live):
    records = [await live.service.opened(person) for person in range(1, 9)]
    states = dict.fromkeys(records, Record(state=State.OPEN))
    expected: dict[UUID, tuple] = {}
    work = []
    for _ in range(600):
        record, request = random.choice(records), uuid4()
        body = anything(states[record].rights_version)
        effects = REQUESTS[type(body)](
            message(body, identity=request, record=record), states[record], datetime.now(UTC)
        )
        states[record] = effects.state
        expected[request] = (decided(effects).reasons, decided(effects).rights_version)
        work.append((record, request, body))
    await live.send(RECORD_REQUESTS, work)
    await live.send(RECORD_REQUESTS, random.sample(work, 100))
    told = await live.answered(set(expected))
    assert {request: (one.reasons, one.rights_version) for request, one in told.items()} == expected
    assert len({one.reasons for one in told.values()}) >= 5, "the sequence met many answers"


async def test_a_block_followed_by_a_read_never_lets_the_read_pass(live):
    """Both in flight at once, on many records."""
    records = [await live.service.opened(person) for person in range(1, 31)]
    work, reads = [], set()
    for record in records:
        read = uuid4()
        reads.add(read)
        work += [
            (record, uuid4(), Authorise(actor=HOLDER, rights_version=0, professional=DOCTOR.number)),
            (record, uuid4(), consult(DOCTOR, 60)),
            (record, uuid4(), Block(actor=HOLDER, rights_version=1, professional=DOCTOR.number)),
            (record, read, consult(DOCTOR, 60)),
        ]
    await live.send(RECORD_REQUESTS, work)
    told = await live.answered({request for _, request, _ in work})
    for request in reads:
        assert [reason.value for reason in told[request].reasons] == ["blocked"]
        assert told[request].permit is None
    for permitted, blocked in ((told[work[i + 1][1]], told[work[i + 2][1]]) for i in range(0, len(work), 4)):
        assert blocked.in_force_at == permitted.expires


async def test_a_read_does_not_wait_for_the_deposits_before_it(live):
    record = await live.service.opened(1)
    await live.send(RECORD_DEPOSITS, [(record, one, deposit(one)) for one in [uuid4()]])
    await live.send(RECORD_REQUESTS, [(record, uuid4(), consult(HOLDER, 60))])

    async def both_lanes_work():
        assert len(await live.decisions()) == 2

    await eventually(both_lanes_work)
    waiting, read = [uuid4() for _ in range(4000)], uuid4()
    await live.send(RECORD_DEPOSITS, [(record, one, deposit(one)) for one in waiting], number_from=2)
    await live.send(RECORD_REQUESTS, [(record, read, consult(HOLDER, 60))])
    await live.answered({*waiting, read})
    order = [one.request for one in await live.decisions()]
    assert order.index(read) < order.index(waiting[-1])
    order.remove(read)
    assert order[-len(waiting) :] == waiting, "deposits are decided in their order"


def deposit(identity: UUID) -> Deposit:
    return Deposit(deposit=identity, actor=DOCTOR, type_code="11502-2")
