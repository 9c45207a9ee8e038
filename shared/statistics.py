"""`flow.statistics`: what each process did in the last second, for dashboards; no record and no person in it."""

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime

from shared.contracts.flow_statistics import Flow
from shared.contracts.topics import FLOW_STATISTICS
from shared.messaging import Engine, Producer, UnsentError
from shared.observability import (
    GAP_AGE,
    LAG,
    MESSAGES_HANDLED,
    OUTBOX_OLDEST,
    OUTBOX_PENDING,
    logger,
)

INTERVAL_S = 1.0

_log = logger("carnet.statistics")


async def publish_statistics(producer: Producer, service: str, instance: str, engine: Engine | None) -> None:
    """Tell each second what was done; a second that can't be told is told with the next."""
    before: Counter[tuple[str, str, str]] = Counter()
    since = time.monotonic()
    while True:
        await asyncio.sleep(INTERVAL_S)
        figures = engine.figures() if engine is not None else None
        done = figures.handled - before if figures is not None else Counter()
        now = time.monotonic()
        for (topic, kind, outcome), count in done.items():
            MESSAGES_HANDLED.labels(service, topic, kind, outcome).inc(count)
        if figures is not None:
            OUTBOX_PENDING.labels(service).set(figures.outbox_pending)
            OUTBOX_OLDEST.labels(service).set(figures.oldest_unsent_s)
            GAP_AGE.labels(service).set(figures.oldest_gap_s)
            for topic, lag in figures.lag.items():
                LAG.labels(service, topic).set(lag)
            before = figures.handled
        flow = Flow(
            service=service,
            instance=instance,
            at=datetime.now(UTC),
            interval_s=round(now - since, 3),
            handled={"/".join(part or "-" for part in key): count for key, count in done.items()},
            lag=figures.lag if figures is not None else {},
            outbox_pending=figures.outbox_pending if figures is not None else 0,
            oldest_unsent_s=figures.oldest_unsent_s if figures is not None else 0.0,
            parked=sum(count for (_, _, outcome), count in done.items() if outcome == "parked"),
        )
        since = now
        try:
            await producer.send(FLOW_STATISTICS, flow, key=service, partitions=1)
        except UnsentError as error:
            _log.info("statistics_unsent", exc_info=error)
