"""Runs a plan against a system: sends what the steps say, repeats what was not confirmed, keeps what was promised."""

import asyncio
import hashlib
import random
import re
import time
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg

from deploy.proof import made
from deploy.proof.checker import Acknowledged
from deploy.proof.checker.databases import connect
from deploy.proof.load import acts, bodies, extracts, oversight
from deploy.proof.load.people import Person, author, canary, person
from deploy.proof.load.plan import Deed, Poison, Step
from deploy.proof.load.target import Target
from shared.contracts.access_decisions import Decided
from shared.contracts.common import Actor, Body, Owner
from shared.contracts.envelope import Envelope, to_headers
from shared.contracts.http_access_control import WriteText
from shared.contracts.http_document import DEPOSIT_HEADER, DepositMetadata, Patient, SearchRequest, to_header
from shared.contracts.http_extracts import TakeExtract
from shared.contracts.http_history import IndexPerson
from shared.contracts.http_notification import Contact
from shared.contracts.record_requests import Block, Consult
from shared.contracts.topics import (
    ACCESS_CONTROL,
    DOCUMENT,
    HISTORY,
    NOTIFICATION,
    RECORD_REQUESTS,
    REIMBURSEMENTS,
    of_insurer,
)
from shared.http import RemoteError, RemoteUnavailable
from shared.messaging import UnsentError, Waiting, partition_of

OPENING_AT_ONCE = 32
UNDER_WAY = 300
"""Steps at most at the same time: beyond it the load waits, as clients do while nobody answers."""
GIVE_UP_S = 45.0
AGAIN_S = 0.3
VERSIONS_EVERY_S = 0.4
VERSIONS_WITHIN_S = 3.0
"""A look that a fault holds up is given up: on old versions every command would be a conflict, and nothing played."""
DECISION_TIMEOUT_S = 20.0
POISON_TIMEOUT_S = 30.0
TRACES = 2000
"""Decided reads that are remembered, to be contested."""
SETTLED_S = 6.0
"""Longer than any transaction: a decision that was told so long ago is seen by all."""
FOREIGN = 5
"""One contest of so many is about an access to another record."""
_UNIQUE_ID = re.compile(rb'<id root="(2\.25\.\d+)"/>')
_SERVER_ERRORS = 500


@dataclass
class Told:
    """What the load was told, and what it counted."""

    requests: set[UUID] = field(default_factory=set)
    deposits: dict[UUID, bytes] = field(default_factory=dict)
    hashes: set[bytes] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    texts: set[UUID] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    """Answers that contradict each other; none is allowed."""

    def acknowledged(self, records: Iterable[UUID]) -> Acknowledged:
        """For the checker."""
        return Acknowledged(
            frozenset(self.requests),
            dict(self.deposits),
            frozenset(self.hashes),
            frozenset(records),
            frozenset(self.texts),
        )


