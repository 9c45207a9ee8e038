"""The whole local system as processes: the gateway's door, and behind it everybody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2
import orjson
import pytest

from deploy.local.identity.cast import CAST
from deploy.local.identity.members import Patient, ins
from deploy.local.system import LocalSystem
from deploy.local.tokens import fetch
from deploy.proof.made import SamplePatient, make
from deploy.proof.samples import publication
from shared.terminology import Ins

FHIR = {"content-type": "application/fhir+json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


def somebody() -> Patient:
    """A patient whom no other test knows."""
    number = ins(f"2{uuid4().int % 100:02d}0351{uuid4().int % 10**6:06d}")
    return Patient("patient", "of one test", number, "CANARI", "TESSA", "F", "1979-03-12", "51215", "t@patient.test")


@dataclass
class Door:
    """The gateway, asked as members of the cast; `patient` stands for the test's own."""

    client: httpx2.AsyncClient
    issuer: str
    patient: Patient
    tokens: dict[str, str]

    async def ask(self, name: str, method: str, path: str, **more: Any) -> httpx2.Response:
        if name not in self.tokens:
            number = "" if name in CAST else self.patient.matricule
            self.tokens[name] = await asyncio.to_thread(fetch, self.issuer, name, ins=number)
        headers = {"authorization": f"Bearer {self.tokens[name]}"} | more.pop("headers", {})
        return await self.client.request(method, path, headers=headers, **more)

    async def open(self) -> str:
        """The record of the test's patient."""
        patient = self.patient
        body = {
            "ins": {"matricule": patient.matricule, "oid": patient.oid},
            "traits": {
                "family_name": patient.family_name,
                "given_names": [patient.given_names],
                "sex": "female",
                "birth_date": patient.birth_date,
            },
            "contact": {"email": patient.email},
        }
        answer = await self.ask("dr-martin", "POST", "/records", json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()["record"]

    def document(self, seed: int = 0, kind: str = "biology") -> bytes:
        """A made CDA of the test's patient."""
        return make(kind, SamplePatient(Ins(self.patient.oid, self.patient.matricule)), seed=seed)

    async def deposit(self, content: bytes, name: str = "dr-roux", **headers: str) -> httpx2.Response:
        body = orjson.dumps(publication(content))
        return await self.ask(name, "POST", "/fhir/DocumentReference", content=body, headers=FHIR | headers)

    async def search(self, name: str) -> httpx2.Response:
        form = f"patient.identifier=urn:oid:{self.patient.oid}|{self.patient.matricule}"
        return await self.ask(name, "POST", "/fhir/DocumentReference/_search", content=form, headers=FORM)

    async def change(self, verb: str, record: str, version: int | None = None, **body: str) -> httpx2.Response:
        path = f"/records/{record}/rights"
        if version is None:
            version = (await self.ask("patient", "GET", path)).json()["rights_version"]
        return await self.ask("patient", "POST", f"{path}/{verb}", json=body, headers={"if-match": f'"{version}"'})


@asynccontextmanager
async def reached(carnet: LocalSystem, patient: Patient) -> AsyncIterator[Door]:
    addresses = carnet.addresses()
    async with httpx2.AsyncClient(base_url=addresses["gateway"], timeout=30) as client:
        yield Door(client, addresses["identity"], patient, {})


@pytest.fixture
async def door(carnet: LocalSystem) -> AsyncIterator[Door]:
    async with reached(carnet, somebody()) as found:
        yield found
