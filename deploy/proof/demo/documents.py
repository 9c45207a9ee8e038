"""Each document deposited over the FHIR door, then read by who may and refused to who may not."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx2

import services.access_control
from deploy.local.identity.cast import DR_MARTIN, INSURER
from deploy.proof.demo.cases import REAL_REFUSED, USED, Case
from deploy.proof.demo.door import Door, UnansweredError, Who, codes, problem, said
from deploy.proof.demo.holders import BLOCKED, DEPOSITOR, READER, Holder
from deploy.proof.demo.ledger import Ledger
from services.access_control.domain import matrix
from shared.contracts.reasons import Reason
from shared.terminology import profession_group

AT_ONCE: Final = 3
"""Documents under way at the same time."""
_INSURER: Final = Who(INSURER.name)
_OK: Final = 200
_CREATED: Final = 201
_FORBIDDEN: Final = 403
_CONFLICT: Final = 409
_REFUSALS: Final = range(400, 500)


@dataclass(frozen=True, slots=True)
class Played:
    """A document that stands in a record."""

    case: Case
    holder: Holder
    deposit: UUID | None
    """Id of the deposit; None where another depositor brought the same document before."""
    document: UUID


def types_for_doctors() -> frozenset[str]:
    """The document types that the habilitation matrix shows a doctor of the cast."""
    folder = Path(services.access_control.__file__).parent / "data"
    texts = ((folder / f"habilitation_matrix.{ending}").read_text(encoding="utf-8") for ending in ("csv", "toml"))
    return frozenset(matrix.load(*texts).types_for(profession_group(DR_MARTIN.role)))


class Documents:
    """Plays documents."""

    def __init__(self, door: Door, ledger: Ledger, say: Callable[[str], None]) -> None:
        self._door = door
        self._ledger = ledger
        self._say = say
        self._shown_to_doctors = types_for_doctors()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self.played: list[Played] = []
        self.asked: Counter[tuple[UUID, str]] = Counter()
        """Reads asked, by record and name of who asked."""
        self.refused: dict[str, str] = {}
        """What was refused as it should be, by name, and why."""

    async def play(self, work: Sequence[tuple[Case, Holder]], done: Callable[[], None]) -> None:
        """Play each document, and call `done` after it; those that expect another to be there come after all others."""

        async def one(case: Case, holder: Holder) -> None:
            async with self._slots:
                await self._play(case, holder)
                done()

        for echoes in (False, True):
            await asyncio.gather(*(one(*pair) for pair in work if (pair[0].refusals == USED) is echoes))

    async def _play(self, case: Case, holder: Holder) -> None:
        try:
            if case.refusals:
                return await self._expect_refused(case)
            if case.original is not None and not await self._real_refused(case):
                return None
            await self._whole(case, holder)
        except UnansweredError as error:
            self._ledger.expect("answered", case.name, str(error), "See `carnet status` and `carnet logs gateway`.")
        return None

    async def _expect_refused(self, case: Case) -> None:
        answer = await self._door.deposit(DEPOSITOR, case.resource)
        wrong = _unrefused(answer, case.refusals)
        if self._ledger.expect("refused, and why", case.name, wrong, "Tell the maintainers: this is a fault."):
            self.refused[case.name] = problem(answer)[0] or problem(answer)[1]
            self._say(f"{case.name}: refused as it should be: {problem(answer)[1]}")

    async def _real_refused(self, case: Case) -> bool:
        """A local system takes identities of test alone; the document goes on as a copy with such a one."""
        answer = await self._door.deposit(DEPOSITOR, case.original or {})
        wrong = _unrefused(answer, REAL_REFUSED)
        return self._ledger.expect("real identity refused", case.name, wrong, "Tell the maintainers: this is a fault.")

    def conclude(self, cases: Sequence[Case]) -> None:
        """Every document that has to be taken was, and at least one: a system that refuses all proves nothing."""
        taken = {one.case.name for one in self.played}
        missing = [case.name for case in cases if not case.refusals and case.name not in taken]
        told = f"{len(missing)} documents are as they should be and were not taken, the first: {', '.join(missing[:3])}"
        next_step = "See the steps that failed, and `carnet logs document`."
        self._ledger.expect("every whole document was taken", "documents", told if missing else None, next_step)
        told = f"none of {len(cases)} was taken, so nothing is proved of documents"
        next_step = "Put a whole CDA R2 document into the folder, or unset CARNET_SAMPLES for made ones."
        self._ledger.expect("a document was taken", "documents", None if taken else told, next_step)

    async def _whole(self, case: Case, holder: Holder) -> None:
        stands = await self._deposited(case, holder)
        if stands is None:
            return
        shown = case.type_code in self._shown_to_doctors
        reader = READER if shown else holder.who
        entry = await self._entry(case, holder, reader)
        if entry is None or not await self._read(case, holder, reader, entry):
            return
        told = [f"{len(case.content):,} bytes".replace(",", " "), f"{_name(reader)} reads it byte for byte"]
        if not shown:
            await self._hidden(case, holder)
            told.append("the matrix hides its type from doctors")
        for who, reason in ((BLOCKED, Reason.BLOCKED), (_INSURER, Reason.EXCLUDED_ACTOR)):
            if await self._refused(case, holder, who, _url(entry), reason):
                told.append(f"{who.name} refused ({reason.value})")
        self.played.append(Played(case, holder, *stands))
        copy = " (a copy with an identity of test)" if case.original is not None else ""
        self._say(f"{case.name}{copy}: {', '.join(told)}")

    async def _deposited(self, case: Case, holder: Holder) -> tuple[UUID | None, UUID] | None:
        """Ids of deposit and document; a repeat is given those of the first deposit."""
        answer = await self._door.deposit(DEPOSITOR, case.resource)
        created, deposit = answer.status_code == _CREATED, None
        wrong = None if created else said(answer)
        if answer.status_code == _CONFLICT and problem(answer)[0] == Reason.DUPLICATE:
            entry = await self._entry(case, holder, holder.who)
            wrong = None if entry else wrong
            document = entry["id"] if entry else ""
        elif created:
            deposit = UUID(answer.headers["carnet-deposit"])
            document = answer.headers["location"].partition("/DocumentReference/")[2].partition("/")[0]
        next_step = "See the reason, and `carnet logs document`."
        return (deposit, UUID(document)) if self._ledger.expect("deposited", case.name, wrong, next_step) else None

    async def _entry(self, case: Case, holder: Holder, who: Who) -> dict[str, Any] | None:
        """The document as a search shows it to its reader."""
        answer = await self._ask_search(case, holder, who)
        found = answer.json().get("entry", []) if answer.status_code == _OK else []
        wrong = None if len(found) == 1 else f"expected one document, found {len(found)}: {said(answer)[:200]}"
        next_step = "Search by hand: `carnet token --as dr-martin`; then `carnet logs gateway`."
        if not self._ledger.expect("found by a search", case.name, wrong, next_step):
            return None
        entry: dict[str, Any] = found[0]["resource"]
        return entry

    async def _ask_search(self, case: Case, holder: Holder, who: Who) -> httpx2.Response:
        self.asked[holder.record, who.name] += 1
        return await self._door.search(who, case.ins, case.resource["masterIdentifier"], "search")

    async def _read(self, case: Case, holder: Holder, who: Who, entry: dict[str, Any]) -> bool:
        self.asked[holder.record, who.name] += 1
        answer = await self._door.open(who, _url(entry), "read")
        wrong = None
        if answer.status_code != _OK:
            wrong = said(answer)
        elif answer.content != case.content:
            wrong = f"{len(answer.content)} bytes came back, which are not the {len(case.content)} that were sent"
        next_step = "If bytes differ the record already held another content under this unique id."
        return self._ledger.expect("read byte for byte by who may", case.name, wrong, next_step)

    async def _hidden(self, case: Case, holder: Holder) -> None:
        answer = await self._ask_search(case, holder, READER)
        hidden = answer.status_code == _OK and not answer.json().get("entry")
        wrong = None if hidden else f"the matrix hides this type from doctors, and a search says {answer.status_code}"
        self._ledger.expect("hidden by the matrix", case.name, wrong, "Tell the maintainers: this is a fault.")

    async def _refused(self, case: Case, holder: Holder, who: Who, url: str, reason: Reason) -> bool:
        self.asked[holder.record, who.name] += 1
        answer = await self._door.open(who, url, "refused read")
        refused = answer.status_code == _FORBIDDEN and problem(answer)[0] == reason
        wrong = None if refused else f"expected 403 {reason.value}, got {said(answer)[:200]}"
        return self._ledger.expect(
            f"{who.name} refused", case.name, wrong, "Tell the maintainers: this is a fault of access control."
        )


def _unrefused(answer: httpx2.Response, refusals: frozenset[str]) -> str | None:
    """What is wrong with an answer that has to be a refusal for one of these reasons."""
    if answer.status_code in _REFUSALS and codes(answer) & refusals:
        return None
    return f"expected a refusal ({' or '.join(sorted(refusals))}), got {said(answer)}"


def _url(entry: dict[str, Any]) -> str:
    """Where the content of a found document is opened."""
    return str(entry["content"][0]["attachment"]["url"])


def _name(who: Who) -> str:
    """Who that is, for people."""
    return "the holder" if who.ins else who.name
