"""Consent at a consultation (AR-010) and to a care team (AR-008, AR-009), each by an explicit act (AR-013)."""

from dataclasses import replace
from typing import Final

from services.access_control.domain.commands.professionals import ended
from services.access_control.domain.commands.rule import AnyAct, Asked, Command, Rule, always
from services.access_control.domain.commands.who import (
    by_legal_representative,
    holders_side,
    in_use,
    in_use_or_held,
    not_a_collector,
)
from services.access_control.domain.record import Record, Standing
from services.access_control.domain.relations import Team
from shared.contracts.common import Actor, ActorKind, FurtherAct
from shared.contracts.further_reasons import Code, FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import TeamKind


def _may_declare_session(asked: Asked) -> Code | None:
    """The professional himself, for himself and where he acts; or the holder's side."""
    actor, command = asked.actor, asked.command
    if actor.kind is not ActorKind.PROFESSIONAL:
        return holders_side(asked)
    if command.professional not in {None, actor.number} or command.structure not in {None, actor.structure}:
        return Reason.NOT_HOLDER
    return not_a_collector(asked)


def session_key(command: Command) -> tuple[str, str]:
    """Whom and where; a professional who declares it means himself."""
    himself = command.actor.kind is ActorKind.PROFESSIONAL
    professional = command.actor.number if himself else command.professional
    structure = command.actor.structure if himself else command.structure
    return professional or "", structure or ""


def _session_refused(asked: Asked) -> Code | None:
    professional, _ = session_key(asked.command)
    if not professional:
        return FurtherReason.SUBJECT_MISSING
    if asked.record.standing(professional, asked.now) is Standing.BLOCKED and professional != asked.record.treating:
        return Reason.BLOCKED
    return ended(asked)


def _open_session(asked: Asked) -> Record:
    """At most as long as the settings let a session last; a later end that stands is kept."""
    key = session_key(asked.command)
    longest = asked.now + asked.policy.session
    until = min(asked.command.until or longest, longest)
    known = asked.record.sessions.get(key)
    if known is not None and known >= until:
        return asked.record
    return replace(asked.record, sessions={**asked.record.sessions, key: until})


def _may_open_team(asked: Asked) -> Code | None:
    """The holder's side, or a member who collects the consent for the structure or team in which he acts."""
    if asked.actor.kind is not ActorKind.PROFESSIONAL:
        return holders_side(asked)
    if code := not_a_collector(asked):
        return code
    return None if _acts_in(asked.actor, asked.command) else FurtherReason.NOT_IN_TEAM


def _acts_in(actor: Actor, command: Command) -> bool:
    match command.team_kind:
        case TeamKind.STRUCTURE:
            return actor.structure == command.team
        case TeamKind.FORMALISED:
            return actor.team == command.team
        case _:
            return False  # a professional is recognised by the patient, not by himself


def _open_team(asked: Asked) -> Record:
    """The initial consent: who collected it, when, until when. A collector never shortens what stands."""
    command, record, key = asked.command, asked.record, asked.command.team or ""
    collected = command.actor.kind is ActorKind.PROFESSIONAL
    longest = asked.now + asked.policy.team
    until = min(command.until or longest, longest)
    known = record.teams.get(key)
    if collected and known is not None and known.kind is command.team_kind and record.holds(known, asked.now):
        if known.until >= until:
            return record
        return replace(record, teams={**record.teams, key: replace(known, until=until)})
    team = Team(
        kind=command.team_kind or TeamKind.STRUCTURE,
        since=asked.now,
        until=until,
        collector=command.actor.number if collected else None,
        by_representative=by_legal_representative(asked),
    )
    return replace(record, teams={**record.teams, key: team})


def _replaces(record: Record, command: Command) -> bool:
    return command.actor.kind is not ActorKind.PROFESSIONAL and command.team in record.teams


def _may_end_team(asked: Asked) -> Code | None:
    """The holder's side; or a member, who tells that the care has ended."""
    actor, key = asked.actor, asked.command.team
    if actor.kind is not ActorKind.PROFESSIONAL:
        return holders_side(asked)
    if code := not_a_collector(asked):
        return code
    return None if key in {actor.number, actor.structure, actor.team} else FurtherReason.NOT_IN_TEAM


def _end_team(asked: Asked) -> Record:
    key = asked.command.team
    if key not in asked.record.teams:
        return asked.record
    return replace(asked.record, teams={other: team for other, team in asked.record.teams.items() if other != key})


RULES: Final[dict[AnyAct, Rule]] = {
    FurtherAct.CONSENT_SESSION: Rule(_may_declare_session, in_use, _open_session, _session_refused),
    FurtherAct.CONSENT_TEAM: Rule(_may_open_team, in_use, _open_team, ended, _replaces),
    FurtherAct.END_TEAM: Rule(_may_end_team, in_use_or_held, _end_team, restricts=always),
}
