"""A secret connection is a minor's, decided on the day of majority as it is stored (AR-042)."""

import pytest

from shared.contracts.record_requests import Authorise, ConsentSession
from tests.integration.access_control.test_lanes import deposit
from tests.integration.access_control.test_relations import CHILD
from tests.unit.access_control.cast import DOCTOR, HOLDER, NURSE, changed

pytestmark = pytest.mark.kafka
SECRET = changed(DOCTOR, secret=True)


@pytest.mark.parametrize(("traits", "reasons"), [(CHILD, ["session_consent"]), (None, ["not_a_minor"])])
async def test_ar_042_a_secret_connection_is_a_minors(service, traits, reasons):
    record = await service.opened(1, **({"traits": traits} if traits else {}))
    consented = await service.ask(record, ConsentSession(actor=SECRET, rights_version=0))
    assert consented["outcome"] == ("permit" if traits else "deny")
    told = await service.consult(record, SECRET)
    assert told.get("further_reasons") == reasons
    await service.take(service.message(record, deposit(SECRET), "deposits"), lane="deposits")
    fed = [one for one in await service.told(record) if one.get("act") == "deposit"]
    assert [one["outcome"] for one in fed] == ["permit" if traits else "deny"]
    authorise = Authorise(actor=changed(HOLDER, secret=True), rights_version=1, professional=NURSE.number)
    assert (await service.ask(record, authorise))["outcome"] == ("permit" if traits else "deny")
