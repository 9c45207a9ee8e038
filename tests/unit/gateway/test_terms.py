"""On which terms somebody reads: what is said is asked for, what is no word of a list is refused (AR-049, AR-064)."""

import pytest

from services.gateway.api.terms import PURPOSE, SPOKEN
from shared.contracts.record_requests import SpokenConsent


def every_read(world, entry):
    record = world.alice_record
    return (
        f"/fhir/DocumentReference?patient=Patient/{record}",
        f"/fhir/Binary/{record.hex}{entry.document.hex}",
        f"/records/{record}/history",
        f"/fhir/AuditEvent?patient=Patient/{record}",
    )


async def test_ar_049_064_every_read_says_its_purpose_and_what_was_spoken(http, world, as_, entry) -> None:
    for path in every_read(world, entry):
        answer = await http.get(path, headers=as_("firefighter") | {PURPOSE: "research", SPOKEN: "vital_risk"})
        assert answer.status_code == 200, answer.text
    said = {(asked.purpose, asked.consent, asked.actor.capacity) for _, asked in world.requests}
    assert said == {("research", SpokenConsent.VITAL_RISK, "firefighter_doctor")}
    assert len(world.requests) == 4


async def test_ar_049_064_without_a_word_it_is_care_and_nothing_was_spoken(http, world, as_, entry) -> None:
    for path in every_read(world, entry):
        await http.get(path, headers=as_("dr-roux"))
    assert {(asked.purpose, asked.consent) for _, asked in world.requests} == {("care", None)}


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ([(PURPOSE, "")], "unreadable_purpose"),
        ([(PURPOSE, "my own")], "unreadable_purpose"),
        ([(PURPOSE, "care"), (PURPOSE, "research")], "doubled_header"),
        ([(SPOKEN, "yes")], "unknown_consent"),
        ([(SPOKEN, "holder"), (SPOKEN, "holder")], "doubled_header"),
    ],
)
async def test_what_is_no_word_is_refused_and_asks_nothing(http, world, as_, entry, said, code) -> None:
    for path in every_read(world, entry):
        answer = await http.get(path, headers=[*as_("firefighter").items(), *said])
        assert answer.status_code == 422
        assert code in answer.text
    assert world.requests == []
