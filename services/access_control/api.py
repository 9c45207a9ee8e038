"""HTTP of access_control, for the gateway alone: openings, look-ups, oppositions, the holder's view of rights.

No problem told here repeats what was sent: it may identify a person.
"""

from collections.abc import Awaitable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from services.access_control.domain import opening
from services.access_control.domain.commands.life import objection_ends
from services.access_control.domain.policy import Policy
from services.access_control.domain.record import Record, Standing, State
from services.access_control.repository import (
    BeingDeletedError,
    Delegates,
    IdentityTakenError,
    MovedError,
    Moves,
    NoRecordError,
    OpposedError,
    People,
    RecordExistsError,
)
from services.access_control.settings import Settings
from shared.contracts.further_reasons import Code, FurtherReason, sentence
from shared.contracts.http_access_control import (
    AppView,
    ChangeIdentity,
    DelegatesFound,
    DelegationView,
    ForeseenOpening,
    FoundRecord,
    InsView,
    MergeIdentities,
    NoteDelegate,
    OpenedRecord,
    OpenRecord,
    Oppose,
    ProfessionalRight,
    ProfessionalStanding,
    RecordLife,
    RightsView,
    TeamView,
)
from shared.contracts.reasons import Reason
from shared.http import Problem, callers
from shared.observability import logger
from shared.security import ServiceVerifier
from shared.terminology import Ins, parse_ins

_log = logger(__name__)
T = TypeVar("T")
OK = 200
CREATED = 201


def routes(people: People, delegates: Delegates, services: ServiceVerifier, settings: Settings) -> APIRouter:
    """The routes."""
    router = APIRouter(dependencies=[Depends(callers(services, "gateway"))])
    accepted = settings.accepted_oids

    @router.post("/records")
    async def open_record(wanted: OpenRecord, response: Response) -> OpenedRecord:
        """The person's record, opened where there was none."""
        _expect(opening.refused(wanted.actor, professionals_may=settings.professionals_may_open))
        opened = await _told(people.open(_ins(wanted.ins, accepted), wanted.traits, wanted.actor))
        response.status_code = CREATED if opened.opened else OK
        return opened

    @router.post("/openings")
    async def foresee(wanted: OpenRecord) -> ForeseenOpening:
        """Have a person's record opened automatically, unless the person opposes it in time."""
        _expect(opening.not_foreseen(wanted.actor))
        return await _told(people.foresee(_ins(wanted.ins, accepted), wanted.traits, wanted.actor))

    @router.post("/records/lookup")
    async def look_up(wanted: InsView) -> FoundRecord:
        """The record of a person."""
        record = await people.look_up(_ins(wanted, accepted))
        return FoundRecord(record=_expect_record(record))

    @router.post("/oppositions", status_code=204)
    async def oppose(wanted: Oppose) -> None:
        """Note an opposition to the opening of a record, or its withdrawal."""
        note = people.oppose if wanted.opposed else people.withdraw_opposition
        await _told(note(_ins(wanted.ins, accepted)))

    @router.get("/records/{record}/rights")
    async def rights(record: UUID) -> RightsView:
        """The rights on a record, as its holder sees them."""
        found, now = await people.rights(record)
        return _view(_expect_record(record if found.state is not State.ABSENT else None), found, now, settings.policy)

    @router.put("/records/{record}/delegates/{delegation}", status_code=204)
    async def note_delegate(record: UUID, delegation: UUID, wanted: NoteDelegate) -> None:
        """Note who is invited to act for a holder."""
        if not await delegates.note(record, delegation, _ins(wanted.ins, accepted)):
            told = "This delegation can't be that person's."
            raise Problem(409, "delegation_taken", told, "Make a new random id for the invitation.")

    @router.post("/delegates/lookup")
    async def look_up_delegate(wanted: InsView) -> DelegatesFound:
        """The delegations of a person."""
        return DelegatesFound(delegations=tuple(await delegates.of(_ins(wanted, accepted))))

    return router


def identities(moves: Moves, services: ServiceVerifier, settings: Settings) -> APIRouter:
    """The routes by which the operator has an index moved."""
    router = APIRouter(dependencies=[Depends(callers(services, "gateway"))])
    accepted = settings.accepted_oids

    @router.post("/identities/change")
    async def change(wanted: ChangeIdentity) -> FoundRecord:
        """Let another INS lead to a person's record."""
        _expect(opening.not_foreseen(wanted.actor))
        old, new = _ins(wanted.old, accepted), _ins(wanted.new, accepted)
        record = await _found(_told(moves.change(old, new, wanted.traits, wanted.actor, freed=wanted.freed)))
        return FoundRecord(record=record)

    @router.post("/identities/merge")
    async def merge(wanted: MergeIdentities) -> FoundRecord:
        """Keep one of a person's two records in use, and hold the other."""
        _expect(opening.not_foreseen(wanted.actor))
        old, kept = _ins(wanted.old, accepted), _ins(wanted.kept, accepted)
        return FoundRecord(record=await _found(moves.merge(old, kept, wanted.actor)))

    return router


