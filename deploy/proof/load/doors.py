"""Runs visits: deposits, reads and changes of rights through the doors, as software does that repeats the unknown."""

import asyncio
import base64
import hashlib
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import httpx2
import orjson

from deploy.local.identity.cast import DR_MARTIN, DR_NOIR, DR_ROUX, HOSPITAL, OCCUPATIONAL_DOCTOR
from deploy.proof import made, samples
from deploy.proof.checker.clients import Changed, Clients, Dropped, Looked, Taken
from deploy.proof.checker.databases import Databases
from deploy.proof.load.client import Answer, Client, Who
from deploy.proof.load.door_acts import DoorActs, Stored
from deploy.proof.load.people import Person, person
from deploy.proof.load.visits import Deed, Visit
from shared.contracts.http_access_control import ProfessionalStanding
from shared.contracts.topics import DOCUMENT, HISTORY

FIRST: Final = 500_000
"""Numbers of the people whose records are worked on through the doors alone."""
_OPENED: Final = 600_000
UNDER_WAY: Final = 40
INDEXED_TIMEOUT_S: Final = 30.0
READ_PATIENCE_S: Final = 2.5
"""Shorter than a door waits for a decision: clients are impatient, and a door works for nobody then."""
DEPOSIT_PATIENCE_S: Final = 5.0
CHANGE_PATIENCE_S: Final = 12.0
"""A block is told when the last permit has run out."""
_READERS: Final = (DR_MARTIN, DR_NOIR)
_DEPOSITORS: Final = (Who(DR_ROUX.name), Who(HOSPITAL.name))
_OUTSIDER: Final = Who(OCCUPATIONAL_DOCTOR.name)
_FHIR: Final = {"content-type": "application/fhir+json"}
_FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
_LATER: Final = {"prefer": "respond-async"}
_STAGED: Final = 202
_BLOCKS: Final = 0.4
_MOST: Final = 200
"""Documents on one page."""


