"""Openings, look-ups, oppositions, delegates, and the holder's view of rights."""

from collections.abc import Awaitable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from fastapi import APIRouter, Response

from services.access_control.domain import opening
from services.access_control.domain.commands.life import objection_ends
from services.access_control.domain.policy import Policy
from services.access_control.domain.record import Record, Standing, State
from services.access_control.repository import (
    BeingDeletedError,
    Delegates,
    MovedError,
    OpposedError,
    People,
    RecordExistsError,
)
from services.access_control.settings import Settings
from shared.contracts.further_reasons import Code, FurtherReason
from shared.contracts.http_access_control import (
    AppView,
    DelegatesFound,
    DelegationView,
    ForeseenOpening,
    Found,
    InsView,
    LookUp,
    NoteDelegate,
    OpenedRecord,
    OpenRecord,
    Oppose,
    ProfessionalRight,
    ProfessionalStanding,
    RecordLife,
    RecordsFound,
    RightsView,
    TeamView,
)
from shared.contracts.reason_sentences import sentence
from shared.contracts.reasons import Reason
from shared.http import Problem
from shared.observability import logger
from shared.terminology import Ins, parse_ins

_log = logger(__name__)
T = TypeVar("T")
OK = 200
CREATED = 201


def records(router: APIRouter, people: People, delegates: Delegates, settings: Settings) -> APIRouter:
    """The routes, on a router that says who may call."""
    accepted = settings.accepted_oids

    @router.post("/records")
    async def open_record(wanted: OpenRecord, response: Response) -> OpenedRecord:
        """The person's record, opened where there was none."""
        expect(opening.refused(wanted.actor, professionals_may=settings.professionals_may_open))
        opened = await told(people.open(ins_of(wanted.ins, accepted), wanted.traits, wanted.actor))
        response.status_code = CREATED if opened.opened else OK
        return opened

    @router.post("/openings")
    async def foresee(wanted: OpenRecord) -> ForeseenOpening:
        """Have a person's record opened automatically, unless the person opposes it in time."""
        expect(opening.not_foreseen(wanted.actor))
        return await told(people.foresee(ins_of(wanted.ins, accepted), wanted.traits, wanted.actor))

    @router.post("/records/lookup")
    async def look_up(wanted: LookUp) -> RecordsFound:
        """The records of persons; one whose identity is not taken is told so, and hurts no other."""
        persons = [_taken(person, accepted) for person in wanted.persons]
        known = await people.look_up([person for person in persons if isinstance(person, Ins)])
        return RecordsFound(
            found=tuple(
                Found(record=known.get(person)) if isinstance(person, Ins) else Found(refused=person.code)
                for person in persons
            )
        )

    @router.post("/oppositions", status_code=204)
    async def oppose(wanted: Oppose) -> None:
        """Note an opposition to the opening of a record, or its withdrawal."""
        expect(opening.not_opposing(wanted.actor, opposed=wanted.opposed))
        note = people.oppose if wanted.opposed else people.withdraw_opposition
        await told(note(ins_of(wanted.ins, accepted)))

    @router.get("/records/{record}/rights")
    async def rights(record: UUID) -> RightsView:
        """The rights on a record, as its holder sees them."""
        found, now = await people.rights(record)
        return rights_view(
            _expect_record(record if found.state is not State.ABSENT else None), found, now, settings.policy
        )

    @router.put("/records/{record}/delegates/{delegation}", status_code=204)
    async def note_delegate(record: UUID, delegation: UUID, wanted: NoteDelegate) -> None:
        """Note who is invited to act for a holder."""
        if not await delegates.note(record, delegation, ins_of(wanted.ins, accepted)):
            told = "This delegation can't be that person's."
            raise Problem(409, "delegation_taken", told, "Make a new random id for the invitation.")

    @router.post("/delegates/lookup")
    async def look_up_delegate(wanted: InsView) -> DelegatesFound:
        """The delegations of a person."""
        return DelegatesFound(delegations=tuple(await delegates.of(ins_of(wanted, accepted))))

    return router


async def told(done: Awaitable[T]) -> T:
    """What is done with a person, or why not as a problem."""
    try:
        return await done
    except OpposedError:
        raise problem(409, Reason.RECORD_OPPOSED, "Only the person can withdraw the opposition.") from None
    except MovedError:
        next_step = "Ask the national identity service for the one that holds."
        raise Problem(409, "identity_moved", "This identity was replaced by another.", next_step) from None
    except RecordExistsError:
        why = "The person has a record already, so its opening can't be opposed."
        raise Problem(409, "record_exists", why, "Have its holder close it.") from None
    except BeingDeletedError:
        next_step = "Open a new record once the deletion is done; the holder is told then."
        raise problem(409, FurtherReason.RECORD_DELETED, next_step) from None


def problem(status: int, reason: Code, next_step: str) -> Problem:
    """The problem that a reason stands for."""
    return Problem(status, reason.value, sentence(reason), next_step)


def no_record() -> Problem:
    """The problem of a record that is not there."""
    return problem(404, Reason.NO_RECORD, "Open it first, or compare the identity with the national identity service.")


def expect(reason: Reason | None) -> None:
    """End where an opening is refused."""
    if reason is not None:
        next_step = "Have the person open it in their own space; the operator foresees openings (POST /openings)."
        raise problem(403, reason, next_step)


def _expect_record(record: UUID | None) -> UUID:
    if record is None:
        raise no_record()
    return record


def ins_of(view: InsView, accepted: frozenset[str]) -> Ins:
    """The identity that is named.

    Raises:
        Problem: it is none, or not taken here.
    """
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


def _taken(view: InsView, accepted: frozenset[str]) -> Ins | Problem:
    """The identity, or why it is not taken."""
    try:
        return ins_of(view, accepted)
    except Problem as problem:
        return problem


def rights_view(record: UUID, found: Record, now: datetime, policy: Policy) -> RightsView:
    """The rights on a record at a moment."""
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
        heirs_opposed=found.heirs_opposed,
        masks_by_default=found.masks_by_default,
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
            professional=one.professional,
        )
        for key, one in sorted(found.delegations.items())
    )


def _life(found: Record) -> RecordLife:
    if found.suspended:
        return RecordLife.SUSPENDED
    if found.deceased or found.deletion_due or found.state is State.CLOSED:
        return RecordLife.CLOSED
    return RecordLife.HELD if found.held else RecordLife.OPEN
