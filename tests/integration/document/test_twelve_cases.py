"""Cases 8 and 9 of the domain (4.10) as far as document decides them: by the scopes that access_control gives."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.document.repository import Openings
from shared.contracts.http_document import SearchResult
from shared.messaging import partition_of
from tests.integration.document.conftest import wished
from tests.support.documents import metadata, permit, sample, signed
from tests.support.system import PARTITIONS
from tests.unit.access_control import cast

pytestmark = pytest.mark.kafka

LABORATORY = cast.changed(cast.DOCTOR, number="810000000090", structure="1750000090")
DENTIST = cast.changed(cast.DOCTOR, number="810000000007", role="G15_40", specialty=None)
TREATING = cast.changed(cast.DOCTOR, number="810000000091", structure="1750000091")
RIGHTS = replace(cast.team(cast.team(), LABORATORY.structure), treating=TREATING.number)
"""The dentist and the laboratory are in the care team."""
UNIQUE = metadata(sample()).unique_id
WITHHELD = {"N", "INVISIBLE_PATIENT"}


async def seen(room, record, actor):
    """What an actor finds, with the scope that access_control gives."""
    sight = cast.consult(RIGHTS, actor).scope
    assert sight is not None
    answer = await room.ask("/search", permit=signed(permit(record, actor, sight.scope())), filters={})
    assert answer.status_code == 200, answer.text
    return {entry.document for entry in SearchResult.model_validate_json(answer.content).entries}


async def test_case_8_under_the_default_mask_what_is_withheld_is_seen_by_few_and_masked_at_the_months_end(
    room, record, clock
):
    await room.decide(wished(record))
    document = await room.stored(record, confidentiality=WITHHELD, actor=LABORATORY)
    await room.decide(wished(record, "not_masked"))
    shown = await room.stored(record, 1, actor=LABORATORY)
    few = (LABORATORY, TREATING)
    assert await seen(room, record, DENTIST) == await seen(room, record, cast.HOLDER) == {shown}
    assert [await seen(room, record, actor) for actor in few] == [{document, shown}] * 2

    openings = Openings(room.database, room.outbox, lambda one: partition_of(str(one), PARTITIONS), clock=clock)
    clock.ahead = timedelta(days=32)
    await openings.once()
    assert await seen(room, record, DENTIST) == {shown}
    assert [await seen(room, record, actor) for actor in (cast.HOLDER, *few)] == [{document, shown}] * 3


async def test_ar_071_a_dentist_sees_nothing_of_what_is_withheld_and_inherits_a_mask(room, record):
    await room.stored(record, confidentiality={"N", "MASQUE_PS"}, actor=LABORATORY)
    both = await room.stored(record, 1, confidentiality=WITHHELD, actor=LABORATORY, replaces=UNIQUE)
    shown = await room.stored(record, 2, actor=LABORATORY)
    assert await seen(room, record, DENTIST) == {shown}
    assert await seen(room, record, cast.HOLDER) == {shown}
    for actor in (LABORATORY, TREATING):
        assert await seen(room, record, actor) == {both, shown}


async def test_case_9_the_holder_finds_nothing_of_what_is_withheld_while_the_team_does(room, record):
    withheld = await room.stored(record, confidentiality=WITHHELD, actor=LABORATORY)
    await room.rows("UPDATE document SET withheld_since = withheld_since - interval '5 days' RETURNING id")
    shown = await room.stored(record, 1, actor=LABORATORY)
    assert await seen(room, record, cast.HOLDER) == {shown}
    assert await seen(room, record, DENTIST) == {withheld, shown}
