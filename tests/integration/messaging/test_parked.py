"""Parked by a bug, mended, replayed: once, in order, under the partition's lock, all or nothing."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from shared.contracts.envelope import MalformedError
from shared.messaging import Effects, Failed, Fate, Outbox, ParkedMessages, Unreadable, _decode, parked, partition_of
from tests.integration.messaging.conftest import adding, seal
from tests.support import counting
from tests.support.counting import Add, Added, Step
from tests.support.system import eventually

BUG = "raise"
WHY = {"by": "op-1", "why": "the bug is mended"}


def mended(message, state, _now):
    """What `counting.add` is once nothing raises any more."""
    total = state + message.body.amount
    return Effects(total, (Step(message.id, message.record, total),), (Added(sum=total),))


def desk(adder, *, handler=mended, name="adding", **changes) -> ParkedMessages:
    """The operator's hand on the adder's parked messages, beside whatever runs."""
    consumer = adding(name, handlers={Add: handler} | changes.pop("answering", {}), **changes)
    return ParkedMessages(
        database=adder.database,
        topics=adder.topics,
        consumers=(consumer,),
        outbox=Outbox("adder", adder.topics, lambda _stored: None),
        seal=seal,
        unseal=lambda sealed, _row: sealed.ciphertext,
    )


async def fed(adder, work, *lanes, broken=None):
    """Have a release with the bug handle all; gives the parked rows in order."""
    broken = broken or sum(isinstance(body, bytes) or body.trouble == BUG for _, body in work)
    async with adder.running(*lanes):
        await adder.feed("test.in", work)

        async def done():
            progress = await adder.rows("SELECT sum(last_number)::int AS n FROM progress WHERE topic = 'test.in'")
            assert progress[0]["n"] == len(work)

        await eventually(done)
    found = await desk(adder).listed()
    assert len(found) == broken
    return found


async def outgoing(adder):
    rows = await adder.rows("SELECT number, convert_from(payload, 'utf8') AS body FROM outbox ORDER BY number")
    return [(row["number"], Added.model_validate_json(row["body"]).sum) for row in rows]


def bad(amount: int) -> Add:
    return Add(amount=amount, trouble=BUG)


async def test_a_parked_message_is_replayed_once_however_often_it_is_asked_for(adder):
    record = uuid4()
    (row,) = await fed(adder, [(record, Add(amount=1)), (record, bad(5)), (record, Add(amount=2))])
    assert await adder.totals() == {record: 3}
    place = partition_of(str(record), counting.PARTITIONS)
    assert (row.topic, row.partition, row.number, row.reason) == ("test.in", place, 2, "internal_error")

    first, second = await asyncio.gather(*(desk(adder).replay(row.id, **WHY, rehearse=False) for _ in range(2)))
    third = await desk(adder).replay(row.id, **WHY, rehearse=False)

    assert {first.fate, second.fate} == {Fate.DONE, Fate.BEFORE}
    assert third.fate is Fate.BEFORE
    assert await adder.totals() == {record: 8}
    async with adder.running():  # its relay sends what the replay wrote

        async def sent():
            assert (await adder.read_out())[place] == [(1, 1), (2, 3), (3, 8)]

        await eventually(sent)
    (resolved,) = await desk(adder).listed(resolved=True)
    assert (resolved.resolution, resolved.resolved_by, resolved.resolved_why) == ("replayed", "op-1", WHY["why"])
    assert await desk(adder).listed() == []


async def test_the_line_goes_on_behind_a_replay(adder):
    record = uuid4()
    (row,) = await fed(adder, [(record, bad(5)), (record, Add(amount=2))])
    assert (await desk(adder).replay(row.id, **WHY, rehearse=False)).fate is Fate.DONE
    async with adder.running():
        await adder.feed("test.in", [(record, Add(amount=10))], number_from=3)

        async def done():
            assert await adder.totals() == {record: 17}

        await eventually(done)


async def test_a_rehearsal_says_what_would_come_of_it_and_changes_nothing(adder):
    record = uuid4()
    (row,) = await fed(adder, [(record, bad(5))])
    before = await outgoing(adder)
    told = await desk(adder).replay(row.id, **WHY, rehearse=True)
    assert (told.fate, told.sentence) == (Fate.WOULD_BE, "sends test.added.v1")
    assert await outgoing(adder) == before
    assert await adder.totals() == {}
    assert await desk(adder).listed() == [row]
    assert (await desk(adder).replay(row.id, **WHY, rehearse=False)).fate is Fate.DONE


async def test_what_still_fails_stays_open_and_is_counted(adder):
    record = uuid4()
    (row,) = await fed(adder, [(record, bad(5))])
    told = await desk(adder, handler=counting.add).replay(row.id, **WHY, rehearse=False)
    assert told.fate is Fate.REFUSED
    assert "ZeroDivisionError" in told.sentence
    assert await desk(adder).listed() == [row._replace(attempts=2)]
    assert await outgoing(adder) == []


async def test_what_still_cannot_be_saved_stays_open(adder):
    record = uuid4()
    (row,) = await fed(adder, [(record, bad(5_000_000))])
    told = await desk(adder).replay(row.id, **WHY, rehearse=False)
    assert told.fate is Fate.REFUSED
    assert "CheckViolationError" in told.sentence
    assert await adder.totals() == {}


async def test_what_still_cannot_be_read_stays_open(adder):
    (row,) = await fed(adder, [(uuid4(), b"{")])
    told = await desk(adder).replay(row.id, **WHY, rehearse=False)
    assert told.fate is Fate.REFUSED
    assert "malformed" in told.sentence


async def test_messages_of_one_record_are_replayed_in_their_order(adder):
    record, other = uuid4(), uuid4()
    while partition_of(str(other), counting.PARTITIONS) != partition_of(str(record), counting.PARTITIONS):
        other = uuid4()
    first, second, neighbour = await fed(adder, [(record, bad(5)), (record, bad(7)), (other, bad(9))])
    messages = desk(adder)
    told = await messages.replay(second.id, **WHY, rehearse=False)
    assert told.fate is Fate.REFUSED
    assert str(first.id) in told.sentence
    assert await adder.totals() == {}
    assert (await messages.replay(neighbour.id, **WHY, rehearse=False)).fate is Fate.DONE
    fates = [(await messages.replay(one.id, **WHY, rehearse=False)).fate for one in (first, second)]
    assert fates == [Fate.DONE, Fate.DONE]
    steps = await adder.rows("SELECT sum FROM step WHERE record = $1 ORDER BY ordinal", record)
    assert [row["sum"] for row in steps] == [5, 12]


async def test_a_message_that_was_discarded_no_longer_stands_before_the_next(adder):
    record = uuid4()
    first, second = await fed(adder, [(record, bad(5)), (record, bad(7))])
    messages = desk(adder)
    assert (await messages.discard(first.id, **WHY)).fate is Fate.DONE
    assert (await messages.discard(first.id, **WHY)).fate is Fate.BEFORE
    assert (await messages.replay(first.id, **WHY, rehearse=False)).fate is Fate.REFUSED
    assert (await messages.replay(second.id, **WHY, rehearse=False)).fate is Fate.DONE
    assert (await messages.discard(second.id, **WHY)).fate is Fate.REFUSED
    assert await adder.totals() == {record: 7}


class CrashError(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("where", ["resolve", "append"])
async def test_a_crash_in_between_leaves_nothing_and_the_replay_is_asked_for_again(adder, monkeypatch, where):
    record = uuid4()
    (row,) = await fed(adder, [(record, bad(5))])
    owner = parked if where == "resolve" else Outbox
    whole = getattr(owner, where)

    async def crashing(*arguments):
        await whole(*arguments)
        raise CrashError

    with monkeypatch.context() as patched:
        patched.setattr(owner, where, crashing)
        with pytest.raises(CrashError):
            await desk(adder).replay(row.id, **WHY, rehearse=False)
    assert await desk(adder).listed() == [row]
    assert (await adder.totals(), await outgoing(adder)) == ({}, [])
    assert (await desk(adder).replay(row.id, **WHY, rehearse=False)).fate is Fate.DONE
    assert (await adder.totals(), await outgoing(adder)) == ({record: 5}, [(1, 5)])


async def test_a_replay_waits_for_its_turn_on_the_partition(adder):
    record = uuid4()
    (row,) = await fed(adder, [(record, bad(5))])
    messages = desk(adder)
    async with adder.database.transaction() as other:
        await other.execute("SELECT FROM partition_lock WHERE partition = $1 FOR UPDATE", row.partition)
        asked = asyncio.create_task(messages.replay(row.id, **WHY, rehearse=False))

        async def waiting():
            found = await adder.rows(  # not within a transaction that has looked before: it would see the same again
                "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%partition_lock%' "
                "AND datname = current_database()"
            )
            assert found or asked.done()

        await eventually(waiting)
        assert not asked.done()
    assert (await asked).fate is Fate.DONE


async def test_what_was_answered_when_it_was_parked_gets_no_second_answer(adder):
    record = uuid4()
    answering = {Failed: counting.failed}
    lane = adding(handlers={Add: counting.add, **answering})
    (row,) = await fed(adder, [(record, bad(5))], lane)
    assert await outgoing(adder) == [(1, -1)]
    told = await desk(adder, answering=answering).replay(row.id, **WHY, rehearse=False)
    assert told.fate is Fate.REFUSED
    assert "answered" in told.sentence
    assert (await adder.totals(), await outgoing(adder)) == ({}, [(1, -1)])


async def test_an_answer_to_what_could_not_be_read_at_all_is_an_answer_too(adder, monkeypatch):
    """The reader of envelopes has the bug, so the answer follows from the place and not from the message's own id."""
    record = uuid4()

    def illegible(_headers):
        raise MalformedError("planted")

    def told(_message, state, _now):
        return Effects(state, (), (Added(sum=-2),))

    lane = adding(handlers={Add: mended, Unreadable: told})
    with monkeypatch.context() as patched:
        patched.setattr(_decode, "from_headers", illegible)
        (row,) = await fed(adder, [(record, Add(amount=5))], lane, broken=1)
    answer = await desk(adder, answering={Unreadable: told}).replay(row.id, **WHY, rehearse=False)
    assert answer.fate is Fate.REFUSED
    assert (await adder.totals(), await outgoing(adder)) == ({}, [(1, -2)])


