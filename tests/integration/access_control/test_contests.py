"""Contested accesses and suspended actors on the real database, and the verbs by which an operator answers."""

import asyncio
from uuid import UUID, uuid4

import pytest
from typer.testing import CliRunner

from services.access_control.commands import actor as actor_verb
from services.access_control.commands import case as case_verb
from services.access_control.commands import console
from services.access_control.repository import Contests, Sending, Suspensions
from services.access_control.repository.contests import Answer, Finding
from shared.contracts.record_deposits import Deposit
from shared.contracts.record_oversight import Contest
from shared.contracts.record_requests import Authorise
from shared.database.record_keys import RecordKeys
from tests.integration.access_control.conftest import TRAITS, composed, consult
from tests.integration.access_control.test_relations import CHILD
from tests.support.system import fresh_database
from tests.unit.access_control.cast import DOCTOR, HOLDER, HOSPITAL, NURSE, OPERATOR

pytestmark = pytest.mark.kafka

ANSWER = "Accès non justifié, canari-0815"


def contest(request, case=None, **more):
    return Contest(actor=HOLDER, case=case or uuid4(), request=request, structure=DOCTOR.structure, **more)


async def read_by_the_doctor(service, person=1):
    """A record that the doctor has read; gives it, and the request."""
    record = await service.opened(person)
    await service.ask(record, Authorise(actor=HOLDER, rights_version=0, professional=DOCTOR.number))
    return record, UUID((await service.consult(record, DOCTOR))["request"])


async def shown(service, record):
    return (await service.call("GET", f"/records/{record}/cases")).json()["cases"]


async def carnet(service, verb, *arguments):
    settings = service.runtime.settings
    environment = {"CARNET_DATABASE_URL": settings.database_url, "CARNET_KEYS_DIR": str(settings.keys_dir)}
    console.out.width = 240  # whatever terminal the tests run in
    result = await asyncio.to_thread(CliRunner().invoke, verb, [*map(str, arguments)], env=environment)
    return result.exit_code, result.output


async def answering(service):
    database = service.runtime.database
    return Contests(database, RecordKeys(service.runtime.keys)), await Sending.of(database)


async def test_ar_062_a_case_is_kept_with_the_professional_who_was_decided_on(service):
    record, request = await read_by_the_doctor(service)
    told = await service.ask(record, contest(request, professional=NURSE.number))
    assert (told["outcome"], told["further_act"]) == ("permit", "contest")
    (opened,) = [one for one in await service.told(record) if "due" in one]
    assert opened["professional"] == DOCTOR.number, "not whom the request names"
    (case,) = await shown(service, record)
    assert (case["case"], case["professional"], case["structure"]) == (
        opened["case"],
        DOCTOR.number,
        DOCTOR.structure,
    )
    assert case["due"] == opened["due"]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("actor", [DOCTOR, HOSPITAL, HOLDER])
async def test_ar_062_an_access_contested_right_behind_it_is_known_as_any_other(service, together, actor):
    """Whether both stand in one batch or not: who was decided on counts, be he permitted or not."""
    record, other = await service.opened(1), await service.opened(2)
    request, ahead = uuid4(), uuid4()
    asked = [
        service.message(record, consult(actor), identity=request),
        service.message(record, contest(request, professional=NURSE.number)),
        service.message(other, contest(request, professional=NURSE.number)),
        service.message(record, contest(ahead, professional=NURSE.number)),
        service.message(record, consult(DOCTOR), identity=ahead),
    ]
    for batch in [asked] if together else [[one] for one in asked]:
        await service.take(*batch)
    known = {case["request"]: case["professional"] for case in await shown(service, record)}
    by_whom = DOCTOR.number if actor is DOCTOR else NURSE.number
    assert known == {str(request): by_whom, str(ahead): NURSE.number}
    assert await shown(service, other) == []


@pytest.mark.parametrize(("traits", "secret"), [(CHILD, True), (TRAITS, False)])
async def test_ar_042_a_minors_own_case_is_kept_as_such_by_the_day_that_is_stored(service, traits, secret):
    record = await service.opened(1, traits=traits)
    await service.ask(record, contest(uuid4(), professional=DOCTOR.number))
    (case,) = await shown(service, record)
    assert (case["secret"], case["by_representative"]) == (secret, False)


