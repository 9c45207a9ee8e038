"""Extracts at the door and at the command line: operators alone, each by his own token, papers beside the lane."""

import asyncio
import io
import stat
import zipfile
from uuid import UUID, uuid4

import pytest
from typer.testing import CliRunner

from deploy.local.identity.cast import CAST
from services.gateway.commands import extract
from shared.contracts.http_extracts import LISTING
from shared.contracts.reasons import Reason
from shared.contracts.record_extracts import AnswerExtract, ExtractKind, ExtractPurpose, RequestExtract
from shared.contracts.record_requests import Consult
from shared.http import serve

CASE = uuid4()
PAPER = "Notaire CANARI, acte 113"
HEIR = {"kind": "heir", "purpose": "memory", "types": ["11488-4"], "paper": PAPER}
EVERYBODY_ELSE = ("alice", "bruno", "dr-martin", "hospital", "insurer", "counsellor")


def url(world, *parts):
    return "/".join((f"/records/{world.alice_record}/extracts", *map(str, parts)))


def archive(*names):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as files:
        for name in names:
            files.writestr(name, f"content of {name}")
    return made.getvalue()


def listed(world, state="approved", **more):
    one = {"case": str(CASE), "record": str(world.alice_record), "kind": "heir", "purpose": "memory"}
    one |= {"types": ["11488-4"], "opened_by": "operator", "opened_at": "2026-06-01T10:00:00Z"}
    world.told = {"cases": [one | {"state": state, "taken": 2} | more], "paper": PAPER}


async def test_ar_065_a_case_is_asked_under_the_id_of_its_papers_which_stay_beside_the_lane(http, world, as_) -> None:
    answer = await http.post(url(world), json=HEIR, headers=as_("operator"))
    assert answer.status_code == 201, answer.text
    ((record, asked),) = world.requests
    assert (record, type(asked), str(asked.case)) == (world.alice_record, RequestExtract, answer.json()["case"])
    assert (asked.kind, asked.purpose, asked.types) == (ExtractKind.HEIR, ExtractPurpose.MEMORY, {"11488-4"})
    assert (asked.actor.number, asked.actor.authenticated) == ("operator", True)
    assert world.calls[-1] == (
        *("access_control", "PUT", f"/records/{world.alice_record}/texts/{asked.case}"),
        {"text": PAPER},
    )
    assert "CANARI" not in asked.model_dump_json()


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "neighbour"},
        {"purpose": "curiosity"},
        {"types": ["no-such-type"]},
        {"paper": "  "},
        {"since": "2025-01-01T00:00:00"},
    ],
)
async def test_ar_065_what_is_on_no_list_is_refused_at_the_door(http, world, as_, wrong) -> None:
    answer = await http.post(url(world), json=HEIR | wrong, headers=as_("operator"))
    assert (answer.status_code, world.requests, "CANARI" in answer.text) == (422, [], False)


@pytest.mark.parametrize(("verb", "accepted"), [("approve", True), ("refuse", False)])
async def test_ar_065_an_answer_is_the_other_operators_by_his_token(http, world, as_, verb, accepted) -> None:
    answer = await http.post(url(world, CASE, verb), json={"taken": 2}, headers=as_("second-operator"))
    assert answer.status_code == 200, answer.text
    ((_, asked),) = world.requests
    assert (type(asked), asked.case, asked.accepted, asked.taken) == (AnswerExtract, CASE, accepted, 2)
    assert asked.actor.number == "second-operator"


async def test_ar_065_an_extract_is_a_read_of_its_own_under_the_case(http, world, as_) -> None:
    world.archive = archive(LISTING)
    answer = await http.post(url(world, CASE, "take"), headers=as_("operator"))
    assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (200, world.archive, "no-store")
    ((record, asked),) = world.requests
    assert (record, type(asked), asked.case, asked.owner) == (world.alice_record, Consult, CASE, "document")
    assert world.calls[-1] == ("document", "POST", "/extract", {"permit": "permit-for-document"})


async def test_ar_065_what_is_denied_asks_no_owner(http, world, as_) -> None:
    world.denied, world.finer = (Reason.NO_BRANCH,), ("case_not_approved",)
    answer = await http.post(url(world, CASE, "take"), headers=as_("operator"))
    assert (answer.status_code, answer.json()["reasons"]) == (409, ["case_not_approved"])
    assert world.called("document") == []


