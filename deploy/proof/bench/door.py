"""At the FHIR door: deposits and searches as fast as a few connections get answers, the load generator included."""

import itertools
from collections.abc import Callable, Iterator

from deploy.proof.bench import documents
from deploy.proof.bench.bed import Bed
from deploy.proof.bench.client import closed_loop, prepared
from deploy.proof.bench.cpu import between
from deploy.proof.bench.figures import Figure, spread
from deploy.proof.bench.machine import calibration_s
from deploy.proof.bench.sizes import Sizes
from deploy.proof.bench.steady import search

_MOST_PER_S = 1500
"""Publications are made before the run: so many for each second of it."""


async def deposits(bed: Bed, sizes: Sizes) -> list[Figure]:
    """ITI-105, answered when the document is decided and stored."""
    config = {
        "connections": sizes.connections,
        "seconds": sizes.door_s,
        "body_bytes": documents.BODY_BYTES,
        "path": "closed loop of POST /fhir/DocumentReference with the document in it; 201 once it is stored",
    }
    return [await _closed("door.deposits_per_s", config, bed, sizes, lambda: _publications(bed, sizes))]


async def searches(bed: Bed, sizes: Sizes) -> list[Figure]:
    """ITI-67, each decided and traced."""
    config = {
        "connections": sizes.connections,
        "seconds": sizes.door_s,
        "documents_per_record": sizes.documents_each,
        "path": "closed loop of GET /fhir/DocumentReference?patient=Patient/<record> by an authorised doctor",
    }

    def requests() -> Iterator[bytes]:
        return (search(bed, person) for person in itertools.cycle(bed.readers))

    return [await _closed("door.searches_per_s", config, bed, sizes, requests)]


async def _closed(
    name: str, config: dict[str, object], bed: Bed, sizes: Sizes, requests: Callable[[], Iterator[bytes]]
) -> Figure:
    figure = Figure(name, config)
    for _ in range(sizes.runs):
        made = requests()
        machine = {"calibration_s": round(calibration_s(), 4)}
        before = bed.meter.read()
        seen = await closed_loop(bed.gateway, made, connections=sizes.connections, seconds=sizes.door_s)
        use = between(before, bed.meter.read())
        figure.add(seen.per_s, **machine, **use.plain(), latency_ms=spread(seen.latencies_ms))
        figure.faults += seen.faults() + bed.crashed()
        await bed.flow.until_quiet()
        await bed.flow.until_mailed()
    return figure


def _publications(bed: Bed, sizes: Sizes) -> Iterator[bytes]:
    headers = {**bed.doctor(), "content-type": "application/fhir+json"}
    persons = itertools.islice(itertools.cycle(bed.writers), int(sizes.door_s * _MOST_PER_S))
    made = [prepared("POST", "/fhir/DocumentReference", documents.publication(person), headers) for person in persons]
    return iter(made)
