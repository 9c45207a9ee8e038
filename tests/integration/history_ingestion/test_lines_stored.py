"""Lines in the database: what is kept, what is answered, how many statements it takes, and what a repeat does."""

import asyncio
from datetime import timedelta

import pytest

from services.history_ingestion.repository.ageing import Ageing
from services.history_ingestion.repository.lines import VersionRaceError
from shared.contracts.access_decisions import ConsentChanged, RecordClosed, RecordReopened
from shared.contracts.insurance import LineFate
from shared.contracts.reasons import Reason
from tests.integration.history_ingestion.conftest import ACTOR, History
from tests.support.history import care, nir, record_of

LOTS = 300


async def test_lines_are_kept_encrypted_and_shown_newest_first(history: History) -> None:
    await history.open(1)
    day = care().care_date
    bodies = [
        care("L1", care_date=day - timedelta(days=9)),
        care("L2"),
        care("B", section="biology", code_system="NABM", code="552"),
    ]
    await history.take(bodies)
    shown = await history.shown(1)
    assert [line["care_date"] for line in shown["medicines"]] == [str(day), str(day - timedelta(days=9))]
    assert [line["code"] for line in shown["biology"]] == ["552"]
    assert shown["radiology"] == []
    assert len(shown) == 7
    rows = await history.rows("SELECT * FROM line")
    assert len(rows) == 3
    assert not any(b"SECRET" in row["content"] or b"34009" in row["content"] for row in rows)


async def test_no_table_but_parked_holds_an_identity(history: History) -> None:
    await history.open(1)
    await history.take([care("L1"), care("L2", person=9)])
    for table in ("person", "line", "line_seen", "taken"):
        text = str([tuple(row.values()) for row in await history.rows(f"SELECT * FROM {table}")])
        assert nir(1) not in text
        assert nir(9) not in text
        assert "SECRET" not in text


async def test_receipts_tell_nothing_of_records(history: History) -> None:
    await history.open(1)
    lines = [("accepted", 1, {}), ("duplicate", 1, {}), ("accepted", 2, {"action": "cancel"}), ("rejected", 1, {})]
    for _, version, changes in lines:
        await history.take([care(f"L{person}", version, person, **changes) for person in (1, 2)])
    answers = {line: [] for line in ("L1", "L2")}
    for receipt in await history.receipts():
        answers[receipt.line].append((receipt.fate.value, receipt.reason))
    assert answers["L1"] == answers["L2"]
    assert [fate for fate, _ in answers["L1"]] == [fate for fate, _, _ in lines]
    assert await history.rows("SELECT FROM line") == []


async def test_a_line_is_corrected_and_cancelled_across_batches(history: History) -> None:
    await history.open(1)
    await history.take([care("L1"), care("L2")])
    await history.take([care("L1", 2, action="correct", quantity=3), care("L2", 2, action="cancel")])
    shown = (await history.shown(1))["medicines"]
    assert [(line["version"], line["quantity"]) for line in shown] == [(2, 3)]
    updates = await history.sent("history.events")
    assert [one.get("first") for one in updates[:2]] == [True, False]


async def test_lines_before_the_record_are_kept_when_the_backfill_brings_them_again(history: History) -> None:
    await history.take([care("L1"), care("L2"), care("L2", 2, action="cancel")])
    await history.open(1)
    asked = await history.sent("insurance.backfill-requests.amo-test")
    assert [one["matricule"] for one in asked] == [nir(1)]
    await history.take([care("L1"), care("L2"), care("L2", 2, action="cancel")])
    assert len((await history.shown(1))["medicines"]) == 1
    assert [one.fate for one in (await history.receipts())[3:]] == [
        LineFate.DUPLICATE,
        LineFate.REJECTED,
        LineFate.DUPLICATE,
    ]


async def test_a_closed_record_keeps_no_more_lines_and_is_asked_for_when_it_reopens(history: History) -> None:
    await history.open(1)
    await history.take([care("L1")])
    await history.says(1, RecordClosed(actor=ACTOR))
    await history.take([care("L2")])
    assert len(await history.rows("SELECT FROM line")) == 1
    await history.says(1, RecordReopened(actor=ACTOR))
    assert len(await history.sent("insurance.backfill-requests.amo-test")) == 2
    await history.take([care("L2")])
    assert len(await history.rows("SELECT FROM line")) == 2


async def test_who_does_without_the_history_is_fed_no_more_until_he_wants_it_again(history: History) -> None:
    """The receipts are those of everybody: they never tell whether a person has a record, or wants it fed."""

    def wish(*functions: str) -> ConsentChanged:
        return ConsentChanged(act="opt_out", actor=ACTOR, scopes=functions, rights_version=1)

    await history.open(1)
    await history.take([care("L1")])
    await history.says(1, wish("history"))
    await history.take([care("L2")])
    assert len(await history.rows("SELECT FROM line")) == 1
    assert [one.fate for one in await history.receipts()] == [LineFate.ACCEPTED] * 2
    await history.says(1, RecordClosed(actor=ACTOR))
    await history.says(1, RecordReopened(actor=ACTOR))
    asked = len(await history.sent("insurance.backfill-requests.amo-test"))
    await history.says(1, wish())
    assert len(await history.sent("insurance.backfill-requests.amo-test")) == asked
    await history.take([care("L2")])
    assert len(await history.rows("SELECT FROM line")) == 2


