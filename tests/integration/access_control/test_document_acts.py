"""Acts on documents and masking by default on the real database: what is loaded for them, kept and told."""

import asyncio
from uuid import UUID, uuid4

import pytest

from services.access_control.repository.contests import Answer, Finding
from shared.contracts import record_documents as on
from shared.contracts.record_deposits import Deposit
from shared.contracts.record_oversight import Contest
from shared.contracts.record_requests import Authorise, Wish
from tests.integration.access_control.conftest import TRAITS, consult
from tests.integration.access_control.test_contests import answering
from tests.integration.access_control.test_relations import CHILD
from tests.unit.access_control.cast import DOCTOR, HOLDER, HOSPITAL, MASKED_TOO, NURSE, OPERATOR, OTHER_OPERATOR

pytestmark = pytest.mark.kafka

DOCUMENT = UUID(int=77)


def mask(actor=HOLDER, **more):
    return on.Mask(actor=actor, document=DOCUMENT, **more)


async def contested(service, record, finding=None, *, document=DOCUMENT, by=OTHER_OPERATOR):
    """A case of the holder's on the deposit of a document, answered or not."""
    case = uuid4()
    await service.ask(record, Contest(actor=HOLDER, case=case, request=document, professional=DOCTOR.number))
    if finding is not None:
        contests, sending = await answering(service)
        await contests.answer(case, Answer(by, finding, "x"), sending)
    return case


async def erased(service, record, case):
    return await service.ask(record, on.Delete(actor=OPERATOR, document=DOCUMENT, case=case))


async def masks(service, record):
    return (await service.call("GET", f"/records/{record}/rights")).json()["masks_by_default"]


async def test_ar_021_an_order_is_told_once_however_often_the_request_comes(service):
    record = await service.opened()
    message = service.message(record, mask(version=2))
    await service.take(message, message)
    await service.take(message)
    (told,) = [one for one in await service.told(record) if "order" in one]
    assert (told["further_act"], told["outcome"], told["document"]) == ("mask", "permit", str(DOCUMENT))
    assert (told["order"]["document"], told["order"]["version"]) == (str(DOCUMENT), 2)
    assert told["order"]["scope"]["masked"] is True
    rows = await service.rows("SELECT act, outcome FROM decision WHERE request = $1", UUID(told["request"]))
    assert [tuple(row) for row in rows] == [("mask", "permit")]


async def test_ar_021_024_an_order_goes_as_far_as_the_rights_that_stand_now(service):
    record = await service.opened()
    own = (await service.ask(record, mask(DOCTOR, at_request=True)))["order"]["scope"]
    assert (own["types"], own["own"], own["own_structure"]) == ([], DOCTOR.number, DOCTOR.structure)
    asked = [
        service.message(record, Authorise(actor=HOLDER, rights_version=0, professional=DOCTOR.number)),
        service.message(record, mask(DOCTOR, at_request=True)),
        service.message(record, on.Unmask(actor=DOCTOR, document=DOCUMENT)),
    ]
    await service.take(*asked)
    *_, masked, unmasked = await service.told(record)
    assert "11502-2" in masked["order"]["scope"]["types"]
    assert (unmasked["outcome"], unmasked["further_reasons"]) == ("deny", ["request_not_recorded"])
    assert (unmasked["document"], "order" in unmasked) == (str(DOCUMENT), False)


@pytest.mark.parametrize(("traits", "outcomes"), [(CHILD, ["permit", "deny"]), (TRAITS, ["deny", "permit"])])
async def test_ar_041_044_what_depends_on_age_is_decided_on_the_day_that_is_stored(service, traits, outcomes):
    record = await service.opened(1, traits=traits)
    hidden = await service.ask(record, on.Hide(actor=HOLDER, document=DOCUMENT))
    for actor in (HOLDER, HOSPITAL):
        body = Deposit(deposit=uuid4(), actor=actor, type_code="EXPPAT_3")
        await service.take(service.message(record, body, "deposits"), lane="deposits")
    told = [one["outcome"] for one in await service.told(record) if one.get("act") == "deposit"]
    assert [hidden["outcome"], *told] == [outcomes[0], outcomes[1], outcomes[1]]


async def test_ar_044_only_advance_directives_cost_a_look_at_the_holders_age(service):
    record = await service.opened(1, traits=CHILD)
    counts = []
    for type_code in ("11502-2", "EXPPAT_1", "EXPPAT_3"):
        service.runtime.database.on_statements = counts.append
        bodies = [Deposit(deposit=uuid4(), actor=actor, type_code=type_code) for actor in (HOLDER, DOCTOR)]
        await service.take(*(service.message(record, body, "deposits") for body in bodies), lane="deposits")
        service.runtime.database.on_statements = None
    # lock and progress, records, the end; for directives the record's key and the holder's traits
    assert [count for count in counts if count > 1] == [4, 4, 6]


@pytest.mark.parametrize(
    ("finding", "reasons"),
    [(Finding.FOUNDED, []), (Finding.UNFOUNDED, ["case_not_approved"]), (None, ["case_not_approved"])],
)
async def test_ar_068_an_operator_erases_by_a_case_that_was_answered_as_founded(service, finding, reasons):
    record, other = await service.opened(1), await service.opened(2)
    case = await contested(service, record, finding)
    told = await erased(service, record, case)
    assert (told["further_reasons"], told["outcome"]) == (reasons, "deny" if reasons else "permit")
    assert ("order" in told, told["case"]) == (not reasons, str(case))
    if not reasons:
        assert (told["order"]["scope"]["masked"], told["order"]["scope"]["withheld"]) == (True, True)
    for record_of, named in ((other, case), (record, uuid4())):
        assert (await erased(service, record_of, named))["further_reasons"] == ["case_unknown"]
    assert (await erased(service, record, None))["further_reasons"] == ["case_needed"]


