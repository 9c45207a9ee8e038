"""What is told of rights without an act: the view of who acts for a holder, a professional's own standing, and why.

Nothing here makes a permit or a trace, or changes anything.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from pydantic import ValidationError

from services.access_control.api.records import problem, rights_view
from services.access_control.domain import explanation
from services.access_control.domain.branches.people import excluded, in_team, is_treating, suspended, unidentified
from services.access_control.domain.explanation import Rules
from services.access_control.domain.policy import Policy
from services.access_control.domain.record import Record
from services.access_control.domain.requests import COMMANDS, command_of
from services.access_control.domain.rights import Changed
from services.access_control.repository import Asked, Snapshot, Snapshots
from shared.contracts.common import Actor, ActorKind
from shared.contracts.http_access_control import ReadRights, RightsView, StandingView
from shared.contracts.http_explanations import (
    ChangeSaid,
    Explain,
    Explanation,
    Hypothesis,
    SeeAs,
    Seen,
    SeenAs,
)
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import RightsCommand
from shared.http import Problem

_NOBODY: Final = Asked()
_BY_NAME: Final = {body.type_name: body for body in COMMANDS if issubclass(body, RightsCommand)}
"""What somebody on the holder's side may imagine: changes of rights, and no act of an authority."""


def explanations(router: APIRouter, snapshots: Snapshots, policy: Policy) -> APIRouter:
    """The routes, on a router that says who may call."""

    @router.post("/records/{record}/rights")
    async def rights(record: UUID, asked: ReadRights) -> RightsView:
        """The rights on a record, as who acts for its holder sees them."""
        found = await _snapshot(snapshots, record, asked.reader)
        return rights_view(record, found.record, found.now, policy)

    @router.post("/records/{record}/standing")
    async def standing(record: UUID, asked: ReadRights) -> StandingView:
        """How a professional himself stands to a record."""
        code = unidentified(asked.reader) or excluded(asked.reader, policy)
        if code is not None:
            raise problem(403, code, "Sign in as a person with one exercise.")
        found = _there(await snapshots.snapshot(record, about=Asked((asked.reader,))))
        code = suspended(found.record, asked.reader)
        if code is not None:
            raise problem(403, code, "Ask the operator why.")
        return _standing(found.record, asked.reader, found.now)

    @router.post("/records/{record}/explain")
    async def explain(record: UUID, asked: Explain) -> Explanation:
        """Why a look is permitted or not, now or at another moment, by today's settings."""
        found = await _snapshot(snapshots, record, asked.reader, asked.at, Asked((asked.look.actor,)))
        told = Explanation(at=found.moment, told_from=found.told_from)
        if found.moment < found.told_from:
            return told
        rules = Rules(await snapshots.matrix(found.moment), policy)
        return told.model_copy(
            update={
                "explained": explanation.explained(found.record, asked.look, found.moment, rules),
                "matrix_version": rules.matrix.version,
                "rights_version": found.record.rights_version,
            }
        )

    @router.post("/records/{record}/see-as")
    async def see_as(record: UUID, asked: SeeAs) -> SeenAs:
        """What others would see, now and after a change that nobody makes."""
        about = Asked([look.actor for look in asked.looks], _named(asked.change))
        found = await _snapshot(snapshots, record, asked.reader, about=about)
        rules = Rules(await snapshots.matrix(found.now), policy)
        changed = _changed(found, asked.change, asked.reader, policy) if asked.change is not None else None
        after = changed.record if changed is not None and changed.verdict.permitted else None
        seen = tuple(
            Seen(
                now=explanation.explained(found.record, look, found.now, rules),
                after=explanation.explained(after, look, found.now, rules) if after is not None else None,
            )
            for look in asked.looks
        )
        return SeenAs(seen=seen, change=_said(changed), rights_version=found.record.rights_version)

    return router


async def _snapshot(
    snapshots: Snapshots, record: UUID, reader: Actor, moment: datetime | None = None, about: Asked = _NOBODY
) -> Snapshot:
    """The record as its reader may know it; whether he may is decided on today's rights, whatever moment he asks for.

    Raises:
        Problem: 404 where there is no record, 403 with the reason where he may not.
    """
    today = _there(await snapshots.snapshot(record, about=about))
    code = explanation.refused(today.record, reader, today.now)
    if code is not None:
        raise problem(403, code, "Have the holder decide who acts for him.")
    if moment is None and reader.kind is ActorKind.PATIENT:
        return today
    return _there(await snapshots.snapshot(record, moment, about=about, secrets=reader.kind is ActorKind.PATIENT))


def _named(change: Hypothesis | None) -> tuple[str, ...]:
    """The app of a change that is imagined."""
    app = change.body.get("app") if change is not None else None
    return (app,) if isinstance(app, str) else ()


def _there(found: Snapshot | None) -> Snapshot:
    if found is None:
        raise problem(404, Reason.NO_RECORD, "Open it first.")
    return found


def _changed(found: Snapshot, change: Hypothesis, reader: Actor, policy: Policy) -> Changed:
    unknown = Problem(
        422,
        "unknown_change",
        "There is no such change of rights, or it is not of its form.",
        "Compare it with the JSON Schemas of record.requests.",
    )
    message = _BY_NAME.get(change.type)
    if message is None:
        raise unknown
    try:
        body = message.model_validate(change.body | {"actor": reader, "rights_version": 0})
    except ValidationError:
        raise unknown from None
    return explanation.hypothetical(found.record, command_of(body), found.now, policy)


def _said(changed: Changed | None) -> ChangeSaid | None:
    if changed is None:
        return None
    return ChangeSaid(permitted=changed.verdict.permitted, code=changed.verdict.code.value)


def _standing(record: Record, actor: Actor, now: datetime) -> StandingView:
    number = actor.number or ""
    right = record.rights.get(number)
    return StandingView(
        standing=record.standing(number, now).value,
        until=right.until if right is not None else None,
        treating=is_treating(record, actor),
        administrator=right.administrator if right is not None and record.is_administrator(number, now) else None,
        in_team=in_team(record, actor, now),
        session=record.has_session(number, actor.structure, now),
        rights_version=record.rights_version,
    )
