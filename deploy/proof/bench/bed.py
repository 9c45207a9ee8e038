"""The system under measurement: started in a folder of its own, filled with test people, left quiet between runs."""

import asyncio
import itertools
import json
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from deploy.local import tokens
from deploy.local.home import Home
from deploy.local.identity.cast import DR_MARTIN
from deploy.local.options import Options
from deploy.local.supervisor import Unit
from deploy.local.system import LocalSystem
from deploy.processes import ProcessError
from deploy.proof.bench import documents
from deploy.proof.bench.client import Answer, Connections, Seen, closed_loop, prepared
from deploy.proof.bench.cpu import Meter
from deploy.proof.bench.documents import Person
from deploy.proof.bench.facts import Flow
from shared.contracts.topics import ACCESS_CONTROL, DOCUMENT, GATEWAY, HISTORY, NOTIFICATION, registry
from shared.security import ServiceIdentity, read_jwk

_STAGING_CONNECTIONS: Final = 16
_OPENING_CONNECTIONS: Final = 16
_READY_TIMEOUT_S: Final = 60.0
_OK: Final = range(200, 300)


class BenchError(RuntimeError):
    """The system did not do what the measurement needs; the text says what, and where to look."""


@contextmanager
def started(tries: int = 2, options: Options | None = None) -> Iterator[LocalSystem]:
    """A local system in a temporary folder. From the main thread: processes end with the thread that started them."""
    for attempt in range(1, tries + 1):
        with tempfile.TemporaryDirectory(prefix="carnet-bench-") as folder:
            system = LocalSystem(Home(Path(folder) / "home"), options or Options())
            try:
                system.start()
            except ProcessError:
                if attempt == tries:
                    raise
                continue
            try:
                yield system
            finally:
                system.stop()
            return


