"""Which faults come when: a pure function of a seed."""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.contracts.topics import (
    ACCESS_CONTROL,
    ACCESS_DECISIONS,
    AUDIT,
    DOCUMENT,
    DOCUMENT_EVENTS,
    GATEWAY,
    HISTORY,
    NOTIFICATION,
)

KAFKA: Final = "kafka"
POSTGRES: Final = "postgres"
SESSION_S: Final = 2.0
"""Session time-out of consumers in a system of faults; a freeze lasts longer."""
TRANSACTION_TIMEOUT_S: Final = 5.0
"""`transaction_timeout` of every role: what a frozen process holds is free after it."""
_WRITER: Final = {ACCESS_DECISIONS: ACCESS_CONTROL, DOCUMENT_EVENTS: DOCUMENT}
_FROZEN_INSIDE: Final = (ACCESS_CONTROL, DOCUMENT, AUDIT, NOTIFICATION, HISTORY)


class Kind(StrEnum):
    """What goes wrong."""

    KILL = "kill -9"
    FREEZE = "freeze"
    """SIGSTOP for longer than the session, then SIGCONT: a zombie."""
    FREEZE_INSIDE = "freeze inside a transaction"
    """The same between the lock and the commit of a batch, for longer than the transaction's time-out."""
    OUTAGE = "outage"
    """All replicas of a service are gone for a while."""
    WIPE = "wipe"
    """A topic is deleted and made anew, empty, while its writer runs."""
    WIPE_FROZEN = "wipe while the writer is frozen"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault."""

    at_s: float
    """After the start of the load."""
    kind: Kind
    target: str
    """A process (`document-2`, `kafka`), for an outage or a freeze inside a transaction a service, or a topic."""
    lasts_s: float = 0.0

    @property
    def ends_s(self) -> float:
        """When the next may come, whatever this one has to do first."""
        return self.at_s + self.lasts_s


def writer(topic: str) -> str:
    """The service that writes a topic which can be wiped."""
    return _WRITER[topic]


def schedule(
    seed: int, *, seconds: float, services: Sequence[str], replicas: int, pause_s: float = 3.0
) -> Iterator[Fault]:
    """Faults one after the other until `seconds` are over, each kind in turn before any comes again."""
    chance = random.Random(f"faults {seed}")
    units = [(service, number) for service in services for number in range(1, replicas + 1)]
    at = 2.0
    while True:
        kinds = list(Kind)
        chance.shuffle(kinds)
        kinds.insert(chance.randrange(len(kinds)), Kind.KILL)  # twice as often: processes die more often than topics
        for kind in kinds:
            fault = _fault(chance, at, kind, units)
            if fault.ends_s > seconds:
                return
            yield fault
            at = fault.ends_s + pause_s * chance.uniform(0.5, 1.5)
        doors = [unit for unit in units if unit[0] == GATEWAY]
        # each round, so that clients meet it at every seed; the second is another than the one that is starting again
        for kind, door in zip(
            (Kind.KILL, Kind.FREEZE), itertools.cycle(chance.sample(doors, len(doors))), strict=False
        ):
            fault = _at_a_door(chance, at, kind, door)
            if fault.ends_s > seconds:
                return
            yield fault
            at = fault.ends_s + pause_s * chance.uniform(0.5, 1.5)


def _at_a_door(chance: random.Random, at: float, kind: Kind, door: tuple[str, int]) -> Fault:
    lasts = SESSION_S + chance.uniform(1, 2) if kind is Kind.FREEZE else 0.0
    return Fault(at, kind, _replica(*door), lasts)


def _replica(service: str, number: int) -> str:
    return service if number == 1 else f"{service}-{number}"


def _fault(chance: random.Random, at: float, kind: Kind, units: Sequence[tuple[str, int]]) -> Fault:
    service, number = chance.choice(units)
    replica = _replica(service, number)
    topic = chance.choice(list(_WRITER))
    match kind:
        case Kind.KILL:
            return Fault(at, kind, chance.choice((replica, replica, KAFKA, POSTGRES)))
        case Kind.FREEZE:
            return Fault(at, kind, replica, SESSION_S + chance.uniform(1, 2))
        case Kind.FREEZE_INSIDE:
            inside = [one for one in _FROZEN_INSIDE if one in {name for name, _ in units}]
            return Fault(at, kind, chance.choice(inside), TRANSACTION_TIMEOUT_S + chance.uniform(1, 2))
        case Kind.OUTAGE:
            return Fault(at, kind, service, chance.uniform(2, 5))
        case Kind.WIPE:
            return Fault(at, kind, topic)
        case Kind.WIPE_FROZEN:
            return Fault(at, kind, topic, SESSION_S + chance.uniform(1, 2))