class Doors:
    """A seeded load through the doors, on records of its own."""

    def __init__(self, client: Client, clients: Clients, seed: int, records: int) -> None:
        self._client = client
        self._clients = clients
        self._seed = seed
        self.people = [person(seed, FIRST + number) for number in range(records)]
        self.records: list[UUID] = []
        self._stored: dict[UUID, list[Stored]] = defaultdict(list)
        """Documents known to stand in a record, or to have stood there."""
        self._acts = DoorActs(client, clients)
        self._turns: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        """A holder changes rights one at a time."""
        self._slots = asyncio.Semaphore(UNDER_WAY)

    async def open_records(self, admin_url: str) -> None:
        """Open the records, as their holders do, and wait until history keeps lines for them.

        Raises:
            TimeoutError: history does not know of them.
        """
        opened = await asyncio.gather(*(self._opened(one) for one in self.people))
        self.records = [record for record in opened if record is not None]
        databases = Databases(admin_url)
        sql = "SELECT count(*) FROM person WHERE record = ANY($1::uuid[]) AND state = 'open' AND hash IS NOT NULL"
        async with asyncio.timeout(INDEXED_TIMEOUT_S):
            known = 0
            while known < len(self.people):
                await asyncio.sleep(0.1)
                known = (await databases.rows(HISTORY, sql, self.records))[0][0]

    async def run(self, planned: Iterable[Visit]) -> None:
        """Make the visits, each at its time or as soon after it as there is room, until all were told their outcome."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for visit in planned:
                await asyncio.sleep(max(0.0, began + visit.at_s - time.monotonic()))
                await self._slots.acquire()
                group.create_task(self._one(visit))

    async def _one(self, visit: Visit) -> None:
        try:
            match visit.deed:
                case Deed.DEPOSIT | Deed.BROKEN | Deed.FOREIGN | Deed.OUTSIDER:
                    await self._deposit(visit)
                case Deed.CHANGE:
                    async with self._turns[visit.record]:
                        await self._change(visit)
                case Deed.RECORD:
                    one = person(self._seed, _OPENED + visit.number)
                    await asyncio.gather(*(self._opened(one) for _ in range(visit.times)))
                case Deed.MASK | Deed.UNMASK | Deed.DELETE:
                    await self._act(visit)
                case _:
                    await self._look(visit)
        finally:
            self._slots.release()

    async def _opened(self, one: Person) -> UUID | None:
        opening = one.opening()
        asked = {
            "ins": opening.ins.model_dump(mode="json"),
            "traits": opening.traits.model_dump(mode="json", exclude_none=True),
            "contact": {"email": one.email, "language": "fr"},
        }

        async def call() -> Answer:
            return await self._client.ask(
                Deed.RECORD, _holder(one), "POST", "/records", DEPOSIT_PATIENCE_S, refusable=False, json=asked
            )

        response = await self._client.insist(call)
        if response is None or not response.is_success:
            return None
        record = UUID(response.json()["record"])
        self._clients.opened.setdefault(one.ins.number, []).append(record)
        return record

    async def _deposit(self, visit: Visit) -> None:
        one, record = self.people[visit.record], self.records[visit.record]
        of = self.people[(visit.record + 1) % len(self.people)] if visit.deed is Deed.FOREIGN else one
        content = made.make("prescription", of.sample, seed=self._seed * 10**6 + visit.number)
        resource = samples.publication(content)
        unique_id = _plain(resource)
        if visit.deed is Deed.BROKEN:
            content = content[: len(content) // 2]
            _replace(resource, content)
        if visit.deed is Deed.FOREIGN:
            resource["subject"] = {"reference": f"Patient?identifier=urn:oid:{one.ins.oid}|{one.ins.number}"}
        sha256 = hashlib.sha256(content)
        dropped = Dropped(record, unique_id, sha256.digest(), good=visit.deed is Deed.DEPOSIT)
        self._clients.deposits.append(dropped)
        if dropped.good:
            self._clients.marks |= {unique_id: record, sha256.hexdigest(): record}
        body = orjson.dumps(resource)
        await asyncio.gather(*(self._drop(visit, dropped, body, turn) for turn in range(visit.times)))

    async def _drop(self, visit: Visit, dropped: Dropped, body: bytes, turn: int) -> None:
        """One session's deposit, until it knows the outcome."""
        who = _OUTSIDER if visit.deed is Deed.OUTSIDER else _DEPOSITORS[visit.number % len(_DEPOSITORS)]
        later = _LATER if visit.later and turn == 0 else {}

        async def call() -> Answer:
            return await self._client.ask(
                *(visit.deed, who, "POST", "/fhir/DocumentReference", DEPOSIT_PATIENCE_S),
                refusable=not dropped.good,
                content=body,
                headers=_FHIR | later,
            )

        response = await self._client.insist(call)
        if response is None:
            return
        dropped.answers.append(_taken(response))
        while response is not None and response.status_code == _STAGED:
            response = await self._outcome(who, dropped, response.headers["carnet-deposit"])
        if response is not None and response.is_success and "location" in response.headers:
            document = response.headers["location"].partition("/DocumentReference/")[2].partition("/")[0]
            self._stored[dropped.record].append(Stored(UUID(document), dropped.sha256.hex(), who))

    async def _outcome(self, who: Who, dropped: Dropped, deposit: str) -> httpx2.Response | None:
        """What became of a deposit that was taken."""
        await asyncio.sleep(0.2)

        async def call() -> Answer:
            path = f"/fhir/deposits/{deposit}"
            return await self._client.ask("outcome of a deposit", who, "GET", path, READ_PATIENCE_S, refusable=False)

        response = await self._client.insist(call)
        if response is not None:
            dropped.answers.append(_taken(response))
        return response

    def _known(self, visit: Visit) -> Stored | None:
        known = self._stored[self.records[visit.record]]
        return known[int(visit.luck * len(known))] if known else None

    async def _act(self, visit: Visit) -> None:
        """Have something done to a document while somebody searches; then he searches again, and opens it."""
        one, search = self._known(visit), replace(visit, deed=Deed.SEARCH)
        if one is None:
            await self._look(search)
            return
        holder, record = _holder(self.people[visit.record]), self.records[visit.record]
        await asyncio.gather(self._acts.do(visit, holder, record, one), self._look(search))
        await self._look(search)
        await self._look(replace(visit, deed=Deed.OPEN), one)

    async def _look(self, visit: Visit, about: Stored | None = None) -> None:
        one, record = self.people[visit.record], self.records[visit.record]
        doctor = None if visit.reader is None else _READERS[visit.reader]
        who, reader = (_holder(one), None) if doctor is None else (Who(doctor.name), doctor.number)
        found = self._known(visit) if about is None else about
        document, wanted = (None, None) if found is None else (found.document, found.sha256)
        deed = Deed.SEARCH if visit.deed is Deed.OPEN and document is None else visit.deed
        asked = _question(deed, one, record, document, form=visit.luck < 1 / 2)

        async def call() -> Answer:
            answer = await self._client.ask(
                *(deed, who, *asked[:2], READ_PATIENCE_S),
                refusable=lambda: reader is not None or (deed is Deed.OPEN and self._acts.leaving(document)),
                **asked[2],
            )
            shown = _shown(deed, answer.response) if answer.attempt.answered and answer.response else ()
            owner = HISTORY if deed is Deed.HISTORY else DOCUMENT
            whole = deed is Deed.SEARCH and reader is None and _on_one_page(answer.response)
            look = Looked(owner, record, reader, answer.attempt, shown, wanted if deed is Deed.OPEN else None, whole)
            self._clients.looks.append(look)
            return answer

        await self._client.insist(call)

    async def _change(self, visit: Visit) -> None:
        """Look at the rights, and change one of them on the version that was seen."""
        one, record = self.people[visit.record], self.records[visit.record]
        professional = _READERS[visit.reader or 0].number
        seen = await self._client.insist(
            lambda: self._client.ask(
                *("look at the rights", _holder(one), "GET", f"/records/{record}/rights", READ_PATIENCE_S),
                refusable=False,
            )
        )
        if seen is None or not seen.is_success:
            return
        rights = seen.json()
        verb = _verb(rights, professional, visit.luck)
        version = int(rights["rights_version"])

        async def call() -> Answer:
            answer = await self._client.ask(
                *(verb, _holder(one), "POST", f"/records/{record}/rights/{verb}", CHANGE_PATIENCE_S),
                json={"professional": professional},
                headers={"if-match": seen.headers["etag"]},
            )
            told = answer.response.json() if answer.attempt.answered and answer.response else {}
            about = UUID(told["record"]) if told else None
            change = Changed(record, verb, professional, version, answer.attempt, told.get("rights_version"), about)
            self._clients.changes.append(change)
            return answer

        await self._client.insist(call)


