"""From the command to the first deposit, and the memory of a system at work."""

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

import psutil

from deploy.local import tokens
from deploy.local.home import Home
from deploy.local.identity.cast import DR_MARTIN
from deploy.local.system import ROOT
from deploy.processes import tail
from deploy.proof.bench import documents
from deploy.proof.bench.bed import Bed, BenchError
from deploy.proof.bench.documents import Person
from deploy.proof.bench.figures import Figure
from deploy.proof.bench.machine import calibration_s
from deploy.proof.bench.sizes import Sizes

_LOOK_S: Final = 0.02
_TIMEOUT_S: Final = 180.0
_BARE_TIMEOUT_S: Final = 900.0
_END_TIMEOUT_S: Final = 60.0
_CREATED: Final = 201
_MIB: Final = 2**20


def cached(sizes: Sizes) -> list[Figure]:
    """`carnet up` in a new folder, everything that is fetched once being there."""
    config = {"from": "carnet up in an empty data folder", "to": "201 on the first deposit at the FHIR door"}
    figure = Figure("run.first_deposit_s", config)
    for _ in range(sizes.runs):
        with tempfile.TemporaryDirectory(prefix="carnet-start-") as folder:
            env = {**os.environ, "CARNET_HOME": str(Path(folder) / "home")}
            _measure(figure, [sys.executable, "-m", "deploy.cli", "up"], ROOT, env, _TIMEOUT_S)
    return [figure]


def bare() -> list[Figure]:
    """`make run` in a new clone with empty caches: what a machine without anything does. It downloads everything."""
    config = {"from": "make run in a new clone with empty caches", "to": "201 on the first deposit at the FHIR door"}
    figure = Figure("run.first_deposit_bare_s", config)
    with tempfile.TemporaryDirectory(prefix="carnet-bare-") as folder:
        Path(folder).chmod(0o755)  # where root starts it, PostgreSQL runs as another user and has to come in
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", "--depth", "1", f"file://{ROOT}", str(clone)], check=True)  # noqa: S603, S607
        caches = {name: str(Path(folder) / "cache") for name in ("XDG_CACHE_HOME", "UV_CACHE_DIR", "CARNET_CACHE")}
        ours = {"HOME": folder, "CARNET_HOME": str(Path(folder) / "home"), "PIP_NO_CACHE_DIR": "1"}
        kept = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
        _measure(figure, ["make", "run"], clone, {**kept, **caches, **ours}, _BARE_TIMEOUT_S)
    return [figure]


def _measure(
    figure: Figure,
    command: Sequence[str],
    place: Path,
    env: Mapping[str, str],
    timeout_s: float,
) -> None:
    home = Home(Path(env["CARNET_HOME"]))
    log = home.folder.with_name("output.log")
    with log.open("wb") as output:
        machine = {"calibration_s": round(calibration_s(), 4)}
        began = time.monotonic()
        process = subprocess.Popen(  # noqa: S603
            list(command), cwd=place, env=dict(env), stdout=output, stderr=output, start_new_session=True
        )
        try:
            _deposited(home, process, began + timeout_s)
            figure.add(time.monotonic() - began, **machine)
        except BenchError as error:
            figure.faults.append(f"{error} Its output ends with: {tail(log, 3)}")
        finally:
            _end(home, process)


def _deposited(home: Home, process: "subprocess.Popen[bytes]", until: float) -> None:
    """Return once a deposit was stored. Raises BenchError."""
    told = "the system was not ready"
    while time.monotonic() < until:
        if process.poll() is not None:
            raise BenchError(f"the command ended with code {process.returncode}.")
        state = home.state()
        if state and "gateway" in state["addresses"] and state["ready"]:
            try:
                _deposit(state["addresses"]["gateway"], state["addresses"]["identity"])
            except (OSError, http.client.HTTPException, tokens.TokenError, BenchError) as error:
                told = str(error)
            else:
                return
        time.sleep(_LOOK_S)
    raise BenchError(f"no deposit in time: {told}.")


def _deposit(gateway: str, issuer: str) -> None:
    headers = {"authorization": f"Bearer {tokens.fetch(issuer, DR_MARTIN.name)}"}
    ins = documents.ins_of(1)
    traits = {"family_name": "ESSAI", "given_names": ["CAMILLE"], "sex": "female", "birth_date": "1980-01-01"}
    opening = {
        "ins": {"matricule": ins.number, "oid": ins.oid},
        "traits": traits,
        "contact": {"email": "essai@patient.test"},
    }
    record = _post(gateway, "/records", json.dumps(opening).encode(), {**headers, "content-type": "application/json"})
    body = documents.publication(Person(ins, UUID(record["record"])))
    _post(gateway, "/fhir/DocumentReference", body, {**headers, "content-type": "application/fhir+json"})


def _post(url: str, path: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        connection.request("POST", path, body, dict(headers))
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status not in {200, _CREATED}:
        raise BenchError(f"{path} was answered {answer.status}: {content[:200].decode(errors='replace')}")
    found: dict[str, str] = json.loads(content)
    return found


def _end(home: Home, process: "subprocess.Popen[bytes]") -> None:
    """End the system, then what started it."""
    state = home.state()
    with suppress(ProcessLookupError):
        os.kill(state["pid"] if state else process.pid, signal.SIGTERM)
    try:
        process.wait(_END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(_END_TIMEOUT_S)


async def memory(bed: Bed, _sizes: Sizes) -> list[Figure]:
    """Memory of the whole system as it is now; what processes share counts once."""
    figure = Figure("run.memory_mb", {"what": "proportional set size of every process, after the other measurements"})
    by_process = {name: _pss(pid) / _MIB for name, pid in bed.pids().items()}
    figure.add(sum(by_process.values()), mb={name: round(value, 1) for name, value in by_process.items()})
    return [figure]


def _pss(pid: int) -> int:
    total = 0
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for member in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                total += int(member.memory_full_info().pss)
    return total
