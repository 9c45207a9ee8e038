import pytest

from shared.contracts.access_decisions import Outcome
from shared.contracts.common import Scope
from tests.integration.document.conftest import collection, grow_old, whole_turn
from tests.support.documents import DOCTOR, decision, metadata, permit, sample, signed, token

pytestmark = pytest.mark.kafka


async def test_a_refused_deposit_goes_after_its_outcome_and_may_then_come_again(room, record):
    first = await room.staged(record)
    await collection(room, refused_s=0.0).turn()
    assert len(room.contents()) == 1
    await room.decide(decision(first, record, Outcome.DENY))
    await collection(room).turn()
    assert len(room.contents()) == 1
    await collection(room, refused_s=0.0).turn()
    assert not room.contents()
    assert not await room.rows("SELECT FROM refusal")
    assert (await room.client.get(f"/deposits/{first}", headers=token())).status_code == 404
    assert await room.staged(record) != first


async def test_contents_of_documents_stay_whatever_their_age(room, record):
    kept = await room.stored(record)
    waiting = await room.staged(record, 1)
    grow_old(room)
    await whole_turn(collection(room, refused_s=0.0))
    assert len(room.contents()) == 2
    answer = await room.ask("/open", permit=signed(permit(record, DOCTOR, Scope())), document=str(kept))
    assert answer.content == sample()
    await room.decide(decision(waiting, record))
    assert len(room.contents()) == 2


async def test_contents_without_a_row_go_once_they_are_old(room, record):
    await room.stored(record)
    for _ in range(5):
        await room.content.put([b"sealed"])
    await whole_turn(collection(room))
    assert len(room.contents()) == 6
    grow_old(room)
    await whole_turn(collection(room))
    assert len(room.contents()) == 1


async def test_a_turn_is_bounded_and_says_that_more_waits(room, monkeypatch):
    monkeypatch.setattr("services.document.repository.collection.AT_ONCE", 3)
    monkeypatch.setattr("services.document.repository.collection._ASKED", 2)
    monkeypatch.setattr("services.document.content.segments.SEGMENT_S", 0.0)
    await room.content.put([b"sealed"] * 7)
    grow_old(room)
    work = collection(room)
    assert [await work.turn() for _ in range(3)] == [True, True, False]
    assert not room.contents()


async def test_permits_used_long_ago_are_forgotten(room, record):
    one = signed(permit(record, DOCTOR, Scope()))
    await room.ask("/search", permit=one)
    await collection(room).turn()
    assert (await room.ask("/search", permit=one)).json()["code"] == "permit_used"
    await collection(room, consulted_s=0.0).turn()
    assert not await room.rows("SELECT FROM consulted")


async def test_a_deposit_that_was_refused_while_its_repeat_came_is_told_once(room, record):
    content = sample()
    first = await room.staged(record, content=content)
    await room.decide(decision(first, record, Outcome.DENY))
    again = await room.post(content, metadata(content, record))
    await collection(room, refused_s=0.0).turn()
    assert again.json()["deposit"] == str(first)
    assert not room.contents()