@pytest.mark.parametrize("name", EVERYBODY_ELSE)
async def test_ar_058_065_nobody_else_comes_near(http, world, as_, name) -> None:
    answers = [
        await http.get("/extracts", headers=as_(name)),
        await http.get(f"/extracts/{CASE}/paper", headers=as_(name)),
        await http.post(url(world), json=HEIR, headers=as_(name)),
        *[
            await http.post(url(world, CASE, verb), json={}, headers=as_(name))
            for verb in ("approve", "refuse", "take")
        ],
    ]
    assert {answer.status_code for answer in answers} == {403}
    assert (world.requests, world.calls) == ([], [])


@pytest.fixture
def carnet(app, issuer, tmp_path):
    """The verb on a gateway that listens."""

    async def run(*arguments, typed="", name="operator"):
        token = tmp_path / "token"
        token.write_text(issuer.token(CAST[name]))
        async with serve(app) as server:
            environment = {
                "CARNET_GATEWAY_URL": f"http://127.0.0.1:{server.port}",
                "CARNET_OPERATOR_TOKEN_FILE": str(token),
            }
            said = [*map(str, arguments)]
            result = await asyncio.to_thread(CliRunner().invoke, extract, said, input=typed, env=environment)
        return result.exit_code, result.output

    return run


async def test_ar_065_a_case_is_opened_from_the_command_line_its_papers_in_no_argument(carnet, world) -> None:
    told = ("--kind", "heir", "--purpose", "memory", "--type", "11488-4", "--since", "2025-01-01T00:00:00Z")
    arguments = ("open", world.alice_record, *told, "--until", "2026-01-01T00:00:00Z")
    code, said = await carnet(*arguments, typed=f"{PAPER}\n")
    assert (code, "another operator" in said) == (0, True), said
    ((_, asked),) = world.requests
    assert (asked.types, asked.since.year, asked.until.year) == ({"11488-4"}, 2025, 2026)
    assert (await carnet(*arguments))[0] == 1, "without papers"


async def test_ar_065_an_approval_names_what_its_author_saw(carnet, world) -> None:
    listed(world, "waiting")
    code, said = await carnet("approve", CASE, name="second-operator")
    assert (code, "once" in said) == (0, True), said
    ((record, asked),) = world.requests
    assert (record, asked.case, asked.taken, asked.actor.number) == (world.alice_record, CASE, 2, "second-operator")
    assert (await carnet("refuse", CASE))[0] == 0
    assert world.requests[-1][1].accepted is False


async def test_ar_065_an_extract_is_written_as_files_of_its_owner_alone(carnet, world, tmp_path) -> None:
    listed(world)
    world.archive = archive(LISTING, "a.xml", "b.pdf")
    folder = tmp_path / "deep" / "extract"
    code, said = await carnet("take", CASE, "--to", folder)
    assert (code, "2 documents" in said) == (0, True), said
    assert sorted(file.name for file in folder.iterdir()) == ["a.xml", "b.pdf", LISTING]
    assert (folder / "a.xml").read_text() == "content of a.xml"
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_ar_065_nothing_is_used_up_by_a_folder_that_is_there_or_without_an_approval(
    carnet, world, tmp_path
) -> None:
    listed(world)
    code, said = await carnet("take", CASE, "--to", tmp_path)
    assert (code, "does not exist yet" in said) == (1, True)
    listed(world, "waiting")
    code, said = await carnet("take", CASE, "--to", tmp_path / "new")
    assert (code, "another operator" in said, (tmp_path / "new").exists()) == (1, True, False)
    assert world.requests == []


async def test_an_archive_writes_nothing_outside_its_folder(carnet, world, tmp_path) -> None:
    listed(world)
    world.archive = archive("../outside.xml")
    assert (await carnet("take", CASE, "--to", tmp_path / "new"))[0] == 1
    assert not (tmp_path / "outside.xml").exists()


async def test_ar_065_the_list_shows_cases_and_who_applied_is_read_by_a_reader_who_is_named(carnet, world) -> None:
    listed(world)
    code, said = await carnet("list")
    assert (code, str(CASE) in said, PAPER in said, "2 taken" in said) == (0, True, False, True)
    code, said = await carnet("show", CASE, name="second-operator")
    assert (code, PAPER in said) == (0, True), said
    _, method, path, asked = world.calls[-1]
    assert (method, path, asked["reader"]["number"]) == ("POST", f"/extracts/{CASE}/paper", "second-operator")
    world.told = {"cases": []}
    assert "No case" in (await carnet("list", "--all"))[1]
    assert (await carnet("approve", UUID(int=1)))[0] == 1
