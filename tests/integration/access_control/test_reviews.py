"""Odd accesses on the real database: counted beside the lanes, each decision once; told, shown and closed."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from services.access_control.commands import console
from services.access_control.commands import review as verb
from services.access_control.domain.odd import NO_RELATION, Usual
from services.access_control.repository import Reviews
from shared.contracts.common import AccessMode, Owner
from shared.contracts.record_requests import Authorise, Consult
from tests.integration.access_control.conftest import consult
from tests.unit.access_control.cast import DOCTOR, HOLDER, NURSE

pytestmark = pytest.mark.kafka

USUAL = Usual(records=3, no_relation=2, break_glass=1)
HOUR = timedelta(hours=1)


def reviews_of(service, usual=USUAL):
    return Reviews(service.runtime.database, service.runtime.outbox, usual)


async def hour(service):
    """The clock hour in which everything happens: the last whole one."""
    (row,) = await service.rows("SELECT date_trunc('hour', clock_timestamp(), 'UTC') - interval '1 hour' AS hour")
    await service.rows("UPDATE review_cursor SET counted_until = $1", row["hour"])
    return row["hour"]


async def decided(service, actor, records, at, outcome="permit", reason="authorised"):
    """Decisions as the lane stores them."""
    await service.rows(
        """
        INSERT INTO decision (request, record, act, outcome, reason, rights_version, decided_at, actor)
        SELECT gen_random_uuid(), r, 'consult', $3, $4, 0, $5, $2 FROM unnest($1::uuid[]) AS r
        """,
        records,
        actor,
        outcome,
        reason,
        at,
    )


async def count(reviews):
    while await reviews.count():
        pass


async def raised(service):
    rows = await service.rows("SELECT kind, actor, counted, usual FROM review ORDER BY kind, actor")
    return [tuple(row) for row in rows]


def ids(number):
    return [uuid4() for _ in range(number)]


async def test_ar_062_many_records_in_an_hour_raise_one_review(service):
    reviews, begin = reviews_of(service), await hour(service)
    await decided(service, "A", ids(4), begin + timedelta(minutes=1))
    await decided(service, "B", ids(3), begin + timedelta(minutes=1))
    await decided(service, "C", ids(1) * 40, begin + timedelta(minutes=2))
    await decided(service, "D", ids(4), begin, outcome="deny", reason="matrix_denies")
    await count(reviews)
    assert await raised(service) == [("records.hour", "A", 4, 3)]


async def test_ar_062_the_same_records_are_counted_once_over_pieces_and_hours_apart(service):
    reviews, begin = reviews_of(service), await hour(service)
    same, others = ids(3), ids(2)
    for minute in (1, 20, 59):
        await decided(service, "A", same, begin + timedelta(minutes=minute))
    await decided(service, "A", others, begin - timedelta(minutes=1))
    await service.rows("UPDATE review_cursor SET counted_until = $1", begin - HOUR)
    await count(reviews)
    assert await raised(service) == []
    await decided(service, "B", same, begin + timedelta(minutes=1))
    await decided(service, "B", others, begin + timedelta(minutes=40))
    await service.rows("UPDATE review_cursor SET counted_until = $1", begin - HOUR)
    await count(reviews)
    assert await raised(service) == [("records.hour", "B", 5, 3)]


@pytest.mark.parametrize("reason", sorted(str(code) for code in NO_RELATION))
async def test_ar_062_asking_without_any_care_relation_raises_a_review(service, reason):
    reviews, begin = reviews_of(service), await hour(service)
    outcome = "permit" if reason in {"open_by_law", "vital_risk"} else "deny"
    await decided(service, "A", ids(3), begin, outcome, reason)
    await decided(service, "B", ids(2), begin, outcome, reason)
    await decided(service, "C", ids(9), begin, "deny", "late")
    await count(reviews)
    assert await raised(service) == [("no_relation.hour", "A", 3, 2)]


async def test_ar_062_the_lane_keeps_who_asked_and_of_whom_alone(service):
    records = [await service.opened(person) for person in range(1, 4)]
    await service.ask(records[0], Authorise(actor=HOLDER, rights_version=0, professional=DOCTOR.number))
    for record in records:
        await service.consult(record, DOCTOR)
        await service.consult(record, HOLDER)
    rows = await service.rows("SELECT actor, act, outcome FROM decision WHERE actor IS NOT NULL ORDER BY outcome")
    expected = [(DOCTOR.number, "consult", "deny")] * 2 + [(DOCTOR.number, "consult", "permit")]
    assert [tuple(row) for row in rows] == expected


async def test_ar_062_emergencies_out_of_pattern_raise_a_review(service):
    reviews = reviews_of(service)
    records = [await service.opened(person) for person in range(1, 4)]

    def urgent(actor):
        deadline = datetime.now(UTC) + timedelta(seconds=10)
        mode = AccessMode.EMERGENCY
        return Consult(actor=actor, owner=Owner.DOCUMENT, mode=mode, deadline=deadline, reason_code="unconscious")

    for record in records[:2]:
        await service.ask(record, urgent(DOCTOR))
        await service.ask(record, urgent(DOCTOR))
    await service.ask(records[2], urgent(NURSE))
    begin = await hour(service)
    for table, column in (("emergency", "since"), ("decision", "decided_at")):
        await service.rows(f"UPDATE {table} SET {column} = $1", begin)
    await count(reviews)
    assert await raised(service) == [("bris_de_glace.hour", DOCTOR.number, 2, 1)]


async def test_ar_062_what_is_not_settled_waits(service):
    reviews = reviews_of(service)
    now = (await service.rows("SELECT clock_timestamp() AS now"))[0]["now"]
    await service.rows("UPDATE review_cursor SET counted_until = $1", now - timedelta(minutes=2))
    await decided(service, "A", ids(4), now)
    await count(reviews)
    assert await raised(service) == []
    await service.rows("UPDATE decision SET decided_at = decided_at - interval '1 minute'")
    await service.rows("UPDATE review_cursor SET counted_until = $1", now - timedelta(minutes=2))
    await count(reviews)
    assert len(await raised(service)) == 1


async def test_ar_062_processes_that_count_together_and_a_crash_count_once(service):
    begin = await hour(service)
    await decided(service, "A", ids(2), begin)
    await decided(service, "A", ids(2), begin + timedelta(minutes=30))
    await asyncio.gather(*(count(reviews_of(service)) for _ in range(4)))
    await count(reviews_of(service))
    assert await raised(service) == [("records.hour", "A", 4, 3)]
    # a crash between the statements: nothing of the piece is kept, and it is counted again
    await service.rows("DELETE FROM review")
    await service.rows("DELETE FROM actor_hour")
    await service.rows("UPDATE review_cursor SET counted_until = $1", begin)
    await service.rows("ALTER TABLE review ADD CONSTRAINT planted CHECK (counted < 4)")
    with pytest.raises(Exception, match="planted"):
        await count(reviews_of(service))
    await service.rows("ALTER TABLE review DROP CONSTRAINT planted")
    await count(reviews_of(service))
    assert await raised(service) == [("records.hour", "A", 4, 3)]


asked = st.tuples(st.sampled_from("AB"), st.integers(0, 6), st.integers(0, 59), st.booleans())


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.lists(asked, max_size=30))
async def test_ar_062_counting_agrees_with_a_plain_set(service, drawn):
    """However decisions fall into pieces, the count is that of the different records of the hour."""
    reviews, begin = reviews_of(service), await hour(service)
    for table in ("decision", "review", "actor_hour"):
        await service.rows(f"DELETE FROM {table}")
    for actor, record, minute, permitted in drawn:
        outcome, reason = ("permit", "authorised") if permitted else ("deny", "not_authorised")
        await decided(service, actor, [UUID(int=record)], begin + timedelta(minutes=minute), outcome, reason)
    await count(reviews)
    expected = []
    for kind, wanted, usual in (("no_relation.hour", False, 2), ("records.hour", True, 3)):
        for actor in "AB":
            seen = {record for who, record, _, permitted in drawn if (who, permitted) == (actor, wanted)}
            if len(seen) > usual:
                expected.append((kind, actor, len(seen), usual))
    assert await raised(service) == expected


async def test_ar_062_a_review_is_told_once_and_names_no_record(service):
    reviews, begin = reviews_of(service), await hour(service)
    await decided(service, "A", ids(4), begin)
    await count(reviews)
    await asyncio.gather(*(reviews_of(service).tell() for _ in range(4)))
    await decided(service, "A", ids(4), begin + timedelta(minutes=5))
    await service.rows("UPDATE review_cursor SET counted_until = $1", begin)
    await count(reviews)
    await reviews.tell()
    (row,) = await service.rows("SELECT key, payload, type, number FROM outbox WHERE topic = 'access.reviews'")
    (review,) = await service.rows("SELECT id, counted FROM review")
    told = json.loads(row["payload"])
    assert (row["key"], row["type"], row["number"]) == (
        str(review["id"]),
        "carnet.access.review-raised.v1",
        1,
    )
    assert (told["kind"], told["actor"], told["counted"], told["usual"]) == ("records.hour", "A", 4, 3)
    assert review["counted"] == 8
    assert set(told) == {"review", "kind", "actor", "period", "counted", "usual"}


async def test_ar_062_the_loops_of_the_process_count_and_tell(service):
    loops = {loop.name: loop for loop in service.parts.loops}
    begin = await hour(service)
    await decided(service, "A", ids(61), begin)
    await decided(service, "B", ids(60), begin)
    while await loops["odd-accesses"].call():
        pass
    await loops["reviews"].call()
    assert await raised(service) == [("records.hour", "A", 61, 60)]
    assert len(await service.rows("SELECT FROM outbox WHERE topic = 'access.reviews'")) == 1


async def test_ar_062_the_lane_pays_nothing_for_it(service):
    """Statements of a batch of reads, permitted and refused: as before anything was counted."""
    record = await service.opened()
    await service.ask(record, Authorise(actor=HOLDER, rights_version=0, professional=DOCTOR.number))
    counts = []
    service.runtime.database.on_statements = counts.append
    for size in (1, 50):
        await service.take(*(service.message(record, consult(DOCTOR)) for _ in range(size)))
        await service.take(*(service.message(record, consult(NURSE)) for _ in range(size)))
    assert counts == [8, 8, 8, 8]


async def test_a_piece_is_counted_in_a_fixed_number_of_statements(service):
    begin = await hour(service)
    counts = []
    service.runtime.database.on_statements = counts.append
    for size in (1, 200):
        await decided(service, f"A{size}", ids(size), begin)
        await service.rows("UPDATE review_cursor SET counted_until = $1", begin)
        counts.clear()
        await reviews_of(service).count()
        assert counts == [5]


async def carnet(service, *arguments):
    settings = service.runtime.settings
    environment = {"CARNET_DATABASE_URL": settings.database_url, "CARNET_KEYS_DIR": str(settings.keys_dir)}
    console.out.width = 240  # whatever terminal the tests run in
    result = await asyncio.to_thread(CliRunner().invoke, verb, [*map(str, arguments)], env=environment)
    return result.exit_code, result.output


async def test_the_verbs(service):
    assert "Nothing is to be reviewed" in (await carnet(service, "list"))[1]
    begin, records = await hour(service), ids(4)
    await decided(service, "A", records, begin)
    await count(reviews_of(service))
    (row,) = await service.rows("SELECT id FROM review")
    code, said = await carnet(service, "list")
    assert [part in said for part in (str(row["id"]), "records.hour", "open")] == [True] * 3
    code, said = await carnet(service, "show", row["id"])
    assert (code, all(str(record) in said for record in records)) == (0, True)
    assert (await carnet(service, "close", row["id"], "--founded", "--by", "ana"))[0] == 0
    assert (await carnet(service, "close", row["id"], "--founded"))[0] == 1
    assert "Nothing is to be reviewed" in (await carnet(service, "list"))[1]
    assert "founded" in (await carnet(service, "list", "--all", "--actor", "A"))[1]
    assert (await carnet(service, "show", uuid4()))[0] == 1


async def test_ar_039_an_operator_reads_a_text_and_that_is_told(service):
    record, request = await service.opened(), uuid4()
    await service.call("PUT", f"/records/{record}/texts/{request}", {"text": "canari-4711"})
    assert await carnet(service, "text", request, "--by", "ana") == (0, "canari-4711\n")
    told = (await service.told(record))[-1]
    assert told["subject"] == str(request)
    assert (told["actor"]["kind"], told["actor"]["number"]) == ("operator", "ana")
    assert "canari" not in str(await service.told())
    assert (await carnet(service, "text", uuid4()))[0] == 1
    code, said = await carnet(service, "text", request, "--by", "Ana Canari")
    assert (code, "can't stand in a trace" in said) == (1, True)
    await service.rows("DELETE FROM record_key WHERE record = $1", record)
    assert (await carnet(service, "text", request))[0] == 1
