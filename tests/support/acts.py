"""Acts on a running local system, as the gateway does them: records, requests and their decisions, reads, deposits."""

import asyncio
import hashlib
import itertools
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from deploy.proof import made
from deploy.proof.load import Load, Target, metadata_of
from deploy.proof.load.people import HOLDER, author, person, professional
from shared.contracts.access_decisions import Decided, Outcome
from shared.contracts.common import Body, Owner
from shared.contracts.http_document import DEPOSIT_HEADER, SearchRequest, to_header
from shared.contracts.record_requests import Authorise, Consult
from shared.contracts.topics import DOCUMENT, RECORD_REQUESTS
from shared.http import RemoteError, RemoteUnavailable
from shared.messaging import UnsentError

DOCTOR = professional(77)
PATIENCE_S = 40.0
_numbers = itertools.count(1)
_SEED = int(time.time()) % 90_000


class Acts:
    """One test's hand on the system."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._load = Load(target, _SEED, 1)

    async def open(self):
        """A new record with index and contact: its id and its holder."""
        holder = person(_SEED, next(_numbers))
        return await self._load._open(holder), holder

    async def send(self, record: UUID, body: Body, request: UUID | None = None) -> UUID:
        """Send a request until it is confirmed."""
        request = request or uuid4()
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                await self.target.producers[0].send(
                    RECORD_REQUESTS, body, key=str(record), partitions=self.target.partitions, identity=request
                )
            except UnsentError:
                if time.monotonic() > end:
                    raise
            else:
                return request

    async def ask(self, record: UUID, body: Body, timeout_s: float = PATIENCE_S) -> Decided:
        """Send a request and wait for its decision."""
        request = uuid4()
        with self.target.replies.waiting(request) as waiting:
            await self.send(record, body, request)
            while True:
                message = await waiting.next(timeout_s)
                if isinstance(message.body, Decided):
                    return message.body

    async def authorised(self):
        """A record whose holder lets the doctor read."""
        record, holder = await self.open()
        decided = await self.ask(record, Authorise(actor=HOLDER, rights_version=0, professional=DOCTOR.number))
        assert decided.outcome is Outcome.PERMIT
        return record, holder

    async def search(self, permit: str, service: str = DOCUMENT):
        """Use a permit; raises RemoteError where it is refused."""
        return await self.target.client(service).call("POST", "/search", json=SearchRequest(permit=permit))

    async def deposit(self, record: UUID, holder, seed: int | None = None) -> tuple[UUID, bytes]:
        """Deposit a document: id and hash; tried again while the service is away."""
        number = next(_numbers) if seed is None else seed
        content = made.make("prescription", holder.sample, author(DOCTOR), _SEED * 10**6 + number)
        metadata = metadata_of(record, holder, DOCTOR, content)
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                reply = await self.target.client(DOCUMENT).call(
                    "POST", "/deposits", content=content, headers={DEPOSIT_HEADER: to_header(metadata)}, idempotent=True
                )
            except RemoteError as error:
                if error.status < 500 or time.monotonic() > end:
                    raise
                await asyncio.sleep(0.3)
            else:
                return UUID(reply.json()["deposit"]), hashlib.sha256(content).digest()

    async def outcome(self, deposit: UUID) -> str:
        """How far a deposit is; unknown while the service is away."""
        try:
            return (await self.target.client(DOCUMENT).call("GET", f"/deposits/{deposit}")).json()["state"]
        except RemoteUnavailable:
            return "unknown"


def consult(actor=DOCTOR, owner: Owner = Owner.DOCUMENT, patience_s: float = 30.0) -> Consult:
    """A request to read; in a test of faults nobody is in a hurry."""
    return Consult(actor=actor, owner=owner, deadline=datetime.now(UTC) + timedelta(seconds=patience_s))
