import random
from uuid import uuid4

import pytest

from services.document.domain.settlement import Settled, Status
from shared.contracts.access_decisions import Outcome
from shared.contracts.common import Act
from shared.contracts.reasons import Reason
from tests.support.documents import OTHER, decision, metadata, sample

pytestmark = pytest.mark.kafka

UNIQUE = metadata(sample(0)).unique_id


async def row_of(room, document):
    (row,) = await room.rows("SELECT * FROM document WHERE id = $1", document)
    return row


async def test_a_permit_stores_and_a_denial_refuses(room, record):
    one, two = await room.staged(record), await room.staged(record, 1)
    told = await room.decide(decision(one, record), decision(two, record, Outcome.DENY))
    assert [type(event).__name__ for event in told] == ["Deposited", "DepositRefused"]
    stored, refused = await row_of(room, one), await row_of(room, two)
    assert (stored["status"], stored["version"], stored["reason"]) == ("current", 1, None)
    assert stored["settled_at"] is not None
    assert (refused["status"], refused["reason"], refused["because"]) == ("refused", "denied", "record_closed")
    assert [row["document"] for row in await room.rows("SELECT document FROM refusal")] == [two]


async def test_duplicates_are_seen_within_a_batch_and_across_batches(room, record):
    deposits = [await room.staged(record, actor=actor) for actor in (metadata(sample()).actor, OTHER)]
    first, second = await room.decide(*(decision(one, record) for one in deposits))
    assert second.reason is Reason.DUPLICATE
    third = await room.staged(record, actor=OTHER.model_copy(update={"number": "899000000002"}))
    (event,) = await room.decide(decision(third, record))
    assert event.reason is Reason.DUPLICATE
    assert first.document == deposits[0]


async def test_the_same_unique_id_in_another_record_is_no_duplicate(room, record):
    await room.stored(record)
    elsewhere = uuid4()
    deposit = await room.staged(elsewhere)
    (event,) = await room.decide(decision(deposit, elsewhere))
    assert event.document == deposit


async def test_a_replacement_takes_over_flags_and_clock(room, record):
    old = await room.stored(record, confidentiality={"N", "INVISIBLE_PATIENT"})
    new = await room.staged(record, 1, replaces=UNIQUE)
    (event,) = await room.decide(decision(new, record))
    assert (event.replaces, event.withheld) == (old, True)
    before, after = await row_of(room, old), await row_of(room, new)
    assert (before["status"], before["version"]) == ("superseded", 2)
    assert (after["status"], after["version"], after["replaces_document"]) == ("current", 1, old)
    assert after["withheld"] is True
    assert after["withheld_since"] == before["withheld_since"] is not None


@pytest.mark.parametrize("how", ["another author", "nothing there", "superseded"])
async def test_what_can_not_be_replaced_is_refused(room, record, how):
    old = await room.stored(record)
    changes = {"replaces": "9.9.9" if how == "nothing there" else UNIQUE}
    if how == "another author":
        changes["actor"] = OTHER
    if how == "superseded":
        await room.decide(decision(await room.staged(record, 2, replaces=UNIQUE), record))
    content = sample(3).replace(b'extension="801234567897"', b'extension="899000000009"')
    new = await room.staged(record, content=content, **changes)
    (event,) = await room.decide(decision(new, record))
    assert event.reason is Reason.UNKNOWN_TARGET
    assert (await row_of(room, new))["status"] == "refused"
    if how != "superseded":
        assert (await row_of(room, old))["status"] == "current"


async def test_other_decisions_ask_the_database_nothing(room, record):
    async with room.database.transaction() as tx:
        await room.decide_in(tx, decision(uuid4(), record, act=Act.CONSULT), decision(uuid4(), record, act=Act.BLOCK))
        assert tx.statements == 1  # the clock


@pytest.mark.parametrize("size", [1, 10, 100])
async def test_the_number_of_statements_does_not_grow_with_the_batch(room, size):
    records = [uuid4() for _ in range(4)]
    chance = random.Random(size)
    messages = []
    for seed in range(size):
        record = records[seed % len(records)]
        deposit = await room.staged(record, seed)
        messages.append(decision(deposit, record, chance.choice(list(Outcome)) if seed else Outcome.DENY))
    async with room.database.transaction() as tx:
        await room.decide_in(tx, *messages)
        assert tx.statements == 4  # load, clock, settle, note refusals


async def test_settling_writes_no_index(room, record):
    """Each index that names a column of the outcome would be written for every deposit (no heap-only update)."""
    messages = [decision(await room.staged(record, seed), record) for seed in range(5)]
    messages.append(decision(await room.staged(record, 5), record, Outcome.DENY))
    async with room.database.transaction() as tx:
        await room.decide_in(tx, *messages)
        (counted,) = await tx.fetch(
            "SELECT pg_stat_get_xact_tuples_updated('document'::regclass) AS updated, "
            "pg_stat_get_xact_tuples_hot_updated('document'::regclass) AS in_place"
        )
    assert (counted["updated"], counted["in_place"]) == (6, 6)


async def test_a_decision_in_another_record_touches_nothing(room, record):
    deposit = await room.staged(record)
    (event,) = await room.decide(decision(deposit, uuid4()))
    assert event.reason is Reason.NOT_STAGED
    assert (await row_of(room, deposit))["status"] == "staged"


async def test_however_the_batches_are_cut_the_rows_are_the_same(room):
    chance = random.Random(7)
    steps = []
    for seed in range(24):
        target = None if seed < 4 else metadata(sample(chance.randrange(seed))).unique_id
        steps.append((seed, target if chance.random() < 0.6 else None, chance.random() < 0.8))
    outcomes = []
    for cuts in ([24], [1] * 24, [5, 7, 12]):
        record = uuid4()
        messages = [
            decision(
                await room.staged(record, seed, replaces=target),
                record,
                Outcome.PERMIT if permit else Outcome.DENY,
            )
            for seed, target, permit in steps
        ]
        for cut in cuts:
            await room.decide(*messages[:cut])
            del messages[:cut]
        rows = await room.rows(
            "SELECT d.unique_id, d.status, d.reason, d.version, o.unique_id AS old FROM document d "
            "LEFT JOIN document o ON o.id = d.replaces_document WHERE d.record = $1 ORDER BY 1",
            record,
        )
        outcomes.append([tuple(row) for row in rows])
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert {status for _, status, *_ in outcomes[0]} == {"current", "superseded", "refused"}


async def test_a_change_of_status_leaves_the_rest_of_the_row(room, record):
    deposit = await room.stored(record, title="Titre")
    before = dict(await row_of(room, deposit))
    async with room.database.transaction() as tx:
        await room.decisions.save(tx, [Settled(deposit, Status.SUPERSEDED, version=2)])
    assert dict(await row_of(room, deposit)) == before | {"status": "superseded", "version": 2}
