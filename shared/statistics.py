"""`flow.statistics`: what each process did in the last second, for dashboards; no record and no person in it."""

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime

from shared.contracts.flow_statistics import Flow
from shared.contracts.topics import FLOW_STATISTICS
from shared.messaging import Engine, Figures, Producer, UnsentError
from shared.observability import (
    GAP_AGE,
    LAG,
    MESSAGES_HANDLED,
    OUTBOX_OLDEST,
    OUTBOX_PENDING,
    PROGRESS_AGE,
    logger,
)

INTERVAL_S = 1.0

_NOTHING = Figures(Counter(), {}, 0, 0.0, 0.0, {})
"""Of a process that handles no messages."""

_log = logger("carnet.statistics")


async def publish_statistics(producer: Producer, service: str, instance: str, engine: Engine | None) -> None:
    """Tell each second what was done; a second that can't be told is told with the next."""
    counted: Counter[tuple[str, str, str]] = Counter()
    told: Counter[tuple[str, str, str]] = Counter()
    since = time.monotonic()
    while True:
        await asyncio.sleep(INTERVAL_S)
        figures = engine.figures() if engine is not None else _NOTHING
        _measure(service, figures, figures.handled - counted)
        counted = figures.handled
        now = time.monotonic()
        done = figures.handled - told
        flow = Flow(
            service=service,
            instance=instance,
            at=datetime.now(UTC),
            interval_s=round(now - since, 3),
            handled={"/".join(part or "-" for part in key): count for key, count in done.items()},
            lag=figures.lag,
            outbox_pending=figures.outbox_pending,
            oldest_unsent_s=figures.oldest_unsent_s,
            parked=sum(count for (_, _, outcome), count in done.items() if outcome == "parked"),
        )
        try:
            await producer.send(FLOW_STATISTICS, flow, key=service, partitions=1)
        except UnsentError as error:
            _log.info("statistics_unsent", exc_info=error)
        else:
            told, since = figures.handled, now


def _measure(service: str, figures: Figures, done: Counter[tuple[str, str, str]]) -> None:
    """Set the metrics of one process."""
    for (topic, kind, outcome), count in done.items():
        MESSAGES_HANDLED.labels(service, topic, kind, outcome).inc(count)
    OUTBOX_PENDING.labels(service).set(figures.outbox_pending)
    OUTBOX_OLDEST.labels(service).set(figures.oldest_unsent_s)
    GAP_AGE.labels(service).set(figures.oldest_gap_s)
    for topic, lag in figures.lag.items():
        LAG.labels(service, topic).set(lag)
    for loop, age_s in figures.progress_age_s.items():
        PROGRESS_AGE.labels(service, loop).set(age_s)
