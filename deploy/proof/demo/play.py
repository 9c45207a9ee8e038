"""The acts of the demonstration, one after the other."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import asyncpg
from rich.console import Console

from deploy.local.home import Home
from deploy.local.identity.cast import DR_NOIR, INSURER
from deploy.local.system import LocalSystem
from deploy.local.tokens import TokenError
from deploy.proof.checker import Claims, check
from deploy.proof.checker.databases import Databases
from deploy.proof.checker.gather import gather, quiet
from deploy.proof.checker.topics import TopicReadError
from deploy.proof.demo import aftermath, minors, rest, rights, times, words
from deploy.proof.demo.account import Account, Sending
from deploy.proof.demo.cases import Case, NoDocumentError, chosen, person
from deploy.proof.demo.deeds import Stage
from deploy.proof.demo.documents import Documents
from deploy.proof.demo.door import Door, UnansweredError, opened
from deploy.proof.demo.holders import BLOCKED, KNOWN, Holders
from deploy.proof.demo.insurer import UnpublishedError
from deploy.proof.demo.ledger import Ledger
from deploy.proof.demo.operator import Operator
from deploy.proof.demo.others import ALWAYS, CLOSED, Others
from deploy.proof.demo.reimbursements import Reimbursements
from deploy.proof.demo.scene import Scene
from deploy.proof.demo.screen import Screen
from deploy.proof.demo.told import Told

_FAULTS: Final = (
    NoDocumentError,
    TokenError,
    UnansweredError,
    UnpublishedError,
    TopicReadError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    OSError,
    TimeoutError,
    ValueError,
)
"""What can go wrong outside of any step: told as a failure, and the demonstration ends."""


_WIDTH: Final = 160
_LOOK_S: Final = 0.2


class InterruptedDemonstrationError(Exception):
    """Somebody pressed Ctrl-C."""


@dataclass(frozen=True)
class Size:
    """How much is played."""

    people: int = 1000
    """Whose day of reimbursements is published."""
    with_record: int = 100
    """So many of them have a record and no document."""
    folder: str | None = None
    """Folder of the documents; None: what CARNET_SAMPLES names, or made ones."""
    kinds: int | None = None
    """At most so many documents; None: all."""


@dataclass
class Play:
    """One performance."""

    scene: Scene
    screen: Screen
    size: Size
    interrupted: Callable[[], bool]
    ledger: Ledger = field(default_factory=Ledger)
    words: list[str] = field(default_factory=list, repr=False)
    """What may stand in no topic, log or e-mail, beside what identifies the patients of the documents."""

    async def acts(self) -> None:
        """All acts. Raises what is in `_FAULTS`."""
        since = datetime.now(UTC)
        cases = await self._cases()
        async with opened(self.scene.gateway, self.scene.issuer, self.ledger) as door:
            holders = await self._people(door, cases)
            documents = await self._documents(door, cases, holders)
            stage = await self._rights(door, since)
            minor = await minors.play(door, self.ledger, self.screen.say, since)
            await self._told(door, documents, since)
            await self._settled(door, stage, minor, since)
            lines = await self._reimbursements(door, holders, since)
            emergencies = int(stage is not None)
            await self._account(door, holders, documents, lines, since, emergencies)
            self.screen.deeds([deed for one in (stage, minor) if one is not None for deed in one.deeds])

    async def _cases(self) -> Sequence[Case]:
        try:
            found = await asyncio.to_thread(chosen, self.size.folder)
        except NoDocumentError as error:
            self.ledger.passed_over += error.passed
            raise
        self.ledger.passed_over += found.passed
        return found.cases[: self.size.kinds]

    async def _people(self, door: Door, cases: Sequence[Case]) -> Holders:
        everybody = {case.ins for case in cases} | {ALWAYS}
        self._act(f"Patients: {len(everybody)} open a record, authorise dr-martin and block dr-noir")
        holders = Holders(door, self.ledger)
        await holders.prepare(sorted(everybody, key=lambda ins: (ins.number not in KNOWN, ins.number)))
        await Others(door, self.ledger, holders).play(everybody)
        return holders

    async def _documents(self, door: Door, cases: Sequence[Case], holders: Holders) -> Documents:
        work = [(case, holder) for case in cases if (holder := holders.by_ins.get(case.ins))]
        self._act(f"Documents: {len(work)} deposited by dr-roux, read by who may, refused to who may not", len(work))
        documents = Documents(door, self.ledger, self.screen.say)
        await documents.play(work, self.screen.step)
        documents.conclude(cases)
        sources = self.scene.sources
        await rest.check(self._databases, sources.secrets, sources.content, documents.played, self.ledger)
        return documents

    async def _rights(self, door: Door, since: datetime) -> Stage | None:
        self._act("Rights: a patient sees who may look and why, decides, and finds what others did with it")
        sources = self.scene.sources
        return await rights.play(
            door, self.ledger, self.screen.say, Operator(sources.admin_url, sources.secrets), since
        )

    async def _told(self, door: Door, documents: Documents, since: datetime) -> None:
        self._act("What the patients learn: e-mails and traces")
        await self._quiet()
        told = Told(self.scene, door, self.ledger, self.screen.say)
        await told.mails(documents.played)
        numbers = {DR_NOIR.name: DR_NOIR.number, INSURER.name: INSURER.code}
        refusals = {
            (record, numbers[name]): count for (record, name), count in documents.asked.items() if name in numbers
        }
        await told.traces(documents.played, since, refusals)

    async def _settled(self, door: Door, stage: Stage | None, minor: Stage | None, since: datetime) -> None:
        told = Told(self.scene, door, self.ledger, self.screen.say)
        if stage is not None:
            await aftermath.settle(stage, self.scene, await told.events(stage.holder, since))
            self.words += aftermath.canaries(stage)
        if minor is not None:
            await minors.settle(minor, self.scene, told.events, since)

    async def _reimbursements(self, door: Door, holders: Holders, since: datetime) -> Reimbursements:
        self._act(f"Reimbursements: the insurer {self.scene.insurer} publishes a day of {self.size.people} patients")
        lines = Reimbursements(self.scene, door, self.ledger, self.screen.say)
        neighbours = [person(number) for number in range(1, self.size.with_record + 1)]
        await holders.open_only(neighbours)
        with_record = [holder for holder in holders.everybody if holder.ins != CLOSED]
        self.screen.say(f"{len(with_record)} of them have an open record; of the others nothing is kept")
        await lines.play(with_record, self.size.people, f"{since:%Y%m%d%H%M%S}")
        return lines

    async def _account(  # noqa: PLR0917 - what each act gave
        self,
        door: Door,
        holders: Holders,
        documents: Documents,
        lines: Reimbursements,
        since: datetime,
        emergencies: int,
    ) -> None:
        self._act("Account: everything compared with databases, topics, files and e-mails")
        await self._quiet()
        secret = words.of(holders.everybody, documents.played, self.words)
        facts = await gather(self.scene.sources, canaries=secret, problems=door.problems)
        deposits = [one.deposit for one in documents.played if one.deposit]
        refused = sum(count for (_, name), count in documents.asked.items() if name in {BLOCKED.name, INSURER.name})
        claims = Claims(
            requests=documents.asked.total() + holders.changes,
            deposits=len(deposits),
            reads=documents.asked.total() - refused,
            restrictions=holders.changes,
            emergencies=emergencies,
            mails=len(deposits),
            words=len(secret),
            problems=len(door.problems),
        )
        verdict = await asyncio.to_thread(check, facts, self.scene.sources.topics, claims)
        for found in verdict.findings:
            told = (found.missing, f"{found.fault_count} faults: {'; '.join(found.faults)}")
            wrong = None if found.ok else "; ".join(filter(None, told))
            self.ledger.expect("claims of the checker", f"{found.code} {found.claim}", wrong, "See the verdict above.")
        published = lines.published
        sending = Sending(
            since=since,
            records=frozenset(one.record for one in holders.by_ins.values()),
            deposits=frozenset(deposits),
            reads=documents.asked.total() - refused,
            refused=refused,
            changes=holders.changes,
            repeated=door.repeated,
            lines=len(published.lines),
            answered=len(published.receipts),
            kept=lines.kept,
            due=lines.due,
            unreadable=lines.unreadable,
            line_ids=published.ids,
            line_places=frozenset(published.lines),
        )
        rows = Account(facts, sending).rows()
        for row in rows:
            self.ledger.expect("counts agree", row.kind, "; ".join(row.wrong) or None, "See the account above.")
        fresh = await times.measure(self._databases, deposits, since, self.ledger)
        self.ledger.took("lines: published → all answered", published.seconds_to_answers * 1000)
        if fresh < len(documents.played):
            self.screen.say(
                f"{len(documents.played) - fresh} documents stood in their record already, with the same content"
            )
        self.screen.account(rows)
        self.screen.documents(len(documents.played), documents.refused)
        self.screen.verdict(verdict)

    async def _quiet(self) -> None:
        seconds = await quiet(self.scene.sources)
        wrong = None if seconds is not None else "after a minute something is still under way"
        self.ledger.expect("system came to rest", "all services", wrong, "See `carnet status` and the logs.")

    def _act(self, title: str, total: int | None = None) -> None:
        self.screen.act(title, total)

    @property
    def _databases(self) -> Databases:
        return Databases(self.scene.sources.admin_url)


async def _performed(play: Play) -> None:
    """All acts, or as many as there are until somebody interrupts."""
    acts = asyncio.ensure_future(play.acts())
    while not acts.done():
        if play.interrupted():
            acts.cancel()
        await asyncio.wait({acts}, timeout=_LOOK_S)
    try:
        acts.result()
    except asyncio.CancelledError:
        raise InterruptedDemonstrationError from None


def _console() -> Console:
    """The terminal; what is no terminal is written as wide as the tables."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH)


def run(
    system: LocalSystem | Home,
    interrupted: Callable[[], bool] = lambda: False,
    *,
    size: Size | None = None,
    console: Console | None = None,
) -> bool:
    """Play the demonstration on a running system, or on the one that is up in a folder; True where all was verified."""
    began = time.monotonic()
    screen, ledger = Screen(console or _console()), Ledger()
    try:
        scene = Scene.at(system) if isinstance(system, Home) else Scene.of(system)
        play = Play(scene, screen, size or Size(), interrupted, ledger)
        with screen.live():
            asyncio.run(_performed(play))
    except InterruptedDemonstrationError:
        ledger.expect("played to its end", "demonstration", "it was interrupted", "Play it again: a repeat is safe.")
    except _FAULTS as error:
        ledger.expect("played to its end", "demonstration", f"{type(error).__name__}: {error}", "See `carnet status`.")
    if ledger.milliseconds:
        screen.verified(ledger)
        screen.times(ledger)
    screen.passed_over(ledger.passed_over)
    screen.failures(ledger)
    screen.end(ok=ledger.ok, seconds=time.monotonic() - began)
    return ledger.ok