async def test_ar_068_a_case_is_about_one_document_and_answered_by_somebody_else(service):
    record = await service.opened()
    other = await contested(service, record, Finding.FOUNDED, document=uuid4())
    assert (await erased(service, record, other))["further_reasons"] == ["case_unknown"]
    own = await contested(service, record, Finding.FOUNDED, by=OPERATOR)
    assert (await erased(service, record, own))["further_reasons"] == ["same_operator"]


async def test_ar_068_a_deposit_that_was_decided_here_is_contested_and_erased(service):
    record, deposit = await service.opened(), uuid4()
    fed = service.message(record, Deposit(deposit=deposit, actor=DOCTOR, type_code="11502-2"), "deposits")
    await service.take(fed, lane="deposits")
    case = await contested(service, record, Finding.FOUNDED, document=deposit)
    told = await service.ask(record, on.Delete(actor=OPERATOR, document=deposit, case=case))
    assert (told["outcome"], told["order"]["document"]) == ("permit", str(deposit))


async def test_ar_068_in_the_batch_of_its_contest_an_erasure_waits_for_the_answer(service):
    record, case = await service.opened(), uuid4()
    contest = Contest(actor=HOLDER, case=case, request=DOCUMENT, professional=DOCTOR.number)
    erasing = on.Delete(actor=OPERATOR, document=DOCUMENT, case=case)
    await service.take(*(service.message(record, body) for body in (erasing, contest, erasing)))
    await service.take(service.message(record, erasing))
    told = [one["further_reasons"] for one in await service.told(record) if one.get("further_act") == "delete"]
    assert told == [["case_unknown"], ["case_not_approved"], ["case_not_approved"]]
    assert len(await service.rows("SELECT 1 FROM contest WHERE record = $1", record)) == 1


async def test_ar_068_cases_of_many_records_in_one_batch_are_told_apart(service):
    records = [await service.opened(person) for person in (1, 2, 3)]
    cases = [await contested(service, record, Finding.FOUNDED) for record in records[:2]]
    asked = [(record, case) for record in records for case in cases]
    bodies = [(record, on.Delete(actor=OPERATOR, document=DOCUMENT, case=case)) for record, case in asked]
    messages = [service.message(record, body) for record, body in bodies]
    await service.take(*messages)
    told = {one["request"]: one["outcome"] for one in await service.told() if one.get("further_act") == "delete"}
    headers = [UUID(dict(message.headers)["ce_id"].decode()) for message in messages]
    expected = ["permit" if (record, case) in zip(records, cases, strict=False) else "deny" for record, case in asked]
    assert [told[str(one)] for one in headers] == expected


async def test_acts_cost_what_a_read_costs_and_a_case_one_statement_more(service):
    record = await service.opened()
    case = await contested(service, record, Finding.FOUNDED)
    await service.ask(record, Authorise(actor=HOLDER, rights_version=0, professional=DOCTOR.number))
    counts = []
    service.runtime.database.on_statements = counts.append
    for size in (1, 20):
        await service.take(*(service.message(record, consult(DOCTOR)) for _ in range(size)))
        await service.take(*(service.message(record, mask(DOCTOR, at_request=True)) for _ in range(size)))
        erasing = on.Delete(actor=OPERATOR, document=DOCUMENT, case=case)
        await service.take(*(service.message(record, erasing) for _ in range(size)))
    assert counts == [8, 8, 9] * 2


async def test_ar_025_the_choice_is_kept_whatever_else_changes(service):
    record = await service.opened()
    assert await masks(service, record) is False
    told = await service.ask(record, on.MaskByDefault(actor=HOLDER, rights_version=0, masked=True))
    assert (told["outcome"], told["further_act"]) == ("permit", "mask_by_default")
    (event,) = [one for one in await service.told(record) if one.get("act") == "mask_by_default"]
    assert (event["state"], event["rights_version"]) == ("masked", 1)
    await service.ask(record, Wish(actor=HOLDER, rights_version=1, wishes=MASKED_TOO))
    unreadable = service.message(record, b"{", kind=on.Mask.type_name)
    await service.take(unreadable)  # holds the record
    rights = (await service.call("GET", f"/records/{record}/rights")).json()
    assert (rights["state"], rights["masks_by_default"]) == ("held", True)


async def test_ar_025_repeats_choose_once_and_a_second_choice_on_the_same_rights_is_a_conflict(service):
    record = await service.opened()
    chosen = service.message(record, on.MaskByDefault(actor=HOLDER, rights_version=0, masked=True))
    other = service.message(record, on.MaskByDefault(actor=HOLDER, rights_version=0, masked=False))
    await asyncio.gather(service.take(chosen, chosen), service.take(chosen, other))
    told = await service.told(record)
    assert len([one for one in told if one.get("act") == "mask_by_default"]) == 1
    outcomes = {one["request"]: one for one in told if one.get("further_act") == "mask_by_default"}
    assert sorted(one["outcome"] for one in outcomes.values()) == ["deny", "permit"]
    assert await masks(service, record) is True


async def test_ar_018_what_cannot_be_read_of_an_act_that_takes_sight_away_holds_the_record(service):
    for person, (body, held) in enumerate(((on.Withhold, True), (on.Announce, False)), 1):
        record = await service.opened(person)
        await service.ask(record, Authorise(actor=HOLDER, rights_version=0, professional=NURSE.number))
        await service.take(service.message(record, b"{", kind=body.type_name))
        assert ((await service.consult(record, NURSE))["outcome"] == "deny") is held
