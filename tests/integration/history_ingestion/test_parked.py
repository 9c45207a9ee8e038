"""An opening that a bug left undone, replayed late: it opens what nobody closed or deleted since, and nothing else."""

import pytest

from shared.contracts.access_decisions import DeletionAnnounced, RecordClosed, RecordOpened
from shared.messaging import Fate, ParkedMessages
from tests.integration.history_ingestion.conftest import ACTOR, History
from tests.support.history import NOW

OPENED, CLOSED = RecordOpened(actor=ACTOR), RecordClosed(actor=ACTOR)
DELETED = DeletionAnnounced(because="request", latest=NOW)


@pytest.mark.parametrize(
    ("since", "states"), [([], ["open"]), ([CLOSED], ["closed"]), ([DELETED], []), ([CLOSED, DELETED], [])]
)
async def test_a_late_opening(history: History, monkeypatch, since, states) -> None:
    def raising(*_):
        raise ZeroDivisionError

    life = next(one for one in history.parts.consumers if one.name == "decisions")
    with monkeypatch.context() as planted:
        planted.setitem(life.handlers, RecordOpened, raising)
        await history.says(1, OPENED)
    for body in since:
        await history.says(1, body)
    runtime = history.runtime
    parked = ParkedMessages(
        database=runtime.database,
        topics=runtime.topics,
        consumers=history.parts.consumers,
        outbox=runtime.outbox,
        seal=runtime.seal,
        unseal=runtime.unseal,
    )
    (row,) = await parked.listed()
    told = await parked.replay(row.id, "op-1", "the bug is mended", rehearse=False)
    assert told.fate is Fate.DONE
    assert [one["state"] for one in await history.rows("SELECT state FROM person")] == states
