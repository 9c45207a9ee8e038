"""Acts on documents that replaced others, on the real PostgreSQL: the whole chain is found, changes, is told once."""

import random
from uuid import uuid4

import pytest

from services.document.repository import decisions as repository
from shared.contracts.access_decisions import Outcome
from shared.contracts.common import Scope
from shared.contracts.http_document import SearchResult
from shared.contracts.reasons import Reason
from tests.support.documents import DOCTOR, HOLDER, OTHER, decision, metadata, ordered, permit, sample, signed

pytestmark = pytest.mark.kafka

ALL_STATUSES = ["current", "superseded", "archived"]
EVERYTHING = Scope(types=None, masked=True, withheld=True)
WITHHELD = {"confidentiality": {"N", "INVISIBLE_PATIENT"}}


def unique(seed):
    return metadata(sample(seed)).unique_id


async def versions(room, record, count, *, first=0, **changes):
    """Versions of one document, the oldest first, each stored in a batch of its own."""
    oldest = await room.stored(record, first, **changes)
    newer = range(first + 1, first + count)
    return [oldest, *[await room.stored(record, seed, replaces=unique(seed - 1)) for seed in newer]]


async def rows_of(room, documents):
    rows = await room.rows(
        "SELECT status, version, masked, withheld, hidden, held_by FROM document WHERE id = ANY($1::uuid[]) "
        "ORDER BY array_position($1::uuid[], id)",
        documents,
    )
    return [tuple(row) for row in rows]


async def found(room, record, actor, scope):
    answer = await room.ask("/search", permit=signed(permit(record, actor, scope)), filters={"statuses": ALL_STATUSES})
    assert answer.status_code == 200, answer.text
    return {entry.document for entry in SearchResult.model_validate_json(answer.content).entries}


async def opened(room, record, document, actor, scope):
    return (await room.ask("/open", permit=signed(permit(record, actor, scope)), document=str(document))).status_code


async def test_ar_021_071_nobody_who_loses_sight_finds_an_older_version_of_what_is_masked(room, record):
    chain = await versions(room, record, 3)
    other = await room.stored(record, 9)
    assert await found(room, record, OTHER, Scope()) == {*chain, other}
    told = await room.decide(ordered(chain[2], record, "mask", version=1))
    assert [(event.document, event.version_of) for event in told] == [
        (chain[2], None),
        (chain[1], chain[2]),
        (chain[0], chain[2]),
    ]
    assert await found(room, record, OTHER, Scope()) == {other}
    assert {await opened(room, record, one, OTHER, Scope()) for one in chain} == {404}
    assert await found(room, record, HOLDER, Scope()) == {*chain, other}
    await room.decide(ordered(chain[2], record, "unmask", version=2))
    assert await found(room, record, OTHER, Scope()) == {*chain, other}
    assert [row[1] for row in await rows_of(room, chain)] == [4, 4, 3]


async def test_ar_051_nothing_of_a_deleted_chain_is_shown_and_all_of_it_stays(room, record):
    chain = await versions(room, record, 3)
    await room.decide(ordered(chain[2], record, "delete", DOCTOR, scope=Scope(types=set(), own=DOCTOR.number)))
    assert [row[0] for row in await rows_of(room, chain)] == ["deleted"] * 3
    for actor in (DOCTOR, OTHER, HOLDER):
        assert await found(room, record, actor, EVERYTHING) == set()
        assert {await opened(room, record, one, actor, EVERYTHING) for one in chain} == {404}
    again = await room.staged(record, 0, actor=OTHER)
    (told,) = await room.decide(decision(again, record))
    assert told.reason is Reason.DUPLICATE


async def test_an_older_version_that_is_named_takes_its_predecessors_along_and_no_newer_one(room, record):
    chain = await versions(room, record, 4)
    await room.decide(ordered(chain[1], record, "mask"))
    assert [row[2] for row in await rows_of(room, chain)] == [True, True, False, False]


@pytest.mark.parametrize("cuts", [[1, 1, 1, 1], [4], [3, 1], [1, 3], [2, 2]])
async def test_what_its_own_batch_settles_is_found_as_what_was_there(room, record, cuts):
    """Nothing of the two newest versions is in the record when the batch is loaded."""
    chain = await versions(room, record, 2)
    chain += [await room.staged(record, seed, replaces=unique(seed - 1)) for seed in (2, 3)]
    messages = [*(decision(one, record) for one in chain[2:]), ordered(chain[3], record, "mask")]
    messages.append(ordered(chain[3], record, "mask"))
    told = []
    for cut in cuts:
        told += await room.decide(*messages[:cut])
        del messages[:cut]
    assert [row[2] for row in await rows_of(room, chain)] == [True] * 4
    assert [row[1] for row in await rows_of(room, chain)] == [3, 3, 3, 2]
    changes = [event for event in told if hasattr(event, "version_of")]
    assert [event.document for event in changes] == [*reversed(chain), chain[3]]
    assert [event.changed for event in changes] == [True] * 4 + [False]