async def test_ar_062_repeats_open_one_case(service):
    record, request = await read_by_the_doctor(service)
    message = service.message(record, contest(request))
    body = contest(request)
    await service.take(message)
    await service.take(message, message, service.message(record, body), service.message(record, body))
    assert len(await shown(service, record)) == 1
    reasons = [one["further_reasons"] for one in await service.told(record) if "contested_already" in str(one)]
    assert reasons == [["contested_already"]] * 2


async def test_ar_062_an_access_of_another_record_is_not_contestable(service):
    record, request = await read_by_the_doctor(service)
    other = await service.opened(2)
    told = await service.ask(other, contest(request, professional=DOCTOR.number))
    assert told["further_reasons"] == ["trace_unknown"]
    case = uuid4()
    await service.ask(record, contest(request, case))
    told = await service.ask(other, contest(uuid4(), case, professional=DOCTOR.number))
    assert told["further_reasons"] == ["trace_unknown"]
    assert await shown(service, other) == []


async def test_ar_062_statements_do_not_grow_with_cases(service):
    record = await service.opened()
    counts = []
    service.runtime.database.on_statements = counts.append
    for size in (1, 40):
        await service.take(
            *(service.message(record, contest(uuid4(), professional=DOCTOR.number)) for _ in range(size))
        )
    # lock, progress, done, cases, rights, relations, records, save of records and cases, decisions, the end
    assert counts == [11, 11]


async def test_ar_061_the_holder_reads_what_was_written_and_answered(service):
    record, request = await read_by_the_doctor(service)
    case = uuid4()
    await service.call("PUT", f"/records/{record}/texts/{case}", {"text": "Je ne connais pas ce médecin"})
    await service.ask(record, contest(request, case))
    code, said = await carnet(service, case_verb, "list")
    assert (code, str(case) in said, "waiting" in said, DOCTOR.number in said) == (0, True, True, True)
    code, said = await carnet(service, case_verb, "answer", case, "--founded", "--text", ANSWER, "--by", "ana")
    assert (code, "Answered" in said) == (0, True), said
    (view,) = await shown(service, record)
    assert (view["text"], view["answer"], view["finding"]) == ("Je ne connais pas ce médecin", ANSWER, "founded")
    told = (await service.told(record))[-1]
    assert (told["case"], told["finding"], told["actor"]["number"]) == (str(case), "founded", "ana")
    assert "suspended" not in told
    assert "canari" not in str(await service.told())
    stored = await service.rows("SELECT answer FROM contest")
    assert b"canari" not in stored[0]["answer"]
    assert (await service.consult(record, DOCTOR))["outcome"] == "permit", "nobody was suspended"


