"""Explanations know what stands beside a record: its emergencies, the register of apps, suspended actors."""

import pytest

from services.access_control.repository import Register, Suspensions
from shared.contracts.common import AccessMode
from shared.contracts.record_requests import AgreeApp, AppScope
from tests.integration.access_control.test_app_register import APP, THROUGH, agree, decide, registered, reviewed
from tests.integration.access_control.test_app_register import suspended as app_suspended
from tests.integration.access_control.test_emergencies import urgent
from tests.integration.access_control.test_past import asked, look
from tests.unit.access_control.cast import DOCTOR, OTHER_DOCTOR

pytestmark = pytest.mark.kafka


async def explained(service, record, one, **more):
    answer = (await asked(service, record, "explain", look=one, **more)).json()
    return answer["explained"]["code"]


async def moment(service):
    (row,) = await service.rows("SELECT clock_timestamp() AS now")
    return row["now"].isoformat()


async def test_ar_039_an_emergency_that_goes_on_is_explained_without_another_reason(service):
    record = await service.opened()
    one = look(DOCTOR) | {"mode": AccessMode.EMERGENCY.value}
    before = await moment(service)
    assert await explained(service, record, one) == "emergency_reason_missing"
    await service.ask(record, urgent())
    assert await explained(service, record, one) == "break_glass"
    assert (
        await explained(service, record, look(OTHER_DOCTOR) | {"mode": "bris_de_glace"}) == "emergency_reason_missing"
    )
    assert await explained(service, record, one, at=before) == "emergency_reason_missing"


async def test_ar_062_a_suspended_actor_is_explained_while_the_suspension_holds(service):
    record = await service.opened()
    suspensions = Suspensions(service.runtime.database)
    before = await moment(service)
    await suspensions.suspend(DOCTOR.number, "op", "case")
    meanwhile = await moment(service)
    assert await explained(service, record, look(DOCTOR)) == "actor_suspended"
    standing = await asked(service, record, "standing", DOCTOR)
    assert (standing.status_code, standing.json()["code"]) == (403, "actor_suspended")
    await suspensions.end(DOCTOR.number, "op")
    assert await explained(service, record, look(DOCTOR)) == "not_authorised"
    assert await explained(service, record, look(DOCTOR), at=meanwhile) == "actor_suspended"
    assert await explained(service, record, look(DOCTOR), at=before) == "not_authorised"


async def test_ar_067_the_register_is_known_also_for_what_is_imagined(service):
    record = await service.opened()
    through = look(THROUGH)
    assert await explained(service, record, through) == "app_not_referenced"
    await decide(service, registered, reviewed)
    body = {"app": APP, "scopes": sorted(AppScope)}
    seen = await asked(service, record, "see-as", looks=[through], change={"type": AgreeApp.type_name, "body": body})
    assert seen.json()["change"]["permitted"]
    assert seen.json()["seen"][0]["after"]["code"] == "app"
    await service.ask(record, agree())
    assert await explained(service, record, through) == "app"
    before = await moment(service)
    await decide(service, app_suspended)
    assert await explained(service, record, through) == "app_suspended"
    assert await explained(service, record, through, at=before) == "app"
    assert len(await Register(service.runtime.database).history(APP)) == 3