async def test_same_unique_ids_in_another_record_or_of_refused_deposits_are_no_versions(room, record):
    elsewhere = uuid4()
    chain = await versions(room, record, 2)
    there = await versions(room, elsewhere, 2)
    refused = await room.staged(record, 0, actor=OTHER, replaces=unique(7))
    waiting = await room.staged(record, 1, actor=OTHER, replaces=unique(7))
    plain = await room.stored(record, 7)
    await room.decide(decision(refused, record, Outcome.DENY))
    told = await room.decide(ordered(chain[1], record, "mask"))
    assert {event.document for event in told} == set(chain)
    assert [row[2] for row in await rows_of(room, [*there, plain, refused, waiting])] == [False] * 5


async def test_a_long_chain_is_found_whole_by_one_statement(room, record):
    counts = []
    for length, first in ((1, 100), (2, 200), (20, 300)):
        chain = await versions(room, record, length, first=first)
        async with room.database.transaction() as tx:
            await room.decide_in(tx, ordered(chain[-1], record, "mask"))
            counts.append(tx.statements)
        assert {row[2] for row in await rows_of(room, chain)} == {True}
    assert counts == [3] * 3  # load, clock, settle


async def test_deposits_alone_are_loaded_without_looking_for_versions(room, record, monkeypatch):
    monkeypatch.setattr(repository, "_LOAD_CHAINS", "there is no such statement")
    await versions(room, record, 3)


async def interrupted(room, *messages):
    async with room.database.transaction() as tx:
        await room.decide_in(tx, *messages)
        raise ZeroDivisionError


async def test_what_a_process_did_not_commit_is_done_once_to_the_chain_when_it_comes_again(room, record):
    chain = await versions(room, record, 3, **WITHHELD)
    batch = ordered(chain[2], record, "announce", DOCTOR), ordered(chain[2], record, "mask")
    before = await rows_of(room, chain)
    with pytest.raises(ZeroDivisionError):
        await interrupted(room, *batch)
    assert await rows_of(room, chain) == before
    told = await room.decide(*batch)
    assert [event.came_into_view for event in told] == [True] + [False] * 5
    assert [(row[1], row[2], row[3]) for row in await rows_of(room, chain)] == [
        (before[place][1] + 2, True, False) for place in range(3)
    ]
    again = await room.decide(*batch)
    assert [(event.document, event.changed) for event in again] == [(chain[2], False)] * 2


ACTS = ["mask", "unmask", "announce", "reveal", "delete", "archive", "unarchive"]
LABELS = [{"N"}, {"N", "MASQUE_PS"}, {"N", "INVISIBLE_PATIENT"}, {"N", "INVISIBLE_REPRESENTANTS_LEGAUX"}]
SCOPES = [EVERYTHING, Scope(types=set(), own=DOCTOR.number), Scope(types=None), Scope(types=None, masked=True)]


SEED = 54
"""Of this one every act reaches older versions."""


def mixed(chance):
    """What happens, and what is stated of each deposit: each replaces the one three places before it."""
    steps = []
    stated = [{"confidentiality": chance.choice(LABELS)} for _ in range(15)]
    for place, one in enumerate(stated):
        if place >= 3:
            one["replaces"] = unique(place - 3)
        steps.append(("deposit", place))
        for _ in range(4):
            act = chance.choices(ACTS, [6, 6, 4, 4, 0 if place < 12 else 3, 1, 3])[0]
            named = max(chance.randrange(place + 1) for _ in range(2))
            steps.append(("act", named, act, chance.choice(SCOPES), chance.choice([DOCTOR, HOLDER])))
    return steps, stated


async def test_however_the_batches_are_cut_chains_and_events_are_the_same(room):
    """Three documents of five versions each, deposited and acted upon in one mixed order."""
    steps, stated = mixed(random.Random(SEED))
    outcomes = []
    for cuts in ([len(steps)], [1] * len(steps), [4] * len(steps), [17] * len(steps)):
        record = uuid4()
        documents = [await room.staged(record, place, **one) for place, one in enumerate(stated)]
        messages = [
            decision(documents[what[0]], record)
            if kind == "deposit"
            else ordered(documents[what[0]], record, what[1], what[3], scope=what[2])
            for kind, *what in steps
        ]
        requests = {message.body.request: place for place, message in enumerate(messages)}
        events = []
        for cut in cuts:
            events += await room.decide(*messages[:cut])
            del messages[:cut]
        names = {document: f"v{place}" for place, document in enumerate(documents)} | requests
        told = [event.model_dump(exclude={"deposit", "actor"}) for event in events]
        told = [{key: names.get(value, value) for key, value in one.items()} for one in told]
        outcomes.append((await rows_of(room, documents), told))
    assert outcomes[0] == outcomes[1] == outcomes[2] == outcomes[3]
    rows, told = outcomes[0]
    assert {status for status, *_ in rows} >= {"superseded", "deleted"}
    along = {one["act"] for one in told if one.get("version_of")}
    assert along >= {"mask", "unmask", "announce", "reveal", "delete"}
