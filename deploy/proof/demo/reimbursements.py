"""A day of reimbursements: published, answered, parked where it can't be read, and seen in one patient's history."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from deploy.proof.checker.databases import Databases
from deploy.proof.demo.cases import person
from deploy.proof.demo.day import EXPECTED, Bad, Line, day
from deploy.proof.demo.door import Door, said
from deploy.proof.demo.holders import Holder
from deploy.proof.demo.insurer import Insurer, Published
from deploy.proof.demo.ledger import Ledger
from deploy.proof.demo.scene import Scene
from shared.contracts.reasons import sentence
from shared.contracts.topics import HISTORY, REIMBURSEMENTS, of_insurer

INDEXED_TIMEOUT_S: Final = 20.0
_AGAIN_S: Final = 0.1
_OK: Final = 200
_SHOWN_LINES: Final = 5

Care = tuple[str, str, str, str, int]
"""Date, nomenclature, code, label and quantity."""


class Reimbursements:
    """Plays the day."""

    def __init__(self, scene: Scene, door: Door, ledger: Ledger, say: Callable[[str], None]) -> None:
        self._scene = scene
        self._door = door
        self._ledger = ledger
        self._say = say
        self._databases = Databases(scene.sources.admin_url)
        self.published = Published()
        self.unreadable = 0
        """Lines that can only be parked."""
        self.due = 0
        """Good lines of holders of a record."""
        self.kept = 0
        """Lines that the database got."""

    async def play(self, holders: Sequence[Holder], people: int, run: str) -> None:
        """Publish the day of so many people, those with a record among them, and look at what came of it."""
        holders = [holder for holder in holders if holder.ins.key_is_valid()]
        seen = holders[0] if holders else None
        before = await self._history(seen) if seen and await self._indexed(holders) else Counter[Care]()
        known = [holder.ins for holder in holders]
        numbered = (person(number) for number in range(1, people + len(known) + 1))
        others = [ins for ins in numbered if ins not in known][: max(0, people - len(known))]
        lines = day([*known, *others], run, datetime.now(UTC).date())
        stood = await self._lines(holders)
        self.published = await asyncio.to_thread(Insurer(self._scene).exchange, lines)
        self._check_receipts()
        await self._check_parked()
        numbers = {ins.number for ins in known}
        self.due = sum(line.bad is None and line.body.matricule in numbers for line in lines)
        self.kept = await self._lines(holders) - stood
        if seen:
            await self._check_history(seen, before, lines)

    async def _indexed(self, holders: Sequence[Holder]) -> bool:
        """Wait until history knows that these records are open: lines are kept from then on."""
        until = time.monotonic() + INDEXED_TIMEOUT_S
        records = [holder.record for holder in holders]
        sql = "SELECT count(*) FROM person WHERE record = ANY($1::uuid[]) AND state = 'open' AND hash IS NOT NULL"
        while (found := (await self._databases.rows(HISTORY, sql, records))[0][0]) < len(records):
            if time.monotonic() > until:
                wrong = f"history_ingestion knows {found} of {len(records)} open records after {INDEXED_TIMEOUT_S:g} s"
                return self._ledger.expect("records indexed", "history", wrong, "See `carnet logs history_ingestion`.")
            await asyncio.sleep(_AGAIN_S)
        return True

    async def _lines(self, holders: Sequence[Holder]) -> int:
        """Lines that stand in these records."""
        sql = "SELECT count(*) FROM line WHERE record = ANY($1::uuid[])"
        return int((await self._databases.rows(HISTORY, sql, [holder.record for holder in holders]))[0][0])

    def _check_receipts(self) -> None:
        """Each line has one receipt, with the fate that it is owed."""
        published = self.published
        answered = Counter(
            (line.bad, receipt.fate, receipt.reason)
            for place, line in published.lines.items()
            if (receipt := published.receipts.get(place))
        )
        missing = len(published.lines) - len(published.receipts)
        wrong = [
            f"{count} of {bad or 'good line'}: {fate.value} {reason.value if reason else ''}"
            for (bad, fate, reason), count in answered.items()
            if (fate, reason) != EXPECTED[bad]
        ]
        wrong += [f"{missing} lines were not answered"] if missing else []
        wrong += [f"{published.repeats} receipts came twice"] if published.repeats else []
        self._ledger.expect(
            "lines answered as they deserve",
            f"{len(published.lines)} lines",
            "; ".join(wrong) or None,
            "See `carnet logs history_ingestion`; lines that came before stand as duplicates.",
        )
        for (bad, fate, reason), count in sorted(answered.items(), key=lambda item: -item[1]):
            told = f" ({bad}): {sentence(reason)}" if bad and reason else ""
            self._say(f"{count} lines {fate.value}{told}")

    async def _check_parked(self) -> None:
        """Exactly the lines that can't be read are parked."""
        wanted = {place for place, line in self.published.lines.items() if line.bad is Bad.JSON}
        topic = of_insurer(REIMBURSEMENTS, self._scene.insurer)
        sql = 'SELECT partition, "offset", reason, detail FROM parked WHERE topic = $1'
        rows = [
            row for row in await self._databases.rows(HISTORY, sql, topic) if (row[0], row[1]) in self.published.lines
        ]
        found = {(row[0], row[1]) for row in rows}
        self.unreadable = len(wanted)
        wrong = None
        if found != wanted:
            others = len(found - wanted)
            wrong = f"{len(wanted)} can't be read, {len(found & wanted)} of them are parked, and {others} others"
        next_step = "See `carnet logs history_ingestion`."
        self._ledger.expect("what can't be read is parked", f"{len(wanted)} lines", wrong, next_step)
        if rows:
            why = f"{rows[0]['reason']}, {rows[0]['detail']}"
            self._say(f"{len(rows)} lines parked, encrypted, for an operator; the first: {why}")

    async def _history(self, holder: Holder) -> "Counter[Care]":
        answer = await self._door.ask(holder.who, "GET", f"/records/{holder.record}/history", "history")
        wrong = None if answer.status_code == _OK else said(answer)
        if not self._ledger.expect("history read by the patient", holder.name, wrong, "See `carnet logs gateway`."):
            return Counter()
        return Counter(_care(line) for section in answer.json()["sections"] for line in section["lines"])

    async def _check_history(self, holder: Holder, before: "Counter[Care]", lines: Sequence[Line]) -> None:
        """What was published of this patient stands in his history, line for line, beside what stood there."""
        sent = Counter(
            _care(line.body.model_dump(mode="json"))
            for line in lines
            if line.body.matricule == holder.ins.number and line.bad is None
        )
        shown = await self._history(holder)
        wrong = None
        if shown != before + sent:
            wrong = f"{sent.total()} lines were sent, {(shown - before).total()} of {shown.total()} shown are new"
        next_step = "See `carnet logs history_ingestion`."
        if not self._ledger.expect("lines stand in the history", holder.name, wrong, next_step):
            return
        self._say(f"history of {holder.name}: {shown.total()} lines, {sent.total()} of them new, for example:")
        for care_date, system, code, label, quantity in sorted(sent, reverse=True)[:_SHOWN_LINES]:
            self._say(f"    {care_date}  {system:<6} {code:<14} {quantity} x {label}")


def _care(line: dict[str, Any]) -> Care:
    return (line["care_date"], line["code_system"], line["code"], line["label"], line["quantity"])
