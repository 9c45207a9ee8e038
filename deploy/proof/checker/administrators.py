"""Administrators as the oracle knows them: whom a holder may name beside the médecin traitant (domain rules 4.7)."""

from datetime import datetime
from typing import Any

from deploy.proof.checker.life import Life
from shared.contracts import record_requests as ask
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import AdministratorRole


def not_nameable(life: Life, body: ask.NameAdministrator, now: datetime) -> Reason | None:
    """Why a professional can't be named an administrator; None: he can."""
    if body.role is AdministratorRole.DOCTOR:
        return Reason.NO_BRANCH
    if body.professional in life.blocked:
        return Reason.BLOCKED
    return None if life.may_read_now(body.professional, now) else Reason.NOT_AUTHORISED


def appoint(life: Life, body: Any, _now: datetime) -> bool:
    """Name somebody, or change the role."""
    before = life.administrators.get(body.professional)
    life.administrators[body.professional] = body.role
    return before is not body.role


def remove(life: Life, body: Any, _now: datetime) -> bool:
    """End what was named."""
    return life.administrators.pop(body.professional, None) is not None
