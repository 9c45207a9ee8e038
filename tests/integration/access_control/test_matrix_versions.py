"""Versions of the matrix on the real database: kept, activated, noticed without a restart, rehearsed; by command."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest
from typer.testing import CliRunner

from services.access_control.__main__ import DATA, load_matrix
from services.access_control.commands import console
from services.access_control.commands import matrix as app
from services.access_control.domain.matrix import NOTHING, MatrixError, build
from services.access_control.domain.matrix_rehearsal import Asked
from services.access_control.repository import InForce, Matrices
from services.access_control.repository.matrices import STALE_AFTER_S
from services.access_control.repository.records import KEEP_DECISIONS
from shared.contracts.common import Owner
from shared.contracts.record_deposits import Deposit
from shared.contracts.record_requests import Authorise, Consult
from tests.integration.access_control.conftest import consult
from tests.unit.access_control.cast import DOCTOR, HOLDER, NURSE

pytestmark = pytest.mark.kafka

SHIPPED = load_matrix()
KEPT = "ALTER TABLE {} DISABLE TRIGGER kept"


def variant(name, **cells):
    """The shipped version under another name, with some types (by group) turned around."""
    turned = {
        (group, code): replace(cell, consult=not cell.consult) if code in cells.get(group, ()) else cell
        for (group, code), cell in SHIPPED.cells.items()
    }
    return build(
        name,
        SHIPPED.effective,
        turned,
        inactive=SHIPPED.inactive,
        provenance=SHIPPED.provenance,
        bases=SHIPPED.bases,
    )


DRAFT = variant("draft", medecin=["11502-2"], infirmier=["68599-0", "REMB"])


@pytest.fixture
def matrices(service):
    return Matrices(service.runtime.database)


async def reload(service):
    """What the service's loop does every few seconds."""
    await next(loop for loop in service.parts.loops if loop.name == "matrix").call()


async def activated(service, matrices, version, delay=timedelta(0)):
    await matrices.activate(version.version, "tester", lambda now: now + delay)
    await reload(service)


async def authorised(service):
    record = await service.opened()
    for version, actor in enumerate((DOCTOR, NURSE)):
        await service.ask(record, Authorise(actor=HOLDER, rights_version=version, professional=actor.number))
    return record


async def doctors_types(service, record):
    told = await service.consult(record, DOCTOR)
    return told["matrix_version"], service.permits.verify(told["permit"]).scope.types


def history(actor):
    return Consult(actor=actor, owner=Owner.HISTORY, deadline=datetime.now(UTC) + timedelta(seconds=10))


async def test_the_shipped_version_is_there_from_the_migration_and_in_force(service, matrices):
    (stored,) = await matrices.stored()
    assert (stored.version, stored.sha256, stored.effective) == (SHIPPED.version, SHIPPED.digest(), SHIPPED.effective)
    assert await matrices.load([stored.version]) == {stored.version: SHIPPED}
    record = await authorised(service)
    assert await doctors_types(service, record) == (SHIPPED.version, SHIPPED.types_for("medecin"))


async def test_a_version_is_stored_once_and_whole(matrices):
    answers = await asyncio.gather(*(matrices.add(DRAFT, "tester") for _ in range(6)))
    assert sorted(answers) == [False] * 5 + [True]
    assert (await matrices.load(["draft"]))["draft"] == DRAFT
    assert await matrices.load(["unheard"]) == {}


async def test_a_version_is_never_overwritten(matrices):
    await matrices.add(DRAFT, "tester")
    with pytest.raises(MatrixError, match=r"version draft is stored with another content, .* by tester"):
        await matrices.add(variant("draft"), "somebody")
    assert (await matrices.load(["draft"]))["draft"] == DRAFT


