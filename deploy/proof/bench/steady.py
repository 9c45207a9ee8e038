"""At the country's peak: 160 deposits a second, open loop; alone, and with consultations beside."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final
from uuid import UUID

from deploy.proof.bench import documents
from deploy.proof.bench.bed import Bed
from deploy.proof.bench.client import Answer, Connections, Seen, open_loop, prepared
from deploy.proof.bench.cpu import between
from deploy.proof.bench.documents import Person
from deploy.proof.bench.figures import Figure, quantile, spread
from deploy.proof.bench.machine import calibration_s
from deploy.proof.bench.sizes import Sizes
from shared.contracts.topics import DOCUMENT

DEPOSIT_CONNECTIONS: Final = 32
READ_CONNECTIONS: Final = 64
SUSTAINED_MS: Final = 1000.0
WARM_UP_S: Final = 2.0
"""The first deposits of a run are sent and not counted: buffers and caches are those of the run before."""


async def deposits(bed: Bed, sizes: Sizes) -> list[Figure]:
    """Accepted to stored, traced and mailed, and what it costs."""
    config = {
        "rate_per_s": sizes.deposit_rate,
        "seconds": sizes.steady_s,
        "body_bytes": documents.BODY_BYTES,
        "path": "open loop into the document service's staging over internal HTTP, one after the other",
        "from": "staged_at of the deposit's row",
        "stored": "numbering of carnet.document.deposited, in the transaction that stores",
        "traced": "recorded_at of its leaf in the audit log",
        "mailed": "sent_at in the ledger, after the mail sink's answer",
    }
    names = ("stored_p99_ms", "traced_p99_ms", "mailed_p99_s", "cores_at_160_per_s")
    figures = {name: Figure(f"deposit.{name}", config) for name in names}
    for _ in range(sizes.runs):
        machine = {"calibration_s": round(calibration_s(), 4)}
        since = await bed.flow.now()
        before = bed.meter.read()
        seen = await _depositing(bed, sizes, lambda at: at >= sizes.steady_s)
        use = between(before, bed.meter.read())
        await bed.flow.until_quiet()
        await bed.flow.until_mailed()
        told = machine | use.plain() | {"accept_ms": spread(seen.latencies_ms), "late_ms": round(seen.latest_ms, 1)}
        waits, faults = await _waits(bed, since)
        for name, unit in (("stored_p99_ms", 1e3), ("traced_p99_ms", 1e3), ("mailed_p99_s", 1.0)):
            values = [wait * unit for wait in waits[name]]
            figures[name].add(quantile(values, 0.99), **told, spread=spread(values))
        figures["cores_at_160_per_s"].add(use.cores, **told)
        for figure in figures.values():
            figure.faults += faults + seen.faults() + unsustained(seen) + bed.crashed()
    return list(figures.values())


async def _depositing(bed: Bed, sizes: Sizes, until: Callable[[float], bool]) -> Seen:
    requests = bed.stagings(itertools.cycle(bed.mailed))
    async with Connections(bed.url(DOCUMENT), DEPOSIT_CONNECTIONS) as pool:
        return await open_loop(lambda _: pool.ask(next(requests)), rate=sizes.deposit_rate, until=until)


def unsustained(seen: Seen) -> list[str]:
    """A fault where deposits piled up before they were accepted: then nothing was measured at the rate named."""
    if not seen.latencies_ms or quantile(seen.latencies_ms, 0.99) <= SUSTAINED_MS:
        return []
    return [f"the rate was not sustained: 1 % of the deposits waited more than {SUSTAINED_MS:g} ms to be accepted"]


async def _waits(bed: Bed, since: datetime) -> tuple[dict[str, list[float]], list[str]]:
    """Seconds from staged to stored, traced and mailed, of deposits after the warm-up; and what is missing."""
    flow = bed.flow
    staged, stored, traced = await flow.staged(since), await flow.stored(since), await flow.traced(since)
    noticed = await flow.noticed(since)
    first = min(staged.values())
    waits: dict[str, list[float]] = {"stored_p99_ms": [], "traced_p99_ms": [], "mailed_p99_s": []}
    missing: list[UUID] = []
    for deposit, at in staged.items():
        sent = noticed[deposit][1] if deposit in noticed else None
        if deposit not in stored or deposit not in traced or sent is None:
            missing.append(deposit)
        elif (at - first).total_seconds() >= WARM_UP_S:
            for name, moment in zip(waits, (stored[deposit], traced[deposit], sent), strict=True):
                waits[name].append((moment - at).total_seconds())
    faults = [f"{len(missing)} deposits not stored, traced or mailed, first: {missing[0]}"] if missing else []
    return waits, faults


async def consultations(bed: Bed, sizes: Sizes) -> list[Figure]:
    """Reads over HTTP beside the deposits."""
    config = {
        "consultations_per_s": sizes.consultation_rate,
        "deposits_per_s": sizes.deposit_rate,
        "seconds": sizes.steady_s,
        "reads": "open loop at the door, searches (ITI-67) and openings of a document (ITI-68) in turn",
        "documents_per_record": sizes.documents_each,
        "latency": "from the planned moment to the last byte of the answer",
    }
    figure = Figure("consultation.latency_p99_ms", config)
    for _ in range(sizes.runs):
        machine = {"calibration_s": round(calibration_s(), 4)}
        before = bed.meter.read()
        end = asyncio.Event()
        beside = asyncio.create_task(_depositing(bed, sizes, _when(end)))
        await asyncio.sleep(WARM_UP_S)
        seen = await consulting(bed, sizes, lambda at: at >= sizes.steady_s)
        end.set()
        deposited = await beside
        use = between(before, bed.meter.read())
        told = machine | use.plain() | {"late_ms": round(seen.latest_ms, 1), "deposits": len(deposited.latencies_ms)}
        figure.add(quantile(seen.latencies_ms, 0.99), **told, spread=spread(seen.latencies_ms))
        figure.faults += seen.faults() + deposited.faults() + unsustained(deposited) + bed.crashed()
        await bed.flow.until_quiet()
        await bed.flow.until_mailed()
    return [figure]


def _when(event: asyncio.Event) -> Callable[[float], bool]:
    return lambda _: event.is_set()


async def consulting(bed: Bed, sizes: Sizes, until: Callable[[float], bool]) -> Seen:
    """Reads at a fixed rate until told."""
    requests = reads(bed)
    async with Connections(bed.gateway, READ_CONNECTIONS) as pool:

        async def one(_: int) -> Answer:
            return await pool.ask(next(requests))

        return await open_loop(one, rate=sizes.consultation_rate, until=until)


def reads(bed: Bed) -> Iterator[bytes]:
    """A search and an opening in turn, without end, of one record after the other."""
    for person, document in itertools.cycle(bed.opened):
        yield search(bed, person)
        yield prepared(
            "GET", f"/fhir/Binary/{person.record.hex}{document.hex}", headers={**bed.doctor(), "accept": "*/*"}
        )


def search(bed: Bed, person: Person) -> bytes:
    """A search for all current documents of a record."""
    return prepared("GET", f"/fhir/DocumentReference?patient=Patient/{person.record}", headers=bed.doctor())
