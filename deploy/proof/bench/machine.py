"""The machine as it is at this moment: its speed, its disk, its versions. Figures compare only at similar speeds."""

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import asyncpg
import psutil

from deploy.kafka import jars
from deploy.proof.bench.figures import quantile, rounded
from shared.files import new_file

_ROUNDS: Final = 600_000
_TRIES: Final = 5
_SYNCS: Final = 200
_PAGE: Final = b"\xa5" * 8192
_PACKAGES: Final = ("aiokafka", "asyncpg", "fastapi", "faststream", "orjson", "pydantic", "uvicorn", "uvloop")


def calibration_s() -> float:
    """Seconds of a fixed loop on one processor, the best of a few tries: how fast the machine is just now."""
    best = float("inf")
    for _ in range(_TRIES):
        began = time.perf_counter()
        total = 0
        for number in range(_ROUNDS):
            total += number * number & 0xFF
        best = min(best, time.perf_counter() - began)
    return best


def fsync_us(folder: Path) -> dict[str, float]:
    """Cost of making 8 KiB durable in this folder, in microseconds, one write after the other."""
    path = folder / f"fsync-{os.getpid()}"
    handle = new_file(path)
    spent = []
    try:
        for place in range(_SYNCS):
            began = time.perf_counter()
            os.pwrite(handle, _PAGE, place * len(_PAGE))
            os.fdatasync(handle)
            spent.append((time.perf_counter() - began) * 1e6)
    finally:
        os.close(handle)
        path.unlink()
    return {"p50": rounded(quantile(spent, 0.5)), "p99": rounded(quantile(spent, 0.99))}


async def describe(folder: Path, postgres_url: str) -> dict[str, Any]:
    """The machine note that goes with the figures."""
    connection = await asyncpg.connect(postgres_url)
    try:
        shown = {name: await connection.fetchval(f"SHOW {name}") for name in ("server_version", "synchronous_commit")}
        size = await connection.fetchval("SHOW shared_buffers")
    finally:
        await connection.close()
    return {
        "calibration_s": rounded(calibration_s()),
        "cores": psutil.cpu_count(),
        "processor": _processor(),
        "memory_gib": rounded(psutil.virtual_memory().total / 2**30),
        "fsync_us": fsync_us(folder),
        "kernel": platform.release(),
        "versions": {
            "python": platform.python_version(),
            "kafka": jars.KAFKA,
            "postgresql": shown["server_version"],
            **{name: version(name) for name in _PACKAGES},
        },
        "settings": {
            "broker": "real, one node, acks=all",
            "synchronous_commit": shown["synchronous_commit"],
            "shared_buffers": size,
        },
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
