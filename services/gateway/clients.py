"""The owners, as the gateway calls them over internal HTTP; every answer is read into the owner's own view.

Identities go in bodies, never in addresses. What an owner refuses comes back as `shared.http.RemoteError`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID

from shared.contracts.common import Actor, ActorKind
from shared.contracts.http_access_control import (
    MOST_LOOKED_UP,
    CasesView,
    ChangeIdentity,
    DelegateOf,
    DelegatesFound,
    EmergenciesView,
    ForeseenOpening,
    FoundRecord,
    InsView,
    LookUp,
    MergeIdentities,
    NoteDelegate,
    OpenedRecord,
    OpenRecord,
    Oppose,
    ReadRights,
    RecordsFound,
    RightsView,
    StandingView,
    WriteText,
)
from shared.contracts.http_audit import ReadTraces, Trace, Traces
from shared.contracts.http_document import (
    DEPOSIT_HEADER,
    DOCUMENT_HEADER,
    DepositMetadata,
    DepositView,
    DocumentEntry,
    DocumentFilters,
    OpenRequest,
    SearchRequest,
    SearchResult,
    from_header,
    to_header,
)
from shared.contracts.http_explanations import Explain, Explanation, SeeAs, SeenAs
from shared.contracts.http_extracts import ExtractsView, PaperView, ReadPaper, TakeExtract
from shared.contracts.http_history import HistoryView, IndexPerson, PersonIndexed, ReadHistory
from shared.contracts.http_notification import Contact, OtherContact
from shared.http import RemoteError, Reply
from shared.terminology import Ins
from shared.together import Together

LINGER_S: Final = 0.012
"""How long a look-up waits at most for others that come with it, in seconds."""


class Client(Protocol):
    """What is used of `shared.http.InternalClient`."""

    async def call(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool | None = None,
        timeout_s: float | None = None,
    ) -> Reply:
        """One request and its whole answer."""

    async def close(self) -> None:
        """Close the connections."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A document as its owner gave it."""

    entry: DocumentEntry
    content: bytes = field(repr=False)


class AccessControl:
    """access_control: records and rights."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._look_ups: Together[Ins, UUID | None] = Together(self._look_up, most=MOST_LOOKED_UP, linger_s=LINGER_S)

    async def find(self, ins: Ins) -> UUID | None:
        """The record of an identity, or None."""
        return await self._look_ups.do(ins)

    async def _look_up(self, batch: list[Ins]) -> list[UUID | Exception | None]:
        """Who is looked up at the same time travels in one call."""
        asked = LookUp(persons=tuple(InsView(matricule=ins.number, oid=ins.oid) for ins in batch))
        try:
            reply = await self._client.call("POST", "/records/lookup", json=asked, idempotent=True)
        except RemoteError as error:
            return [error] * len(batch)  # tried one by one, each would wait for the same time-out
        return [
            found.record if found.refused is None else RemoteError(422, found.refused, "The identity is not taken.")
            for found in RecordsFound.model_validate_json(reply.content).found
        ]

    async def open(self, opening: OpenRecord) -> OpenedRecord:
        """Open a record, or find the one that is there."""
        reply = await self._client.call("POST", "/records", json=opening, idempotent=True)
        return OpenedRecord.model_validate_json(reply.content)

    async def foresee(self, opening: OpenRecord) -> ForeseenOpening:
        """Have a record opened automatically, unless the person opposes it."""
        reply = await self._client.call("POST", "/openings", json=opening, idempotent=True)
        return ForeseenOpening.model_validate_json(reply.content)

    async def change_identity(self, asked: ChangeIdentity) -> UUID:
        """Let another INS lead to a person's record; gives it."""
        reply = await self._client.call("POST", "/identities/change", json=asked, idempotent=True)
        return FoundRecord.model_validate_json(reply.content).record

    async def merge_identities(self, asked: MergeIdentities) -> UUID:
        """Keep one of a person's two records in use; gives it."""
        reply = await self._client.call("POST", "/identities/merge", json=asked, idempotent=True)
        return FoundRecord.model_validate_json(reply.content).record

    async def oppose(self, opposition: Oppose) -> None:
        """Note an opposition, or its withdrawal."""
        await self._client.call("POST", "/oppositions", json=opposition, idempotent=True)

    async def rights(self, record: UUID, reader: Actor | None = None) -> RightsView:
        """The holder's view of state and rights; somebody who acts for him is named as reader."""
        path = f"/records/{record}/rights"
        if reader is None or reader.kind is ActorKind.PATIENT:
            reply = await self._client.call("GET", path)
        else:
            reply = await self._client.call("POST", path, json=ReadRights(reader=reader), idempotent=True)
        return RightsView.model_validate_json(reply.content)

    async def standing(self, record: UUID, actor: Actor) -> StandingView:
        """How a professional himself stands to a record."""
        asked = ReadRights(reader=actor)
        reply = await self._client.call("POST", f"/records/{record}/standing", json=asked, idempotent=True)
        return StandingView.model_validate_json(reply.content)

    async def delegations(self, ins: Ins) -> tuple[DelegateOf, ...]:
        """The records for which a person acts, or is invited to."""
        view = InsView(matricule=ins.number, oid=ins.oid)
        reply = await self._client.call("POST", "/delegates/lookup", json=view, idempotent=True)
        return DelegatesFound.model_validate_json(reply.content).delegations

    async def note_delegate(self, record: UUID, delegation: UUID, ins: Ins) -> None:
        """Note who is invited, before the invitation goes its way."""
        note = NoteDelegate(ins=InsView(matricule=ins.number, oid=ins.oid))
        await self._client.call("PUT", f"/records/{record}/delegates/{delegation}", json=note, idempotent=True)

    async def write(self, record: UUID, subject: UUID, text: str) -> None:
        """Hand over what somebody wrote, before the request of this id goes its way."""
        await self._client.call("PUT", f"/records/{record}/texts/{subject}", json=WriteText(text=text), idempotent=True)

    async def emergencies(self, record: UUID) -> EmergenciesView:
        """A record's emergencies with their reasons, all of them: for the holder."""
        reply = await self._client.call("GET", f"/records/{record}/emergencies")
        return EmergenciesView.model_validate_json(reply.content)

    async def cases(self, record: UUID) -> CasesView:
        """A record's contested accesses, all of them: for the holder."""
        reply = await self._client.call("GET", f"/records/{record}/cases")
        return CasesView.model_validate_json(reply.content)

    async def extracts(self, *, refused: bool) -> ExtractsView:
        """The cases of heirs and court experts: for operators."""
        reply = await self._client.call("GET", f"/extracts?refused={str(refused).lower()}")
        return ExtractsView.model_validate_json(reply.content)

    async def paper(self, case: UUID, reader: Actor) -> PaperView:
        """Who applied for an extract: for an operator, of whom it is traced."""
        asked = ReadPaper(reader=reader)
        reply = await self._client.call("POST", f"/extracts/{case}/paper", json=asked, idempotent=True)
        return PaperView.model_validate_json(reply.content)

    async def explain(self, record: UUID, asked: Explain) -> Explanation:
        """Why somebody may look, or not."""
        reply = await self._client.call("POST", f"/records/{record}/explain", json=asked, idempotent=True)
        return Explanation.model_validate_json(reply.content)

    async def see_as(self, record: UUID, asked: SeeAs) -> SeenAs:
        """What others would see, now and after a change."""
        reply = await self._client.call("POST", f"/records/{record}/see-as", json=asked, idempotent=True)
        return SeenAs.model_validate_json(reply.content)


