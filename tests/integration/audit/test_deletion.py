"""Deleted records: traces can't be read any more, their leaves remain, and every confirmation has a witness."""

from datetime import UTC, datetime
from uuid import uuid4

import orjson
import pytest

from services.audit.domain.merkle import leaf_hash
from shared.contracts import document_events, history_events, notification_events
from shared.contracts.access_decisions import DeletionAnnounced, DeletionForeseen, RecordClosed
from shared.contracts.common import Actor, ActorKind
from shared.contracts.http_audit import ReadTraces
from shared.contracts.topics import ACCESS_DECISIONS, AUDIT_EVENTS, DOCUMENT_EVENTS, HISTORY_EVENTS, NOTIFICATION_EVENTS
from shared.database.record_keys import RecordDestroyedError
from shared.security import UndecryptableError, context, decrypt
from tests.integration.audit.conftest import permit
from tests.integration.audit.test_log import OPENED

pytestmark = pytest.mark.kafka

CONFIRMED = (
    (DOCUMENT_EVENTS, document_events.RecordDestroyed()),
    (HISTORY_EVENTS, history_events.RecordDestroyed()),
    (NOTIFICATION_EVENTS, notification_events.RecordDestroyed()),
)


def announced(because="request"):
    return DeletionAnnounced(because=because, latest=datetime.now(UTC))


async def witnessed(audit, record):
    rows = await audit.follower.rows(
        "SELECT payload FROM outbox WHERE topic = $1 AND key = $2 ORDER BY number", AUDIT_EVENTS, str(record)
    )
    return [orjson.loads(row["payload"])["owner"] for row in rows]


async def test_ar_055_traces_are_destroyed_and_salted_leaves_remain(audit):
    follower, record, neighbour = audit.follower, uuid4(), uuid4()
    await follower.take(*(follower.record(ACCESS_DECISIONS, one, OPENED) for one in (record, neighbour)))
    async with follower.database.transaction() as tx:
        key = (await audit.keys.get(tx, [record]))[record]
    await follower.take(follower.record(ACCESS_DECISIONS, record, announced()))
    await follower.take(*(follower.record(topic, record, body) for topic, body in CONFIRMED))
    with pytest.raises(RecordDestroyedError):
        await audit.traces.read(permit(record), ReadTraces(permit="x"))
    assert len(await audit.traces.read(permit(neighbour), ReadTraces(permit="x"))) == 1
    leaves = await follower.rows("SELECT * FROM leaf ORDER BY index")
    assert [row["index"] for row in leaves] == list(range(len(leaves)))
    assert len(leaves) == 2 + 1 + 3 + 1
    assert all(leaf_hash(row["commitment"]) == row["leaf_hash"] for row in leaves)
    late = [row for row in leaves if row["type"].endswith("record-destroyed.v1")]
    for row in late:
        with pytest.raises(UndecryptableError):
            decrypt(key, row["event"], context("audit", "leaf", "event", row["event_id"]))
    (stored,) = await follower.rows("SELECT wrapped_key FROM record_key WHERE record = $1", record)
    assert stored["wrapped_key"] is None


@pytest.mark.parametrize("because", ["archive", "request"])
async def test_ar_060_traces_outlive_the_closing_and_go_when_the_record_goes(audit, because):
    """Ten years after the closing, or at the holder's express request: access_control says when, in both cases."""
    follower, record = audit.follower, uuid4()
    closed = RecordClosed(actor=Actor(kind=ActorKind.PATIENT))
    foreseen = DeletionForeseen(at=datetime.now(UTC))
    await follower.take(*(follower.record(ACCESS_DECISIONS, record, body) for body in (OPENED, closed, foreseen)))
    kinds = {trace.kind for trace in await audit.traces.read(permit(record), ReadTraces(permit="x"))}
    assert kinds == {OPENED.type_name, closed.type_name, foreseen.type_name}
    await follower.take(follower.record(ACCESS_DECISIONS, record, announced(because)))
    with pytest.raises(RecordDestroyedError):
        await audit.traces.read(permit(record), ReadTraces(permit="x"))
    (stored,) = await follower.rows("SELECT wrapped_key FROM record_key WHERE record = $1", record)
    assert stored["wrapped_key"] is None


async def test_ar_055_a_confirmation_counts_once_it_is_traced(audit):
    follower, record = audit.follower, uuid4()
    await follower.take(follower.record(ACCESS_DECISIONS, record, OPENED))
    assert await witnessed(audit, record) == []
    await follower.take(follower.record(ACCESS_DECISIONS, record, announced()))
    first = follower.record(DOCUMENT_EVENTS, record, document_events.RecordDestroyed())
    await follower.take(first)
    await follower.take(first)  # it comes again
    assert await witnessed(audit, record) == ["audit", "document"]
    await follower.take(
        follower.record(ACCESS_DECISIONS, record, announced()),
        *(follower.record(topic, record, body) for topic, body in CONFIRMED),
    )
    assert sorted((await witnessed(audit, record))[2:]) == ["audit", "document", "history_ingestion", "notification"]


async def test_a_batch_of_deletions_takes_a_fixed_number_of_statements(audit):
    follower = audit.follower
    for count in (1, 20):
        records = [uuid4() for _ in range(count)]
        await follower.take(*(follower.record(ACCESS_DECISIONS, one, OPENED) for one in records))
        await follower.take(*(follower.record(ACCESS_DECISIONS, one, announced()) for one in records))
    by_size = follower.statements[1], follower.statements[3]
    assert by_size[0] == by_size[1]