async def _found(moved: Awaitable[UUID]) -> UUID:
    try:
        return await moved
    except NoRecordError:
        return _expect_record(None)
    except IdentityTakenError:
        told = "The new identity has a record of its own."
        raise Problem(409, "identity_taken", told, "Have the two merged, once it is sure that they are one.") from None


async def _told(done: Awaitable[T]) -> T:
    """What is done with a person, or why not as a problem."""
    try:
        return await done
    except OpposedError:
        raise _problem(409, Reason.RECORD_OPPOSED, "Only the person can withdraw the opposition.") from None
    except MovedError:
        told = "This identity was replaced by another."
        next_step = "Ask the national identity service for the one that holds."
        raise Problem(409, "identity_moved", told, next_step) from None
    except RecordExistsError:
        told = "The person has a record already, so its opening can't be opposed."
        raise Problem(409, "record_exists", told, "Have its holder close it.") from None
    except BeingDeletedError:
        next_step = "Open a new record once the deletion is done; the holder is told then."
        raise _problem(409, FurtherReason.RECORD_DELETED, next_step) from None


def _problem(status: int, reason: Code, next_step: str) -> Problem:
    return Problem(status, reason.value, sentence(reason), next_step)


def _expect(reason: Reason | None) -> None:
    if reason is not None:
        raise _problem(403, reason, "Have the person open it in their own space.")


def _expect_record(record: UUID | None) -> UUID:
    if record is None:
        next_step = "Open it first, or compare the identity with the national identity service."
        raise _problem(404, Reason.NO_RECORD, next_step)
    return record


def _ins(view: InsView, accepted: frozenset[str]) -> Ins:
    try:
        ins = parse_ins(view.oid, view.matricule)
    except ValueError as error:
        raise Problem(422, "bad_ins", f"{error}.", "Have the identity qualified again.") from None
    if ins.is_refused_by_key():
        raise Problem(422, "bad_ins", "The key of the INS is wrong.", "Have the identity qualified again.")
    if not ins.key_is_valid():
        _log.warning("ins_key_wrong")  # of a test person, as in published examples
    if ins.oid not in accepted:
        told = "This installation does not take identities of that kind: test people locally, real ones elsewhere."
        raise Problem(422, "ins_not_accepted", told, f"Send one of {', '.join(sorted(accepted))}.")
    return ins


def _view(record: UUID, found: Record, now: datetime, policy: Policy) -> RightsView:
    return RightsView(
        record=record,
        state=_life(found),
        rights_version=found.rights_version,
        treating_doctor=found.treating,
        professionals=_professionals(found, now),
        activated=found.activated,
        deceased=found.deceased,
        wishes=found.wishes,
        opted_out=found.opted_out,
        teams=_teams(found, now),
        delegations=_delegations(found, now),
        apps=tuple(
            AppView(app=app, scopes=agreed.scopes, until=agreed.until) for app, agreed in sorted(found.apps.items())
        ),
        objection_until=None if found.objected or not found.suspended else objection_ends(found, policy),
    )


def _professionals(found: Record, now: datetime) -> tuple[ProfessionalRight, ...]:
    standings = {number: found.standing(number, now) for number in sorted(found.rights)}
    return tuple(
        ProfessionalRight(
            professional=number,
            standing=ProfessionalStanding(standing.value),
            until=found.rights[number].until,
            administrator=found.rights[number].administrator,
            collector=found.rights[number].collector,
        )
        for number, standing in standings.items()
        if standing is not Standing.NONE
    )


def _teams(found: Record, now: datetime) -> tuple[TeamView, ...]:
    return tuple(
        TeamView(team=key, kind=team.kind, since=team.since, until=team.until, collector=team.collector)
        for key, team in sorted(found.teams.items())
        if found.holds(team, now)
    )


def _delegations(found: Record, now: datetime) -> tuple[DelegationView, ...]:
    return tuple(
        DelegationView(
            delegation=UUID(key),
            kind=one.kind,
            state=found.state_of(one, now).value,
            scopes=one.scopes,
            until=one.until,
        )
        for key, one in sorted(found.delegations.items())
    )


def _life(found: Record) -> RecordLife:
    if found.suspended:
        return RecordLife.SUSPENDED
    if found.deceased or found.deletion_due or found.state is State.CLOSED:
        return RecordLife.CLOSED
    return RecordLife.HELD if found.held else RecordLife.OPEN
