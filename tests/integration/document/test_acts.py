"""Acts on documents as decisions order them, on the real PostgreSQL: rows, what is shown afterwards, and their cost."""

import random
from uuid import uuid4

import pytest

from services.document.domain.settlement import IN_RECORD, Entry, Flags, Status
from services.document.domain.visibility import Visibility, shows
from services.document.repository.decisions import SELECTED
from services.document.repository.reads import SHOWN
from shared.contracts.access_decisions import Outcome
from shared.contracts.common import Actor, ActorKind, Scope
from shared.contracts.http_document import SearchResult
from shared.contracts.reasons import Reason
from shared.security import Extract
from tests.integration.document.conftest import announced, collection, whole_turn, wished
from tests.support.documents import (
    DOCTOR,
    HOLDER,
    KINDS,
    OTHER,
    decision,
    metadata,
    ordered,
    permit,
    sample,
    signed,
)

pytestmark = pytest.mark.kafka

EVERYTHING = Scope(types=None, masked=True, withheld=True)
ALL_STATUSES = ["current", "superseded", "archived"]
UNIQUE = metadata(sample(0)).unique_id
FLAGS = ("masked", "withheld", "hidden")


async def row_of(room, document):
    (row,) = await room.rows("SELECT * FROM document WHERE id = $1", document)
    return dict(row)


async def found(room, record, actor=OTHER, scope=None, **filters):
    one = permit(record, actor, scope or Scope())
    answer = await room.ask("/search", permit=signed(one), filters=filters)
    assert answer.status_code == 200, answer.text
    return {entry.document: entry for entry in SearchResult.model_validate_json(answer.content).entries}


async def opened(room, record, document, actor=DOCTOR, scope=EVERYTHING):
    return (await room.ask("/open", permit=signed(permit(record, actor, scope)), document=str(document))).status_code


async def do(room, record, document, act, actor=HOLDER, **order):
    (told,) = await room.decide(ordered(document, record, act, actor, **order))
    return told


async def test_ar_021_024_a_masked_document_is_gone_for_who_loses_sight_and_comes_back(room, record):
    document = await room.stored(record)
    assert set(await found(room, record)) == {document}
    told = await do(room, record, document, "mask", version=1)
    assert (told.changed, told.version, told.masked) == (True, 2, True)
    assert await found(room, record) == {}
    for actor, scope in ((HOLDER, Scope()), (OTHER, Scope(masked=True)), (OTHER, Scope(own=DOCTOR.number))):
        (entry,) = (await found(room, record, actor, scope)).values()
        assert (entry.document, entry.version, entry.confidentiality) == (document, 2, {"N", "MASQUE_PS"})
    assert (await do(room, record, document, "unmask", version=1)).reason == "version_conflict"
    assert (await do(room, record, document, "unmask", version=2)).version == 3
    assert set(await found(room, record)) == {document}


async def test_an_act_changes_nothing_else_of_the_row(room, record):
    document = await room.stored(record, title="Titre", confidentiality={"N", "INVISIBLE_PATIENT"})
    before = await row_of(room, document)
    await do(room, record, document, "announce", DOCTOR)
    assert await row_of(room, document) == before | {"withheld": False, "version": 2}
    await do(room, record, document, "archive", DOCTOR)
    assert await row_of(room, document) == before | {"withheld": False, "version": 3, "status": "archived"}
    told = await do(room, record, document, "archive", DOCTOR)
    assert (told.changed, told.version) == (False, 3)


async def test_ar_051_nothing_shows_a_deleted_document_while_its_row_key_and_content_stay(room, record):
    document, other = await room.stored(record), await room.stored(record, 1)
    before = await row_of(room, document)
    assert (await do(room, record, document, "delete", DOCTOR, scope=Scope(types=set(), own=DOCTOR.number))).changed
    assert await row_of(room, document) == before | {"status": "deleted", "version": 2}
    await whole_turn(collection(room, refused_s=0.0, orphan_s=0.0))
    assert before["object"] in room.contents()
    everybody = [(actor, scope) for actor in (DOCTOR, OTHER, HOLDER) for scope in (EVERYTHING, Scope())]
    for actor, scope in everybody:
        assert set(await found(room, record, actor, scope, statuses=ALL_STATUSES)) == {other}
        assert await opened(room, record, document, actor, scope) == 404
    operator = Actor(kind=ActorKind.OPERATOR, number="operator-1")
    extract = permit(record, operator, Scope(types=None), extract=Extract(case=uuid4()))
    assert str(document).encode() not in (await room.ask("/extract", permit=signed(extract))).content
    for act in ("delete", "unarchive", "mask"):
        assert (await do(room, record, document, act, DOCTOR)).reason == "unknown_document"


