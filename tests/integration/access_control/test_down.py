"""The database away, a bug in a rule, words that nobody knows: in the real lane nothing is ever permitted by it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from services.access_control.domain import decide, rights
from services.access_control.domain.branches import professionals
from shared.contracts.common import AccessMode, Act
from shared.contracts.record_requests import Authorise, Block, Consult, Release
from shared.database import is_transient
from shared.messaging import Fate, ParkedMessages
from tests.integration.access_control.conftest import Service, composed, consult, ins
from tests.integration.access_control.test_lanes import deposit
from tests.support.proxy import Proxy
from tests.support.system import System, fresh_database
from tests.unit.access_control.cast import DOCTOR, HOLDER, OPERATOR, OTHER_DOCTOR
from tests.unit.access_control.test_planted_bugs import planted

pytestmark = pytest.mark.kafka

AUTHORISE = Authorise(actor=HOLDER, rights_version=0, professional=DOCTOR.number)
BLOCK = Block(actor=HOLDER, rights_version=1, professional=OTHER_DOCTOR.number)


@pytest.fixture
async def far(system: System, tmp_path: Path) -> AsyncIterator[tuple[Service, Proxy]]:
    """The service behind a line to its database that can be cut."""
    async with AsyncExitStack() as stack:
        url = urlsplit(await stack.enter_async_context(fresh_database(system, service="access_control")))
        proxy = Proxy(url.hostname or "", url.port or 0)
        port = await proxy.reserve()
        await proxy.listen()
        near = url._replace(netloc=f"{url.username}:{url.password}@127.0.0.1:{port}").geturl()
        yield await stack.enter_async_context(composed(tmp_path, system, near)), proxy
        await proxy.cut()


async def decided(service, record):
    return [one["reasons"][0] for one in await service.told(record) if "reasons" in one]


async def test_without_its_database_nothing_is_decided_and_afterwards_everything_once(far):
    service, proxy = far
    record = await service.opened()
    await service.ask(record, AUTHORISE)
    waiting = [service.message(record, consult(DOCTOR, 60)), service.message(record, consult(OTHER_DOCTOR, 60))]
    await proxy.cut()
    for _ in range(3):
        with pytest.raises(Exception) as caught:
            await asyncio.wait_for(service.take(*waiting), 30)
        assert is_transient(caught.value), caught.value
    answers = [
        await service.call("POST", "/records/lookup", {"persons": [ins(1)]}),
        await service.call("GET", f"/records/{record}/rights"),
        await service.open(2),
    ]
    assert [answer.status_code for answer in answers] == [503] * 3
    await proxy.listen()
    await service.take(*waiting)
    await service.take(*waiting)
    assert await decided(service, record) == ["holder", "authorised", "not_authorised"]


async def test_a_request_that_waited_too_long_for_the_database_is_late_and_not_permitted(far):
    service, proxy = far
    record = await service.opened()
    await service.ask(record, AUTHORISE)
    waiting = service.message(record, consult(DOCTOR, 0.3))
    await proxy.cut()
    with pytest.raises(Exception):  # noqa: B017 - as above
        await asyncio.wait_for(service.take(waiting), 30)
    await asyncio.sleep(0.4)
    await proxy.listen()
    await service.take(waiting)
    assert await decided(service, record) == ["holder", "late"]


async def test_ar_018_a_bug_in_a_rule_hurts_the_record_that_meets_it_alone(service):
    """Also where it is the rule that says whether access was to be taken: held, and the lane goes on."""
    hurt, neighbour = await service.opened(1), await service.opened(2)
    for record in (hurt, neighbour):
        await service.ask(record, AUTHORISE)
    with planted(rights.RULES[Act.BLOCK], "restricts"):
        await service.take(
            service.message(hurt, BLOCK),
            service.message(neighbour, consult(DOCTOR)),
            service.message(hurt, consult(DOCTOR)),
            service.message(hurt, consult(HOLDER)),
            service.message(neighbour, consult(HOLDER)),
        )
    assert await decided(service, hurt) == ["holder", "internal_error", "record_held", "record_held"]
    assert await decided(service, neighbour) == ["holder", "authorised", "holder"]
    assert len(await service.rows("SELECT FROM parked")) == 1
    await service.ask(hurt, Release(actor=OPERATOR))
    await service.ask(hurt, BLOCK)
    assert (await service.consult(hurt, DOCTOR))["outcome"] == "permit"
    assert (await service.consult(hurt, OTHER_DOCTOR))["reasons"] == ["blocked"]


@pytest.mark.parametrize("lane", ["requests", "deposits"])
async def test_what_was_denied_after_a_bug_stays_denied_by_a_replay(service, lane):
    """A request has one decision, and the denial is one: who asked asks again, and the operator discards the row."""
    record = await service.opened()
    body = deposit() if lane == "deposits" else consult(HOLDER)
    with planted(decide, "deposit" if lane == "deposits" else "consult"):
        await service.take(service.message(record, body, lane), lane=lane)
    assert await decided(service, record) == ["internal_error"]
    parked = parked_of(service)
    (row,) = await parked.listed()
    told = await parked.replay(row.id, "op-1", "the bug is mended", rehearse=False)
    assert (told.fate, "discard it" in told.sentence) == (Fate.REFUSED, True)
    assert await decided(service, record) == ["internal_error"]
    assert (await parked.discard(row.id, "op-1", "who asked has asked again")).fate is Fate.DONE
    assert await parked.listed() == []


def parked_of(service):
    runtime = service.runtime
    return ParkedMessages(
        database=runtime.database,
        topics=runtime.topics,
        consumers=service.parts.consumers,
        outbox=runtime.outbox,
        seal=runtime.seal,
        unseal=runtime.unseal,
    )


async def test_ar_018_a_bug_in_the_step_that_asks_for_blocks_permits_no_professional(service):
    record, neighbour = await service.opened(1), await service.opened(2)
    await service.ask(record, AUTHORISE)
    (block,) = [step for step in professionals.STEPS if step.code == "E4"]
    with planted(block, "ask"):
        await service.take(
            service.message(record, consult(DOCTOR)),
            service.message(record, consult(HOLDER)),
            service.message(neighbour, consult(OTHER_DOCTOR)),
            service.message(neighbour, AUTHORISE),
        )
    assert await decided(service, record) == ["holder", "internal_error", "holder"]
    assert await decided(service, neighbour) == ["internal_error", "holder"]
    assert (await service.consult(record, DOCTOR))["outcome"] == "permit", "nothing is held by a read"


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "passe_partout"},
        {"owner": "everybody"},
        {"purpose": "statistics"},
        {"actor": {"kind": "robot"}},
        {"actor": {"kind": None}},
        {"actor": {"capacity": "king"}},
        {"actor": {"strength": "nobody_knows"}},
        {"actor": {"authenticated": None}},
        {"actor": {"authenticated": False}},
        {"actor": {"number": None}},
        {"actor": {"role": "G99_1"}},
        {"actor": {"sector": None}},
        {"mode": AccessMode.EMERGENCY.value, "reason_code": "curiosity"},
        {"mode": AccessMode.REGULATION.value, "reason_code": "unconscious"},
        {"deadline": "2999-13-01T00:00:00Z"},
        {"deadline": "2999-01-01T00:00:00"},
        {"deadline": None},
    ],
    ids=json.dumps,
)
async def test_ar_016_a_word_or_claim_that_nobody_knows_is_denied_and_the_next_is_decided(service, change):
    record = await service.opened()
    await service.ask(record, AUTHORISE)
    told = json.loads(consult(DOCTOR, 30).model_dump_json())
    told = told | change | {"actor": told["actor"] | change.get("actor", {})}
    await service.take(
        service.message(record, json.dumps(told).encode(), kind=Consult.type_name),
        service.message(record, consult(DOCTOR)),
    )
    _, wrong, right = [one for one in await service.told(record) if "outcome" in one]
    assert (wrong["outcome"], wrong.get("permit")) == ("deny", None)
    assert right["outcome"] == "permit"