async def test_what_may_have_been_answered_before_the_outbox_forgot_is_not_replayed(adder):
    record = uuid4()
    (row,) = await fed(adder, [(record, bad(5))])
    await adder.rows("UPDATE parked SET first_seen = first_seen - $1::interval RETURNING id", timedelta(days=31))
    told = await desk(adder, answering={Failed: counting.failed}).replay(row.id, **WHY, rehearse=False)
    assert told.fate is Fate.REFUSED
    assert (await desk(adder).replay(row.id, **WHY, rehearse=False)).fate is Fate.DONE  # this lane answers nothing


async def test_a_request_that_was_decided_is_not_decided_again(adder):
    record, totals = uuid4(), counting.Totals()
    (row,) = await fed(adder, [(record, bad(5))])
    message = (await desk(adder).shown(row.id))[1].id
    await adder.rows("INSERT INTO step VALUES ($1, $2, 0) RETURNING cause", message, record)
    told = await desk(adder, store=totals, done=totals.done).replay(row.id, **WHY, rehearse=False)
    assert told.fate is Fate.REFUSED
    assert await outgoing(adder) == []


async def test_what_nobody_knows_or_handles_is_refused(adder):
    (row,) = await fed(adder, [(uuid4(), bad(5))])
    messages = desk(adder)
    assert (await messages.replay(uuid4(), **WHY, rehearse=False)).fate is Fate.REFUSED
    assert (await messages.discard(uuid4(), **WHY)).fate is Fate.REFUSED
    assert await messages.shown(uuid4()) is None
    told = await desk(adder, name="another").replay(row.id, **WHY, rehearse=False)
    assert (told.fate, "adding" in told.sentence) == (Fate.REFUSED, True)


async def test_a_message_of_a_database_fault_may_be_asked_for_again(adder):
    record = uuid4()
    (row,) = await fed(adder, [(record, bad(5))])

    def unreachable(*_):
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await desk(adder, handler=unreachable).replay(row.id, **WHY, rehearse=False)
    assert await desk(adder).listed() == [row]


async def test_shown_is_the_envelope_and_never_the_body(adder):
    (row,) = await fed(adder, [(uuid4(), bad(54_321))])
    shown, envelope = await desk(adder).shown(row.id)
    assert shown == row
    assert envelope.type == Add.type_name
    assert "54321" not in repr((shown, envelope))


async def test_the_list_is_by_topic_and_no_longer_than_asked(adder):
    record = uuid4()
    rows = await fed(adder, [(record, bad(amount)) for amount in (1, 2, 3)])
    assert [row.number for row in rows] == [1, 2, 3]
    messages = desk(adder)
    assert await messages.listed(most=2) == rows[:2]
    assert await messages.listed(topic="test.in") == rows
    assert await messages.listed(topic="test.requests") == []