class Bed:
    """A running system, and what the load needs of it."""

    def __init__(self, system: LocalSystem, flow: Flow) -> None:
        self.system = system
        self.flow = flow
        self.meter = Meter(self.pids)
        self.readers: list[Person] = []
        """Persons whose records are read: a fixed number of documents in each."""
        self.writers: list[Person] = []
        """Persons into whose records is deposited; they have no e-mail address."""
        self.mailed: list[Person] = []
        """Like writers, but an e-mail goes to them."""
        self.opened: list[tuple[Person, UUID]] = []
        """Documents of readers."""
        identity = read_jwk(system.places.secrets.service_key_file(GATEWAY))
        self._identity = ServiceIdentity(GATEWAY, identity)
        self._numbers = itertools.count(1)
        self._doctor = ""

    def url(self, service: str) -> str:
        """Where a service listens."""
        return self.system.places.url(service, 1)

    @property
    def gateway(self) -> str:
        """The door's address."""
        return self.url(GATEWAY)

    def pids(self) -> Mapping[str, int]:
        """The system's processes."""
        return {unit.name: unit.process.pid for unit in self.system.supervisor.units if unit.process.pid}

    def crashed(self) -> list[str]:
        """Faults: processes that ended without being asked to."""
        units = self.system.supervisor.units
        return [f"{unit.name} has ended by itself; see {unit.process.log}" for unit in units if self._dead(unit)]

    @staticmethod
    def _dead(unit: Unit) -> bool:
        return unit.wanted and not unit.process.running

    def authorised(self, service: str) -> dict[str, str]:
        """Headers of an internal call."""
        return {"authorization": f"Bearer {self._identity.token(service)}"}

    def doctor(self) -> dict[str, str]:
        """Headers of a call by the treating doctor's software."""
        self._doctor = self._doctor or tokens.fetch(self.system.places.issuer, DR_MARTIN.name)
        return {"authorization": f"Bearer {self._doctor}", "accept": "application/fhir+json"}

    def holder(self, person: Person) -> dict[str, str]:
        """Headers of a call by a patient."""
        token = tokens.fetch(self.system.places.issuer, "patient", ins=person.ins.number)
        return {"authorization": f"Bearer {token}"}

    async def stop(self, service: str) -> None:
        """End a service in order."""
        unit = self.system.unit(service)
        unit.wanted = False
        await asyncio.to_thread(unit.process.stop)

    def start(self, service: str) -> None:
        """Start a service that was stopped, without waiting. From the main thread."""
        self.system.unit(service).start(time.monotonic())

    async def until_ready(self, service: str) -> None:
        """Wait until a service can do its work. Raises BenchError."""
        unit = self.system.unit(service)
        for _ in range(int(_READY_TIMEOUT_S / 0.02)):
            if unit.process.running and await asyncio.to_thread(unit.probe):
                return
            await asyncio.sleep(0.02)
        raise BenchError(f"{service} was not ready after {_READY_TIMEOUT_S:g} s: see {unit.process.log}")

    async def fill(self, *, readers: int, writers: int, documents_each: int) -> None:
        """Open records, and deposit what will be read."""
        self.readers = await self._open(readers, mailed=False)
        self.writers = await self._open(writers, mailed=False)
        self.mailed = await self._open(writers, mailed=True)
        await self._authorise(self.readers)
        await self.stage(self.readers * documents_each)
        await self.flow.until_quiet()
        for person in self.readers:
            self.opened += [(person, document) for document in await self.flow.documents_of(person.record)]
        await self.flow.until_mailed()

    async def _open(self, count: int, *, mailed: bool) -> list[Person]:
        inses = [documents.ins_of(next(self._numbers)) for _ in range(count)]
        answers = await self._all(ACCESS_CONTROL, "POST", [("/records", _opening(ins)) for ins in inses])
        persons = [
            Person(ins, UUID(json.loads(answer.body)["record"])) for ins, answer in zip(inses, answers, strict=True)
        ]
        index = [
            (f"/persons/{person.record}", {"matricule": person.ins.number, "oid": person.ins.oid}) for person in persons
        ]
        await self._all(HISTORY, "PUT", index)
        if mailed:
            contacts = [(f"/contacts/{person.record}", {"email": "essai@patient.test"}) for person in persons]
            await self._all(NOTIFICATION, "PUT", contacts)
        return persons

    async def _all(self, service: str, method: str, calls: Sequence[tuple[str, Any]]) -> list[Answer]:
        headers = {**self.authorised(service), "content-type": "application/json"}
        async with Connections(self.url(service), _OPENING_CONNECTIONS) as pool:
            asked = (pool.ask(prepared(method, path, json.dumps(body).encode(), headers)) for path, body in calls)
            return [_expected(answer, f"{method} {service}") for answer in await asyncio.gather(*asked)]

    async def _authorise(self, persons: Sequence[Person]) -> None:
        """Each holder lets the doctor read."""
        body = json.dumps({"professional": DR_MARTIN.number}).encode()
        async with Connections(self.gateway, _OPENING_CONNECTIONS) as pool:

            async def one(person: Person) -> None:
                headers = {**await asyncio.to_thread(self.holder, person), "content-type": "application/json"}
                path = f"/records/{person.record}/rights/authorise"
                _expected(await pool.ask(prepared("POST", path, body, {**headers, "if-match": '"0"'})), "authorise")

            await asyncio.gather(*(one(person) for person in persons))

    async def stage(self, persons: Sequence[Person]) -> Seen:
        """Stage a document for each of these, as fast as the document service takes them. Raises BenchError."""
        seen = await closed_loop(self.url(DOCUMENT), self.stagings(persons), connections=_STAGING_CONNECTIONS)
        if seen.refused:
            raise BenchError(f"staging failed: {'; '.join(seen.faults())}")
        return seen

    def stagings(self, persons: Iterable[Person]) -> Iterator[bytes]:
        """A request to the document service for each of these, made when it is taken."""
        for person in persons:
            headers, content = documents.staging(person)
            yield prepared("POST", "/deposits", content, {**self.authorised(DOCUMENT), **headers})


def _opening(ins: Any) -> dict[str, Any]:
    traits = {"family_name": "ESSAI", "given_names": ["CAMILLE"], "sex": "female", "birth_date": "1980-01-01"}
    actor = documents.DOCTOR.model_dump(mode="json")
    return {"ins": {"matricule": ins.number, "oid": ins.oid}, "traits": traits, "actor": actor}


def _expected(answer: Answer, what: str) -> Answer:
    if answer.status not in _OK:
        raise BenchError(f"{what} was answered {answer.status}: {answer.body[:300].decode(errors='replace')}")
    return answer


@asynccontextmanager
async def bed(system: LocalSystem) -> AsyncIterator[Bed]:
    """The bed of a running system."""
    topics = registry(system.options.insurers, system.options.partitions)
    async with Flow(system.places.postgres_admin_url, topics, system.options.services) as flow:
        yield Bed(system, flow)
