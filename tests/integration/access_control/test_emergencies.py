"""Emergencies on the real database: half an hour, counted once by however many processes, their texts encrypted."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from services.access_control import handlers
from services.access_control.domain.policy import Policy
from services.access_control.repository import Requests
from shared.contracts.common import AccessMode, Owner
from shared.contracts.record_oversight import ConfirmEmergency
from shared.contracts.record_requests import Consult
from shared.database.record_keys import RecordKeys
from shared.messaging import partition_of
from shared.messaging._batch import BatchHandler
from tests.integration.access_control.conftest import Service
from tests.support.system import PARTITIONS
from tests.unit.access_control.cast import DOCTOR, MATRIX, NURSE, OTHER_DOCTOR, REGULATOR, TellingSigner, changed

pytestmark = pytest.mark.kafka

BTG, SAMU = AccessMode.EMERGENCY, AccessMode.REGULATION
TEXT = "Chute dans l'escalier, canari-4711"


def urgent(actor=DOCTOR, mode=BTG, reason_code="unconscious", **more):
    deadline = datetime.now(UTC) + timedelta(seconds=10)
    return Consult(actor=actor, owner=Owner.DOCUMENT, mode=mode, deadline=deadline, reason_code=reason_code, **more)


async def people(service: Service, count: int) -> list[UUID]:
    return [await service.opened(person) for person in range(1, count + 1)]


async def counted(service, actor=DOCTOR, mode=BTG):
    rows = await service.rows(
        "SELECT accesses FROM emergency_day WHERE professional = $1 AND mode = $2", actor.number, mode.value
    )
    return sum(row["accesses"] for row in rows)


async def reviews(service):
    rows = await service.rows("SELECT kind, actor, counted, usual FROM review ORDER BY kind, actor")
    return [tuple(row) for row in rows]


async def pass_by(service, minutes):
    """What is kept of emergencies, moved into the past."""
    await service.rows(
        "UPDATE emergency SET since = since - make_interval(mins => $1), until = until - make_interval(mins => $1)",
        minutes,
    )


async def test_ar_039_half_an_hour_on_the_databases_clock(service):
    record = await service.opened()
    first = await service.ask(record, urgent())
    again = await service.ask(record, urgent(reason_code=None))
    assert (again["outcome"], again["emergency"]) == ("permit", {"reason": "unconscious", "first": first["request"]})
    assert await counted(service) == 1
    await pass_by(service, 31)
    over = await service.ask(record, urgent(reason_code=None))
    assert over["further_reasons"] == ["emergency_reason_missing"]
    anew = await service.ask(record, urgent(reason_code="vital_distress"))
    assert "first" not in anew["emergency"]
    assert (await service.ask(record, urgent(reason_code=None)))["emergency"]["reason"] == "vital_distress"
    assert await counted(service) == 2


async def test_ar_062_beyond_the_number_of_a_day_a_review_is_raised_and_nothing_refused(service):
    records = await people(service, 8)
    for record in records[:5]:
        await service.ask(record, urgent())
    assert await reviews(service) == []
    for record in records[5:]:
        assert (await service.ask(record, urgent()))["outcome"] == "permit"
    assert await reviews(service) == [("bris_de_glace.day", DOCTOR.number, 8, 5)]


async def test_ar_062_one_batch_counts_like_many(service):
    records = await people(service, 7)
    batch = [service.message(record, urgent()) for record in records]
    batch += [service.message(record, urgent(reason_code=None)) for record in records]
    batch += [service.message(record, urgent(NURSE)) for record in records[:2]]
    await service.take(*batch)
    assert (await counted(service), await counted(service, NURSE)) == (7, 2)
    assert await reviews(service) == [("bris_de_glace.day", DOCTOR.number, 7, 5)]


async def test_ar_062_repeats_count_once(service):
    records = await people(service, 3)
    batch = [service.message(record, urgent()) for record in records]
    await service.take(*batch)
    await service.take(*batch, *batch)
    await service.take(*reversed(batch))
    assert await counted(service) == 3
    assert len(await service.rows("SELECT FROM emergency")) == 3


async def test_ar_062_processes_that_decide_at_the_same_time_count_right(service):
    """Each record is decided apart, as by processes with a partition each; nobody's count is lost."""
    records = await people(service, 12)
    await asyncio.gather(*(service.take(service.message(record, urgent())) for record in records))
    assert await counted(service) == 12
    assert await reviews(service) == [("bris_de_glace.day", DOCTOR.number, 12, 5)]


async def test_ar_062_what_is_rolled_back_is_not_counted(service):
    """A crash before the commit: the same batch is taken again."""
    record = await service.opened()
    await service.rows("ALTER TABLE emergency_day ADD CHECK (accesses < 1)")
    message = service.message(record, urgent())
    await service.take(message)
    assert (await counted(service), len(await service.rows("SELECT FROM emergency"))) == (0, 0)
    assert (await service.told(record))[-1]["reasons"] == ["internal_error"]


async def test_ar_034_centre_15_has_a_number_of_its_own(service):
    records = await people(service, 6)
    for record in records:
        await service.ask(record, urgent(REGULATOR, SAMU))
    assert (await counted(service, REGULATOR, SAMU), await counted(service, REGULATOR)) == (6, 0)
    assert await reviews(service) == []


