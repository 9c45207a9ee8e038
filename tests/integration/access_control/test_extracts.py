"""Cases of heirs and court experts on the real database: kept once, answered once, taken once (AR-058, AR-065)."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from services.access_control.repository import deletions
from shared.contracts.common import Owner
from shared.contracts.http_extracts import ExtractsView
from shared.contracts.record_extracts import AnswerExtract, ExtractKind, ExtractPurpose, OpposeHeirs, RequestExtract
from shared.contracts.record_requests import Consult, Decease
from tests.unit.access_control.cast import HOLDER, OPERATOR, OTHER_OPERATOR

pytestmark = pytest.mark.kafka

PAPER = "Notaire CANARI, acte de notoriété 2026-113"
SINCE, UNTIL = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)


def request(case, actor=OPERATOR, **more):
    told = {"kind": ExtractKind.HEIR, "purpose": ExtractPurpose.RIGHTS, "types": {"11488-4", "34112-3"}} | more
    return RequestExtract(actor=actor, case=case, **told)


def answer(case, actor=OTHER_OPERATOR, *, accepted=True, taken=0):
    return AnswerExtract(actor=actor, case=case, accepted=accepted, taken=taken)


def take(case, actor=OPERATOR):
    deadline = datetime.now(UTC) + timedelta(seconds=10)
    return Consult(actor=actor, owner=Owner.DOCUMENT, deadline=deadline, case=case)


async def deceased(service, person=1):
    record = await service.opened(person)
    await service.ask(record, Decease(actor=OPERATOR))
    return record


async def papers(service, record, text=PAPER):
    case = uuid4()
    assert (await service.call("PUT", f"/records/{record}/texts/{case}", {"text": text})).status_code == 204
    return case


async def case_of(service, record, **more):
    """An open case on a record."""
    case = await papers(service, record)
    told = await service.ask(record, request(case, **more))
    assert told["outcome"] == "permit", told
    return case


async def shown(service, **more):
    listed = await service.call("GET", "/extracts?refused=true" if more else "/extracts")
    return {one.case: one for one in ExtractsView.model_validate_json(listed.content).cases}


async def paper_of(service, case):
    return await service.call("POST", f"/extracts/{case}/paper", {"reader": OTHER_OPERATOR.model_dump(mode="json")})


async def test_ar_065_a_case_is_kept_with_its_papers_which_no_topic_has(service):
    record = await deceased(service)
    case = await case_of(service, record, since=SINCE, until=UNTIL)
    one = (await shown(service))[case]
    assert (one.record, one.kind, one.purpose, one.state, one.taken) == (record, "heir", "rights", "waiting", 0)
    assert (one.types, one.since, one.until) == ({"11488-4", "34112-3"}, SINCE, UNTIL)
    assert (await paper_of(service, case)).json() == {"paper": PAPER}
    told = await service.told(record)
    (changed,) = [one for one in told if one.get("state") == "waiting"]
    assert (changed["act"], changed["case"], changed["actor"]["number"]) == ("request_extract", str(case), "operator-1")
    (read,) = [one for one in told if "subject" in one]
    assert (read["subject"], read["actor"]["number"]) == (str(case), "operator-2"), "who read it is traced"
    assert (await paper_of(service, uuid4())).status_code == 404
    assert "CANARI" not in json.dumps(told)
    (stored,) = await service.rows("SELECT text FROM written WHERE subject = $1", case)
    assert b"CANARI" not in stored["text"]


async def test_ar_065_without_papers_or_with_those_of_another_record_there_is_no_case(service):
    record, other = await deceased(service), await deceased(service, 2)
    for case in (uuid4(), await papers(service, other)):
        assert (await service.ask(record, request(case)))["further_reasons"] == ["paper_missing"]
    assert await shown(service) == {}


async def test_ar_065_from_the_case_to_one_extract_and_no_second(service):
    record = await deceased(service)
    case = await case_of(service, record, since=SINCE, until=UNTIL)
    assert (await service.ask(record, take(case)))["further_reasons"] == ["case_not_approved"]
    assert (await service.ask(record, answer(case, OPERATOR)))["further_reasons"] == ["same_operator"]
    assert (await service.ask(record, answer(case)))["outcome"] == "permit"
    assert (await shown(service))[case].state == "approved"
    assert (await service.ask(record, take(case, OTHER_OPERATOR)))["further_reasons"] == ["case_unknown"]

    told = await service.ask(record, take(case))
    assert (told["outcome"], told["further_reasons"], told["case"]) == ("permit", ["extract_approved"], str(case))
    permit = service.permits.verify(told["permit"])
    assert (permit.extract.case, permit.extract.since, permit.extract.until) == (case, SINCE, UNTIL)
    assert (permit.scope.types, permit.scope.masked, permit.scope.withheld) == ({"11488-4", "34112-3"}, False, False)

    assert (await service.ask(record, take(case)))["further_reasons"] == ["case_not_approved"]
    assert (await service.ask(record, answer(case)))["further_reasons"] == ["extract_taken"], (
        "the first approval, sent again"
    )
    assert (await service.ask(record, answer(case, taken=1)))["outcome"] == "permit"
    assert (await service.ask(record, take(case)))["outcome"] == "permit"
    assert (await shown(service))[case].taken == 2


async def test_ar_065_all_of_it_in_one_batch_is_decided_in_its_order(service):
    record = await deceased(service)
    case = await papers(service, record)
    bodies = (request(case), answer(case), take(case), take(case), answer(case, accepted=False), answer(case, taken=1))
    before = len(await decisions(service, record))
    await service.take(*(service.message(record, body) for body in bodies))
    assert (await decisions(service, record))[before:] == ["permit", "permit", "permit", "deny", "permit", "deny"]
    (one,) = (await shown(service, refused=True)).values()
    assert (one.state, one.taken) == ("refused", 1)
    assert await shown(service) == {}


async def decisions(service, record):
    return [one["outcome"] for one in await service.told(record) if "outcome" in one]


async def test_ar_065_what_comes_twice_happens_once(service):
    record = await deceased(service)
    case = await papers(service, record)
    asked = [service.message(record, body) for body in (request(case), answer(case), take(case))]
    for batch in ([asked[0], asked[0]], asked, asked, [asked[2]]):
        await service.take(*batch)
    permits = [one for one in await service.told(record) if "permit" in one]
    assert (len(permits), (await shown(service))[case].taken) == (1, 1)


async def test_ar_065_who_takes_many_times_at_once_takes_one(service):
    record = await deceased(service)
    case = await case_of(service, record)
    await service.ask(record, answer(case))
    await asyncio.gather(*(service.take(service.message(record, take(case))) for _ in range(4)), return_exceptions=True)
    taken = (await shown(service))[case].taken
    assert taken == len([one for one in await service.told(record) if "permit" in one]) == 1


async def test_ar_065_what_is_rolled_back_used_nothing_up(service):
    """A fault in the transaction denies, and the approval is still there."""
    record = await deceased(service)
    case = await case_of(service, record)
    await service.ask(record, answer(case))
    await service.rows("ALTER TABLE extract_case ADD CONSTRAINT broken CHECK (taken < 1)")
    assert (await service.ask(record, take(case)))["reasons"] == ["internal_error"]
    assert ((await shown(service))[case].state, (await shown(service))[case].taken) == ("approved", 0)
    await service.rows("ALTER TABLE extract_case DROP CONSTRAINT broken")
    assert (await service.ask(record, take(case)))["outcome"] == "permit"


async def test_ar_058_what_the_holder_decided_holds_when_he_is_dead(service):
    record = await service.opened()
    told = await service.ask(record, OpposeHeirs(actor=HOLDER, rights_version=0, opposed=True))
    assert told["outcome"] == "permit"
    assert (await service.call("GET", f"/records/{record}/rights")).json()["heirs_opposed"] is True
    await service.ask(record, Decease(actor=OPERATOR))
    assert (await service.ask(record, request(await papers(service, record))))["further_reasons"] == ["heirs_opposed"]
    expert = {"kind": ExtractKind.COURT_EXPERT, "purpose": ExtractPurpose.COURT_MISSION}
    assert (await service.ask(record, request(await papers(service, record), **expert)))["outcome"] == "permit"


async def test_ar_058_a_death_that_is_taken_back_ends_what_was_approved(service):
    record = await deceased(service)
    case = await case_of(service, record)
    await service.ask(record, answer(case))
    await service.ask(record, Decease(actor=OPERATOR, undone=True))
    assert (await service.ask(record, take(case)))["further_reasons"] == ["holder_alive"]
    assert (await shown(service))[case].taken == 0


async def test_ar_065_a_case_of_another_record_is_unknown(service):
    record, other = await deceased(service), await deceased(service, 2)
    case = await case_of(service, record)
    await service.ask(record, answer(case))
    for body in (request(case), answer(case), take(case)):
        assert (await service.ask(other, body))["further_reasons"] == ["case_unknown"]


async def test_ar_065_statements_do_not_grow_with_cases_and_other_reads_pay_nothing(service):
    record = await deceased(service)
    counts: list[int] = []
    cases: list[UUID] = [await papers(service, record) for _ in range(21)]
    plain = Consult(actor=HOLDER, owner=Owner.DOCUMENT, deadline=datetime.now(UTC) + timedelta(seconds=10))
    service.runtime.database.on_statements = counts.append
    await service.take(service.message(record, request(cases[0])))
    await service.take(*(service.message(record, request(case)) for case in cases[1:]))
    await service.take(*(service.message(record, answer(case)) for case in cases[:1]))
    await service.take(*(service.message(record, answer(case)) for case in cases[1:]))
    await service.take(service.message(record, plain))
    await service.take(service.message(record, plain.model_copy(update={"case": cases[0], "actor": OPERATOR})))
    service.runtime.database.on_statements = None
    one, many, answered, all_answered, without, taken = counts
    assert (one, answered) == (many, all_answered)
    assert taken == without + 2, "the case, read and kept"


async def test_ar_055_nothing_is_left_of_a_case_when_the_record_is_deleted(service):
    record = await deceased(service)
    await case_of(service, record)
    async with service.runtime.database.transaction() as tx:
        await tx.execute(deletions._FORGET, [record])
    assert await service.rows("SELECT FROM extract_case") == []