class Documents:
    """document: deposits and reads."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def deposit(self, metadata: DepositMetadata, content: bytes, timeout_s: float) -> DepositView:
        """Hand over a document; a repeat gives the first deposit."""
        headers = {DEPOSIT_HEADER: to_header(metadata), "content-type": "application/octet-stream"}
        reply = await self._client.call(
            "POST", "/deposits", content=content, headers=headers, idempotent=True, timeout_s=timeout_s
        )
        return DepositView.model_validate_json(reply.content)

    async def outcome(self, deposit: UUID) -> DepositView:
        """How far a deposit is."""
        reply = await self._client.call("GET", f"/deposits/{deposit}")
        return DepositView.model_validate_json(reply.content)

    async def search(self, permit: str, filters: DocumentFilters) -> SearchResult:
        """List documents within a permit."""
        reply = await self._client.call("POST", "/search", json=SearchRequest(permit=permit, filters=filters))
        return SearchResult.model_validate_json(reply.content)

    async def open(self, permit: str, document: UUID) -> Opened:
        """Open one document on a permit."""
        reply = await self._client.call("POST", "/open", json=OpenRequest(permit=permit, document=document))
        return Opened(from_header(DocumentEntry, reply.headers[DOCUMENT_HEADER.lower()]), reply.content)

    async def extract(self, permit: str, timeout_s: float) -> bytes:
        """The archive of an extract, on its permit."""
        asked = TakeExtract(permit=permit)
        return (await self._client.call("POST", "/extract", json=asked, timeout_s=timeout_s)).content


class Histories:
    """history_ingestion: reimbursed care."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def index(self, record: UUID, ins: Ins, *, moved: bool = False) -> PersonIndexed:
        """Let the identity lead to the record; where it `moved`, the record had another one before."""
        view = IndexPerson(matricule=ins.number, oid=ins.oid, moved=moved)
        reply = await self._client.call("PUT", f"/persons/{record}", json=view)
        return PersonIndexed.model_validate_json(reply.content)

    async def read(self, permit: str) -> HistoryView:
        """The history, on a permit."""
        reply = await self._client.call("POST", "/read", json=ReadHistory(permit=permit))
        return HistoryView.model_validate_json(reply.content)


class TraceLog:
    """audit: what happened to a record."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def read(self, asked: ReadTraces) -> tuple[Trace, ...]:
        """Traces, newest first, on a permit."""
        reply = await self._client.call("POST", "/read", json=asked)
        return Traces.model_validate_json(reply.content).traces


class Contacts:
    """notification: how a holder, and others about his record, are reached."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def put(self, record: UUID, contact: Contact, *, keep: bool) -> None:
        """Keep the holder's address; with `keep`, one that is known already stays."""
        path = f"/contacts/{record}"
        await self._client.call("PUT", f"{path}?keep=true" if keep else path, json=contact)

    async def put_other(self, record: UUID, recipient: str, contact: OtherContact) -> None:
        """Keep the address of the médecin traitant, by directory number, or of a delegate, by delegation."""
        await self._client.call("PUT", f"/contacts/{record}/{recipient}", json=contact)


@dataclass(frozen=True)
class Owners:
    """All services that the gateway calls."""

    access_control: AccessControl
    documents: Documents
    histories: Histories
    traces: TraceLog
    contacts: Contacts