async def test_ar_051_a_deleted_documents_unique_id_stays_taken_and_it_is_not_replaced(room, record):
    document = await room.stored(record)
    await do(room, record, document, "delete", DOCTOR)
    again = await room.staged(record, actor=OTHER)
    replacement = await room.staged(record, 1, replaces=UNIQUE)
    by_id = await room.staged(record, 2, replaces_document=document)
    told = await room.decide(*(decision(one, record) for one in (again, replacement, by_id)))
    assert [event.reason for event in told] == [Reason.DUPLICATE, Reason.UNKNOWN_TARGET, Reason.UNKNOWN_TARGET]
    content = sample()
    answer = await room.post(content, metadata(content, record))
    assert (answer.json()["deposit"], answer.json()["state"]) == (str(document), "stored"), "a repeat tells the first"


async def test_an_archived_document_is_shown_to_who_asks_for_it_and_comes_back(room, record):
    document, other = await room.stored(record), await room.stored(record, 1)
    await do(room, record, document, "archive", DOCTOR)
    assert set(await found(room, record, HOLDER)) == {other}
    (entry,) = (await found(room, record, HOLDER, statuses=["archived"])).values()
    assert (entry.document, entry.status, entry.version) == (document, "archived", 2)
    assert await opened(room, record, document) == 200
    refused = await room.staged(record, 2, replaces=UNIQUE)
    (told,) = await room.decide(decision(refused, record))
    assert told.reason is Reason.UNKNOWN_TARGET
    await do(room, record, document, "unarchive", DOCTOR)
    assert set(await found(room, record, HOLDER)) == {document, other}


async def test_an_extract_holds_archived_documents_as_current_ones(room, record):
    document = await room.stored(record)
    await do(room, record, document, "archive", DOCTOR)
    operator = Actor(kind=ActorKind.OPERATOR, number="operator-1")
    one = permit(record, operator, Scope(types=None), extract=Extract(case=uuid4()))
    assert str(document).encode() in (await room.ask("/extract", permit=signed(one))).content


async def test_an_order_in_another_record_finds_nothing_and_touches_nothing(room, record):
    document, elsewhere = await room.stored(record), uuid4()
    await room.stored(elsewhere, 1)
    before = await row_of(room, document)
    (told,) = await room.decide(ordered(document, elsewhere, "delete"))
    also, told_too = await room.decide(decision(uuid4(), record), ordered(document, elsewhere, "delete"))
    assert [told.reason, also.reason, told_too.reason] == ["unknown_document", "not_staged", "unknown_document"]
    assert await row_of(room, document) == before


async def test_ar_025_the_default_masks_from_the_next_settlement_on_until_it_is_taken_back(room, record):
    first = await room.staged(record)
    await room.decide(wished(record))
    await room.decide(wished(record))
    other = await room.stored(uuid4(), 9)
    (told,) = await room.decide(decision(first, record))
    second = await room.stored(record, 1, actor=HOLDER, patient=None)
    withheld = await room.stored(record, 2, confidentiality={"N", "INVISIBLE_PATIENT"})
    await room.decide(wished(record, "not_masked"))
    third = await room.stored(record, 3)
    rows = [await row_of(room, one) for one in (first, second, withheld, third, other)]
    assert [(row["masked"], row["withheld"]) for row in rows] == [
        *((True, False), (True, False), (True, True), (False, False), (False, False))
    ]
    assert (told.masked, {row["version"] for row in rows}) == (True, {1})