@pytest.mark.parametrize("mode", [BTG, AccessMode.NORMAL])
async def test_statements_do_not_grow_with_emergencies(service, mode):
    records = await people(service, 8)
    counts = []
    service.runtime.database.on_statements = counts.append
    for size in (2, 40):
        actors = [changed(DOCTOR, number=f"8100000{size:02}{place:03}") for place in range(size)]
        batch = [service.message(records[place % 8], urgent(actor, mode)) for place, actor in enumerate(actors)]
        await service.take(*batch)
    # lock, progress, done, rights, relations, records, decisions, the end: a denied normal read costs nothing
    # for what stands beside records; an emergency is loaded, and saved with its count and review
    assert counts == ([10, 10] if mode is BTG else [8, 8])


@pytest.fixture
def strict(service):
    """The lane as it is composed where a setting asks for a colleague's confirmation."""
    lane = next(one for one in service.parts.consumers if one.name == "requests")
    policy = Policy(break_glass_a_day=2, colleague_confirms=True)
    runtime = service.runtime
    asking = type(lane)(
        lane.name,
        lane.topics,
        handlers.requests(MATRIX, TellingSigner(), policy),
        Requests(RecordKeys(runtime.keys), count_today=True),
        done=lane.done,
    )
    service.handled["requests"] = BatchHandler(
        asking, database=runtime.database, outbox=runtime.outbox, topics=runtime.topics, seal=runtime.seal
    )
    return service


async def permitted(service):
    return [one["outcome"] for one in await service.told() if "outcome" in one].count("permit")


@pytest.mark.parametrize("together", [True, False])
async def test_ar_033_the_number_is_never_passed_without_a_colleague(strict, together):
    records = await people(strict, 10)
    batch = [strict.message(record, urgent()) for record in records]
    if together:
        await strict.take(*batch)
    else:
        await asyncio.gather(*(strict.take(one) for one in batch))
    assert await permitted(strict) == 2
    assert await counted(strict) == 2


async def test_ar_033_a_colleague_confirms_one_emergency_on_one_record(strict):
    one, two, three, four = await people(strict, 4)
    for record in (one, two):
        await strict.ask(record, urgent())
    assert (await strict.ask(three, urgent()))["further_reasons"] == ["emergency_unconfirmed"]
    confirm = ConfirmEmergency(actor=OTHER_DOCTOR, professional=DOCTOR.number)
    assert (await strict.ask(three, confirm))["outcome"] == "permit"
    assert (await strict.ask(three, urgent()))["outcome"] == "permit"
    assert (await strict.ask(four, urgent()))["further_reasons"] == ["emergency_unconfirmed"]
    assert (await strict.ask(one, urgent(reason_code=None)))["outcome"] == "permit", "it goes on"


async def write(service, record, subject, text=TEXT):
    return await service.call("PUT", f"/records/{record}/texts/{subject}", {"text": text})


async def test_ar_039_the_text_is_kept_encrypted_and_shown_to_the_holder(service):
    record, request = await service.opened(), uuid4()
    for _ in range(2):
        assert (await write(service, record, request)).status_code == 204
    asked = urgent(reason_code="other", reason_told=True)
    await service.take(service.message(record, asked, identity=request))
    (shown,) = (await service.call("GET", f"/records/{record}/emergencies")).json()["emergencies"]
    assert (shown["text"], shown["reason"], shown["request"]) == (TEXT, "other", str(request))
    assert (shown["professional"], shown["mode"], shown["secret"]) == (DOCTOR.number, "bris_de_glace", False)
    stored = await service.rows("SELECT text FROM written")
    assert all(b"canari" not in row["text"] for row in stored)
    assert "canari" not in str(await service.told())


async def test_ar_039_a_text_stands_under_one_request_of_one_record(service):
    record, other, request = await service.opened(1), await service.opened(2), uuid4()
    assert (await write(service, record, request)).status_code == 204
    for refused in (await write(service, record, request, "another"), await write(service, other, request)):
        assert (refused.status_code, refused.json()["code"]) == (409, "text_taken")
        assert "canari" not in refused.text
    missing = await service.ask(other, urgent(reason_code="other", reason_told=True))
    assert missing["further_reasons"] == ["emergency_text_missing"]
    assert (await write(service, uuid4(), uuid4())).status_code == 404
    assert (await service.call("GET", f"/records/{uuid4()}/emergencies")).status_code == 404
    assert (await write(service, record, uuid4(), " ")).status_code == 422


async def test_ar_039_the_text_is_gone_with_the_records_key(service):
    record, request = await service.opened(), uuid4()
    await write(service, record, request)
    await service.take(service.message(record, urgent(), identity=request))
    await service.rows("DELETE FROM record_key WHERE record = $1", record)
    assert (await service.call("GET", f"/records/{record}/emergencies")).status_code == 404
    assert (await write(service, record, uuid4())).status_code == 404
    for table in ("identity", "person"):
        await service.rows(f"DELETE FROM {table} WHERE record = $1", record)
    await service.rows("DELETE FROM record WHERE id = $1", record)
    assert await service.rows("SELECT FROM written") == []
    assert await service.rows("SELECT FROM emergency") == []


async def test_only_the_gateway_may_ask(service):
    record = await service.opened()
    for caller in ("document", None):
        for method, path in (("GET", "emergencies"), ("PUT", f"texts/{uuid4()}")):
            answer = await service.call(method, f"/records/{record}/{path}", {"text": TEXT}, caller=caller)
            assert answer.status_code in {401, 403}


def test_the_records_of_these_tests_are_in_several_partitions():
    """Otherwise nothing would run at the same time."""
    assert len({partition_of(str(uuid4()), PARTITIONS) for _ in range(100)}) > 1
