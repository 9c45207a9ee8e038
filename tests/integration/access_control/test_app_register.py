"""The register of apps on the real database, by command, seen by every process at the next decision."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest
from typer.testing import CliRunner

from services.access_control.commands import app as verb
from services.access_control.commands import console
from services.access_control.domain.register import AppState, Entry, register, review, suspend
from services.access_control.repository import Register
from shared.contracts.common import Owner
from shared.contracts.record_deposits import Deposit
from shared.contracts.record_requests import AgreeApp, AppScope, Consult
from tests.integration.access_control.conftest import composed
from tests.support.system import fresh_database
from tests.unit.access_control.cast import HOLDER, changed

pytestmark = pytest.mark.kafka

APP = "app-sommeil"
THROUGH = changed(HOLDER, app=APP)
ALL = frozenset(AppScope)
ASKED = Entry(APP, AppState.REGISTERED, "Sommeil", ALL, None, "op")


def agree(version=0, scopes=ALL):
    return AgreeApp(actor=HOLDER, rights_version=version, app=APP, scopes=scopes)


def reading():
    return Consult(actor=THROUGH, owner=Owner.DOCUMENT, deadline=datetime.now(UTC) + timedelta(seconds=10))


async def decide(service, *decisions):
    entries = Register(service.runtime.database)
    for decision in decisions:
        await entries.decide(APP, decision)


def registered(last):
    return register(last, ASKED)


def reviewed(last):
    return review(APP, last, "op", "")


def suspended(last):
    return suspend(APP, last, "op", "leaks")


async def read(service, record):
    return (await service.ask(record, reading()))["further_reasons"]


async def carnet(service, tmp_path, *arguments):
    settings = service.runtime.settings
    environment = {"CARNET_DATABASE_URL": settings.database_url, "CARNET_KEYS_DIR": str(settings.keys_dir)}
    console.out.width = 240  # whatever terminal the tests run in
    result = await asyncio.to_thread(CliRunner().invoke, verb, [*map(str, arguments)], env=environment)
    return result.exit_code, result.output


async def test_ar_067_each_step_counts_at_the_next_decision(service):
    record = await service.opened()
    await decide(service, registered)
    assert (await service.ask(record, agree()))["further_reasons"] == ["app_not_referenced"]
    await decide(service, reviewed)
    assert (await service.ask(record, agree()))["outcome"] == "permit"
    assert await read(service, record) == ["app"]
    await decide(service, suspended)
    assert await read(service, record) == ["app_suspended"]
    await decide(service, reviewed)
    assert await read(service, record) == ["app"], "what holders agreed is kept"
    await decide(service, lambda last: register(last, Entry(APP, AppState.REGISTERED, "S", ALL, None, "op")))
    assert await read(service, record) == ["app_not_referenced"]


async def test_ar_067_another_process_denies_at_its_next_decision(system, tmp_path):
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    async with (
        fresh_database(system, service="access_control") as url,
        composed(folders[0], system, url) as one,
        composed(folders[1], system, url) as two,
    ):
        record = await one.opened()
        await decide(one, registered, reviewed)
        assert (await one.ask(record, agree()))["outcome"] == "permit"
        assert await read(two, record) == ["app"]
        await decide(one, suspended)
        for process in (two, one):
            assert await read(process, record) == ["app_suspended"]


async def test_ar_067_an_agreement_is_no_wider_than_the_register_even_later(service):
    record = await service.opened()
    await decide(service, registered, reviewed)
    await service.ask(record, agree())
    narrow = Entry(APP, AppState.REGISTERED, "Sommeil", frozenset({AppScope.READ_HISTORY}), None, "op")
    await decide(service, lambda last: register(last, narrow), reviewed)
    assert await read(service, record) == ["app_not_referenced"]
    assert (await service.ask(record, agree(1)))["further_reasons"] == ["scope_too_wide"]


async def test_ar_067_deposits_ask_the_register_too(service):
    record = await service.opened()
    await decide(service, registered, reviewed)
    await service.ask(record, agree())
    for decision, outcome in ((suspended, "deny"), (reviewed, "permit")):
        await decide(service, decision)
        body = Deposit(deposit=uuid4(), actor=THROUGH, type_code="11502-2")
        await service.take(service.message(record, body, "deposits"), lane="deposits")
        assert (await service.told(record))[-1]["outcome"] == outcome


async def test_ar_067_one_statement_however_many_apps_and_none_without(service):
    record = await service.opened()
    counts = []
    service.runtime.database.on_statements = counts.append
    for apps in (["a"], [f"a{number}" for number in range(30)], [None]):
        await service.take(
            *(service.message(record, reading().model_copy(update={"actor": changed(HOLDER, app=app)})) for app in apps)
        )
    one, many, none = counts
    assert (one, many) == (9, 9)
    assert none == 8, "the register is not asked"


async def test_ar_067_entries_are_kept(service):
    await decide(service, registered, reviewed, suspended)
    for statement in ("UPDATE app_register SET state = 'reviewed'", "DELETE FROM app_register"):
        with pytest.raises(asyncpg.RaiseError, match="never changed or removed"):
            await service.rows(statement)
    history = await Register(service.runtime.database).history(APP)
    assert [entry.state for entry in history] == ["registered", "reviewed", "suspended"]


async def test_ar_067_two_operators_take_turns(service):
    await decide(service, registered)
    await asyncio.gather(*(decide(service, decision) for decision in [reviewed, suspended] * 4))
    history = await Register(service.runtime.database).history(APP)
    assert len(history) == 9


async def test_the_verbs(service, tmp_path):
    assert "No app is registered" in (await carnet(service, tmp_path, "list"))[1]
    code, said = await carnet(
        service, tmp_path, "register", APP, "--name", "Sommeil", "--scope", "documents.read", "--by", "ana"
    )
    assert (code, "denied until" in said) == (0, True)
    assert (await carnet(service, tmp_path, "suspend", APP))[0] == 1
    for arguments in (("review", APP, "--by", "ben"), ("suspend", APP, "--why", "leaks"), ("review", APP)):
        assert (await carnet(service, tmp_path, *arguments))[0] == 0
    code, said = await carnet(service, tmp_path, "list")
    assert (code, "reviewed" in said, "documents.read" in said) == (0, True, True)
    code, said = await carnet(service, tmp_path, "list", APP)
    assert [word in said for word in ("ana", "ben", "leaks", "registered", "suspended")] == [True] * 5
    assert (await carnet(service, tmp_path, "list", "nobody"))[0] == 1
    for wrong in (
        ("register", APP, "--name", "S", "--scope", "everything"),
        ("register", APP, "--name", "S"),
    ):
        assert (await carnet(service, tmp_path, *wrong))[0] == 2
    code, said = await carnet(
        service, tmp_path, "register", APP, "--name", "S", "--scope", "documents.read", "--type", "no-type"
    )
    assert (code, "no document type" in said) == (1, True)
