"""The traces of a record as AuditEvents (ITI-81): what a holder sees of who did what."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from services.gateway.api.door import Door, language_of
from services.gateway.api.outcomes import expect_readable, resource
from services.gateway.api.terms import terms
from services.gateway.domain.mapping import trace_view
from services.gateway.domain.users import User
from services.gateway.fhir.audit import audit_event
from services.gateway.fhir.errors import FhirError
from services.gateway.fhir.search import Range, parse_period
from services.gateway.fhir.views import searchset
from shared.contracts.common import Actor, Owner
from shared.contracts.http_audit import DEFAULT_TRACES, MAX_TRACES, ReadTraces

_IGNORED: Final = frozenset({"_format", "_pretty"})
_KNOWN: Final = "patient, date, _count, _page"


@dataclass(frozen=True, slots=True)
class TraceSearch:
    """What is searched."""

    record: UUID | None = None
    """None: a holder's own."""
    within: Range = field(default_factory=Range)
    count: int = DEFAULT_TRACES
    last: tuple[datetime, UUID] | None = None
    """Moment and id of the last trace of the page before."""


def traces(door: Door) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/fhir", tags=["traces"])

    @router.get("/AuditEvent")
    async def search(request: Request, user: Annotated[User, Depends(door.user)]) -> Response:
        """Traces, newest first: `patient=Patient/<record id>` (a holder may leave it out), `date`, `_count`."""
        expect_readable(request)
        wanted = parse_traces(request.query_params.multi_items())
        language = language_of(request)
        record, actor = await _record(door, user, wanted, language)
        permit = await door.permit(actor, record, Owner.AUDIT, language, on=terms(request))
        found = await door.owners.traces.read(_asked(permit, wanted))
        base = door.base(request)
        resources = [audit_event(trace_view(trace, record, language)) for trace in found]
        following = _address(base, record, replace(wanted, last=(found[-1].at, found[-1].id))) if found else None
        full = len(found) == wanted.count
        return resource(
            searchset(resources, base=base, link=_address(base, record, wanted), following=following if full else None)
        )

    return router


def parse_traces(parameters: list[tuple[str, str]]) -> TraceSearch:
    """Read the parameters of a search for traces.

    Raises:
        FhirError: 400 with the parameter's name as expression.
    """
    found = TraceSearch()
    for name, value in parameters:
        match name:
            case _ if name in _IGNORED or not value:
                continue
            case "patient":
                found = replace(found, record=_uuid(value.removeprefix("Patient/"), name))
            case "date":
                found = replace(found, within=parse_period(value, name, found.within))
            case "_count":
                found = replace(found, count=_count(value))
            case "_page":
                found = replace(found, last=_last(value))
            case _:
                raise FhirError(400, "not-supported", f"this parameter is not known; known are {_KNOWN}", name[:64])
    return found


async def _record(door: Door, user: User, wanted: TraceSearch, language: str) -> tuple[UUID, Actor]:
    """The record, and who asks as he stands to it: its holder, who acts for him, or as he is."""
    if wanted.record is not None:
        return wanted.record, await door.acting(user, wanted.record, language)
    if user.ins is None:
        raise FhirError(400, "required", "name the patient: patient=Patient/<record id>", "patient")
    return await door.own(user, language), user.actor


def _asked(permit: str, wanted: TraceSearch) -> ReadTraces:
    until = wanted.last[0] if wanted.last else wanted.within.end
    after = wanted.last[1] if wanted.last else None
    return ReadTraces(permit=permit, since=wanted.within.start, until=until, after=after, count=wanted.count)


def _address(base: str, record: UUID, wanted: TraceSearch) -> str:
    parts = [("patient", f"Patient/{record}"), ("_count", str(wanted.count))]
    if wanted.within.start:
        parts.append(("date", f"ge{wanted.within.start.isoformat()}"))
    if wanted.within.end:
        parts.append(("date", f"lt{wanted.within.end.isoformat()}"))
    if wanted.last:
        parts.append(("_page", f"{wanted.last[0].isoformat()}_{wanted.last[1]}"))
    return f"{base}/AuditEvent?{urlencode(parts)}"


def _uuid(text: str, name: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise FhirError(400, "invalid", "expected Patient/<record id>", name) from None


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < len(text) < len(str(MAX_TRACES)) + 6 and int(text)):
        raise FhirError(400, "invalid", f"expected a number from 1; more than {MAX_TRACES} gives that", "_count")
    return min(int(text), MAX_TRACES)


def _last(text: str) -> tuple[datetime, UUID]:
    moment, _, trace = text.rpartition("_")
    try:
        found = datetime.fromisoformat(moment)
        if found.tzinfo is not None:
            return found, UUID(trace)
    except ValueError:
        pass
    raise FhirError(400, "invalid", "follow the link to the next page as it was given", "_page")
