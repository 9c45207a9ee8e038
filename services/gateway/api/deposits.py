"""Depositing a document: simplified publication (ITI-105), and how far a deposit is.

The gateway chooses the deposit's id, so that it can wait for the outcome before it hands the document over. The event
that ends the wait tells the outcome; document is asked only where no event came, or one that says too little. A repeat
(same submitter, unique id and content) is answered with the first deposit's outcome.
"""

import asyncio
import time
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request, Response

from services.gateway.api.door import Door, language_of
from services.gateway.api.outcomes import MEDIA_TYPE, expect_content, expect_readable, prefers, resource
from services.gateway.api.urgency import REASON, TEXT, urgency
from services.gateway.domain.answers import refusal
from services.gateway.domain.mapping import deposit_metadata, is_depositor, outcome_of, published_view
from services.gateway.domain.users import User
from services.gateway.fhir.errors import operation_outcome
from services.gateway.fhir.publish import publication
from services.gateway.fhir.views import DocumentView, document_reference
from shared.contracts.common import AccessMode, Actor, ActorKind
from shared.contracts.http_document import DepositMetadata, DepositState, DepositView
from shared.contracts.reasons import Reason
from shared.contracts.topics import DOCUMENT_EVENTS
from shared.http import CORRELATION_KEY, Problem, RemoteError
from shared.messaging import Waiting
from shared.observability import bind, logger

LOOK_AGAIN_S: Final = 1.0
"""An event may be missed; document is asked for the outcome at least this often."""
LARGE: Final = 256 * 1024
"""From this size in bytes a publication is read beside the event loop."""
DEPOSIT_HEADER: Final = "carnet-deposit"
"""Tells the deposit's id: by it the whole flow can be followed."""
REPRESENTATIVES: Final = f"{ActorKind.REPRESENTATIVE.value}:"
"""Whose deposits are told under no number of theirs: nobody's identity travels."""
ACCEPTED: Final = "ACCEPTED"
_UNKNOWN: Final = 404

_log = logger(__name__)


def deposits(door: Door) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/fhir", tags=["documents"])
    work = _Deposits(door)

    @router.post("/DocumentReference", status_code=201, openapi_extra=_BODY)
    async def publish(request: Request, user: Annotated[User, Depends(door.user)]) -> Response:
        """ITI-105: deposit a document. `Prefer: respond-async` answers 202 before the outcome is known."""
        expect_content(request)
        expect_readable(request)
        body = await request.body()
        published = await asyncio.to_thread(publication, body) if len(body) > LARGE else publication(body)
        language = language_of(request)
        mode = _mode(request)
        record, actor = await door.named(user, published.patient, language)
        deposit = uuid4()
        metadata = deposit_metadata(published, deposit=deposit, record=record, actor=actor, mode=mode)
        request.scope[CORRELATION_KEY] = str(deposit)
        with bind(correlation=str(deposit)):
            if prefers(request, "respond-async"):
                taken = await door.owners.documents.deposit(
                    metadata, published.content, door.settings.deposit_timeout_s
                )
                return _accepted(door.base(request), taken)
            view = await work.outcome(deposit, metadata, published.content)
        _expect_stored(view, language, actor)
        return _created(request, door.base(request), view, published_view(published, record, view))

    @router.get("/deposits/{deposit}")
    async def outcome(deposit: UUID, request: Request, user: Annotated[User, Depends(door.user)]) -> Response:
        """How far one's own deposit is: 202 while undecided, 200 once stored, else why it was refused."""
        expect_readable(request)
        request.scope[CORRELATION_KEY] = str(deposit)
        view = await _own(door, user, deposit)
        if view.state is DepositState.STAGED:
            return _accepted(door.base(request), view)
        _expect_stored(view, language_of(request), user.actor)
        told = operation_outcome("informational", "The document is stored.", severity="information")
        return resource(told, 200, _headers(door.base(request), view))

    return router


async def _own(door: Door, user: User, deposit: UUID) -> DepositView:
    """A deposit of who asks; the same questions are asked whether there is one, is none, or is another's.

    Raises:
        Problem: 404 where he made no deposit of this id.
    """
    own = None if user.ins is None else await door.owners.access_control.find(door.accepted(user.ins))
    try:
        view = await door.owners.documents.outcome(deposit)
    except RemoteError as error:
        if error.status != _UNKNOWN:
            raise
    else:
        if is_depositor(user.actor, own, view) or await _acted(door, user, view):
            return view
    raise Problem(_UNKNOWN, "no_deposit", "You made no deposit of this id.", "Send the document again.")


