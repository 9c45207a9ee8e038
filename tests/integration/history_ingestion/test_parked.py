"""What a bug left undone, replayed late: it does what nothing later of its kind has overtaken, and nothing else."""

from dataclasses import replace

import pytest

from shared.contracts.access_decisions import (
    ConsentChanged,
    DeletionAnnounced,
    FunctionsKnown,
    RecordClosed,
    RecordOpened,
    RecordReopened,
)
from shared.contracts.common import FurtherAct
from shared.messaging import Fate, ParkedMessages, Told
from tests.integration.history_ingestion.conftest import ACTOR, History
from tests.support.history import NOW, care

BACKFILL = "insurance.backfill-requests.amo-test"

OPENED, CLOSED = RecordOpened(actor=ACTOR), RecordClosed(actor=ACTOR)
DELETED = DeletionAnnounced(because="request", latest=NOW)


OUT = ConsentChanged(act=FurtherAct.OPT_OUT, actor=ACTOR, scopes=("history",), rights_version=1)
BACK = ConsentChanged(act=FurtherAct.OPT_OUT, actor=ACTOR, rights_version=2)


async def fails(history: History, monkeypatch, body) -> None:
    """A bug parks this message."""

    def raising(*_):
        raise ZeroDivisionError

    life = next(one for one in history.parts.consumers if one.name == "decisions")
    with monkeypatch.context() as planted:
        planted.setitem(life.handlers, type(body), raising)
        await history.says(1, body)


async def replayed(history: History) -> Told:
    """The bug is mended."""
    runtime = history.runtime
    parked = ParkedMessages(
        database=runtime.database,
        topics=runtime.topics,
        consumers=history.parts.consumers,
        outbox=runtime.outbox,
        seal=runtime.seal,
        unseal=runtime.unseal,
    )
    (row,) = await parked.listed(resolved=True)
    return await parked.replay(row.id, "op-1", "the bug is mended", rehearse=False)


async def replayed_after(history: History, monkeypatch, late, since) -> None:
    """A bug parks this message; others follow; then the bug is mended."""
    await fails(history, monkeypatch, late)
    for body in since:
        await history.says(1, body)
    assert (await replayed(history)).fate is Fate.DONE


async def lines(history: History) -> int:
    return len(await history.rows("SELECT FROM line"))


async def said_badly(history: History, body) -> None:
    """A message of this type that can't be read."""
    record = await history.said(1, body)
    await history.lane("decisions").handle([replace(record, value=b"{")])


@pytest.mark.parametrize("late", [CLOSED, DELETED, OUT, FunctionsKnown(unwanted=("history",))])
async def test_while_it_is_parked_the_record_takes_no_line(history: History, monkeypatch, late) -> None:
    await history.open(1, 2)
    await history.take([care("L1"), care("M1", person=2)])
    await fails(history, monkeypatch, late)
    await history.take([care("L2"), care("M2", person=2)])
    assert await lines(history) == 3
    assert (await replayed(history)).fate is Fate.DONE
    await history.take([care("L3")])
    assert await lines(history) == (2 if late is DELETED else 3)


@pytest.mark.parametrize("late", [CLOSED, OUT])
async def test_what_cannot_be_read_stops_likewise_until_something_later_comes(history: History, late) -> None:
    await history.open(1)
    await said_badly(history, late)
    await history.take([care("L1")])
    assert await lines(history) == 0
    assert (await replayed(history)).fate is Fate.REFUSED
    await history.says(1, RecordReopened(actor=ACTOR) if late is CLOSED else BACK)
    await history.take([care("L2")])
    assert await lines(history) == 1


async def test_a_choice_that_was_none_against_the_history_is_made_up_for(history: History, monkeypatch) -> None:
    await history.open(1)
    before = len(await history.sent(BACKFILL))
    apps = ConsentChanged(act=FurtherAct.OPT_OUT, actor=ACTOR, scopes=("apps",), rights_version=1)
    await fails(history, monkeypatch, apps)
    await history.take([care("L1")])
    assert (await lines(history), len(await history.sent(BACKFILL))) == (0, before)
    assert (await replayed(history)).fate is Fate.DONE
    assert len(await history.sent(BACKFILL)) == before + 1
    assert (await replayed(history)).fate is not Fate.DONE
    await history.take([care("L1")])
    assert (await lines(history), len(await history.sent(BACKFILL))) == (1, before + 1)


async def test_another_consent_that_fails_stops_nothing(history: History, monkeypatch) -> None:
    await history.open(1)
    await fails(history, monkeypatch, ConsentChanged(act=FurtherAct.WISH, actor=ACTOR, rights_version=1))
    await history.take([care("L1")])
    assert await lines(history) == 1


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
