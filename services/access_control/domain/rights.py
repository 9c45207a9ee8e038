"""What a command changes: rights, consents, wishes, delegations, the médecin traitant, life and hold of a record.

First who may, then in which state, then the version of the rights it was made on: one that was overtaken is a conflict,
so that a stale unblock which arrives late opens nothing. A change is in force for every later request at once; it is
told to the holder when the last permit given before it has run out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from services.access_control.domain.branches.people import not_secret, suspended
from services.access_control.domain.commands import (
    consents,
    delegations,
    extracts,
    life,
    oversight,
    professionals,
    wishes,
)
from services.access_control.domain.commands.rule import AnyAct, Asked, Command, Rule, never
from services.access_control.domain.commands.who import granted
from services.access_control.domain.policy import DEFAULT, Policy
from services.access_control.domain.record import Record
from services.access_control.domain.verdict import Verdict, deny, permit
from shared.contracts.further_reasons import Code
from shared.contracts.reasons import Reason

__all__ = ["NEVER_RESTRICTING", "RULES", "AnyAct", "Changed", "Command", "change", "restricts"]

RULES: Final[Mapping[AnyAct, Rule]] = MappingProxyType(
    professionals.RULES
    | consents.RULES
    | wishes.RULES
    | delegations.RULES
    | life.RULES
    | oversight.RULES
    | extracts.RULES
)
NEVER_RESTRICTING: Final = frozenset(act for act, rule in RULES.items() if rule.restricts is never)
"""Commands that take access from nobody, whatever stands in them.

Not so those that may: an authorisation that ends one earlier, a wish that opposes.
"""


@dataclass(frozen=True, slots=True)
class Changed:
    """What came of a command."""

    verdict: Verdict
    record: Record
    """The record after it; unchanged where it was denied."""
    before: Record | None = None
    """The record before it; None where it was denied."""
    happened: bool = False
    """False where it was denied, or there was nothing to change."""
    in_force_at: datetime | None = None
    """For a permitted command: when the last permit that it takes away has run out."""


def change(record: Record, command: Command, now: datetime, policy: Policy = DEFAULT) -> Changed:
    """Decide on a command and apply it."""
    rule, asked = RULES[command.act], Asked(record, command, now, policy)
    if code := _refused(rule, asked):
        return Changed(deny(code), record)
    after = rule.apply(asked)
    happened = after is not record
    if happened and rule.raises:
        after = replace(after, rights_version=record.rights_version + 1)
    last_permit = record.permits_until if rule.restricts(record, command) else None
    return Changed(permit(granted(asked)), after, record, happened, in_force_at=max(now, last_permit or now))


def restricts(record: Record, command: Command) -> bool:
    """True where a command may take access away: block, revoke, close, declare, or a new end that comes earlier."""
    return RULES[command.act].restricts(record, command)


def _refused(rule: Rule, asked: Asked) -> Code | None:
    return (
        suspended(asked.record, asked.actor)
        or rule.who(asked)
        or rule.state(asked.record)
        or not_secret(asked.record, asked.actor, asked.now)
        or (Reason.STALE_RIGHTS if rule.versioned and asked.command.version != asked.record.rights_version else None)
        or rule.refuses(asked)
    )
