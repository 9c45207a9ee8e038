"""The gateway's real application, tokens and clients, among owners and a lane that live in memory."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import orjson
import pytest
from joserfc.jwk import ECKey

from deploy.local.identity.cast import ALICE, CAST
from deploy.local.identity.provider import Issuer
from services.gateway.api import Door, public_api
from services.gateway.api.requests import Requests
from services.gateway.clients import AccessControl, Contacts, Documents, Histories, Owners, TraceLog
from services.gateway.settings import Settings
from shared.contracts import topics
from shared.contracts.access_decisions import Decided, Outcome
from shared.contracts.common import Act, Actor, Body
from shared.contracts.document_changes import ActRefused, DocumentChanged
from shared.contracts.document_events import Deposited, DepositRefused, DocumentHeld
from shared.contracts.envelope import Envelope, Message
from shared.contracts.http_document import DOCUMENT_HEADER, DocumentEntry, from_header, to_header
from shared.contracts.http_document import DepositMetadata as Metadata
from shared.contracts.reasons import Reason
from shared.contracts.record_documents import DocumentCommand
from shared.contracts.record_requests import Consult
from shared.http import RemoteError, Reply
from shared.messaging import Kafka, Replies, UnsentError
from shared.security import ProviderKeys, TokenVerifier

ISSUER = "http://127.0.0.1:1"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
XML = b"<ClinicalDocument/>"
NO_KAFKA = Kafka("nowhere:1", "gateway", None, None)


class World:
    """The owners, the lane and what was asked of them."""

    def __init__(self) -> None:
        self.alice_record = uuid4()
        self.records: dict[tuple[str, str], UUID] = {(ALICE.oid, ALICE.matricule): self.alice_record}
        self.denied: tuple[Reason, ...] = ()
        self.finer: tuple[str, ...] = ()
        self.delegations: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.told: dict[str, Any] = {}
        self.view: dict[str, Any] = {}
        self.silent = False
        self.unsent = False
        self.in_force_at: datetime | None = None
        self.down: dict[str, RemoteError] = {}
        self.calls: list[tuple[str, str, str, Any]] = []
        self.requests: list[tuple[UUID, Body]] = []
        self.identities: list[UUID] = []
        self.deposits: dict[UUID, dict[str, Any]] = {}
        self.metadata: list[Metadata] = []
        self.taken: list[UUID] = []
        self.first: UUID | None = None
        self.outcome: dict[str, Any] = {"state": "stored", "document": str(uuid4())}
        self.entries: list[DocumentEntry] = []
        self.archive = b""
        self.total: int | None = None
        self.traces: list[dict[str, Any]] = []
        self.wakes = True
        self.in_order = True
        self.done: dict[str, Any] = {}
        self.not_done: str | None = None
        self.hurt = False
        self.handed_over = asyncio.Event()
        self.replies = Replies(NO_KAFKA, topics.registry((), 8), (topics.ACCESS_DECISIONS, topics.DOCUMENT_EVENTS))
        self.replies.ready.set()

    # the lane

    async def send(self, topic: str, body: Body, *, key: str, partitions: int, identity: UUID) -> UUID:
        if self.unsent:
            raise UnsentError("no broker")
        assert topic == topics.RECORD_REQUESTS
        self.requests.append((UUID(key), body))
        self.identities.append(identity)
        if not self.silent:
            told = [(self._decided(identity, body), topics.ACCESS_DECISIONS)]
            if isinstance(body, DocumentCommand) and not self.denied and self.wakes:
                told.append((self._done(identity, body), topics.DOCUMENT_EVENTS))
            for event, place in told if self.in_order else reversed(told):
                self.tell(identity, event, place, key)
        return identity

    def _done(self, request: UUID, asked: DocumentCommand) -> Body:
        told = {"document": asked.document, "actor": asked.actor, "request": request}
        act = type(asked).__name__.lower()
        if self.hurt:
            return DocumentHeld(deposit=request)
        if self.not_done is not None:
            return ActRefused(act=act, reason=self.not_done, **told)
        flags = {"version": 2, "masked": False, "withheld": False, "hidden_from_representatives": False}
        return DocumentChanged(act=act, **told, **flags | self.done)

    def _decided(self, request: UUID, body: Body) -> Decided:
        reads = isinstance(body, Consult)
        return Decided(
            request=request,
            act=Act.CONSULT if reads else Act.BLOCK,
            outcome=Outcome.DENY if self.denied else Outcome.PERMIT,
            reasons=self.denied or (Reason.HOLDER,),
            further_reasons=self.finer,
            permit=None if self.denied or not reads else f"permit-for-{body.owner.value}",
            rights_version=8,
            in_force_at=self.in_force_at,
        )

    def tell(self, correlation: UUID, body: Body, topic: str, key: str) -> None:
        waiting = self.replies._waiting.get(str(correlation).encode())
        if waiting is not None and waiting.topic in {None, topic}:
            envelope = Envelope(uuid4(), body.type_name, "test", datetime.now(UTC), correlation)
            waiting.put(Message(envelope, key, body, topic, 0, 0))

    # the owners

    def answer(self, service: str, method: str, path: str, asked: Any, content: bytes | None, headers: Any) -> Reply:
        self.calls.append((service, method, path, asked))
        if service in self.down:
            raise self.down[service]
        return getattr(self, service)(method, path, asked, content, headers)

    def access_control(self, method, path, asked, content, headers) -> Reply:  # noqa: PLR0911 - one line per route
        if path == "/records/lookup":
            records = [self.records.get((one["oid"], one["matricule"])) for one in asked["persons"]]
            return reply({"found": [{"record": record and str(record)} for record in records]})
        if path == "/records":
            key = (asked["ins"]["oid"], asked["ins"]["matricule"])
            opened = key not in self.records
            return reply({"record": str(self.records.setdefault(key, uuid4())), "opened": opened})
        if path == "/oppositions" or (method == "PUT" and ("/delegates/" in path or "/texts/" in path)):
            return reply(None, 204)
        if path == "/delegates/lookup":
            return reply({"delegations": self.delegations.get((asked["oid"], asked["matricule"]), [])})
        if path.startswith("/extracts"):
            return reply(self.told)
        if path.endswith(("/explain", "/see-as", "/standing", "/emergencies", "/cases")):
            return reply(self.told)
        if path.startswith(("/openings", "/identities/")):
            return reply({"record": str(self.alice_record), **self.told})
        return reply({"record": path.split("/")[2], "state": "open", "rights_version": 7, **self.view})

    def document(self, method, path, asked, content, headers) -> Reply:
        if path == "/deposits":
            metadata = from_header(Metadata, headers["Carnet-Deposit"])
            assert hashlib.sha1(content, usedforsecurity=False).hexdigest() == metadata.sha1
            self.metadata.append(metadata)
            deposit = self.first or getattr(metadata, "deposit", None) or uuid4()
            self.taken.append(deposit)
            self.handed_over.set()
            actor = metadata.actor
            told = {"record": str(metadata.record), "submitter": f"{actor.kind.value}:{actor.number or ''}"}
            self.deposits[deposit] = {"deposit": str(deposit), "state": "staged", **told}
            if self.wakes:
                self.settle(deposit, metadata)
            return reply({"deposit": str(deposit), "state": "staged"}, 202)
        if path.startswith("/deposits/"):
            found = self.deposits.get(UUID(path.rpartition("/")[2]))
            if found is None:
                raise RemoteError(404, "no_deposit", "There is no deposit of this id.")
            return reply(found)
        if path == "/search":
            entries = [entry.model_dump(mode="json") for entry in self.entries]
            return reply({"total": len(entries) if self.total is None else self.total, "entries": entries})
        if path == "/extract":
            return Reply(200, {}, self.archive)
        found = next((entry for entry in self.entries if str(entry.document) == asked["document"]), None)
        if found is None:
            raise RemoteError(404, "no_document", "There is no such document.")
        return Reply(200, {DOCUMENT_HEADER.lower(): to_header(found)}, XML)

    def settle(self, deposit: UUID, metadata: Metadata) -> None:
        self.deposits[deposit] |= self.outcome
        self.tell(deposit, self._event(deposit, metadata.actor), topics.DOCUMENT_EVENTS, str(metadata.record))

    def _event(self, deposit: UUID, actor: Actor) -> Body:
        match self.outcome:
            case {"state": "stored", "document": document}:
                codes = {"type_code": "11502-2", "class_code": "10"}
                return Deposited(deposit=deposit, document=UUID(document), actor=actor, **codes)
            case {"state": "refused", "reason": reason}:
                return DepositRefused(deposit=deposit, actor=actor, reason=Reason(reason))
            case _:
                return DocumentHeld(deposit=deposit)

    def history_ingestion(self, method, path, asked, content, headers) -> Reply:
        if path == "/read":
            view = {"since": "2024-06-01", "sections": [], "usage_loinc": "1-1", "usage_title": "t", "usage": "u"}
            return reply(view)
        return reply({"open": True})

    def audit(self, method, path, asked, content, headers) -> Reply:
        return reply({"traces": self.traces})

    def notification(self, method, path, asked, content, headers) -> Reply:
        return reply(None, 204)

    def called(self, service: str) -> list[str]:
        return [f"{method} {path}" for name, method, path, _ in self.calls if name == service]


def reply(content: Any, status: int = 200) -> Reply:
    return Reply(status, {}, orjson.dumps(content))


class Client:
    """Stands for an InternalClient."""

    def __init__(self, world: World, service: str) -> None:
        self._world = world
        self._service = service

    async def call(self, method, path, *, json=None, content=None, headers=None, idempotent=None, timeout_s=None):
        asked = orjson.loads(json.model_dump_json()) if json is not None else None
        return self._world.answer(self._service, method, path, asked, content, headers)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def settings() -> Settings:
    return Settings(
        issuer=ISSUER, deposit_timeout_s=0.3, read_deadline_s=0.2, rights_timeout_s=0.3, public_url="https://carnet"
    )


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    return Issuer(ISSUER, ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True))


@pytest.fixture
def as_(issuer: Issuer) -> Callable[..., dict[str, str]]:
    """Headers with the token of a member of the cast."""

    def headers(name: str, **more: str) -> dict[str, str]:
        return {"authorization": f"Bearer {issuer.token(CAST[name])}"} | more

    return headers


@pytest.fixture
def app(world: World, settings: Settings, issuer: Issuer) -> Any:
    async def jwks() -> dict[str, Any]:
        return {"keys": [issuer.key.as_dict(private=False)]}

    owners = Owners(
        AccessControl(Client(world, "access_control")),
        Documents(Client(world, "document")),
        Histories(Client(world, "history_ingestion")),
        TraceLog(Client(world, "audit")),
        Contacts(Client(world, "notification")),
    )
    verifier = TokenVerifier(ISSUER, "carnet", ProviderKeys(jwks))
    return public_api(Door(settings, verifier, owners, Requests(world, world.replies, settings.partitions)))


@pytest.fixture
async def http(app) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://gateway") as client:
        yield client


@pytest.fixture
def publication() -> dict[str, Any]:
    """A small valid deposit for Alice."""
    return {
        "resourceType": "DocumentReference",
        "masterIdentifier": {"system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2.250.9.1"},
        "status": "current",
        "type": {"coding": [{"system": "http://loinc.org", "code": "11502-2"}]},
        "subject": {"reference": f"Patient?identifier=urn:oid:{ALICE.oid}|{ALICE.matricule}"},
        "date": "2026-06-01T10:00:00+02:00",
        "author": [{"identifier": {"system": "urn:oid:1.2.250.1.71.4.2.1", "value": "899700000027"}}],
        "content": [
            {
                "attachment": {
                    "contentType": "text/xml",
                    "data": base64.b64encode(XML).decode(),
                    "title": "Compte rendu secret",
                }
            }
        ],
    }


@pytest.fixture
def entry(world: World) -> DocumentEntry:
    """A document in Alice's record."""
    found = DocumentEntry(
        document=uuid4(),
        record=world.alice_record,
        unique_id="1.2.250.9.1",
        type_code="11502-2",
        class_code="10",
        status="current",
        confidentiality=frozenset({"N"}),
        content_type="text/xml",
        size=len(XML),
        sha1=hashlib.sha1(XML, usedforsecurity=False).hexdigest(),
        deposited=NOW,
        created=NOW - timedelta(days=1),
        title="CR",
        professionals=("899700000027",),
    )
    world.entries.append(found)
    return found
