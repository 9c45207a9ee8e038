"""Apps as the oracle decides them: what the operator referenced, and what a holder agreed with one (AR-067)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from shared.contracts.common import Owner
from shared.contracts.record_requests import AgreeApp, AppScope, Function

_NEEDED: Final = {
    Owner.DOCUMENT: AppScope.READ_DOCUMENTS,
    Owner.HISTORY: AppScope.READ_HISTORY,
    Owner.AUDIT: AppScope.READ_TRACES,
}


class AppEntry(NamedTuple):
    """What the operator decided about an app, from a moment on."""

    at: datetime
    scopes: frozenset[str]
    """For what it is referenced; nothing where it only is registered, or suspended."""


class Agreed(NamedTuple):
    """What a holder agreed with an app."""

    scopes: frozenset[AppScope]
    until: datetime | None


Register = Mapping[str, Sequence[AppEntry]]
"""The entries of each app, the oldest first."""


def referenced(register: Register, app: str | None, now: datetime) -> frozenset[str]:
    """For what an app is referenced at a moment."""
    entries = [entry.scopes for entry in register.get(app or "", ()) if entry.at <= now]
    return entries[-1] if entries else frozenset()


def not_agreeable(register: Register, opted_out: frozenset[Function], body: AgreeApp, now: datetime) -> bool:
    """True where a holder can't agree with an app."""
    ends = body.until is not None and body.until <= now
    known = referenced(register, body.app, now)
    return not body.scopes or not body.scopes <= known or Function.APPS in opted_out or ends


def agreed_for(agreement: Agreed | None, owner: Owner, now: datetime) -> AppScope | None:
    """The scope by which an app may read what an owner has, as far as it is the holder's to say; None where it is not.

    That the app is referenced for that scope is the operator's to say.
    """
    needed = _NEEDED[owner]
    holds = agreement is not None and (agreement.until is None or now < agreement.until)
    return needed if holds and agreement is not None and needed in agreement.scopes else None