async def test_ar_025_what_waits_to_be_masked_is_shown_as_withheld_alone(room, record):
    """And found by no filter for masked ones, which would tell the same."""
    await room.decide(wished(record))
    document = await room.stored(record, confidentiality={"N", "INVISIBLE_PATIENT"})
    for actor, scope in ((OTHER, EVERYTHING), (DOCTOR, Scope(types=set(), own=DOCTOR.number))):
        (entry,) = (await found(room, record, actor, scope)).values()
        assert entry.confidentiality == {"N", "INVISIBLE_PATIENT"}
        assert await found(room, record, actor, scope, labels=["MASQUE_PS"]) == {}
        assert set(await found(room, record, actor, scope, labels=["INVISIBLE_PATIENT"])) == {document}
    for scope in (Scope(), Scope(withheld=True), Scope(masked=True)):
        assert await found(room, record, OTHER, scope) == {}
    assert await found(room, record, HOLDER, EVERYTHING) == {}
    told = await do(room, record, document, "announce", DOCTOR)
    assert (told.masked, told.withheld, told.came_into_view) == (True, False, True)
    (entry,) = (await found(room, record, HOLDER)).values()
    assert entry.confidentiality == {"N", "MASQUE_PS"}


async def test_ar_055_with_a_deleted_record_goes_what_its_holder_wanted(room, record):
    kept = uuid4()
    await room.decide(wished(record), wished(kept))
    await room.decide(announced(record))
    assert [row["record"] for row in await room.rows("SELECT record FROM masked_by_default")] == [kept]


async def test_what_a_process_did_not_commit_is_done_once_when_it_comes_again(room, record):
    document = await room.stored(record)
    batch = wished(record), ordered(document, record, "mask"), ordered(document, record, "archive", DOCTOR)
    before = await row_of(room, document)
    with pytest.raises(ZeroDivisionError):
        await interrupted(room, *batch)
    assert await row_of(room, document) == before
    assert not await room.rows("SELECT FROM masked_by_default")
    await room.decide(*batch)
    assert await row_of(room, document) == before | {"masked": True, "status": "archived", "version": 3}


async def interrupted(room, *messages):
    async with room.database.transaction() as tx:
        await room.decide_in(tx, *messages)
        raise ZeroDivisionError


async def test_what_an_error_holds_is_shown_to_nobody(room, record):
    document = await room.stored(record)
    await room.rows("UPDATE document SET held_by = $1 WHERE id = $2 RETURNING id", uuid4(), document)
    for actor in (DOCTOR, HOLDER):
        assert await found(room, record, actor, EVERYTHING, statuses=ALL_STATUSES) == {}
        assert await opened(room, record, document, actor) == 404
    assert (await do(room, record, document, "mask")).reason == "unknown_document"


@pytest.mark.parametrize("size", [1, 10, 100])
async def test_the_number_of_statements_does_not_grow_with_acts_in_the_batch(room, size):
    records = [uuid4() for _ in range(4)]
    chance = random.Random(size)
    messages = []
    for seed in range(size):
        record = records[seed % len(records)]
        document = await room.stored(record, seed)
        messages.append(ordered(document, record, chance.choice(["mask", "delete", "archive"])))
        deposit = await room.staged(record, 1000 + seed)
        messages.append(decision(deposit, record, chance.choice(list(Outcome)) if seed else Outcome.DENY))
    async with room.database.transaction() as tx:
        await room.decide_in(tx, *messages)
        assert tx.statements == 4  # load, clock, settle, note refusals


@pytest.mark.parametrize("masked", [0, 1, 12])
async def test_ar_025_deposits_cost_the_same_whoever_wants_his_masked(room, masked):
    """All are stored by the short statement: many holders want it, and thousands of deposits come in a second."""
    records = [uuid4() for _ in range(12)]
    await room.decide(*(wished(one) for one in records[:masked]))
    messages = [decision(await room.staged(one, seed), one) for seed, one in enumerate(records)]
    room.database.on_statements = (counted := []).append
    async with room.database.transaction() as tx:
        await room.decide_in(tx, *messages)
        assert tx.statements == 3  # load, clock, store
    assert len(counted) == 1
    rows = await room.rows("SELECT record FROM document WHERE masked")
    assert {row["record"] for row in rows} == set(records[:masked])


@pytest.mark.parametrize("count", [1, 12])
async def test_what_holders_want_is_noted_by_one_statement(room, count):
    records = [uuid4() for _ in range(count)]
    async with room.database.transaction() as tx:
        await room.decide_in(tx, *map(wished, records), *(wished(one, "not_masked") for one in records[1:]))
        assert tx.statements == 2  # the clock, the notes
    assert [row["record"] for row in await room.rows("SELECT record FROM masked_by_default")] == records[:1]