@pytest.mark.parametrize("table", ["matrix_version", "matrix_cell", "matrix_activation"])
@pytest.mark.parametrize("act", ["UPDATE {} SET version = 'other'", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_the_database_itself_keeps_what_is_stored(service, table, act):
    with pytest.raises(asyncpg.RaiseError, match="never changed or removed"):
        await service.rows(act.format(table))


async def test_an_activated_version_is_noticed_without_a_restart(service, matrices):
    record = await authorised(service)
    await matrices.add(DRAFT, "tester")
    await reload(service)
    assert (await doctors_types(service, record))[0] == SHIPPED.version, "stored is not in force"
    await activated(service, matrices, DRAFT)
    assert await doctors_types(service, record) == ("draft", DRAFT.types_for("medecin"))
    await activated(service, matrices, SHIPPED)
    assert (await doctors_types(service, record))[0] == SHIPPED.version


async def test_a_planned_version_takes_effect_by_the_clock_alone(service, matrices):
    record = await authorised(service)
    await matrices.add(DRAFT, "tester")
    await activated(service, matrices, DRAFT, timedelta(seconds=1))
    assert (await doctors_types(service, record))[0] == SHIPPED.version
    await asyncio.sleep(1.1)
    assert (await doctors_types(service, record))[0] == "draft"


async def test_within_one_batch_all_are_decided_by_one_version(service, matrices):
    record = await authorised(service)
    await matrices.add(DRAFT, "tester")
    await activated(service, matrices, DRAFT, timedelta(milliseconds=300))
    for _ in range(12):
        before = len(await service.told(record))
        await service.take(*(service.message(record, consult(DOCTOR)) for _ in range(20)))
        told = (await service.told(record))[before:]
        assert len(told) == 20
        assert len({one["matrix_version"] for one in told}) == 1
        await asyncio.sleep(0.05)
    assert told[0]["matrix_version"] == "draft"


async def test_a_process_that_knows_too_little_reads_before_it_decides(service, matrices):
    """As after a freeze: a change that was planned meanwhile is known before the first decision."""
    clock = [0.0]
    knows = InForce(service.runtime.database, lambda: clock[0])
    counted: list[int] = []

    async def batch():
        async with service.runtime.database.transaction() as tx:
            await knows.ensure(tx)
            counted.append(tx.statements)

    await batch()
    await batch()
    await matrices.add(DRAFT, "tester")
    await matrices.activate("draft", "tester", lambda now: now)
    now = datetime.now(UTC) + timedelta(seconds=1)
    clock[0] = STALE_AFTER_S
    await batch()
    assert knows.at(now).version == SHIPPED.version
    clock[0] = STALE_AFTER_S + 0.1
    await batch()
    assert knows.at(now).version == "draft"
    assert [statements > 0 for statements in counted] == [True, False, False, True]


async def test_by_a_version_that_was_changed_behind_its_back_nobody_reads(service, matrices):
    record = await authorised(service)
    await matrices.add(DRAFT, "tester")
    await matrices.activate("draft", "tester", lambda now: now)
    await service.rows(KEPT.format("matrix_cell"))
    await service.rows(
        "UPDATE matrix_cell SET consult = true WHERE version = 'draft' AND profession_group = 'infirmier'"
    )
    with pytest.raises(MatrixError, match="version draft of the matrix is not what was imported"):
        await reload(service)
    with pytest.raises(MatrixError):
        await matrices.load(["draft"])
    fresh = InForce(service.runtime.database)
    async with service.runtime.database.transaction() as tx:
        with pytest.raises(MatrixError):
            await fresh.ensure(tx)
    assert fresh.at(datetime.now(UTC)) is NOTHING
    deposit = Deposit(deposit=uuid4(), actor=DOCTOR, type_code="11502-2")
    await service.take(service.message(record, deposit, "deposits"), lane="deposits")
    assert (await service.told(record))[-1]["outcome"] == "permit"


async def test_ar_012_without_a_version_in_force_nobody_consults_by_the_matrix(service):
    record = await authorised(service)
    await service.rows(KEPT.format("matrix_activation"))
    await service.rows("DELETE FROM matrix_activation")
    await reload(service)
    assert await doctors_types(service, record) == ("none", frozenset())
    assert (await service.ask(record, history(DOCTOR)))["reasons"] == ["matrix_denies"]
    assert (await service.consult(record, HOLDER))["outcome"] == "permit"


async def test_past_consultations_are_counted_as_they_were_put_to_the_matrix(service, matrices):
    record = await authorised(service)
    started = datetime.now(UTC) - timedelta(minutes=1)
    for actor, times in ((DOCTOR, 3), (NURSE, 2), (HOLDER, 4)):
        await service.take(*(service.message(record, consult(actor)) for _ in range(times)))
    await matrices.add(DRAFT, "tester")
    await activated(service, matrices, DRAFT)
    await service.take(service.message(record, history(NURSE)), service.message(record, consult(DOCTOR)))
    past = await matrices.past(started)
    assert set(past.asked) == {
        Asked("infirmier", Owner.DOCUMENT, SHIPPED.version, permitted=True, count=2),
        Asked("infirmier", Owner.HISTORY, "draft", permitted="REMB" in DRAFT.types_for("infirmier"), count=1),
        Asked("medecin", Owner.DOCUMENT, SHIPPED.version, permitted=True, count=3),
        Asked("medecin", Owner.DOCUMENT, "draft", permitted=True, count=1),
    }
    assert past.since == started
    assert (await matrices.past(started, started + timedelta(seconds=1))).asked == ()


async def test_decisions_are_counted_as_far_as_they_are_kept(service, matrices):
    record = await authorised(service)
    await service.rows(
        """
        INSERT INTO decision (
            request, record, act, outcome, reason, rights_version, decided_at, profession_group, owner, matrix_version
        ) SELECT gen_random_uuid(), $1, 'consult', 'permit', 'authorised', 0,
            clock_timestamp() - interval '1 minute' - n * interval '7 hours', 'medecin', 'document', $2
        FROM generate_series(0, 200) AS n
        """,
        record,
        SHIPPED.version,
    )
    past = await matrices.past(datetime(2020, 1, 1, tzinfo=UTC))
    assert past.until - past.since == KEEP_DECISIONS
    assert sum(asked.count for asked in past.asked) == 1 + int(KEEP_DECISIONS / timedelta(hours=7))


async def carnet(service, *arguments):
    """The command, in a thread: it has an event loop of its own."""
    environment = {"CARNET_DATABASE_URL": service.runtime.settings.database_url}
    console.out.width = 240  # whatever terminal the tests run in
    result = await asyncio.to_thread(CliRunner().invoke, app, [*map(str, arguments)], env=environment)
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture
def draft(tmp_path):
    """A file with a version in which doctors lose laboratory reports."""
    cells = (DATA / "habilitation_matrix.csv").read_text().replace("medecin,11502-2,1,", "medecin,11502-2,0,")
    meta = (DATA / "habilitation_matrix.toml").read_text().replace(SHIPPED.version, "draft-2")
    (tmp_path / "draft.csv").write_text(cells)
    (tmp_path / "draft.toml").write_text(meta)
    return tmp_path / "draft.csv"


async def test_the_way_of_a_version_by_command(service, draft):
    record = await authorised(service)
    await service.take(*(service.message(record, consult(DOCTOR)) for _ in range(3)))
    code, said = await carnet(service, "import", draft, "--by", "carole")
    assert (code, "Stored." in said, "2346 cells" in said) == (0, True, True)
    code, said = await carnet(service, "import", draft)
    assert (code, "nothing changed" in said) == (0, True)

    code, said = await carnet(service, "diff", SHIPPED.version, "draft-2")
    assert code == 0
    assert "medecin 11502-2" in said
    assert "Cells that differ: 1; 0 gained, 1 lost, 0 without effect" in said
    assert "Doctors consult every type except the residence certificate" in said

    code, said = await carnet(service, "rehearse", "draft-2", "--since", "2026-01-01")
    assert code == 0
    assert "no longer kept" in said
    assert "3 replayed, 3 would differ: medecin 3." in said

    code, said = await carnet(service, "activate", "draft-2", "--by", "carole")
    assert (code, "00:00:00 (Paris), as decided by carole" in said) == (0, True)
    assert f"Until then {SHIPPED.version} holds. To take it back: carnet matrix activate" in said
    code, said = await carnet(service, "show")
    assert code == 0
    assert said.startswith(f"{SHIPPED.version}, meant from 2024-02-23: 2346 cells, 23 profession groups, 102 types")
    assert "carole" in said
    assert said.count("(in force)") == 1
    assert "column not in force" in said


async def test_now_is_as_soon_as_every_process_knows(service, draft):
    await carnet(service, "import", draft)
    asked = datetime.now(UTC)
    code, said = await carnet(service, "activate", "draft-2", "--now")
    assert (code, "draft-2 takes effect at" in said) == (0, True)
    (start,) = await service.rows("SELECT takes_effect FROM matrix_activation WHERE version = 'draft-2'")
    assert timedelta(seconds=15) < start["takes_effect"] - asked < timedelta(seconds=60)


async def test_show_tells_cells_with_their_provenance(service):
    code, said = await carnet(service, "show", "--group", "infirmier", "--type", "68599-0")
    assert code == 0
    assert "infirmier 68599-0" in said
    assert "cell_denies documented high Listed as consultable, or as not consultable, by nurses" in said
    code, said = await carnet(service, "show", SHIPPED.version, "--type", "0-0")
    assert (code, "has no line for 0-0: nobody may consult it (unknown_type, AR-012)" in said) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", "unheard"), f"no version unheard is stored; known: {SHIPPED.version}"),
        (("show", "--group", "plombier"), "has no column plombier"),
        (("diff", SHIPPED.version, "unheard"), "no version unheard is stored"),
        (("activate", "unheard"), "no version unheard is stored"),
        (("activate", SHIPPED.version, "--from", "2026-01-01"), "is past, or nearer than 20 s"),
        (("activate", SHIPPED.version, "--from", "soon"), "'soon' is no moment; expected"),
        (("rehearse", "unheard", "--since", "2026-01-01"), "no version unheard is stored"),
    ],
)
async def test_what_is_refused_is_told_and_changes_nothing(service, arguments, says):
    before = await service.rows("SELECT * FROM matrix_activation")
    code, said = await carnet(service, *arguments)
    assert (code, says in said) == (1, True), said
    assert await service.rows("SELECT * FROM matrix_activation") == before


async def test_the_same_name_with_another_content_is_refused(service, draft):
    await carnet(service, "import", draft, "--by", "carole")
    draft.write_text(draft.read_text().replace("medecin,11490-0,1,", "medecin,11490-0,0,"))
    code, said = await carnet(service, "import", draft)
    assert (code, "by carole; versions are never overwritten" in said) == (1, True), said


async def test_a_database_without_its_tables_is_told(service):
    await service.rows("ALTER TABLE matrix_version RENAME TO elsewhere")
    code, said = await carnet(service, "show")
    assert (code, "were the migrations run?" in said) == (1, True)
