"""`python -m services.NAME parked …`, as an operator runs it beside a service: on its database, without its broker."""

import asyncio
import os
import sys
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from aiokafka import ConsumerRecord

from shared.contracts.access_decisions import RecordOpened
from shared.contracts.common import Actor, ActorKind
from shared.contracts.envelope import Envelope, to_headers
from shared.contracts.reasons import Reason
from shared.contracts.topics import ACCESS_DECISIONS
from shared.database import Database
from shared.database.migrations import upgrade
from shared.messaging import keep_days, partition_of, prepare_tables
from shared.messaging._decode import Fault, identity_of
from shared.messaging.parked import ParkedRow, park
from shared.runtime import Runtime
from shared.security import new_key
from shared.settings import ServiceSettings
from tests.support import toy
from tests.support.system import PARTITIONS, System, fresh_database, opened

BY = ("--why", "the bug is mended", "--by", "op-1")


def opening(offset: int) -> ConsumerRecord:
    """A record is opened; the toy tells that it was consulted."""
    key = str(uuid4())
    envelope = Envelope(uuid4(), RecordOpened.type_name, "access_control", datetime.now(UTC), uuid4(), None, 1)
    value = RecordOpened(actor=Actor(kind=ActorKind.PATIENT)).model_dump_json().encode()
    place = partition_of(key, PARTITIONS)
    headers = tuple(to_headers(envelope))
    return ConsumerRecord(ACCESS_DECISIONS, place, offset, 0, 0, key.encode(), value, None, 0, 0, headers)


@pytest.fixture
async def place(system: System, tmp_path):
    """The toy's database with two messages parked by a bug, and its settings."""
    async with fresh_database(system) as url:
        await asyncio.to_thread(upgrade, toy.Path(toy.__file__).with_name("toy_migrations"), url, None)
        (tmp_path / "kek-1.key").write_text(new_key().hex())
        settings = {"database_url": url, "partitions": PARTITIONS, "keys_dir": tmp_path}
        runtime = Runtime("document", ServiceSettings(**settings))
        records = [opening(7), opening(8)]
        async with opened(url) as database, database.transaction() as tx:
            await keep_days(tx)
            await prepare_tables(tx, partitions=PARTITIONS, inputs=(), outputs=())
            fault = Fault(Reason.INTERNAL_ERROR, "its handler raised KeyError")
            await park(tx, "toy", [ParkedRow(record, 1, fault) for record in records], runtime.seal)
        environment = {f"CARNET_{name.upper()}": str(value) for name, value in settings.items()}
        async with opened(url) as database:
            yield database, environment, [identity_of(record) for record in records]


async def run(environment: dict[str, str], *arguments: object) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "tests.support.toy", "parked", *map(str, arguments)]
    child = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, "COLUMNS": "200", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await asyncio.wait_for(child.communicate(), 60)
    return child.returncode or 0, said.decode(), complained.decode()


async def sent(database: Database) -> int:
    return len(await database.fetch("SELECT FROM outbox"))


async def test_a_message_from_list_to_replay_and_discard(place):
    database, environment, (mended, hopeless) = place
    _, said, _ = await run(environment, "list")
    assert str(mended) in said and str(hopeless) in said
    code, said, _ = await run(environment, "show", mended)
    assert (code, RecordOpened.type_name in said, "KeyError" in said) == (0, True, True)

    code, said, _ = await run(environment, "replay", mended, *BY)
    assert (code, "carnet.document.consulted.v1" in said, await sent(database)) == (0, True, 0)
    code, _, logged = await run(environment, "replay", mended, "--apply", *BY)
    assert (code, await sent(database)) == (0, 1)
    assert '"event":"parked_replayed"' in logged and '"principal":"op-1"' in logged
    assert BY[1] not in logged
    code, said, _ = await run(environment, "replay", mended, "--apply", *BY)
    assert (code, "was done before" in said, await sent(database)) == (0, True, 1)

    code, _, logged = await run(environment, "discard", hopeless, *BY)
    assert (code, '"event":"parked_discarded"' in logged) == (0, True)
    assert (await run(environment, "replay", hopeless, "--apply", *BY))[0] == 1
    assert "nothing is parked" in (await run(environment, "list"))[1]
    _, said, _ = await run(environment, "list", "--all")
    assert "replayed by op-1" in said and "discarded by op-1" in said


async def test_with_another_number_of_partitions_nothing_is_done(place):
    database, environment, (mended, _) = place
    wrong = environment | {"CARNET_PARTITIONS": str(PARTITIONS + 1)}
    code, _, complained = await run(wrong, "replay", mended, "--apply", *BY)
    assert (code, "CARNET_PARTITIONS" in complained, await sent(database)) == (1, True, 0)


async def test_without_the_key_it_can_only_be_discarded(place, tmp_path):
    _, environment, (mended, _) = place
    (tmp_path / "kek-1.key").write_text(new_key().hex())
    code, said, _ = await run(environment, "replay", mended, "--apply", *BY)
    assert (code, "discard it" in said) == (1, True)
    assert (await run(environment, "discard", mended, *BY))[0] == 0
