"""What time brings on a record by itself: the same commands as others make, made by the clock.

The end of a right is not among them: it is compared when deciding. What is done here only tells of it, and tidies up.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from services.access_control.domain.commands.life import archive_ends, objection_ends
from services.access_control.domain.commands.rule import Command
from services.access_control.domain.policy import Policy
from services.access_control.domain.record import Record, State, no_deposit, no_record
from shared.contracts.common import Actor, ActorKind, FurtherAct

CLOCK: Final = Actor(kind=ActorKind.OPERATOR)
"""Who acts: nobody in particular, on the operator's behalf."""


def due(record: Record, now: datetime, policy: Policy) -> tuple[Command, ...]:
    """The commands that are due on a record, in their order; none where it is deleted or waits for an operator.

    Each is made on the version of the rights that the one before it leaves.
    """
    if no_record(record) is not None:
        return ()
    if record.state is State.CLOSED:
        return () if record.held else _of_the_archive(record, now, policy)
    if record.suspended and not record.deceased:
        ends = objection_ends(record, policy)
        uncontested = not record.objected and ends is not None and ends <= now
        return (Command(FurtherAct.CLOSE_UNCONTESTED, CLOCK),) if uncontested else ()
    return () if no_deposit(record) else (*_of_majority(record, now), *_of_delegations(record, now))


def _of_the_archive(record: Record, now: datetime, policy: Policy) -> tuple[Command, ...]:
    ends = archive_ends(record, policy)
    if ends is None:
        return ()
    if record.foreseen_at is None:
        soon = ends - policy.archive_notice <= now
        return (Command(FurtherAct.FORESEE_DELETION, CLOCK),) if soon else ()
    return (Command(FurtherAct.DELETE_ARCHIVED, CLOCK),) if ends <= now else ()


def majority_nears(record: Record, now: datetime, policy: Policy) -> bool:
    """True on the last days before the holder comes of age, of a record in use: what will end then is told (AR-045)."""
    of_age = record.majority
    return of_age is not None and of_age - policy.majority_notice <= now < of_age and no_deposit(record) is None


def _of_majority(record: Record, now: datetime) -> tuple[Command, ...]:
    """Whether anything ends by it, the command itself finds out."""
    of_age = record.majority is not None and record.majority <= now
    return (Command(FurtherAct.COME_OF_AGE, CLOCK),) if of_age else ()


def _of_delegations(record: Record, now: datetime) -> tuple[Command, ...]:
    return tuple(
        Command(FurtherAct.END_DELEGATION, CLOCK, delegation=UUID(key))
        for key, one in sorted(record.delegations.items())
        if one.state_at(now) is not one.state
    )