ACTS = ["mask", "unmask", "withhold", "announce", "hide", "reveal", "archive", "unarchive", "delete"]
LABELS = [{"N"}, {"N", "MASQUE_PS"}, {"N", "INVISIBLE_PATIENT"}, {"N", "INVISIBLE_REPRESENTANTS_LEGAUX"}]


async def test_however_the_batches_are_cut_rows_and_events_are_the_same(room):
    chance = random.Random(11)
    count = 10
    steps = [("deposit", one) for one in range(count)]
    for _ in range(50):
        steps.insert(chance.randrange(len(steps)), ("act", chance.randrange(count), chance.choice(ACTS)))
    for _ in range(6):
        steps.insert(chance.randrange(len(steps)), ("wish", chance.choice(["masked", "not_masked"])))
    stated = [{"confidentiality": chance.choice(LABELS)} for _ in range(count)]
    for one in range(3, count, 2):
        stated[one]["replaces"] = metadata(sample(chance.randrange(one))).unique_id
    for one in (4, 6, 8):
        stated[one]["replaces"] = metadata(sample(one - 2 if one > 4 else 0)).unique_id
    outcomes = []
    for cuts in ([len(steps)], [1] * len(steps), [7] * len(steps)):
        record = uuid4()
        deposits = [await room.staged(record, seed, **stated[seed]) for seed in range(count)]
        messages = []
        for kind, *what in steps:
            if kind == "wish":
                messages.append(wished(record, *what))
            elif kind == "deposit":
                messages.append(decision(deposits[what[0]], record))
            else:
                messages.append(ordered(deposits[what[0]], record, what[1], DOCTOR))
        events = []
        for cut in cuts:
            events += await room.decide(*messages[:cut])
            del messages[:cut]
        names = {deposit: place for place, deposit in enumerate(deposits)}
        rows = await room.rows(
            "SELECT id, status, version, masked, withheld, hidden, withheld_since IS NULL AS never, held_by "
            "FROM document WHERE record = $1 ORDER BY array_position($2::uuid[], id)",
            record,
            deposits,
        )
        told = [event.model_dump(exclude={"request", "deposit", "replaces", "actor"}) for event in events]
        told = [{key: names.get(value, value) for key, value in one.items()} for one in told]
        outcomes.append(([tuple(row)[1:] for row in rows], told))
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert {status for status, *_ in outcomes[0][0]} >= {"archived", "deleted", "superseded"}
    assert {one.get("reason") for one in outcomes[0][1]} >= {
        *("unknown_document", "already_visible", "flags_exclude_each_other")
    }


async def test_the_statement_that_shows_and_the_rule_that_acts_are_one(room, record):
    chance = random.Random(5)
    for seed in range(32):
        document = await room.staged(record, content=sample(seed, KINDS[seed % len(KINDS)]))
        flags = Flags(*(chance.random() < 0.4 for _ in range(3)))
        owners = chance.sample(["A", "B", "AB"], chance.randrange(4))
        await room.rows(
            "UPDATE document SET masked = $2, withheld = $3, hidden = $4, owners = $5, status = $6, settled_at = now() "
            "WHERE id = $1 RETURNING id",
            *(document, *flags, owners, chance.choice(list(Status))),
        )
    entries = [Entry._make(row) for row in await room.rows(f"SELECT {SELECTED} FROM document AS d")]
    types = sorted({entry.type_code for entry in entries})
    sizes = set()
    for _ in range(200):
        seen = Visibility(
            types=chance.choice([None, tuple(chance.sample(types, chance.randrange(len(types) + 1)))]),
            masked=chance.random() < 0.5,
            withheld=chance.random() < 0.5,
            hidden=chance.random() < 0.5,
            own=tuple(chance.sample(["A", "B", "AB", "C"], chance.randrange(3))),
        )
        rows = await room.rows(
            f"SELECT id FROM document WHERE {SHOWN}",
            *(record, list(IN_RECORD), seen.hidden, list(seen.own)),
            *(None if seen.types is None else list(seen.types), seen.masked, seen.withheld),
        )
        wanted = {entry.id for entry in entries if entry.status in IN_RECORD and shows(seen, entry)}
        assert {row["id"] for row in rows} == wanted
        sizes.add(len(wanted))
    assert len(types) > 1
    assert len(sizes) > 8
