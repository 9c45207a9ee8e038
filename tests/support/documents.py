"""Builders for tests of the document service: actors, deposits, decisions, permits, the service's routes."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from fastapi import FastAPI

from deploy.proof import made
from services.document.api import deposits, extracts, reads
from services.document.content import FileContent, held
from services.document.domain import cda
from services.document.domain.settlement import Entry, Flags, Status
from services.document.repository import Decisions, Extracts, Reads, Staging
from services.document.settings import Settings
from shared.contracts.access_decisions import Decided, Order, Outcome
from shared.contracts.common import Act, Actor, ActorKind, Owner, Scope
from shared.contracts.envelope import Envelope, Message
from shared.contracts.http_document import DepositMetadata
from shared.contracts.reasons import Reason
from shared.database import Database
from shared.database.record_keys import RecordKeys
from shared.http import application, callers
from shared.messaging import Outbox, Precedence
from shared.security import (
    FileKeyProvider,
    Permit,
    PermitSigner,
    PermitVerifier,
    ServiceIdentity,
    ServiceVerifier,
    new_private_jwk,
    public_jwks,
)

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
DOCTOR = Actor(kind=ActorKind.PROFESSIONAL, number=made.AUTHOR.number, role="G15_10", structure=made.AUTHOR.structure)
OTHER = Actor(kind=ActorKind.PROFESSIONAL, number="899000000001", role="G15_10")
HOLDER = Actor(kind=ActorKind.PATIENT)
NONE = Flags()
GATEWAY = new_private_jwk("gateway")
ACCESS = new_private_jwk("access_control")
JWKS = public_jwks(GATEWAY, ACCESS, new_private_jwk("audit"))
KINDS = sorted(made.KINDS)


def sample(seed: int = 0, kind: str = KINDS[0]) -> bytes:
    return made.make(kind, seed=seed)


def metadata(content: bytes, record: UUID | None = None, **changes: Any) -> DepositMetadata:
    """What a gateway sends beside a document."""
    found = cda.inspect(content)
    stated = {
        "record": record or uuid4(),
        "actor": DOCTOR,
        "unique_id": found.unique_id or "1.2.3",
        "type_code": found.type_code or "EXPPAT_1",
        "content_type": found.content_type,
        "created": NOW - timedelta(days=1),
        "patient": {"oid": made.PATIENT.ins.oid, "number": made.PATIENT.ins.number},
    }
    return DepositMetadata.model_validate(stated | changes)


def entry(unique_id: str = "1.2.3", flags: Flags = NONE, **changes: Any) -> Entry:
    values = {
        "record": UUID(int=1),
        "id": uuid4(),
        "unique_id": unique_id,
        "status": Status.STAGED,
        "type_code": "34112-3",
        "class_code": "10",
        "submitter": "professional:A",
        "submitter_structure": None,
        "owners": "A",
        "replaces": None,
        "withheld_since": None,
        "version": 1,
        "held_by": None,
        "masked_by_default": False,
    }
    return Entry(**(values | flags._asdict() | changes))


def chain(*flags: Flags, length: int = 3, **changes: Any) -> list[Entry]:
    """Versions of one document, the oldest first; each has replaced the one before it."""
    flags = flags or (NONE,) * length
    last = len(flags) - 1
    stated: list[dict[str, Any]] = [
        {
            "unique_id": f"v{place}",
            "replaces": f"v{place - 1}" if place else None,
            "status": Status.CURRENT if place == last else Status.SUPERSEDED,
            "flags": one,
        }
        for place, one in enumerate(flags)
    ]
    return [entry(**(one | changes)) for one in stated]


def decision(deposit: UUID, record: UUID, outcome: Outcome = Outcome.PERMIT, **changes: Any) -> Message[Decided]:
    reasons = (Reason.FEEDING_DUTY,) if outcome is Outcome.PERMIT else (Reason.RECORD_CLOSED,)
    values = {"request": deposit, "act": Act.DEPOSIT, "outcome": outcome, "reasons": reasons, "actor": DOCTOR}
    body = Decided.model_validate(values | changes)
    envelope = Envelope(uuid4(), body.type_name, "access_control", NOW, deposit)
    return Message(envelope, str(record), body, "access.decisions", 0, 0)


def ordered(document: UUID, record: UUID, act: str, actor: Actor = HOLDER, **order: Any) -> Message[Decided]:
    """An act on a document that access_control permits, as it tells it; the scope is everything unless stated."""
    values = {"scope": Scope(types=None, masked=True, withheld=True), "document": document} | order
    request = values.pop("request", None) or uuid4()
    return decision(
        request,
        record,
        act=Act.UNKNOWN,
        further_act=act,
        actor=actor,
        document=document,
        order=Order.model_validate(values),
    )


def permit(record: UUID, actor: Actor = DOCTOR, scope: Scope | None = None, **changes: Any) -> Permit:
    now = datetime.now(UTC)
    values = {
        "id": uuid4(),
        "record": record,
        "actor": actor,
        "owner": Owner.DOCUMENT,
        "act": Act.CONSULT,
        "scope": scope or Scope(),
        "issued": now,
        "expires": now + timedelta(seconds=4),
    }
    return Permit.model_validate(values | changes)


def signed(one: Permit) -> str:
    return PermitSigner(ACCESS).sign(one)


def token(audience: str = "document") -> dict[str, str]:
    return {"authorization": f"Bearer {ServiceIdentity('gateway', GATEWAY).token(audience)}"}


def contents_of(store: FileContent) -> list[UUID]:
    """Names of all contents that live in a store of files."""
    return [name for path in store._folder.glob("*/*") for name in held(path)]


@dataclass
class Service:
    """The document service's parts over a database and a folder."""

    database: Database
    content: FileContent
    keys: RecordKeys
    outbox: Outbox
    settings: Settings = field(default_factory=Settings)

    @property
    def staging(self) -> Staging:
        return Staging(self.keys, self.outbox)

    @property
    def reads(self) -> Reads:
        return Reads(self.keys, self.outbox)

    @property
    def decisions(self) -> Decisions:
        return Decisions(self.keys)

    def app(self) -> FastAPI:
        check = callers(ServiceVerifier(JWKS, "document", ("gateway",)), "gateway")
        permits, claim = PermitVerifier(JWKS, Owner.DOCUMENT), Precedence().claim
        taking = Extracts(self.database, self.keys, self.outbox)
        return application(
            "document",
            extracts(check, taking, self.content, permits, claim=claim),
            deposits(check, self.database, self.staging, self.content, self.settings),
            reads(
                check,
                self.database,
                self.reads,
                self.content,
                permits,
                claim=claim,
            ),
        )


def key_provider(folder: Path) -> FileKeyProvider:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kek-1.key").write_text("11" * 32)
    return FileKeyProvider(folder, "kek-1")