async def test_ar_062_an_answer_is_given_once(service):
    record, request = await read_by_the_doctor(service)
    case = uuid4()
    await service.ask(record, contest(request, case))
    contests, sending = await answering(service)
    given = Answer(OPERATOR, Finding.UNFOUNDED, "Non")
    answers = await asyncio.gather(*(contests.answer(case, given, sending) for _ in range(3)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in answers) == ["AnswerError", "AnswerError", "NoneType"]
    assert (await carnet(service, case_verb, "answer", case, "--unfounded", "--text", "Non"))[0] == 1
    assert len([one for one in await service.told(record) if "finding" in one]) == 1
    assert (await carnet(service, case_verb, "answer", uuid4(), "--founded", "--text", "x"))[0] == 1
    wrong = await carnet(service, case_verb, "answer", case, "--unfounded", "--suspend", "--text", "x")
    assert wrong[0] == 2


async def test_ar_062_an_answer_may_suspend_at_once(service):
    record, request = await read_by_the_doctor(service)
    case = uuid4()
    await service.ask(record, contest(request, case))
    code, _ = await carnet(
        service, case_verb, "answer", case, "--founded", "--suspend", "--text", ANSWER, "--by", "ana"
    )
    assert code == 0
    assert (await service.told(record))[-1]["suspended"] == DOCTOR.number
    assert (await service.consult(record, DOCTOR))["further_reasons"] == ["actor_suspended"]
    assert DOCTOR.number in (await carnet(service, actor_verb, "list"))[1]
    assert (await carnet(service, actor_verb, "readmit", DOCTOR.number))[0] == 0
    assert (await service.consult(record, DOCTOR))["outcome"] == "permit", "what the holder decided counts again"


async def test_ar_062_a_case_that_is_late_and_what_structures_have_had(service):
    record, request = await read_by_the_doctor(service)
    other, another = await read_by_the_doctor(service, 2)
    late, founded = uuid4(), uuid4()
    await service.ask(record, contest(request, late))
    await service.ask(other, contest(another, founded))
    await service.rows("UPDATE contest SET due = due - interval '31 days' WHERE id = $1", late)
    await carnet(service, case_verb, "answer", founded, "--founded", "--suspend", "--text", "x")
    code, said = await carnet(service, case_verb, "list")
    assert (code, "OVERDUE" in said, str(founded) in said) == (0, True, False)
    code, said = await carnet(service, case_verb, "structures")
    counted = next(line.split() for line in said.splitlines() if line.startswith(DOCTOR.structure))
    assert counted == [DOCTOR.structure, "2", "1", "1", "1", "1"]


async def test_ar_062_every_process_denies_a_suspended_actor_at_its_next_decision(system, tmp_path):
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    async with (
        fresh_database(system, service="access_control") as url,
        composed(folders[0], system, url) as one,
        composed(folders[1], system, url) as two,
    ):
        record, _ = await read_by_the_doctor(one)
        suspensions = Suspensions(one.runtime.database)
        for _ in range(2):
            assert await suspensions.suspend(DOCTOR.number, "ana", "x")
            assert not await suspensions.suspend(DOCTOR.number, "ana", "x")
            for process in (two, one):
                told = await process.consult(record, DOCTOR)
                assert told["further_reasons"] == ["actor_suspended"]
            assert (await two.consult(record, HOLDER))["outcome"] == "permit"
            assert await suspensions.end(DOCTOR.number, "ben")
            assert (await two.consult(record, DOCTOR))["outcome"] == "permit"
        assert len(await suspensions.listed(ended=True)) == 2
        assert await suspensions.listed() == []


async def test_ar_062_deposits_of_a_suspended_structure_are_refused_and_cost_no_statement(service):
    record = await service.opened()
    counts = []
    for suspended, outcome in ((False, "permit"), (True, "deny")):
        if suspended:
            await Suspensions(service.runtime.database).suspend(HOSPITAL.number, "ana", "x")
        service.runtime.database.on_statements = counts.append
        for actor in (HOSPITAL, DOCTOR):
            body = Deposit(deposit=uuid4(), actor=actor, type_code="11502-2")
            await service.take(service.message(record, body, "deposits"), lane="deposits")
            assert (await service.told(record))[-1]["outcome"] == outcome
        service.runtime.database.on_statements = None
    assert [count for count in counts if count > 1] == [4, 4, 4, 4]


async def test_the_verbs_of_suspensions(service):
    assert "Nobody is suspended" in (await carnet(service, actor_verb, "list"))[1]
    assert (await carnet(service, actor_verb, "readmit", "8"))[0] == 1
    assert (await carnet(service, actor_verb, "suspend", "8"))[0] == 2
    assert (await carnet(service, actor_verb, "suspend", "8", "--why", "test"))[0] == 0
    assert (await carnet(service, actor_verb, "suspend", "8", "--why", "test"))[0] == 1
    assert (await carnet(service, actor_verb, "readmit", "8"))[0] == 0
    code, said = await carnet(service, actor_verb, "list", "--all")
    assert (code, "test" in said) == (0, True)
    assert "No case waits" in (await carnet(service, case_verb, "list"))[1]
    assert "Nobody has contested" in (await carnet(service, case_verb, "structures"))[1]


async def test_the_cases_of_a_record_that_is_gone_are_gone(service):
    record, request = await read_by_the_doctor(service)
    await service.ask(record, contest(request))
    await service.rows("DELETE FROM record_key WHERE record = $1", record)
    assert (await service.call("GET", f"/records/{record}/cases")).status_code == 404
    (row,) = await service.rows("SELECT id FROM contest")
    code, said = await carnet(service, case_verb, "answer", row["id"], "--founded", "--text", "x")
    assert (code, "being deleted" in said) == (1, True)
    assert (await service.rows("SELECT answered_at FROM contest"))[0]["answered_at"] is None


async def test_a_read_is_not_slower_for_who_is_not_suspended(service):
    """The same statements as ever: who is suspended is read with the records."""
    record, _ = await read_by_the_doctor(service)
    await Suspensions(service.runtime.database).suspend(NURSE.number, "ana", "x")
    counts = []
    service.runtime.database.on_statements = counts.append
    await service.take(*(service.message(record, consult(DOCTOR)) for _ in range(20)))
    await service.take(*(service.message(record, consult(NURSE)) for _ in range(20)))
    assert counts == [8, 8]
