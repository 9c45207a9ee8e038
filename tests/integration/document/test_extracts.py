"""Extracts on the real database: what one permit of a case covers, once, and traced by document (AR-058, AR-065)."""

import asyncio
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.document.repository import extracts
from shared.contracts.common import Actor, ActorKind, Scope
from shared.contracts.http_extracts import LISTING
from shared.security import Extract
from tests.support.documents import DOCTOR, KINDS, permit, sample, signed

pytestmark = pytest.mark.kafka

OPERATOR = Actor(kind=ActorKind.OPERATOR, number="operator-1", authenticated=True)
DAY = timedelta(days=1)
WHEN = datetime(2026, 5, 4, tzinfo=UTC)


def covering(record, types=None, *, since=None, until=None, **more):
    extract = Extract(case=uuid4(), since=since, until=until)
    scope = Scope(types=None if types is None else frozenset(types))
    return permit(record, OPERATOR, scope, extract=extract, **more)


async def taken(room, one):
    answer = await room.ask("/extract", permit=signed(one))
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    listing = json.loads(files.pop(LISTING))
    assert listing["total"] == len(files) == len(listing["entries"])
    return files, [entry["document"] for entry in listing["entries"]]


async def test_ar_065_documents_come_byte_for_byte_and_each_leaves_a_trace_with_the_case(room, record):
    contents = [sample(seed, KINDS[seed % len(KINDS)]) for seed in range(3)]
    stored = [await room.staged(record, content=content) for content in contents]
    await room.rows("UPDATE document SET status = 'current', settled_at = now() RETURNING id")
    one = covering(record, since=datetime(2000, 1, 1, tzinfo=UTC), until=datetime.now(UTC) + DAY)
    files, documents = await taken(room, one)
    assert sorted(files.values()) == sorted(contents)
    assert {name.partition(".")[0] for name in files} == set(documents) == {str(id_) for id_ in stored}
    events = await room.sent("document.events", record)
    assert {event["document"] for event in events} == set(documents)
    assert {(event["request"], event["case"], event["actor"]["number"]) for event in events} == {
        (str(one.id), str(one.extract.case), "operator-1")
    }


@pytest.mark.parametrize("flag", ["MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX"])
async def test_ar_022_029_041_058_what_is_masked_withheld_or_hidden_is_in_no_extract(room, record, flag):
    shown = await room.stored(record)
    await room.stored(record, 1, confidentiality={"N", flag})
    _, documents = await taken(room, covering(record, since=datetime(2000, 1, 1, tzinfo=UTC), until=datetime.now(UTC)))
    assert documents == [str(shown)]


async def test_ar_065_types_and_period_bound_it_both(room, record):
    times = {"inside": (WHEN, WHEN + DAY), "before": (WHEN - DAY, WHEN), "over the end": (WHEN, WHEN + 3 * DAY)}
    stored = {}
    for seed, (name, (start, stop)) in enumerate(times.items()):
        stored[name] = await room.stored(record, seed, service_start=start, service_stop=stop)
    (kind,) = {row["type_code"] for row in await room.rows("SELECT type_code FROM document")}
    bounds = {"since": WHEN, "until": WHEN + 2 * DAY}
    assert (await taken(room, covering(record, {kind}, **bounds)))[1] == [str(stored["inside"])]
    assert (await taken(room, covering(record, **bounds)))[1] == [str(stored["inside"])]
    assert (await taken(room, covering(record, {"another-type"}, **bounds)))[1] == []
    assert len((await taken(room, covering(record, {kind})))[1]) == len(times)


async def test_ar_065_a_document_that_tells_no_period_is_placed_by_its_creation(room, record):
    await room.stored(record, created=WHEN, service_start=None, service_stop=None)
    await room.rows("UPDATE document SET service_start = NULL, service_stop = NULL RETURNING id")
    assert len((await taken(room, covering(record, since=WHEN, until=WHEN + DAY)))[1]) == 1
    for since in (WHEN - DAY, WHEN + DAY):
        assert (await taken(room, covering(record, since=since, until=since + DAY)))[1] == []


async def test_ar_065_nothing_found_is_traced_too_and_another_record_is_never_in_it(room, record):
    await room.stored(uuid4())
    one = covering(record, since=WHEN - 9999 * DAY, until=datetime.now(UTC) + DAY)
    assert await taken(room, one) == ({}, [])
    (event,) = await room.sent("document.events", record)
    assert (event["case"], event.get("document")) == (str(one.extract.case), None)


async def test_ar_065_a_permit_opens_one_extract_however_often_it_is_shown(room, record):
    await room.stored(record)
    token = signed(covering(record, since=WHEN - 9999 * DAY, until=datetime.now(UTC)))
    answers = await asyncio.gather(*(room.ask("/extract", permit=token) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [403] * 7
    assert len(await room.sent("document.events", record)) == 1


@pytest.mark.parametrize("path", ["/search", "/open"])
async def test_ar_065_an_extracts_permit_opens_no_reading_nor_a_readings_an_extract(room, record, path):
    stored = await room.stored(record)
    one = covering(record, since=WHEN - 9999 * DAY, until=datetime.now(UTC))
    for where, token in ((path, signed(one)), ("/extract", signed(permit(record, DOCTOR, Scope(types=None))))):
        answer = await room.ask(where, permit=token, document=str(stored))
        assert (answer.status_code, answer.json()["code"]) == (403, "permit_other_act")
    assert not await room.rows("SELECT FROM consulted")


async def test_ar_065_one_that_is_too_large_is_none(room, record, monkeypatch):
    await room.stored(record)
    one = covering(record, since=WHEN - 9999 * DAY, until=datetime.now(UTC))
    for name in ("MOST_DOCUMENTS", "MOST_BYTES"):
        with monkeypatch.context() as small:
            small.setattr(extracts, name, 0)
            answer = await room.ask("/extract", permit=signed(one))
        assert (answer.status_code, answer.json()["code"]) == (413, "extract_too_large")
    assert not await room.sent("document.events", record)
    assert not await room.rows("SELECT FROM consulted")


async def test_ar_065_what_was_replaced_is_not_in_it(room, record):
    await room.stored(record)
    await room.rows("UPDATE document SET status = 'superseded' RETURNING id")
    assert (await taken(room, covering(record, since=WHEN - 9999 * DAY, until=datetime.now(UTC))))[1] == []


async def test_ar_055_nothing_of_a_deleted_record(room, record):
    await room.stored(record)
    await room.delete(record)
    answer = await room.ask("/extract", permit=signed(covering(record, {"34112-3"})))
    assert answer.status_code != 200
    assert not [event for event in await room.sent("document.events", record) if "case" in event]