def _mode(request: Request) -> AccessMode:
    """The mode in which somebody feeds the record: an opposition to it covers that, too (AR-033).

    Raises:
        Problem: 422 for a mode that is none; and with a reason, which is asked for reading alone and would be lost.
    """
    urgent = urgency(request)
    if urgent is None:
        return AccessMode.NORMAL
    if urgent.reason is not None or urgent.text is not None:
        told = "A deposit has a mode and no reason."
        raise Problem(422, "unexpected_reason", told, f"Leave {REASON} and {TEXT} out.")
    return urgent.mode


async def _acted(door: Door, user: User, view: DepositView) -> bool:
    """True where a representative of the record deposited it, and who asks acts for its holder."""
    if user.ins is None or view.record is None or view.submitter != REPRESENTATIVES:
        return False
    mine = await door.owners.access_control.delegations(user.ins)
    return any(one.record == view.record and one.state == ACCEPTED for one in mine)


class _Deposits:
    """What happens to a document between the client and its outcome."""

    def __init__(self, door: Door) -> None:
        self._requests = door.requests
        self._documents = door.owners.documents
        self._timeout = door.settings.deposit_timeout_s

    async def outcome(self, deposit: UUID, metadata: DepositMetadata, content: bytes) -> DepositView:
        """Hand the document over and wait for its outcome.

        Raises:
            Problem: 504 where it is not known in time.
        """
        until = time.monotonic() + self._timeout
        with self._requests.waiting(deposit, DOCUMENT_EVENTS) as waiting:
            view = await self._documents.deposit(metadata, content, self._timeout)
            if view.deposit == deposit:
                return await self._settled(view, waiting, until)
        return await self._first(view, until)

    async def _first(self, view: DepositView, until: float) -> DepositView:
        """The outcome of the first deposit, which this one repeats."""
        if view.state is not DepositState.STAGED:
            return view
        with self._requests.waiting(view.deposit, DOCUMENT_EVENTS) as waiting:
            return await self._settled(await self._documents.outcome(view.deposit), waiting, until)

    async def _settled(self, view: DepositView, waiting: Waiting, until: float) -> DepositView:
        while view.state is DepositState.STAGED:
            left = until - time.monotonic()
            if left <= 0:
                _log.warning("deposit_unsettled", request=view.deposit)
                told = f"The deposit was taken, and its outcome is not known after {self._timeout:g} s."
                raise Problem(504, "unknown_outcome", told, "Repeat it: a repeat is safe and gives the first outcome.")
            view = await _told(waiting, min(left, LOOK_AGAIN_S)) or await self._documents.outcome(view.deposit)
        return view


async def _told(waiting: Waiting, timeout_s: float) -> DepositView | None:
    """The outcome that the next event tells; None where none comes in time, or it says too little."""
    try:
        return outcome_of((await waiting.next(timeout_s)).body)
    except TimeoutError:
        return None


def _created(request: Request, base: str, view: DepositView, shown: DocumentView | None) -> Response:
    headers = _headers(base, view)
    if shown is None or prefers(request, "return=minimal"):
        return Response(None, 201, headers)
    found = document_reference(shown)
    del found["date"]  # when it was stored is document's to tell, in a search
    return resource(found, 201, headers)


def _expect_stored(view: DepositView, language: str, actor: Actor) -> None:
    if view.state is DepositState.REFUSED:
        reasons = view.because or ((view.reason,) if view.reason else (Reason.DENIED,))
        _log.info("deposit_refused", request=view.deposit, code=reasons[0])
        problem = refusal(reasons, language, actor)
        problem.headers[DEPOSIT_HEADER] = str(view.deposit)
        raise problem
    if view.state is DepositState.HELD:
        told = "An unexpected error hurt this deposit; an operator looks at it. Nothing of it is lost."
        raise Problem(500, "deposit_held", told, "Ask for its outcome later.", {DEPOSIT_HEADER: str(view.deposit)})


def _headers(base: str, view: DepositView) -> dict[str, str]:
    headers = {"etag": f'W/"{view.version}"', DEPOSIT_HEADER: str(view.deposit)}
    if view.document:
        headers["location"] = f"{base}/DocumentReference/{view.document}/_history/{view.version}"
    return headers


def _accepted(base: str, view: DepositView) -> Response:
    """202: taken, the outcome is to be asked for."""
    told = operation_outcome("informational", "Taken; ask for the outcome at Content-Location.", severity="information")
    headers = {"content-location": f"{base}/deposits/{view.deposit}", DEPOSIT_HEADER: str(view.deposit)}
    return resource(told, 202, headers)


_BODY: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": {"type": "object"}}}},
}
