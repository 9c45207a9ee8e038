"""Who does without the history is fed no more, from the moment at which this service takes it; nobody else can tell."""

import asyncio

import pytest

from services.history_ingestion.repository.lines import LineStore
from shared.contracts.access_decisions import (
    ConsentChanged,
    DeletionAnnounced,
    FunctionsKnown,
    RecordClosed,
    RecordOpened,
    RecordReopened,
)
from shared.contracts.common import FurtherAct
from tests.integration.history_ingestion.conftest import ACTOR, History
from tests.support.history import NOW, care, nir, record_of

BACKFILL = "insurance.backfill-requests.amo-test"


def opted(*unwanted: str) -> ConsentChanged:
    return ConsentChanged(act=FurtherAct.OPT_OUT, actor=ACTOR, scopes=unwanted, rights_version=1)


OUT, BACK = opted("history"), opted()


async def kept(history: History, person: int = 1) -> list[tuple[int, int]]:
    """Version and quantity of the lines that the holder is shown."""
    lines = [line for section in (await history.shown(person)).values() for line in section]
    return sorted((line["version"], line["quantity"]) for line in lines)


@pytest.mark.parametrize("told", [OUT, opted("apps", "history"), FunctionsKnown(unwanted=("history",))])
async def test_no_line_is_kept_after_an_opt_out_and_what_stood_there_stays_for_the_holder(history: History, told):
    await history.open(1, 2)
    await history.take([care("L1"), care("M1", person=2)])
    await history.says(1, told)
    await history.take([care("L2"), care("M2", person=2)])
    assert len(await kept(history)) == 1
    assert len(await kept(history, 2)) == 2
    updates = await history.rows("SELECT count(*) AS n FROM outbox WHERE key = $1", str(record_of(1)))
    assert updates[0]["n"] == 2, "the first line, and the holder's own look"


async def test_who_does_without_apps_alone_is_fed(history: History):
    await history.open(1)
    await history.says(1, opted("apps"))
    await history.take([care("L1")])
    assert len(await kept(history)) == 1


async def test_receipts_are_those_of_somebody_without_a_record(history: History):
    """An insurer can't tell who has no record, who wants the history, and who does without it."""
    await history.open(1, 2)
    await history.take([care(f"L{person}", 2, person) for person in (1, 2, 3)])
    await history.says(1, OUT)
    for version, changes in [(2, {}), (1, {}), (3, {"action": "correct"}), (4, {"action": "cancel"}), (4, {})]:
        await history.take([care(f"L{person}", version, person, **changes) for person in (1, 2, 3)])
        await history.take([care(f"N{version}{person}", 1, person) for person in (1, 2, 3)])
    await history.take([care(f"B{person}", 1, person, code="1") for person in (1, 2, 3)])
    answers = {person: [] for person in "123"}
    for receipt in await history.receipts():
        answers[receipt.line[-1]].append((receipt.line[:-1], receipt.version, receipt.fate, receipt.reason))
    assert answers["1"] == answers["2"] == answers["3"]
    assert len(answers["1"]) == 12
    assert await kept(history) == []


async def test_what_is_corrected_or_cancelled_no_longer_stands(history: History):
    await history.open(1)
    await history.take([care("L1"), care("L2"), care("L3")])
    await history.says(1, OUT)
    await history.take([care("L1", 2, action="correct", quantity=3), care("L2", 2, action="cancel")])
    assert await kept(history) == [(1, 1)]
    await history.says(1, BACK)
    assert await kept(history) == [(1, 1)], "what came meanwhile was not kept anywhere"


async def test_who_wants_it_again_is_fed_from_then_on_and_nothing_is_asked_for(history: History):
    await history.open(1)
    await history.take([care("L1")])
    await history.says(1, OUT)
    await history.take([care("L2")])
    await history.says(1, BACK)
    assert len(await kept(history)) == 1
    await history.take([care("L3")])
    assert len(await kept(history)) == 2
    await history.take([care("L2")])
    assert len(await kept(history)) == 3, "an insurer that publishes it again publishes it now"
    assert len(await history.sent(BACKFILL)) == 1, "when the record opened"


async def test_insurers_are_not_asked_for_who_does_without(history: History):
    await history.says(1, RecordOpened(actor=ACTOR))
    await history.says(1, OUT)
    assert (await history.put(1)).json() == {"open": True}
    await history.says(1, RecordClosed(actor=ACTOR))
    await history.says(1, RecordReopened(actor=ACTOR))
    assert (await history.put(9, record=record_of(1), moved=True)).json() == {"open": True}
    assert await history.sent(BACKFILL) == []
    await history.take([care("L1"), care("L2", person=9)])
    assert await history.rows("SELECT FROM line") == []


