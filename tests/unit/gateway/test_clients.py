"""How the gateway calls the owners: who is looked up at the same time travels in one call, and each hears their own."""

import asyncio
from uuid import uuid4

import pytest

from services.gateway.clients import AccessControl
from shared.contracts.http_access_control import Found, RecordsFound
from shared.http import RemoteError, RemoteUnavailable, Reply
from shared.terminology import Ins
from shared.terminology.ins import TEST_NIR

RECORDS = {f"{number:015}": uuid4() for number in range(3)}


class _Owner:
    """access_control, as it answers look-ups."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.down: RemoteError | None = None

    async def call(self, method, path, *, json, idempotent):
        assert (method, path, idempotent) == ("POST", "/records/lookup", True)
        numbers = [person.matricule for person in json.persons]
        self.asked.append(numbers)
        await asyncio.sleep(0.01)
        if self.down is not None:
            raise self.down
        found = (Found(refused="bad_ins") if one.startswith("9") else Found(record=RECORDS.get(one)) for one in numbers)
        return Reply(200, {}, RecordsFound(found=tuple(found)).model_dump_json().encode())


def person(number: int) -> Ins:
    return Ins(TEST_NIR, f"{number:015}")


async def test_look_ups_at_the_same_time_travel_together() -> None:
    owner = _Owner()
    client = AccessControl(owner)
    found = await asyncio.gather(*(client.find(person(number % 4)) for number in range(40)))
    assert found == [RECORDS.get(f"{number % 4:015}") for number in range(40)]
    assert len(owner.asked) <= 2


async def test_an_identity_that_is_not_taken_fails_alone() -> None:
    client = AccessControl(_Owner())
    refused, found = await asyncio.gather(
        client.find(Ins(TEST_NIR, "9" * 15)), client.find(person(1)), return_exceptions=True
    )
    assert isinstance(refused, RemoteError)
    assert (refused.status, refused.code) == (422, "bad_ins")
    assert found == RECORDS[person(1).number]


async def test_where_the_owner_is_away_everybody_hears_it_after_one_call() -> None:
    owner = _Owner()
    owner.down = RemoteUnavailable(504, "timed_out", "It did not answer.")
    client = AccessControl(owner)
    told = await asyncio.gather(*(client.find(person(number)) for number in range(8)), return_exceptions=True)
    assert all(isinstance(one, RemoteUnavailable) for one in told)
    assert len(owner.asked) == 1


async def test_who_comes_later_asks_anew() -> None:
    owner = _Owner()
    client = AccessControl(owner)
    assert await client.find(person(1)) == await client.find(person(1))
    assert len(owner.asked) == 2


@pytest.mark.parametrize("count", [101, 250])
async def test_a_call_carries_no_more_than_the_owner_takes(count: int) -> None:
    owner = _Owner()
    client = AccessControl(owner)
    await asyncio.gather(*(client.find(person(number)) for number in range(count)))
    assert max(map(len, owner.asked)) == 100
