"""An emergency from the door to what the holder sees of it and contests, on the whole system."""

from urllib.parse import quote

import pytest

from deploy.local.identity.cast import CAST
from services.gateway.api.urgency import MODE, REASON, TEXT
from tests.integration.gateway.test_rights import code

pytestmark = pytest.mark.kafka

NOIR = CAST["dr-noir"]
WRITTEN = "Trouvée inconsciente dans la rue"
URGENT = {MODE: "bris_de_glace", REASON: "other", TEXT: quote(WRITTEN)}


async def test_ar_039_an_emergency_is_read_told_with_its_text_and_contested(door) -> None:
    record = await door.open()
    assert (await door.deposit(door.document())).status_code == 201
    search = f"/fhir/DocumentReference?patient=Patient/{record}"
    assert code(await door.ask("dr-noir", "GET", search)) == "not_authorised"
    silent = await door.ask("dr-noir", "GET", search, headers={MODE: "bris_de_glace", REASON: "other"})
    assert silent.status_code == 422, "the reason `other` needs its text"

    found = await door.ask("dr-noir", "GET", search, headers=URGENT)
    assert (found.status_code, found.json()["total"]) == (200, 1)
    going_on = await door.ask("dr-noir", "GET", f"/records/{record}/history", headers={MODE: "bris_de_glace"})
    assert going_on.status_code == 200, going_on.text
    assert code(await door.ask("dr-noir", "GET", search)) == "not_authorised", "the mode is said each time"

    told = (await door.ask("patient", "GET", f"/records/{record}/emergencies")).json()["emergencies"]
    assert [(one["professional"], one["reason"], one["text"]) for one in told] == [(NOIR.number, "other", WRITTEN)]
    assert (await door.ask("dr-noir", "GET", f"/records/{record}/emergencies")).status_code == 403

    contested = {"request": told[0]["request"], "professional": NOIR.number, "text": "Je n'étais pas là"}
    opened = await door.ask("patient", "POST", f"/records/{record}/cases", json=contested)
    assert opened.status_code == 201, opened.text
    again = await door.ask("patient", "POST", f"/records/{record}/cases", json=contested)
    assert (again.status_code, again.json()["reasons"]) == (409, ["contested_already"])
    (case,) = (await door.ask("patient", "GET", f"/records/{record}/cases")).json()["cases"]
    assert (case["case"], case["professional"], case["text"]) == (opened.json()["case"], NOIR.number, contested["text"])


async def test_ar_034_centre_15_is_for_who_regulates(door) -> None:
    record = await door.open()
    search = f"/fhir/DocumentReference?patient=Patient/{record}"
    said = {MODE: "centre_15", REASON: "unconscious"}
    refused = await door.ask("dr-noir", "GET", search, headers=said)
    assert refused.status_code == 403
    assert refused.json()["issue"][0]["details"]["coding"][0]["code"] == "emergency_not_served"
