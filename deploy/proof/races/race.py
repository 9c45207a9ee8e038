"""One race on one record, run as the gateway would: requests through Kafka, permits over internal HTTP."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from deploy.proof.load.people import HOLDER, professional
from deploy.proof.load.target import Target
from deploy.proof.races.plan import Plan, Restriction, Use, When
from shared.contracts.access_decisions import Decided, Outcome
from shared.contracts.common import Body, Owner
from shared.contracts.http_document import SearchRequest
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import Authorise, Block, Consult, Revoke, RightsCommand, Unblock
from shared.contracts.topics import DOCUMENT, RECORD_REQUESTS
from shared.http import RemoteError, RemoteUnavailable
from shared.messaging import UnsentError

DOCTOR: Final = professional(77)
READ: Final = "read"
LOST: Final = "lost"
"""The answer did not come: whether the read happened is known to the database alone."""
_NUMBER: Final = DOCTOR.number or ""
_PATIENCE_S: Final = 60.0
_AGAIN_S: Final = 0.2
_BEHIND_S: Final = 0.01
"""So long after the moment at which it is told a use counts as begun behind it: the clocks are one."""
_TRIES: Final = 5


class RaceError(RuntimeError):
    """The race did not come about as planned; the text says why. It proves nothing."""


@dataclass(slots=True)
class Race:
    """What came of a race."""

    record: UUID
    told_at: datetime
    """When the holder is told that the restriction is in force."""
    reads: list[UUID] = field(default_factory=list)
    """Every read that was asked for between the authorisation and the end: none may happen later than `told_at`."""
    ends: list[datetime] = field(default_factory=list)
    """When the permits among them run out."""
    beside: list[bool] = field(default_factory=list)
    """Which of the reads beside the restriction were permitted."""
    behind: tuple[str, ...] = ()
    """Why the read asked for behind the decision was denied; `read` where it was permitted."""
    stale: tuple[str, ...] | None = None
    """Why the late unblock was refused."""
    late_uses: int = 0
    """Uses of a permit begun after `told_at`."""
    late_answers: list[UUID] = field(default_factory=list)
    """Those of them that were answered with what the record holds."""


class Hand:
    """Sends requests, waits for decisions, uses permits; waits out what is frozen."""

    def __init__(self, target: Target) -> None:
        self._target = target

    async def ask(self, record: UUID, body: Body) -> Decided:
        """The decision on a request. Raises RaceError where none is seen."""
        request = uuid4()
        with self._target.replies.waiting(request) as waiting:
            await self._send(record, body, request)
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    while True:
                        message = await waiting.next()
                        if isinstance(message.body, Decided):
                            return message.body
            except TimeoutError as error:
                raise RaceError(f"no decision on {request} was seen within {_PATIENCE_S:g} s") from error

    async def _send(self, record: UUID, body: Body, request: UUID) -> None:
        producers, partitions = self._target.producers, self._target.partitions
        end = time.monotonic() + _PATIENCE_S
        while True:
            try:
                producer = producers[request.int % len(producers)]
                await producer.send(RECORD_REQUESTS, body, key=str(record), partitions=partitions, identity=request)
            except UnsentError as error:
                if time.monotonic() > end:
                    raise RaceError(str(error)) from error
                await asyncio.sleep(_AGAIN_S)
            else:
                return

    async def use(self, permit: str) -> str:
        """Use a permit: `read`, `lost`, or the code with which it is refused."""
        try:
            await self._target.client(DOCUMENT).call("POST", "/search", json=SearchRequest(permit=permit))
        except RemoteUnavailable:
            return LOST
        except RemoteError as error:
            return error.code
        return READ


@dataclass(slots=True)
class Begun:
    """A race whose requests are decided and whose permits are still to be used."""

    race: Race
    permits: list[tuple[UUID, str, Use]]
    """Each with the request it is for, and how it is used."""


class Ground:
    """A record on which races run.

    Their requests follow each other; the uses of their permits overlap the next race, by which an old permit gains
    nothing: what it was given for has ended.
    """

    def __init__(self, hand: Hand, record: UUID) -> None:
        self._hand = hand
        self.record = record
        self._version = 0
        self._blocked = False

    async def begin(self, plan: Plan) -> Begun:
        """Authorise, hand out permits, restrict beside reads, and ask once more behind the decision.

        Raises:
            RaceError: the race did not come about.
        """
        out = await self._authorise(plan)
        if any(one.permit is None for one in out):
            raise RaceError(f"a read of {self.record} that was authorised was denied: {out[0].reasons}")
        restricted, beside = await self._restrict(plan)
        if restricted.in_force_at is None:
            raise RaceError(f"nobody says when the restriction of {self.record} is in force")
        race = Race(self.record, told_at=restricted.in_force_at)
        reads = list(zip((*out, *beside), (*plan.out, *plan.beside), strict=True))
        race.reads = [one.request for one, _ in reads]
        race.ends = [one.expires for one, _ in reads if one.expires is not None]
        race.beside = [one.permit is not None for one in beside]
        await self._behind(race, plan, restricted.rights_version)
        return Begun(race, [(one.request, one.permit, use) for one, use in reads if one.permit is not None])

    async def finish(self, begun: Begun) -> Race:
        """Use the permits, each at its time."""
        await asyncio.gather(*(self._use(begun.race, *one) for one in begun.permits))
        return begun.race

    async def _authorise(self, plan: Plan) -> list[Decided]:
        """End the restriction, authorise and ask for permits, published together: they stand in the log in this order.

        After a fault they may not; then one follows the other's decision.
        """
        freed = [Unblock(actor=HOLDER, rights_version=self._version, professional=_NUMBER)] if self._blocked else []
        authorised = Authorise(actor=HOLDER, rights_version=self._version + len(freed), professional=_NUMBER)
        commands: list[RightsCommand] = [*freed, authorised]
        asked = [*(self._hand.ask(self.record, command) for command in commands), *(self._read() for _ in plan.out)]
        decided = await asyncio.gather(*asked)
        self._version = decided[len(commands) - 1].rights_version
        if all(one.outcome is Outcome.PERMIT for one in decided):
            self._blocked = False
            return decided[len(commands) :]
        await self._command(lambda version: Unblock(actor=HOLDER, rights_version=version, professional=_NUMBER))
        await self._command(lambda version: Authorise(actor=HOLDER, rights_version=version, professional=_NUMBER))
        self._blocked = False
        return await asyncio.gather(*(self._read() for _ in plan.out))

    async def _restrict(self, plan: Plan) -> tuple[Decided, list[Decided]]:
        """Send the restriction among reads, all at the same moment."""
        kind = Block if plan.restriction is Restriction.BLOCK else Revoke
        command = kind(actor=HOLDER, rights_version=self._version, professional=_NUMBER)
        asked = [self._read() for _ in plan.beside]
        asked.insert(plan.place, self._hand.ask(self.record, command))
        decided = await asyncio.gather(*asked)
        restricted = decided.pop(plan.place)
        self._version = restricted.rights_version
        if restricted.outcome is not Outcome.PERMIT:
            raise RaceError(f"the restriction of {self.record} was denied: {restricted.reasons}")
        self._blocked = plan.restriction is Restriction.BLOCK
        return restricted, decided

    async def _behind(self, race: Race, plan: Plan, version: int) -> None:
        """What is asked for behind the decision: a read, and in some races an unblock made on the rights before."""
        asked = [self._read()]
        if plan.stale_unblock:
            stale = Unblock(actor=HOLDER, rights_version=version - 1, professional=_NUMBER)
            asked.append(self._hand.ask(self.record, stale))
        late, *refused = await asyncio.gather(*asked)
        race.reads.append(late.request)
        race.behind = (READ,) if late.permit is not None else tuple(late.reasons)
        race.stale = tuple(refused[0].reasons) if refused else None

    async def _use(self, race: Race, request: UUID, permit: str, use: Use) -> None:
        """Use a permit as planned."""
        match use.when:
            case When.AT_ONCE:
                await asyncio.sleep(use.off_s)
            case When.AT_THE_EDGE:
                await _until(race.told_at + timedelta(seconds=use.off_s))
            case When.BEHIND:
                await _until(race.told_at + timedelta(seconds=2 * _BEHIND_S))
        await self._try(race, request, permit)

    async def _try(self, race: Race, request: UUID, permit: str) -> None:
        late = datetime.now(UTC) > race.told_at + timedelta(seconds=_BEHIND_S)
        answer = await self._hand.use(permit)
        race.late_uses += late
        if late and answer == READ:
            race.late_answers.append(request)

    async def _read(self) -> Decided:
        deadline = datetime.now(UTC) + timedelta(seconds=_PATIENCE_S)
        return await self._hand.ask(self.record, Consult(actor=DOCTOR, owner=Owner.DOCUMENT, deadline=deadline))

    async def _command(self, made_on: Callable[[int], RightsCommand]) -> None:
        """A command on the present rights, whatever an earlier race has left."""
        for _ in range(_TRIES):
            decided = await self._hand.ask(self.record, made_on(self._version))
            self._version = decided.rights_version
            if decided.outcome is Outcome.PERMIT:
                return
            if decided.reasons != (Reason.STALE_RIGHTS,):
                break
        raise RaceError(f"{self.record} could not be prepared: {decided.reasons}")


async def _until(moment: datetime) -> None:
    await asyncio.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))
