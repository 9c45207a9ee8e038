"""Missing numbers: nothing beyond a gap is applied; the reader goes on, and from the end begins again.

A topic that is being sent again after a wipe shows gaps for a while; they fill up by themselves. A gap that stays is
an alert, since it means that something was lost and can't be sent again.
"""

import time
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer

from shared.messaging._kafka import Kafka
from shared.messaging.outbox import Place
from shared.observability import logger

ALERT_AFTER_S = 30.0
PAUSE_S = 0.2

_log = logger("carnet.messaging")


@dataclass
class _Gap:
    since: float
    last: int
    """Last number applied; when it moves the gap counts as new."""
    skipped: int
    """Highest number read and not applied; the gap is closed when that one is applied."""
    alerted: bool = False


class Gaps:
    """The open gaps of one consumer, by place; forgotten when partitions are assigned anew."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._open: dict[Place, _Gap] = {}

    def clear(self) -> None:
        """Forget all: what is assigned now starts from the committed offset, which never passes a gap."""
        self._open.clear()

    def __contains__(self, place: Place) -> bool:
        return place in self._open

    @property
    def oldest_age_s(self) -> float:
        """Age of the oldest open gap in seconds, 0 without one."""
        return max((time.monotonic() - gap.since for gap in self._open.values()), default=0.0)

    def note(self, last: dict[Place, int], skipped: dict[Place, int]) -> None:
        """Take in what a batch found: the last number applied and the highest not applied, by place."""
        now = time.monotonic()
        for place, applied in last.items():
            gap = self._open.get(place)
            highest = max(skipped.get(place, 0), gap.skipped if gap else 0)
            if highest <= applied:
                self._open.pop(place, None)
            elif gap is None:
                self._open[place] = _Gap(now, applied, highest)
                _log.warning("gap_found", topic=place[0], partition=place[1], number=applied + 1)
            else:
                gap.skipped = highest
                if gap.last != applied:
                    gap.since, gap.last = now, applied

    async def look_again(self, consumer: AIOKafkaConsumer) -> float:
        """Where a place with a gap was read to its end, begin it again from the start; gives seconds to pause."""
        pause = 0.0
        assigned = consumer.assignment()
        for place, gap in self._open.items():
            partition = self._kafka.partition(*place)
            if partition not in assigned:
                continue
            if not gap.alerted and time.monotonic() - gap.since > ALERT_AFTER_S:
                gap.alerted = True
                _log.error("gap_stays", topic=place[0], partition=place[1], number=gap.last + 1)
            if await consumer.position(partition) >= (consumer.highwater(partition) or 0):
                await consumer.seek_to_beginning(partition)
                pause = PAUSE_S
        return pause
