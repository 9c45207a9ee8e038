"""A record's deletion through all services, as processes: one owner is away meanwhile, another dies at work."""

import asyncio
import time

import pytest

from deploy.proof.load import connected
from deploy.proof.load.people import HOLDER
from shared.contracts.access_decisions import Outcome
from shared.contracts.http_access_control import InsView, LookUp, RecordsFound
from shared.contracts.record_requests import RequestDeletion
from shared.contracts.topics import ACCESS_CONTROL, DOCUMENT, HISTORY
from tests.integration.gateway.conftest import reached, somebody
from tests.support.acts import Acts
from tests.support.system import eventually

pytestmark = pytest.mark.kafka


async def test_ar_055_a_record_is_deleted_everywhere_though_an_owner_is_away_and_another_dies(carnet) -> None:
    patient = somebody()
    async with reached(carnet, patient) as door, connected(carnet) as target:
        reading = asyncio.create_task(target.replies.run())
        await asyncio.wait_for(target.replies.ready.wait(), 30)
        record, content = await door.open(), door.document()
        assert (await door.deposit(content)).status_code == 201
        away, dying = carnet.unit(HISTORY), carnet.unit(DOCUMENT)
        away.wanted = False
        away.process.kill()
        decided = await Acts(target).ask(record, RequestDeletion(actor=HOLDER, rights_version=0))
        assert decided.outcome is Outcome.PERMIT
        dying.process.kill()
        dying.start(time.monotonic())

        async def refused() -> None:
            assert (await door.deposit(door.document(1))).status_code in {403, 409, 410}

        await eventually(refused)
        again = await door.ask("dr-martin", "POST", "/records", json=opening(patient))
        assert (again.status_code, again.json()["code"]) == (409, "record_deleted")
        away.start(time.monotonic())
        asked = LookUp(persons=(InsView(matricule=patient.matricule, oid=patient.oid),))

        async def forgotten() -> None:
            reply = await target.client(ACCESS_CONTROL).call("POST", "/records/lookup", json=asked)
            (found,) = RecordsFound.model_validate_json(reply.content).found
            assert found.record is None

        await eventually(forgotten)
        assert await door.open() != record
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    mails = [path.read_text() for path in carnet.home.mail.rglob("*") if path.is_file()]
    assert sum("Votre dossier est supprim" in mail or "dossier_est_supprim" in mail for mail in mails) == 1


def opening(patient) -> dict[str, object]:
    return {
        "ins": {"matricule": patient.matricule, "oid": patient.oid},
        "traits": {
            "family_name": patient.family_name,
            "given_names": [patient.given_names],
            "sex": "female",
            "birth_date": patient.birth_date,
        },
        "contact": {"email": patient.email},
    }
