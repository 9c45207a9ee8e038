"""As fast as it goes: a backlog of deposits through the whole chain, reads beside it, and a day's reimbursed lines."""

import asyncio
import itertools
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from confluent_kafka import KafkaError, Message, Producer

from deploy.proof.bench import documents
from deploy.proof.bench.bed import Bed, BenchError
from deploy.proof.bench.cpu import Reading, between, nearest
from deploy.proof.bench.figures import Figure, quantile, spread
from deploy.proof.bench.machine import calibration_s
from deploy.proof.bench.sizes import Sizes
from deploy.proof.bench.steady import consulting
from shared.contracts.envelope import Envelope, to_headers
from shared.contracts.insurance import LineFate
from shared.contracts.topics import (
    ACCESS_CONTROL,
    HISTORY,
    RECORD_DEPOSITS,
    REIMBURSEMENTS,
    of_insurer,
    principal_of_insurer,
)

_LANE: Final = f"{ACCESS_CONTROL} {RECORD_DEPOSITS}"
_LOOK_S: Final = 0.1
_LINES_TIMEOUT_S: Final = 120.0
_FEW: Final = 100
"""Messages that wait anywhere at most when a backlog counts as worked off."""


async def chain(bed: Bed, sizes: Sizes) -> list[Figure]:
    """From the first decision to the last trace and ledger row, all services as processes."""
    config = {
        "deposits": sizes.chain,
        "body_bytes": documents.BODY_BYTES,
        "batch": {"access_control": 250, "document": 500, "notification": 2000, "audit": 2000},
        "records": sizes.writers,
        "notices": "recorded in the ledger and told as suppressed: these holders have no e-mail address",
        "from": "first decision after access_control starts, whose own batch is not counted",
        "to": "last leaf of the audit log and last row of the ledger",
    }
    rate, cost = Figure("chain.deposits_per_s", config), Figure("chain.cpu_ms_per_deposit", config)
    for _ in range(sizes.runs):
        staging = await _pile_up(bed, sizes.chain)
        machine = {"calibration_s": round(calibration_s(), 4), "staged_per_s": round(staging, 1)}
        since = await bed.flow.now()
        readings: list[Reading] = []
        following = asyncio.create_task(bed.meter.follow(readings))
        bed.start(ACCESS_CONTROL)
        await bed.until_ready(ACCESS_CONTROL)
        await bed.flow.until_quiet()
        following.cancel()
        readings.append(bed.meter.read())
        begin, end, number, faults = await _span(bed, since, sizes.chain)
        use = between(nearest(readings, begin.timestamp()), nearest(readings, end.timestamp()))
        told = machine | use.plain() | {"seconds": round((end - begin).total_seconds(), 3)}
        rate.add(number / (end - begin).total_seconds(), **told)
        cost.add(use.system / number * 1e3, **told, ms_by_process=_shares(use.by_process, number))
        for figure in (rate, cost):
            figure.faults += faults + bed.crashed()
    return [rate, cost]


def _shares(by_process: Any, number: int) -> dict[str, float]:
    return {name: round(seconds / number * 1e3, 4) for name, seconds in by_process.items()}


async def _pile_up(bed: Bed, count: int) -> float:
    """Stage so many deposits while nobody decides, and wait until all stand in Kafka; gives the rate of staging."""
    await bed.flow.until_quiet()
    await bed.stop(ACCESS_CONTROL)
    seen = await bed.stage(list(itertools.islice(itertools.cycle(bed.writers), count)))
    await bed.flow.until_quiet(but=_LANE)
    return seen.per_s


async def _span(bed: Bed, since: datetime, expected: int) -> tuple[datetime, datetime, int, list[str]]:
    """First decision, last row, deposits between them (the first batch is not), and what is missing."""
    flow = bed.flow
    decided, stored, traced = await flow.decided(since), await flow.stored(since), await flow.traced(since)
    noticed = await flow.noticed(since)
    if not decided or not traced or not noticed:
        raise BenchError("the backlog was not decided, stored and traced: see the services' logs")
    counts = {"decided": len(decided), "stored": len(stored), "traced": len(traced), "noticed": len(noticed)}
    faults = [f"{count} of {expected} deposits were {what}" for what, count in counts.items() if count != expected]
    last = max(*traced.values(), *(recorded for recorded, _ in noticed.values()))
    return decided[0], last, sum(at > decided[0] for at in decided), faults