async def test_the_same_messages_again_do_nothing(history: History) -> None:
    await history.open(1)
    records = history.records([care("L1"), b"{broken", care("L2", matricule="1" * 15), care("L1", 2, quantity=2)])
    lane = history.lane("amo-test")
    await lane.handle(records[:2])
    await lane.handle(records)
    before = [await history.sent(topic) for topic in ("history.events", "insurance.receipts.amo-test")]
    await lane.handle(records)
    await lane.handle(records[1:3])
    assert before == [await history.sent(topic) for topic in ("history.events", "insurance.receipts.amo-test")]
    assert len(await history.receipts()) == len(records)


async def test_a_topic_made_anew_is_read_from_its_start(history: History) -> None:
    await history.open(1)
    await history.take([care(f"L{one}") for one in range(5)])
    history.offset = 0
    await history.take([care(f"M{one}") for one in range(5)])
    assert len(await history.receipts()) == 10
    assert len(await history.rows("SELECT FROM line")) == 10


async def test_bad_lines_are_answered_and_unreadable_ones_parked(history: History) -> None:
    await history.open(1)
    await history.take([care("L1"), b"{broken", b'{"line": "X"}', care("L2", code="1"), care("L3")])
    answers = [(one.line, one.fate.value, one.reason) for one in await history.receipts()]
    assert answers == [
        ("L1", "accepted", None),
        (None, "rejected", Reason.MALFORMED),
        (None, "rejected", Reason.MALFORMED),
        ("L2", "rejected", Reason.BAD_CODE),
        ("L3", "accepted", None),
    ]
    parked = await history.rows("SELECT reason, detail, original FROM parked")
    assert len(parked) == 2
    assert {row["reason"] for row in parked} == {"malformed"}


@pytest.mark.parametrize("count", [2, LOTS])
async def test_the_number_of_statements_does_not_grow_with_the_batch(history: History, count: int) -> None:
    await history.open(1, 2)
    statements: list[int] = []
    history.runtime.database.on_statements = statements.append
    await history.take([care(f"L{one}", person=1 + one % 2) for one in range(count)])
    history.runtime.database.on_statements = None
    assert statements == [13]


async def test_two_batches_that_take_the_same_line_end_in_one_accepted(history: History) -> None:
    """The insurer put versions of a line into two partitions; two replicas take them at the same moment."""
    await history.open(1)
    lane = history.lane("amo-test")
    batches = [history.records([care(f"L{one}", 1 + part % 3) for one in range(50)], part) for part in range(4)]

    async def insist(records):
        while True:
            try:
                return await lane.handle(records)
            except VersionRaceError:
                continue

    await asyncio.gather(*(insist(records) for records in batches))
    rows = await history.rows("SELECT version, count(*) AS n FROM line GROUP BY version")
    assert [(row["version"], row["n"]) for row in rows] == [(3, 50)]
    accepted = [(one.line, one.version) for one in await history.receipts() if one.fate is LineFate.ACCEPTED]
    assert len(accepted) == len(set(accepted))
    assert {line for line, version in accepted if version == 3} == {f"L{one}" for one in range(50)}


async def test_a_line_moves_to_another_record_and_opens_there_alone(history: History) -> None:
    await history.open(1, 2)
    await history.take([care("L1", person=1)])
    await history.take([care("L1", 2, person=2)])
    assert (await history.shown(1))["medicines"] == []
    assert len((await history.shown(2))["medicines"]) == 1


async def test_old_lines_are_deleted_in_bounded_turns(history: History) -> None:
    await history.open(1, 2)
    await history.take([care(f"L{one}", person=1 + one % 2) for one in range(7)])
    await history.rows("UPDATE line SET care_date = care_date - 800 WHERE record = $1 RETURNING 1", record_of(1))
    await history.rows("UPDATE line_seen SET seen_on = seen_on - 800 WHERE version = 1 RETURNING 1")
    await history.rows("UPDATE taken SET taken_on = taken_on - 40 RETURNING 1")
    ageing = Ageing(history.runtime.database, history.runtime.partition, at_once=3)
    turns = 1
    while await ageing.once():
        turns += 1
    assert turns == 3
    left = await history.rows("SELECT record, count(*) AS n FROM line GROUP BY record")
    assert [(row["record"], row["n"]) for row in left] == [(record_of(2), 3)]
    assert await history.rows("SELECT FROM line_seen") == []
    assert await history.rows("SELECT FROM taken") == []
