"""Key rotation: records' keys wrapped anew, in the real database, and the wrapping alone."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import uvloop

from deploy.local.environment import of_database
from deploy.local.options import Options
from deploy.local.system import LocalSystem
from deploy.proof.bench.bed import started
from deploy.proof.bench.figures import Figure, rounded
from deploy.proof.bench.machine import calibration_s
from deploy.proof.bench.sizes import Sizes
from deploy.proof.checker.databases import connect
from shared.contracts.topics import DOCUMENT
from shared.database import Database
from shared.database.key_rotation import AT_ONCE, LANES, Rotation
from shared.database.record_keys import RecordKeys
from shared.security import FileKeyProvider, new_key

_ALONE: Final = 50_000
_CONFIG: Final = {
    "what": "record keys read, opened under one key-encryption key, wrapped by another (AES-KW, RFC 3394) and written, "
    "in the document service's own database, each batch committed durably; the service itself is idle",
    "uses": "this process and as many sessions of the database as lanes: `cores` says how much of this process; "
    "beside it the wrapping alone, of one core",
    "batch": AT_ONCE,
    "lanes": LANES,
    "verdict": "each key once, and each opens to what it was",
}


def rewrapped(sizes: Sizes) -> list[Figure]:
    """Keys wrapped anew a second, from the first row read to the last commit."""
    figure = Figure("document.rewrap_per_s", {**_CONFIG, "keys": sizes.keys})
    with (
        started(options=Options(services=(DOCUMENT,))) as system,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_measured(system, sizes, figure))
    return [figure]


async def _measured(system: LocalSystem, sizes: Sizes, figure: Figure) -> None:
    told = of_database(DOCUMENT, system.places.postgres_admin_url, system.places.secrets)
    password = system.places.secrets.postgres_passwords()[DOCUMENT]
    folder, kek = Path(told["CARNET_KEYS_DIR"]), told["CARNET_KEYS_CURRENT"]
    database = Database(told["CARNET_DATABASE_URL"], password, pool=LANES)
    await database.open()
    try:
        known = await _fill(database, FileKeyProvider(folder, kek), sizes.keys)
        for run in range(sizes.runs):
            await _settle(system)
            FileKeyProvider(folder, kek).add(f"{kek}{run}")
            await _run(database, FileKeyProvider(folder, f"{kek}{run}"), known, figure)
    finally:
        await database.close()


async def _run(database: Database, provider: FileKeyProvider, known: Mapping[UUID, bytes], figure: Figure) -> None:
    machine = {"calibration_s": round(calibration_s(), 4), "alone_per_core": _alone(provider)}
    own, began = time.process_time(), time.perf_counter()
    told = await Rotation(database, provider).whole()
    seconds, own = time.perf_counter() - began, time.process_time() - own
    figure.add(told.rewrapped / seconds, **machine, seconds=round(seconds, 3), cores=round(own / seconds, 3))
    if told.rewrapped != len(known):
        figure.faults.append(f"{told.rewrapped} of {len(known)} keys were wrapped anew")
    records = list(known)
    for start in range(0, len(records), AT_ONCE):
        some = records[start : start + AT_ONCE]
        async with database.transaction() as tx:
            if await RecordKeys(provider).get(tx, some) != {record: known[record] for record in some}:
                figure.faults.append("a key is another after the rotation")


def _alone(provider: FileKeyProvider) -> float:
    """Keys a second that one core opens and wraps, without a database."""
    wrapped = [provider.wrap(new_key()).key for _ in range(_ALONE)]
    began = time.perf_counter()
    provider.rewrap_each(provider.current, wrapped)
    return rounded(_ALONE / (time.perf_counter() - began))


async def _fill(database: Database, provider: FileKeyProvider, count: int) -> dict[UUID, bytes]:
    """Keys of so many records, as the service makes them."""
    known: dict[UUID, bytes] = {}
    while len(known) < count:
        async with database.transaction() as tx:
            known |= await RecordKeys(provider).ensure(tx, [uuid4() for _ in range(min(AT_ONCE, count - len(known)))])
    return known


async def _settle(system: LocalSystem) -> None:
    """What earlier runs left is cleared away first, as the server does by itself in the months between rotations."""
    connection = await connect(system.places.postgres_admin_url, DOCUMENT)
    try:
        await connection.execute("VACUUM (ANALYZE) record_key")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