async def backlog(bed: Bed, sizes: Sizes) -> list[Figure]:
    """Reads while a backlog of deposits is worked off: it has a lane of its own and must not delay them."""
    config = {
        "consultations_per_s": sizes.consultation_rate,
        "deposits_waiting": sizes.backlog,
        "reads": "open loop at the door, searches (ITI-67) and openings of a document (ITI-68) in turn",
        "latency": "from the planned moment to the last byte of the answer; only while deposits wait",
    }
    figure = Figure("consultation.backlog_p99_ms", config)
    for _ in range(sizes.runs):
        await _pile_up(bed, sizes.backlog)
        machine = {"calibration_s": round(calibration_s(), 4)}
        before = bed.meter.read()
        bed.start(ACCESS_CONTROL)
        await bed.until_ready(ACCESS_CONTROL)
        left = (await bed.flow.behind()).get(_LANE, 0)
        drained = asyncio.create_task(_drained(bed))
        seen = await consulting(bed, sizes, _done(drained))
        with suppress(asyncio.CancelledError):
            await drained
        use = between(before, bed.meter.read())
        told = machine | use.plain() | {"waiting_at_start": left, "seconds": round(seen.seconds, 2)}
        figure.add(quantile(seen.latencies_ms, 0.99), **told, spread=spread(seen.latencies_ms))
        figure.faults += seen.faults() + bed.crashed()
        if not left:
            figure.faults.append("no deposit waited any more when the first read was sent: take a larger --backlog")
        await bed.flow.until_quiet()
    return [figure]


async def _drained(bed: Bed) -> None:
    """Return once what waited is decided, stored, told and traced; what reads cause all the time does not count."""
    while True:
        if sum((await bed.flow.behind()).values()) < _FEW:
            return
        await asyncio.sleep(_LOOK_S)


def _done(task: "asyncio.Task[None]") -> Callable[[float], bool]:
    return lambda _: task.done()


async def history(bed: Bed, sizes: Sizes) -> list[Figure]:
    """Reimbursed lines: from the first answered batch to the last receipt."""
    config = {
        "lines": sizes.lines,
        "persons": len(bed.writers),
        "batch": 1000,
        "path": "published by the insurer's principal while history_ingestion is down, then read, kept, answered",
        "from": "receipts of the first batch, which is not counted",
        "to": "receipts of the last",
    }
    figure = Figure("history.lines_per_s", config)
    for run in range(sizes.runs):
        await bed.stop(HISTORY)
        await asyncio.to_thread(_publish, bed, sizes.lines, f"bench-{time.time_ns()}-{run}")
        machine = {"calibration_s": round(calibration_s(), 4)}
        since, answered = await bed.flow.now(), await bed.flow.lines_taken()
        readings: list[Reading] = []
        following = asyncio.create_task(bed.meter.follow(readings))
        bed.start(HISTORY)
        await _answered(bed, answered + sizes.lines)
        following.cancel()
        receipts = await bed.flow.receipts(since)
        begin, end = receipts[0][0], receipts[-1][0]
        number = sum(at > begin for at, _ in receipts)
        use = between(nearest(readings, begin.timestamp()), nearest(readings, end.timestamp()))
        figure.add(number / (end - begin).total_seconds(), **machine, **use.plain())
        accepted = sum(fate == LineFate.ACCEPTED for _, fate in receipts)
        if accepted != sizes.lines:
            figure.faults.append(f"{accepted} of {sizes.lines} lines were accepted")
        figure.faults += bed.crashed()
        await bed.flow.until_quiet()
    return [figure]


async def _answered(bed: Bed, wanted: int) -> None:
    end = time.monotonic() + _LINES_TIMEOUT_S
    while (done := await bed.flow.lines_taken()) < wanted:
        if time.monotonic() > end:
            raise BenchError(f"{wanted - done} lines are not answered after {_LINES_TIMEOUT_S:g} s: see its log")
        await asyncio.sleep(_LOOK_S)


def _publish(bed: Bed, count: int, prefix: str) -> None:
    """Publish lines as the insurer does."""
    places = bed.system.places
    insurer = places.insurers[0]
    principal = principal_of_insurer(insurer)
    producer = Producer(
        {
            "bootstrap.servers": places.kafka,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": principal,
            "sasl.password": places.secrets.kafka_password_file(principal).read_text().strip(),
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 20,
            "queue.buffering.max.messages": count + 1,
        }
    )
    failed: list[str] = []

    def told(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            failed.append(str(error))

    now = datetime.now().astimezone()
    for key, line in itertools.islice(documents.lines(bed.writers, prefix), count):
        identity = uuid4()
        headers = to_headers(Envelope(identity, line.type_name, principal, now, identity))
        body = line.model_dump_json(exclude_none=True).encode()
        producer.produce(of_insurer(REIMBURSEMENTS, insurer), body, key, on_delivery=told, headers=list(headers))
        producer.poll(0)
    left = producer.flush(60)
    if failed or left:
        raise BenchError(f"{len(failed) + left} lines could not be published: {failed[:1]}")
