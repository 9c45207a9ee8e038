"""A decision that a bug left undone holds its document; once mended it is replayed, and the document is there, once."""

from datetime import UTC, datetime
from uuid import uuid4

from aiokafka import ConsumerRecord

from services.document.handlers import BY_TYPE
from shared.contracts.access_decisions import Decided
from shared.contracts.document_changes import ActRefused, DocumentChanged
from shared.contracts.document_events import Deposited, DocumentHeld
from shared.contracts.envelope import Envelope, to_headers
from shared.contracts.topics import ACCESS_DECISIONS, DOCUMENT_EVENTS, registry
from shared.messaging import Consumer, Fate, ParkedMessages, Sealed, partition_of, prepare_tables
from shared.messaging._batch import BatchHandler
from tests.support.documents import DOCTOR, decision, ordered
from tests.support.system import PARTITIONS

TOPICS = registry((), PARTITIONS)
WHY = {"by": "op-1", "why": "the bug is mended", "rehearse": False}


def seal(data, _row):
    return Sealed("kek-test", b"wrapped", data)


def raising(*_):
    raise ZeroDivisionError


async def told(room, record):
    sql = "SELECT type FROM outbox WHERE topic = $1 AND key = $2 ORDER BY number"
    rows = await room.rows(sql, DOCUMENT_EVENTS, str(record))
    return [row["type"] for row in rows]


def came(message, record, number):
    """A decision as the broker gives it."""
    now = datetime.now(UTC)
    headers = to_headers(Envelope(message.id, Decided.type_name, "access_control", now, uuid4(), None, number))
    value = message.body.model_dump_json(exclude_none=True).encode()
    place = partition_of(str(record), PARTITIONS)
    return ConsumerRecord(
        ACCESS_DECISIONS, place, number - 1, 0, 0, str(record).encode(), value, None, 0, 0, tuple(headers)
    )


async def test_a_held_document_is_there_after_a_replay_asked_for_twice(room, record):
    async with room.database.transaction() as tx:
        await prepare_tables(tx, partitions=PARTITIONS, inputs=(), outputs=())
    deposit = await room.staged(record)
    permit = decision(deposit, record)
    parts = {"database": room.database, "outbox": room.outbox, "topics": TOPICS, "seal": seal}
    await BatchHandler(
        Consumer("decisions", (ACCESS_DECISIONS,), BY_TYPE | {Decided: raising}, room.decisions), **parts
    ).handle([came(permit, record, 1)])
    assert await told(room, record) == [DocumentHeld.type_name]

    parked = ParkedMessages(
        consumers=[Consumer("decisions", (ACCESS_DECISIONS,), BY_TYPE, room.decisions)],
        unseal=lambda sealed, _row: sealed.ciphertext,
        **parts,
    )
    (row,) = await parked.listed()
    assert (row.reason, row.number) == ("internal_error", 1)
    assert [(await parked.replay(row.id, **WHY)).fate for _ in range(2)] == [Fate.DONE, Fate.BEFORE]
    assert await told(room, record) == [DocumentHeld.type_name, Deposited.type_name]
    assert (await room.rows("SELECT status FROM document"))[0]["status"] == "current"


async def test_an_act_that_a_bug_left_undone_holds_its_document_until_it_is_replayed(room, record):
    """Whoever else asks for something meanwhile finds nothing, and frees nothing."""
    async with room.database.transaction() as tx:
        await prepare_tables(tx, partitions=PARTITIONS, inputs=(), outputs=())
    document = await room.stored(record)
    parts = {"database": room.database, "outbox": room.outbox, "topics": TOPICS, "seal": seal}

    def lane(handlers):
        return BatchHandler(Consumer("decisions", (ACCESS_DECISIONS,), handlers, room.decisions), **parts)

    mask, archive = ordered(document, record, "mask"), ordered(document, record, "archive", DOCTOR)
    await lane(BY_TYPE | {Decided: raising}).handle([came(mask, record, 1)])
    for _ in range(2):  # whatever comes twice happens once
        await lane(BY_TYPE).handle([came(archive, record, 2)])
    sql = "SELECT status, version, masked, held_by FROM document"
    assert [tuple(row) for row in await room.rows(sql)] == [("current", 1, False, mask.body.request)]

    parked = ParkedMessages(
        consumers=[Consumer("decisions", (ACCESS_DECISIONS,), BY_TYPE, room.decisions)],
        unseal=lambda sealed, _row: sealed.ciphertext,
        **parts,
    )
    (row,) = await parked.listed()
    assert [(await parked.replay(row.id, **WHY)).fate for _ in range(2)] == [Fate.DONE, Fate.BEFORE]
    assert [tuple(row) for row in await room.rows(sql)] == [("current", 2, True, None)]
    assert await told(room, record) == [one.type_name for one in (DocumentHeld, ActRefused, DocumentChanged)]
