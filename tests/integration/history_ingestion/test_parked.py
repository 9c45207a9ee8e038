"""What a bug left undone, replayed late: it does what nothing later of its kind has overtaken, and nothing else."""

import pytest

from shared.contracts.access_decisions import ConsentChanged, DeletionAnnounced, RecordClosed, RecordOpened
from shared.contracts.common import FurtherAct
from shared.messaging import Fate, ParkedMessages
from tests.integration.history_ingestion.conftest import ACTOR, History
from tests.support.history import NOW

OPENED, CLOSED = RecordOpened(actor=ACTOR), RecordClosed(actor=ACTOR)
DELETED = DeletionAnnounced(because="request", latest=NOW)


OUT = ConsentChanged(act=FurtherAct.OPT_OUT, actor=ACTOR, scopes=("history",), rights_version=1)
BACK = ConsentChanged(act=FurtherAct.OPT_OUT, actor=ACTOR, rights_version=2)


async def replayed_after(history: History, monkeypatch, late, since) -> None:
    """A bug parks this message; others follow; then the bug is mended."""

    def raising(*_):
        raise ZeroDivisionError

    life = next(one for one in history.parts.consumers if one.name == "decisions")
    with monkeypatch.context() as planted:
        planted.setitem(life.handlers, type(late), raising)
        await history.says(1, late)
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


@pytest.mark.parametrize(
    ("since", "states"), [([], ["open"]), ([CLOSED], ["closed"]), ([DELETED], []), ([CLOSED, DELETED], [])]
)
async def test_a_late_opening(history: History, monkeypatch, since, states) -> None:
    await replayed_after(history, monkeypatch, OPENED, since)
    assert [one["state"] for one in await history.rows("SELECT state FROM person")] == states


@pytest.mark.parametrize(
    ("late", "since", "wanted"),
    [
        (OUT, [], [False]),
        (OUT, [CLOSED], [False]),
        (OUT, [BACK], [True]),
        (BACK, [OUT], [False]),
        (OUT, [DELETED], []),
    ],
)
async def test_a_late_choice(history: History, monkeypatch, late, since, wanted) -> None:
    """A closing meanwhile is no choice: the opt-out still counts."""
    await history.says(1, OPENED)
    await replayed_after(history, monkeypatch, late, since)
    assert [one["wanted"] for one in await history.rows("SELECT wanted FROM person")] == wanted