def _holder(one: Person) -> Who:
    return Who("patient", one.ins)


def _verb(rights: dict[str, Any], professional: str, luck: float) -> str:
    """A change that makes sense on these rights."""
    standing = {right["professional"]: right["standing"] for right in rights["professionals"]}.get(professional)
    if standing == ProfessionalStanding.BLOCKED:
        return "unblock"
    if standing == ProfessionalStanding.VALID:
        return "block" if luck < 1 / 2 else "revoke"
    return "block" if luck < _BLOCKS / 2 else "authorise"


def _question(
    deed: Deed, one: Person, record: UUID, document: UUID | None, *, form: bool
) -> tuple[str, str, dict[str, Any]]:
    """Method, path and what goes with them."""
    if deed is Deed.HISTORY:
        return "GET", f"/records/{record}/history", {}
    if deed is Deed.OPEN and document is not None:
        return "GET", f"/fhir/Binary/{record.hex}{document.hex}", {}
    if form:
        asked = f"patient.identifier=urn%3Aoid%3A{one.ins.oid}%7C{one.ins.number}&_count={_MOST}"
        return "POST", "/fhir/DocumentReference/_search", {"content": asked, "headers": _FORM}
    return "GET", f"/fhir/DocumentReference?patient=Patient/{record}&_count={_MOST}", {}


def _shown(deed: Deed, response: httpx2.Response) -> tuple[str, ...]:
    """The marks in an answer."""
    if deed is Deed.OPEN:
        return (hashlib.sha256(response.content).hexdigest(),)
    if deed is Deed.HISTORY:
        sections = response.json()["sections"]
        return tuple(str(line["label"]) for section in sections for line in section["lines"])
    return tuple(_plain(entry["resource"]) for entry in response.json().get("entry", ()))


def _on_one_page(response: httpx2.Response | None) -> bool:
    links = response.json().get("link", ()) if response is not None and response.is_success else ()
    return all(link["relation"] != "next" for link in links)


def _plain(resource: dict[str, Any]) -> str:
    """A document's unique id as the services know it."""
    return str(resource["masterIdentifier"]["value"]).removeprefix("urn:oid:")


def _replace(resource: dict[str, Any], content: bytes) -> None:
    attachment = resource["content"][0]["attachment"]
    sha1 = hashlib.sha1(content, usedforsecurity=False).digest()
    attachment |= {
        "data": base64.b64encode(content).decode(),
        "size": len(content),
        "hash": base64.b64encode(sha1).decode(),
    }


def _taken(response: httpx2.Response) -> Taken:
    now = datetime.now(UTC)
    if not response.is_success:
        return Taken(response.status_code, now)
    deposit = UUID(response.headers["carnet-deposit"])
    shown = response.json() if response.content else {}
    if "masterIdentifier" not in shown:
        return Taken(response.status_code, now, deposit)
    record = UUID(shown["subject"]["reference"].removeprefix("Patient/"))
    return Taken(response.status_code, now, deposit, record, _plain(shown))
