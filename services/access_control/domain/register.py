"""The register of apps and digital services (services numériques référencés, AR-067): what the operator decides.

An app is registered with the scopes that it may be agreed on, reviewed before anything is permitted to it, suspended
where it has to be, and re-admitted by another review. Entries are only ever added: the last one of an app holds, and
who decided what, and when, stays known.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.access_control.domain.policy import App
from shared.contracts.record_requests import AppScope


class RegisterError(ValueError):
    """A decision that can't be taken: why, and what is expected."""


class AppState(StrEnum):
    """How far an app is."""

    REGISTERED = "registered"
    """Not reviewed: nothing is permitted to it."""
    REVIEWED = "reviewed"
    """Referenced: holders may agree with it."""
    SUSPENDED = "suspended"
    """Denied at the next decision, whatever holders agreed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision of the operator on an app."""

    app: str
    state: AppState
    name: str
    """As people know it."""
    scopes: frozenset[AppScope]
    types: frozenset[str] | None
    """Document types that it may be shown at most; None: as many as the holder sees."""
    by: str
    why: str = ""
    at: datetime | None = None
    """By the database's clock; None before it is stored."""


def register(last: Entry | None, asked: Entry) -> Entry:
    """The entry that registers an app, or changes what it is registered for: to be reviewed (again) before it acts.

    Raises:
        RegisterError: without a scope there is nothing to agree on; a suspension is not ended this way.
    """
    if not asked.scopes:
        raise RegisterError(
            f"{asked.app} is registered for nothing; name at least one --scope of {', '.join(sorted(AppScope))}"
        )
    if last is not None and last.state is AppState.SUSPENDED:
        raise RegisterError(f"{asked.app} is suspended; re-admit it first: carnet app review {asked.app}")
    return replace(asked, state=AppState.REGISTERED)


def review(app: str, last: Entry | None, by: str, why: str) -> Entry:
    """The entry by which an app is referenced, or re-admitted after a suspension.

    Raises:
        RegisterError: it is not registered.
    """
    return replace(_known(app, last), state=AppState.REVIEWED, by=by, why=why, at=None)


def suspend(app: str, last: Entry | None, by: str, why: str) -> Entry:
    """The entry by which an app is denied everything.

    Raises:
        RegisterError: it is not registered, or nobody says why.
    """
    known = _known(app, last)
    if not why:
        raise RegisterError(f"a suspension says why: carnet app suspend {app} --why …")
    return replace(known, state=AppState.SUSPENDED, by=by, why=why, at=None)


def referenced(entries: Iterable[Entry]) -> Mapping[str, App]:
    """The last entries as the rules take them: what was not reviewed is not there."""
    return {
        entry.app: App(entry.scopes, entry.types, suspended=entry.state is AppState.SUSPENDED)
        for entry in entries
        if entry.state is not AppState.REGISTERED
    }


def _known(app: str, last: Entry | None) -> Entry:
    if last is None:
        raise RegisterError(f"{app} is not registered; see carnet app list, or register it: carnet app register {app}")
    return last