async def test_it_outlives_the_closing_and_goes_with_the_record(history: History):
    await history.open(1)
    await history.says(1, OUT)
    for body in (RecordClosed(actor=ACTOR), RecordReopened(actor=ACTOR)):
        await history.says(1, body)
    await history.take([care("L1")])
    assert await history.rows("SELECT FROM line") == []
    deleted = DeletionAnnounced(because="request", latest=NOW)
    for body in (deleted, OUT):
        await history.says(1, body)
    assert await history.rows("SELECT FROM person") == []


async def test_the_same_messages_again_change_nothing(history: History):
    """Also where they come after what followed them."""
    await history.open(1)
    decisions, insurer = history.lane("decisions"), history.lane("amo-test")
    out = await history.said(1, OUT)
    await decisions.handle([out])
    lines = history.records([care("L1"), care("L2")])
    await insurer.handle(lines)
    back = await history.said(1, BACK)
    await decisions.handle([back])
    before = [await history.sent(topic) for topic in ("history.events", "insurance.receipts.amo-test")]
    for _ in range(2):
        await decisions.handle([out, back])
        await insurer.handle(lines)
    assert before == [await history.sent(topic) for topic in ("history.events", "insurance.receipts.amo-test")]
    assert await history.rows("SELECT FROM line") == [], "what came before stays as it was decided"
    assert [row["wanted"] for row in await history.rows("SELECT wanted FROM person")] == [True]


async def test_a_process_that_ends_before_its_commit_took_no_opt_out_and_takes_it_again(history: History, monkeypatch):
    await history.open(1)
    out = await history.said(1, OUT)

    async def ends(*_arguments):
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(history.runtime.outbox, "append", ends)
        with pytest.raises(ConnectionError):
            await history.lane("decisions").handle([out])
    await history.take([care("L1")])
    await history.lane("decisions").handle([out])
    await history.take([care("L2")])
    assert len(await kept(history)) == 1


async def test_lines_under_way_are_kept_whole_and_the_opt_out_waits_for_them(history: History, monkeypatch):
    """The batch has looked at the record already; the opt-out comes before it commits."""
    await history.open(1)
    out, lines = await history.said(1, OUT), history.records([care(f"L{one}") for one in range(20)])
    looked, go_on, save = asyncio.Event(), asyncio.Event(), LineStore.save

    async def slowly(store, tx, changes):
        looked.set()
        await go_on.wait()
        await save(store, tx, changes)

    monkeypatch.setattr(LineStore, "save", slowly)
    under_way = asyncio.create_task(history.lane("amo-test").handle(lines))
    await looked.wait()
    opting = asyncio.create_task(history.lane("decisions").handle([out]))
    done, _ = await asyncio.wait({opting}, timeout=0.2)
    assert not done, "it waits for its turn on the record"
    go_on.set()
    await asyncio.gather(under_way, opting)
    await history.take([care("M1")])
    assert len(await kept(history)) == 20


async def test_whichever_comes_first_a_batch_is_kept_whole_or_not_at_all(history: History):
    persons = range(1, 7)
    await history.open(*persons)
    lots = [
        history.records([care(f"L{person}/{one}", person=person) for one in range(30)], person) for person in persons
    ]
    insurer, partition = history.lane("amo-test"), history.runtime.partition
    places = [partition(record_of(person)) for person in persons]
    outs = [await history.said(person, OUT, places[: person - 1].count(places[person - 1])) for person in persons]
    await asyncio.gather(
        *(insurer.handle(lot) for lot in lots[:3]),
        history.lane("decisions").handle(outs),
        *(insurer.handle(lot) for lot in lots[3:]),
    )
    told = {row["key"] for row in await history.rows("SELECT key FROM outbox WHERE topic = 'history.events'")}
    for person in persons:
        rows = await history.rows("SELECT FROM line WHERE record = $1", record_of(person))
        assert len(rows) == (30 if str(record_of(person)) in told else 0)
    assert [row["wanted"] for row in await history.rows("SELECT wanted FROM person")] == [False] * len(persons)


async def test_the_number_of_statements_does_not_grow_with_the_choices(history: History):
    await history.open(1)
    partition, counts = history.runtime.partition, []
    persons = [person for person in range(1, 500) if partition(record_of(person)) == partition(record_of(1))]
    for size in (1, 60):
        records = [await history.said(person, OUT, after) for after, person in enumerate(persons[:size])]
        history.runtime.database.on_statements = counts.append
        await history.lane("decisions").handle(records)
        history.runtime.database.on_statements = None
    # lock, progress, persons, key of who is indexed, save, and how far the lane is
    assert counts == [6, 6]
    assert len(await history.rows("SELECT FROM person WHERE NOT wanted")) == 60


async def test_no_identity_leaves_with_a_choice(history: History):
    await history.open(1)
    await history.says(1, OUT)
    await history.take([care("L1")])
    rows = await history.rows("SELECT topic, key, payload FROM outbox WHERE topic NOT LIKE 'insurance.backfill%'")
    assert not any(nir(1) in row["key"] or nir(1).encode() in row["payload"] for row in rows)
