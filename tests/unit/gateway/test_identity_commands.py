"""`carnet identity`: asks the gateway as the operator; an INS stands in no argument and in no answer."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

from deploy.local.identity.cast import ALICE, BRUNO, CAST
from services.gateway.commands import identity
from shared.http import RemoteError, serve

NUMBERS = f"{ALICE.matricule}\n{BRUNO.matricule}\n"
OLD, NEW = ({"matricule": one.matricule, "oid": one.oid} for one in (ALICE, BRUNO))


@pytest.fixture
def carnet(app, issuer, tmp_path):
    """The verb on a gateway that listens."""

    async def run(*arguments, typed=NUMBERS, name="operator", address=None):
        token = tmp_path / "token"
        token.write_text(issuer.token(CAST[name]))
        async with serve(app) as server:
            environment = {
                "CARNET_GATEWAY_URL": f"http://127.0.0.1:{server.port}" if address is None else address,
                "CARNET_OPERATOR_TOKEN_FILE": str(token),
                "CARNET_INS_OID": ALICE.oid,
            }
            result = await asyncio.to_thread(CliRunner().invoke, identity, [*arguments], input=typed, env=environment)
        assert not any(number.strip() in result.output for number in NUMBERS.split())
        return result.exit_code, result.output

    return run


async def test_a_changed_ins_moves_both_indexes_of_persons(carnet, world, tmp_path) -> None:
    traits = {"family_name": "TEST", "given_names": ["Alice"], "sex": "female", "birth_date": "1961-03-02"}
    (tmp_path / "traits.json").write_text(json.dumps(traits))
    code, said = await carnet("change", "--freed", "--traits", str(tmp_path / "traits.json"))
    assert (code, str(world.alice_record) in said) == (0, True)
    (_, _, path, asked), (service, *_) = world.calls
    assert (path, asked["old"], asked["new"], asked["freed"]) == ("/identities/change", OLD, NEW, True)
    assert asked["traits"]["family_name"] == "TEST"
    assert service == "history_ingestion"


async def test_two_ins_of_one_person_are_merged(carnet, world) -> None:
    code, said = await carnet("merge")
    assert (code, str(world.alice_record) in said) == (0, True)
    ((_, _, path, asked),) = world.calls
    assert (path, asked["old"], asked["kept"]) == ("/identities/merge", OLD, NEW)


@pytest.mark.parametrize(
    ("arguments", "options", "word"),
    [
        (("change",), {"typed": f"{ALICE.matricule}\n"}, "New INS"),
        (("change",), {"name": "dr-martin"}, "no rule"),
        (("change", "--oid", "1.2.3"), {}, "1.2.250"),
        (("merge",), {"address": ""}, "carnet up"),
        (("merge",), {"address": "http://gateway.example"}, "https://"),
        (("change", "--traits", "/nowhere.json"), {}, "/nowhere.json"),
        (("change", "--token-file", "/nowhere"), {}, "/nowhere"),
    ],
)
async def test_what_is_refused_says_why_and_reaches_no_index(carnet, world, arguments, options, word) -> None:
    code, said = await carnet(*arguments, **options)
    assert code == 1
    assert word.lower() in said.lower(), said
    assert world.calls == []


async def test_a_refusal_of_access_control_is_told_in_words(carnet, world) -> None:
    world.down["access_control"] = RemoteError(409, "identity_taken", "The new identity has a record of its own.")
    code, said = await carnet("change")
    assert (code, "has a record of its own" in said) == (1, True)


async def test_a_gateway_that_is_not_there_is_told(carnet) -> None:
    code, said = await carnet("merge", address="http://127.0.0.1:1")
    assert (code, "does not answer" in said) == (1, True)
