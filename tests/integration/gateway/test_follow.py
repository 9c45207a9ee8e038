"""`carnet follow`: one deposit's way through all services, from the door to the leaf and the notice."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.system import eventually

pytestmark = pytest.mark.kafka
ROOT = Path(__file__).parents[3]
COURSE = [
    ("document", "deposit staged"),
    ("document", "sent carnet.record.deposit.v1"),
    ("access_control", "sent carnet.access.decided.v1"),
    ("document", "deposit current"),
    ("document", "sent carnet.document.deposited.v1"),
    ("notification", "notice planned"),
    ("notification", "notice sent"),
    ("audit", "leaf"),
    ("gateway", "log: request_answered"),
    ("document", "log: request_answered"),
]


def followed(carnet, correlation: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.cli", "follow", correlation]
    env = {**os.environ, "CARNET_HOME": str(carnet.home.folder), "COLUMNS": "300"}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, cwd=ROOT, check=False)


async def test_one_deposit_is_followed_from_the_door_to_the_leaf(carnet, door) -> None:
    await door.open()
    stored = await door.deposit(door.document())
    deposit = stored.headers["carnet-deposit"]
    shown = ""

    async def complete() -> None:
        nonlocal shown
        told = await asyncio.to_thread(followed, carnet, deposit)
        assert told.returncode == 0, told.stderr
        shown = told.stdout
        for service, what in COURSE:
            assert any(service in line and what in line for line in shown.splitlines()), (service, what, shown)

    await eventually(complete, 30)
    decided = next(line for line in shown.splitlines() if "access.decided" in line and "access_control" in line)
    assert "permit" in decided
    assert "route=/fhir/DocumentReference status=201" in shown
    patient = door.patient
    for identity in (patient.matricule, patient.family_name, patient.given_names, patient.email):
        assert identity not in shown


async def test_what_nobody_knows_is_said(carnet, door) -> None:
    told = await asyncio.to_thread(followed, carnet, str(uuid4()))
    assert (told.returncode, "Nobody knows" in told.stderr) == (1, True)
