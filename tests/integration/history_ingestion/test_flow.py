"""Lines through a real broker: from the insurer's topic to the record, the receipt and the backfill."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from shared.contracts.access_decisions import ConsentChanged, RecordOpened
from shared.contracts.common import Body, FurtherAct
from shared.contracts.envelope import Envelope, to_headers
from shared.messaging import Outbox, partition_of
from tests.integration.history_ingestion.conftest import ACTOR, History, composed
from tests.support.history import TOPIC, care, record_of
from tests.support.parts import replica
from tests.support.system import PARTITIONS, System, eventually, fresh_database

RECEIPTS = "insurance.receipts.amo-test"


@pytest.fixture
async def live(system: System, prefix: str, tmp_path: Path) -> AsyncIterator[History]:
    system.topics(prefix)
    async with (
        fresh_database(system, service="history_ingestion") as url,
        composed(tmp_path, system, url, prefix) as history,
        replica(history.runtime, history.parts),
    ):
        yield history


async def publish(history: History, bodies: Sequence[bytes]) -> None:
    """As the insurer does: keyed by its own choice, ids of its own, no numbers."""
    kafka = history.runtime.kafka
    producer = kafka.producer()
    await producer.start()
    sent = []
    for place, body in enumerate(bodies):
        identity = uuid4()
        kind = "carnet.insurance.reimbursed-care.v1"
        headers = to_headers(Envelope(identity, kind, "insurer-amo-test", datetime.now(UTC), identity))
        sent.append(await producer.send(kafka.prefix + TOPIC, body, str(place % 16).encode(), headers=headers))
    await asyncio.gather(*sent)
    await producer.stop()


async def says(history: History, person: int, body: Body, number: int) -> None:
    """As access_control does: keyed by record, numbered by partition."""
    kafka = history.runtime.kafka
    producer = kafka.producer()
    await producer.start()
    key = str(record_of(person))
    envelope = Envelope(uuid4(), body.type_name, "access_control", datetime.now(UTC), uuid4())
    headers = to_headers(envelope._replace(number=number))
    value, place = body.model_dump_json().encode(), partition_of(key, PARTITIONS)
    await producer.send_and_wait(kafka.prefix + "access.decisions", value, key.encode(), place, headers=headers)
    await producer.stop()


async def opened(history: History, *persons: int) -> None:
    """Open records as access_control says it, through Kafka."""
    numbers: dict[int, int] = {}
    for person in persons:
        await history.put(person)
        place = partition_of(str(record_of(person)), PARTITIONS)
        numbers[place] = numbers.get(place, 0) + 1
        await says(history, person, RecordOpened(actor=ACTOR), numbers[place])

    async def known() -> None:
        for person in persons:
            assert (await history.put(person)).json() == {"open": True}

    await eventually(known)


async def read_topic(history: History, topic: str, count: int) -> list[dict[str, Any]]:
    kafka = history.runtime.kafka
    reader = kafka.reader()
    await reader.start()
    reader.subscribe([kafka.prefix + topic])
    found: list[dict[str, Any]] = []

    async def all_there() -> None:
        for records in (await reader.getmany(timeout_ms=200)).values():
            found.extend(json.loads(record.value) for record in records)
        assert len(found) >= count

    try:
        await eventually(all_there)
    finally:
        await reader.stop()
    return found


async def read_receipts(history: History, count: int) -> list[dict[str, Any]]:
    """The receipts of so many lines, once all were sent."""

    async def all_answered() -> None:
        assert len(await history.receipts()) >= count

    await eventually(all_answered)
    messages = len(await history.sent(RECEIPTS))
    return [receipt for one in await read_topic(history, RECEIPTS, messages) for receipt in one["receipts"]]


async def test_a_day_of_lines_with_bad_ones_among_them(live: History) -> None:
    await opened(live, 1, 2, 3)
    good = [care(f"L{one}", person=1 + one % 5).model_dump_json().encode() for one in range(200)]
    bad = [b"{broken", care("B1", matricule="1" * 15).model_dump_json().encode()]
    await publish(live, [*good[:100], *bad, *good[100:]])
    receipts = await read_receipts(live, 202)
    assert len(receipts) == 202
    fates = sorted((str(one["fate"]), str(one.get("reason"))) for one in receipts)
    assert fates[200:] == [("rejected", "bad_nir"), ("rejected", "malformed")]
    assert set(fates[:200]) == {("accepted", "None")}
    assert len((await live.shown(1))["medicines"]) == 40
    assert len(await live.rows("SELECT FROM line")) == 120
    assert len(await live.rows("SELECT FROM parked")) == 1
    assert len(await read_topic(live, "insurance.backfill-requests.amo-test", 3)) == 3
    updates = await read_topic(live, "history.events", 3)
    assert not any("SECRET" in str(one) or "matricule" in str(one) for one in updates)


async def test_a_restart_repeats_no_receipt(live: History) -> None:
    await opened(live, 1)
    await publish(live, [care(f"L{one}").model_dump_json().encode() for one in range(50)])
    await read_receipts(live, 50)
    # a second process of another group position: everything is read again from the start
    again = [replace(one, name=f"again-{one.name}") for one in live.parts.consumers]
    live.runtime.outbox = Outbox("history_ingestion", live.runtime.topics, lambda _places: None)
    second = replace(live, parts=replace(live.parts, consumers=again))
    async with replica(second.runtime, second.parts) as engine:

        async def read_again() -> None:
            assert sum(lane.counts.total() for lane in engine.lanes) >= 51

        await eventually(read_again)
    assert len(await live.receipts()) == 50
    assert len(await live.rows("SELECT FROM line")) == 50


async def test_an_opt_out_and_its_end_take_hold_between_publications(live: History) -> None:
    await opened(live, 1)

    async def choose(number: int, *unwanted: str) -> None:
        body = ConsentChanged(act=FurtherAct.OPT_OUT, actor=ACTOR, scopes=unwanted, rights_version=number)
        await says(live, 1, body, number)

        async def taken() -> None:
            assert [row["wanted"] for row in await live.rows("SELECT wanted FROM person")] == [not unwanted]

        await eventually(taken)

    async def published(name: str, so_far: int) -> None:
        await publish(live, [care(f"{name}{one}").model_dump_json().encode() for one in range(10)])
        receipts = await read_receipts(live, so_far)
        assert {(one["fate"], one.get("reason")) for one in receipts} == {("accepted", None)}

    await published("before", 10)
    await choose(2, "history")
    await published("meanwhile", 20)
    assert len((await live.shown(1))["medicines"]) == 10
    await choose(3)
    await published("again", 30)
    assert len((await live.shown(1))["medicines"]) == 20
    assert len(await live.sent("insurance.backfill-requests.amo-test")) == 1
