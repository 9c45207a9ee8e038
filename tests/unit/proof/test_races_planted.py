"""Races find what they are there to find: each bug that is planted into a small system which is otherwise right."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID, uuid4

import pytest

from deploy.proof.races.judge import Happened, judge
from deploy.proof.races.plan import Plan, Restriction, Use, When, plans
from deploy.proof.races.race import READ, Ground
from shared.contracts.access_decisions import Decided, Outcome
from shared.contracts.common import Act
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import Authorise, Block, Consult, Revoke, Unblock

LIFE = timedelta(seconds=0.2)
LATER = timedelta(seconds=10)
AT_ONCE, BEHIND = Use(When.AT_ONCE, 0.0), Use(When.BEHIND, 0.0)


@dataclass
class Small:
    """access_control and document in a few lines, deciding in the order in which they are asked."""

    bugs: frozenset[str] = frozenset()
    authorised: bool = False
    blocked: bool = False
    version: int = 0
    permits_until: datetime = datetime(2020, 1, 1, tzinfo=UTC)
    out: dict[str, tuple[UUID, UUID, datetime]] = field(default_factory=dict)
    reads: dict[UUID, Happened] = field(default_factory=dict)
    permitted: set[UUID] = field(default_factory=set)

    async def ask(self, record, body):
        await asyncio.sleep(0)
        now = datetime.now(UTC)
        return self.consult(record, now) if isinstance(body, Consult) else self.command(body, now)

    def consult(self, record, now):
        reason = Reason.BLOCKED if self.blocked else Reason.NOT_AUTHORISED
        if not self.authorised and "a block is not asked" not in self.bugs:
            return said(Outcome.DENY, reason)
        request, expires = uuid4(), now + LIFE
        told = expires - LIFE if "permits tell an earlier end" in self.bugs else expires
        if "permits that are out are forgotten" not in self.bugs:
            self.permits_until = max(self.permits_until, told)
        self.out[str(request)] = (request, record, expires)
        self.permitted.add(request)
        return said(Outcome.PERMIT, Reason.AUTHORISED, request=request, permit=str(request), expires=told)

    def command(self, body, now):
        stale = body.rights_version != self.version
        if stale and not (isinstance(body, Unblock) and "a stale unblock opens" in self.bugs):
            return said(Outcome.DENY, Reason.STALE_RIGHTS, rights_version=self.version)
        if isinstance(body, Authorise) and self.blocked:
            return said(Outcome.DENY, Reason.BLOCKED, rights_version=self.version)
        self.version += 1
        self.authorised = isinstance(body, Authorise)
        self.blocked = isinstance(body, Block) or (self.blocked and isinstance(body, Revoke))
        force = max(now, self.permits_until)
        return said(Outcome.PERMIT, Reason.HOLDER, rights_version=self.version, in_force_at=force)

    async def use(self, permit):
        request, record, expires = self.out[permit]
        if "permits live longer than they say" in self.bugs:
            expires += LATER
        now = datetime.now(UTC)
        if now >= expires:
            return "permit_expired"
        if request in self.reads:
            return "permit_used"
        after = timedelta(seconds=0.5) if "a frozen read commits later" in self.bugs else timedelta()
        self.reads[request] = Happened(record, now + after)
        return READ


def said(outcome, reason, **more):
    fields = {"request": uuid4(), "act": Act.UNKNOWN, "outcome": outcome, "reasons": (reason,)} | more
    return Decided(**fields)


MADE = (
    Plan(Restriction.BLOCK, out=(AT_ONCE, BEHIND), beside=(AT_ONCE, BEHIND), place=1, stale_unblock=True),
    Plan(Restriction.REVOKE, out=(BEHIND,), beside=(AT_ONCE,), place=1, stale_unblock=False),
)


async def raced(*bugs, made=MADE):
    small = Small(frozenset(bugs))
    ground, done = Ground(small, UUID(int=1)), []
    async with asyncio.TaskGroup() as group:
        for one in made:
            begun = await ground.begin(one)
            done.append((one.restriction, group.create_task(ground.finish(begun))))
    races = [(restriction, task.result()) for restriction, task in done]
    return judge(races, small.reads, small.permitted, faults=["freeze"])


async def test_a_small_system_without_a_bug_passes():
    verdict = await raced(made=[*MADE, *islice(plans(1), 6), *MADE])
    assert verdict.ok, verdict.reasons


@pytest.mark.parametrize(
    ("bug", "claim"),
    [
        ("permits live longer than they say", "no read happened after its restriction was told"),
        ("permits live longer than they say", "no use of a permit begun after that was answered"),
        ("permits tell an earlier end", "no read happened after its restriction was told"),
        ("permits that are out are forgotten", "a restriction is told after the last permit before it"),
        ("permits that are out are forgotten", "no use of a permit begun after that was answered"),
        ("a frozen read commits later", "no read happened after its restriction was told"),
        ("a block is not asked", "what is asked behind the decision is denied"),
        ("a stale unblock opens", "what is asked behind the decision is denied"),
    ],
)
async def test_a_planted_bug_is_found(bug, claim):
    wrong = {one.claim for one in (await raced(bug)).findings if not one.ok}
    assert claim in wrong