class Load:
    """A seeded load on records of its own."""

    def __init__(self, target: Target, seed: int, records: int) -> None:
        self._target = target
        self._seed = seed
        self.canary = canary(seed)
        self.people: list[Person] = [self.canary, *(person(seed, number) for number in range(1, records))]
        self.records: list[UUID] = []
        self.told = Told()
        self.late_s = 0.0
        """How far the load fell behind its plan at most."""
        self._chance = random.Random(f"send {seed}")
        self._versions: dict[UUID, int] = {}
        self._slots = asyncio.Semaphore(UNDER_WAY)
        self._answers: dict[object, UUID] = {}
        self._documents: dict[UUID, list[UUID]] = defaultdict(list)
        """Deposits that were taken, by record: what acts are about."""
        self._traces: deque[tuple[float, UUID, oversight.Trace]] = deque(maxlen=TRACES)

    async def open_records(self) -> float:
        """Open a record for each person, with index and contact as the gateway would; gives records per second."""
        began = time.monotonic()
        slots = asyncio.Semaphore(OPENING_AT_ONCE)

        async def opened(one: Person) -> UUID:
            async with slots:
                return await self._open(one)

        self.records = list(await asyncio.gather(*map(opened, self.people)))
        return len(self.records) / (time.monotonic() - began)

    async def _open(self, one: Person) -> UUID:
        target = self._target
        reply = await target.client(ACCESS_CONTROL).call("POST", "/records", json=one.opening(), idempotent=True)
        record = UUID(reply.json()["record"])
        if HISTORY in target.clients:
            index = IndexPerson(matricule=one.ins.number, oid=one.ins.oid)
            await target.client(HISTORY).call("PUT", f"/persons/{record}", json=index)
        if NOTIFICATION in target.clients:
            await target.client(NOTIFICATION).call("PUT", f"/contacts/{record}", json=Contact(email=one.email))
        return record

    async def run(self, steps: Iterable[Step]) -> None:
        """Do the steps, each at its time or as soon after it as there is room, until all are done or given up."""
        background = [asyncio.create_task(self._target.replies.run()), asyncio.create_task(self._follow_versions())]
        try:
            async with asyncio.timeout(GIVE_UP_S):
                await self._target.replies.ready.wait()
            await self._all(steps)
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)

    async def _all(self, steps: Iterable[Step]) -> None:
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for step in steps:
                wait = began + step.at_s - time.monotonic()
                self.late_s = max(self.late_s, -wait)
                if wait > 0:
                    await asyncio.sleep(wait)
                await self._slots.acquire()
                group.create_task(self._one(step))

    async def _one(self, step: Step) -> None:
        try:
            match step.deed:
                case Deed.DEPOSIT:
                    await self._deposit(step)
                case Deed.POISON:
                    await self._poison(step)
                case Deed.LINE:
                    await self._line(step)
                case _:
                    await self._request(step)
        finally:
            self._slots.release()

    def _record(self, step: Step) -> UUID:
        return self.records[step.record] if step.record >= 0 else UUID(int=self._seed * 2**32 + step.number, version=4)

    async def _follow_versions(self) -> None:
        """Look at the versions of rights now and then, as holders do before they change them."""
        while True:
            try:
                async with asyncio.timeout(VERSIONS_WITHIN_S):
                    connection = await connect(self._target.admin_url, ACCESS_CONTROL)
                try:
                    while True:
                        async with asyncio.timeout(VERSIONS_WITHIN_S):
                            rows = await connection.fetch("SELECT id, rights_version FROM record")
                        self._versions = {row["id"]: row["rights_version"] for row in rows}
                        await asyncio.sleep(VERSIONS_EVERY_S)
                finally:
                    connection.terminate()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                self.told.counts["versions not seen"] += 1
                await asyncio.sleep(AGAIN_S)

    async def _request(self, step: Step) -> None:
        record, request = self._record(step), uuid4()
        trace = self._contested(step, record) if step.deed is Deed.CONTEST else None
        known = self._documents[record]
        document = self._chance.choice(known) if known else None
        body = bodies.request(
            step, self._versions.get(record, 0), datetime.now(UTC), trace, document=document, record=record
        )
        self.told.counts[step.deed] += 1
        if not await self._hand_over(step, record, request):
            return
        used = step.read or step.deed is Deed.TAKE_EXTRACT
        reads = isinstance(body, Consult) and body.owner is Owner.DOCUMENT and used and not step.late
        with self._target.replies.waiting(request) as waiting:
            sent = asyncio.gather(*(self._send(record, request, body, turn) for turn in range(step.times)))
            if reads:
                await self._read(waiting, record)
            await sent

    async def _hand_over(self, step: Step, record: UUID, request: UUID) -> bool:
        """The text beside a reason, before the request, under its id or a case's; False: never confirmed."""
        holder = self.people[max(step.record, 0)]
        paper = extracts.paper(step, holder)
        text = oversight.text(step, holder) if paper is None else paper
        if text is None:
            return True
        subject = request if paper is None else extracts.case_of(step, record)

        async def hand_over() -> None:
            path = f"/records/{record}/texts/{subject}"
            try:
                await self._target.client(ACCESS_CONTROL).call("PUT", path, json=WriteText(text=text))
            except RemoteError as error:
                if error.status >= _SERVER_ERRORS:
                    raise
                self.told.counts[f"text refused {error.code}"] += 1
            else:
                self.told.texts.add(subject)

        return await self._insist(hand_over, RemoteError)

    def _contested(self, step: Step, record: UUID) -> oversight.Trace | None:
        """An access that was decided a while ago, so that whoever looks finds its row: mostly one of this record."""
        before = time.monotonic() - SETTLED_S
        other = step.number % FOREIGN == 0
        known = [trace for at, of, trace in self._traces if at < before and (of != record) is other]
        return self._chance.choice(known) if known else None

    async def _send(self, record: UUID, request: UUID, body: Body, turn: int) -> None:
        """Send until it is confirmed: who calls repeats with the same id as long as the outcome is unknown."""
        await asyncio.sleep(turn * self._chance.random())
        producer = self._chance.choice(self._target.producers)

        async def send() -> None:
            await producer.send(
                RECORD_REQUESTS, body, key=str(record), partitions=self._target.partitions, identity=request
            )

        if await self._insist(send, UnsentError):
            self.told.requests.add(request)

    async def _insist(self, call: Callable[[], Awaitable[None]], *faults: type[Exception]) -> bool:
        end = time.monotonic() + GIVE_UP_S
        while time.monotonic() < end:
            try:
                await call()
            except faults:
                self.told.counts["repeated"] += 1
                await asyncio.sleep(AGAIN_S)
            else:
                return True
        self.told.counts["given up"] += 1
        return False

    async def _read(self, waiting: Waiting, record: UUID) -> None:
        """Wait for the decision and use the permit, once in a while twice: the second use must be refused."""
        try:
            message = await waiting.next(DECISION_TIMEOUT_S)
        except TimeoutError:
            self.told.counts["decision not seen"] += 1
            return
        decided: Decided = message.body
        number = decided.actor.number if decided.actor is not None else None
        if decided.case is None:
            self._traces.append((time.monotonic(), record, oversight.Trace(decided.request, number)))
        if decided.permit is None:
            self.told.counts["read denied"] += 1
            return
        extract = decided.case is not None
        path = "/extract" if extract else "/search"
        asked = TakeExtract(permit=decided.permit) if extract else SearchRequest(permit=decided.permit)
        for turn in range(2 if self._chance.random() < 1 / 4 else 1):
            try:
                await self._target.client(DOCUMENT).call("POST", path, json=asked)
            except RemoteUnavailable:
                self.told.counts["read lost"] += 1
                return
            except RemoteError as error:
                self.told.counts[f"read refused {error.code}"] += 1
                return
            self.told.counts["extract taken" if extract else "read"] += 1
            if turn:
                self.told.faults.append(f"the permit of {decided.request} was used twice")

    async def _deposit(self, step: Step) -> None:
        holder = self.people[max(step.record, 0)]
        record = self._record(step)
        first = bodies.depositor(step)
        content = made.make("prescription", holder.sample, author(first), self._seed * 10**6 + step.number)
        self.told.hashes.add(hashlib.sha256(content).digest())
        self.told.counts[step.deed] += 1
        described = metadata_of(record, holder, first, content, acts.labels(step))
        await asyncio.gather(*(self._drop(described, content, turn) for turn in range(step.times)))
        if step.copied:
            other = described.model_copy(update={"actor": bodies.depositor(step, copy=True)})
            await self._drop(other, content, 0)

    async def _drop(self, described: DepositMetadata, content: bytes, turn: int) -> None:
        """One session's deposit, under an id of its own."""
        await asyncio.sleep(turn * self._chance.random())
        metadata = described.model_copy(update={"deposit": uuid4()})
        record, actor = metadata.record, metadata.actor
        key = (record, metadata.unique_id, actor.number)

        async def drop() -> None:
            reply = await self._target.client(DOCUMENT).call(
                "POST", "/deposits", content=content, headers={DEPOSIT_HEADER: to_header(metadata)}, idempotent=True
            )
            deposit = UUID(reply.json()["deposit"])
            if deposit not in self.told.deposits:
                self._documents[record].append(deposit)
            self.told.deposits[deposit] = hashlib.sha256(content).digest()
            self._same(key, deposit)

        async def drop_or_be_refused() -> None:
            try:
                await drop()
            except RemoteError as error:
                if error.status >= _SERVER_ERRORS:
                    raise
                self.told.counts[f"deposit refused {error.code}"] += 1

        await self._insist(drop_or_be_refused, RemoteError)

    def _same(self, key: object, deposit: UUID) -> None:
        first = self._answers.setdefault(key, deposit)
        if first != deposit:
            self.told.faults.append(f"a repeat of deposit {first} was answered {deposit}")

    async def _line(self, step: Step) -> None:
        line = bodies.line(step, self.people[max(step.record, 0)], datetime.now(UTC))
        topic = of_insurer(REIMBURSEMENTS, self._target.insurer)
        self.told.counts[step.deed] += 1
        identity = uuid4()

        async def send() -> None:
            await self._target.insurer_producer.send(
                topic,
                line,
                key=line.line,
                partitions=self._target.topics[topic].partitions,
                identity=identity,
            )

        await self._insist(send, UnsentError)

    async def _poison(self, step: Step) -> None:
        self.told.counts[step.deed] += 1
        record = self._record(step)
        key = "no record id" if step.poison is Poison.NO_RECORD else str(record)
        partition = partition_of(key, self._target.partitions)
        value, headers = poison(step.poison or Poison.NO_ENVELOPE)
        await asyncio.to_thread(self._produce, key, partition, value, headers)

    def _produce(self, key: str, partition: int, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        producer = self._target.poisoner
        producer.produce(RECORD_REQUESTS, value, key.encode(), partition, headers=headers)
        producer.flush(POISON_TIMEOUT_S)


def metadata_of(
    record: UUID, holder: Person, actor: Actor, content: bytes, labels: frozenset[str] = frozenset({"N"})
) -> DepositMetadata:
    """What a depositor says of a made document."""
    found = _UNIQUE_ID.search(content)
    if found is None:
        raise ValueError("the document has no id of the form that made documents have")
    return DepositMetadata(
        record=record,
        actor=actor,
        unique_id=found.group(1).decode(),
        type_code=made.KINDS["prescription"].type_code,
        content_type="text/xml",
        title=holder.title,
        created=datetime.now(UTC),
        patient=Patient(oid=holder.ins.oid, number=holder.ins.number),
        size=len(content),
        confidentiality=labels,
    )


def poison(kind: Poison) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Value and headers of what is no request."""
    types = {Poison.BROKEN_BLOCK: Block.type_name, Poison.UNKNOWN_TYPE: "carnet.record.erase-everything.v9"}
    identity = uuid4()
    envelope = Envelope(identity, types.get(kind, Consult.type_name), "gateway", datetime.now(UTC), identity)
    headers = [] if kind is Poison.NO_ENVELOPE else to_headers(envelope)
    return b'{"actor": {"kind": ', headers
