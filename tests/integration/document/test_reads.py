import asyncio
import random
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.document.domain.settlement import Status
from shared.contracts.common import Act, Actor, ActorKind, Owner, Scope
from shared.contracts.http_document import DOCUMENT_HEADER, DocumentEntry, SearchResult, from_header
from shared.security import PermitSigner, new_private_jwk
from tests.support.documents import DOCTOR, HOLDER, KINDS, NOW, OTHER, metadata, permit, sample, signed, token

pytestmark = pytest.mark.kafka

ALL = Scope(types=None, masked=True, withheld=True)


async def search(room, record, actor=DOCTOR, scope=ALL, **filters):
    answer = await room.ask("/search", permit=signed(permit(record, actor, scope)), filters=filters)
    assert answer.status_code == 200, answer.text
    return SearchResult.model_validate_json(answer.content)


async def test_a_search_lists_what_was_deposited_and_is_traced(room, record):
    stored = await room.stored(record, title="Titre", description="Description", language="fr-FR")
    await room.staged(record, 1)
    one = permit(record, DOCTOR, ALL)
    answer = await room.ask("/search", permit=signed(one))
    found = SearchResult.model_validate_json(answer.content)
    (entry,) = found.entries
    assert (found.total, entry.document, entry.title, entry.description) == (1, stored, "Titre", "Description")
    assert (entry.status, entry.confidentiality, entry.language) == ("current", {"N"}, "fr-FR")
    assert (entry.size, entry.professionals, entry.structures) == (
        len(sample()),
        (DOCTOR.number,),
        (DOCTOR.structure,),
    )
    (event,) = await room.sent("document.events", record)
    assert (event["request"], event["actor"]["number"], event.get("document")) == (str(one.id), DOCTOR.number, None)


async def test_a_document_is_opened_byte_for_byte_and_traced(room, record):
    content = sample(5, KINDS[-1])
    stored = await room.staged(record, content=content)
    await room.rows("UPDATE document SET status = 'current', settled_at = now() WHERE id = $1 RETURNING id", stored)
    one = permit(record, DOCTOR, ALL)
    answer = await room.ask("/open", permit=signed(one), document=str(stored))
    assert (answer.status_code, answer.content) == (200, content)
    entry = from_header(DocumentEntry, answer.headers[DOCUMENT_HEADER])
    assert (entry.document, entry.size) == (stored, len(content))
    (event,) = await room.sent("document.events", record)
    assert (event["request"], event["document"]) == (str(one.id), str(stored))
    assert (await room.rows("SELECT record FROM consulted"))[0]["record"] == record


async def test_a_document_that_may_not_be_seen_is_like_one_that_does_not_exist(room, record):
    stored = await room.stored(record, confidentiality={"N", "MASQUE_PS"})
    elsewhere = await room.stored(uuid4())
    answers = [
        await room.ask("/open", permit=signed(permit(record, OTHER, Scope())), document=str(document))
        for document in (stored, elsewhere, uuid4())
    ]
    assert {answer.status_code for answer in answers} == {404}
    first, *others = [{k: v for k, v in answer.json().items() if k != "correlation"} for answer in answers]
    assert all(other == first for other in others)
    assert not await room.sent("document.events", record)


async def test_a_search_that_finds_nothing_is_traced(room, record):
    assert (await search(room, record)).total == 0
    assert len(await room.sent("document.events", record)) == 1


@pytest.mark.parametrize("first", ["/search", "/open"])
@pytest.mark.parametrize("second", ["/search", "/open"])
async def test_a_permit_opens_one_read(room, record, first, second):
    stored = await room.stored(record)
    token = signed(permit(record, DOCTOR, ALL))
    assert (await room.ask(first, permit=token, document=str(stored))).status_code == 200
    answer = await room.ask(second, permit=token, document=str(stored))
    assert (answer.status_code, answer.json()["code"]) == (403, "permit_used")
    assert len(await room.sent("document.events", record)) == 1


async def test_a_permit_used_many_times_at_once_opens_one_read(room, record):
    stored = await room.stored(record)
    token = signed(permit(record, DOCTOR, ALL))
    answers = await asyncio.gather(*(room.ask("/open", permit=token, document=str(stored)) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [403] * 9
    assert len(await room.sent("document.events", record)) == 1


async def test_an_attempt_on_what_is_not_there_uses_the_permit_too(room, record):
    token = signed(permit(record, DOCTOR, ALL))
    assert (await room.ask("/open", permit=token, document=str(uuid4()))).status_code == 404
    assert (await room.ask("/search", permit=token)).json()["code"] == "permit_used"


async def test_the_databases_clock_decides_whether_a_permit_still_lives(room, record, monkeypatch):
    await room.stored(record)
    old = datetime.now(UTC) - timedelta(seconds=30)
    late = signed(permit(record, DOCTOR, ALL, issued=old, expires=old + timedelta(seconds=5)))
    # this process's clock is half a minute behind
    monkeypatch.setattr("shared.security._permits.time.time", lambda: old.timestamp() + 1)
    answer = await room.ask("/search", permit=late)
    assert (answer.status_code, answer.json()["code"]) == (403, "permit_expired")
    assert not await room.rows("SELECT FROM consulted")
    assert not await room.sent("document.events", record)


@pytest.mark.parametrize("wrong", ["expired", "owner", "altered", "forged", "act", "none"])
async def test_a_permit_that_does_not_hold_is_refused_and_says_why(room, record, wrong):
    await room.stored(record)
    past = datetime.now(UTC) - timedelta(seconds=60)
    good = permit(record, DOCTOR, ALL)
    token = {
        "expired": lambda: signed(permit(record, issued=past, expires=past + timedelta(seconds=5))),
        "owner": lambda: signed(permit(record, owner=Owner.HISTORY)),
        "altered": lambda: signed(good)[:-4] + "AAAA",
        "forged": lambda: PermitSigner(new_private_jwk("access_control")).sign(good),
        "act": lambda: signed(permit(record, act=Act.DEPOSIT)),
        "none": lambda: "nothing",
    }[wrong]()
    answers = [await room.ask("/search", permit=token), await room.ask("/open", permit=token, document=str(uuid4()))]
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.json()["code"] for answer in answers}) == 1
    assert not await room.rows("SELECT FROM consulted")


async def test_ar_023_a_masked_document_leaves_no_trace_in_entries_or_total(room, record):
    await room.stored(record)
    await room.stored(record, 1, confidentiality={"N", "MASQUE_PS"}, actor=OTHER)
    nobody = Actor(kind=ActorKind.PROFESSIONAL, number="899000000005")
    seen = await search(room, record, nobody, Scope())
    assert (seen.total, len(seen.entries)) == (1, 1)
    assert (await search(room, record, nobody, Scope(), labels=["MASQUE_PS"])).total == 0
    assert (await search(room, record, OTHER, Scope(own=OTHER.number))).total == 2
    assert (await search(room, record, nobody, Scope(own_structure=DOCTOR.structure), count=1)).total == 2
    assert (await search(room, record, HOLDER, Scope())).total == 2


async def test_ar_032_who_sees_a_withheld_document_is_told_that_the_holder_does_not(room, record):
    """In the list and beside the content; the holder, who is told nothing, can't tell it from what is not there."""
    withheld = await room.stored(record, confidentiality={"N", "INVISIBLE_PATIENT"})
    shown = await room.stored(record, 1)
    found = {entry.document: entry for entry in (await search(room, record, DOCTOR, Scope(withheld=True))).entries}
    assert {one: "INVISIBLE_PATIENT" in found[one].confidentiality for one in found} == {withheld: True, shown: False}
    for one in (withheld, shown):
        answer = await room.ask("/open", permit=signed(permit(record, DOCTOR, ALL)), document=str(one))
        warned = from_header(DocumentEntry, answer.headers[DOCUMENT_HEADER]).confidentiality
        assert ("INVISIBLE_PATIENT" in warned) == (one == withheld)
    assert [entry.document for entry in (await search(room, record, HOLDER, ALL)).entries] == [shown]


async def test_ar_029_a_withheld_document_is_absent_for_the_holder(room, record):
    stored = await room.stored(record, confidentiality={"N", "INVISIBLE_PATIENT"})
    assert (await search(room, record, HOLDER, ALL)).total == 0
    answer = await room.ask("/open", permit=signed(permit(record, HOLDER, ALL)), document=str(stored))
    assert answer.status_code == 404
    (entry,) = (await search(room, record, DOCTOR, Scope(withheld=True))).entries
    assert entry.confidentiality == {"N", "INVISIBLE_PATIENT"}


async def test_the_statement_shows_what_the_rule_says(room, record):
    chance = random.Random(3)
    facts = {}
    for seed in range(40):
        kind = chance.choice(KINDS)
        actor = chance.choice([DOCTOR, OTHER])
        labels = {"N", *chance.sample(["MASQUE_PS", "INVISIBLE_REPRESENTANTS_LEGAUX"], chance.randrange(3))}
        if labels == {"N"} and chance.random() < 0.4:
            labels.add("INVISIBLE_PATIENT")
        content = sample(seed, kind)
        stated = metadata(content, record)
        document = await room.staged(record, content=content, actor=actor, confidentiality=labels)
        await room.rows("UPDATE document SET settled_at = now() WHERE id = $1 RETURNING id", document)
        status = chance.choice(list(Status))
        await room.rows("UPDATE document SET status = $1 WHERE id = $2 RETURNING id", status, document)
        # the files name the doctor as author, whoever deposits
        facts[document] = (stated.type_code, labels, {actor.number, DOCTOR.number, DOCTOR.structure}, status)
    types = sorted({one for one, *_ in facts.values()})
    sizes = set()
    for _ in range(60):
        kind = chance.choice([ActorKind.PROFESSIONAL, ActorKind.PATIENT, ActorKind.REPRESENTATIVE])
        scope = Scope(
            types=chance.choice([None, set(chance.sample(types, chance.randrange(len(types) + 1)))]),
            masked=chance.random() < 0.5,
            withheld=chance.random() < 0.5,
            own=chance.choice([None, OTHER.number, "899000000005"]),
        )
        statuses = chance.choice([["current"], ["superseded"], ["current", "superseded"]])
        expected = set()
        for document, (type_code, labels, owners, status) in facts.items():
            holder = kind is not ActorKind.PROFESSIONAL
            if status not in statuses or (
                kind is ActorKind.REPRESENTATIVE and "INVISIBLE_REPRESENTANTS_LEGAUX" in labels
            ):
                continue
            if (not holder and scope.own in owners) or (
                (scope.types is None or type_code in scope.types)
                and (holder or scope.masked or "MASQUE_PS" not in labels)
                and ((scope.withheld and not holder) or "INVISIBLE_PATIENT" not in labels)
            ):
                expected.add(document)
        found = await search(room, record, Actor(kind=kind, number="8"), scope, statuses=statuses, count=100)
        assert ({entry.document for entry in found.entries}, found.total) == (expected, len(expected))
        sizes.add(len(expected))
    assert len(sizes) > 4


async def test_pages_follow_each_other_without_gap_or_repeat(room, record):
    stored = [await room.stored(record, seed) for seed in range(7)]
    pages = [await search(room, record, count=3, offset=offset) for offset in (0, 3, 6, 9)]
    assert [len(page.entries) for page in pages] == [3, 3, 1, 0]
    assert {page.total for page in pages} == {7}
    assert [entry.document for page in pages for entry in page.entries] == stored[::-1]
    assert (await search(room, record, count=0)).total == 7


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, {0, 1}),
        ({"statuses": ["superseded"]}, {2}),
        ({"statuses": ["current", "superseded"]}, {0, 1, 2}),
        ({"classes": ["10"]}, None),
        ({"classes": ["60"]}, set()),
        ({"types": ["60591-5"]}, None),
        ({"types": ["nothing"]}, set()),
        ({"formats": ["urn:ihe:iti:xds-sd:pdf:2008"]}, {0}),
        ({"labels": ["R"]}, {1}),
        ({"labels": ["R", "MASQUE_PS"]}, {0, 1}),
        ({"unique_id": metadata(sample(1)).unique_id}, {1}),
        ({"author": OTHER.number}, {1}),
        ({"author": DOCTOR.structure}, {0, 1}),
        ({"created": {"start": (NOW - timedelta(days=10)).isoformat()}}, {1}),
        ({"created": {"end": (NOW - timedelta(days=10)).isoformat()}}, {0}),
        ({"deposited": {"end": "2020-01-01T00:00:00Z"}}, set()),
        ({"deposited": {"start": "2020-01-01T00:00:00Z"}}, {0, 1}),
        ({"period": {"start": "2025-01-10T00:00:00Z", "end": "2025-01-11T00:00:00Z"}}, {0}),
        ({"period": {"end": "2025-01-01T00:00:00Z"}}, set()),
    ],
)
async def test_filters(room, record, filters, expected):
    day = timedelta(days=1)
    old = await room.stored(record, 2)
    one = await room.stored(
        record,
        0,
        created=NOW - 90 * day,
        format_code="urn:ihe:iti:xds-sd:pdf:2008",
        confidentiality={"N", "MASQUE_PS"},
        service_start="2025-01-10T08:00:00Z",
        service_stop="2025-01-10T09:00:00Z",
        replaces=metadata(sample(2)).unique_id,
    )
    two = await room.stored(record, 1, actor=OTHER, confidentiality={"R"}, service_start="2025-02-01T08:00:00Z")
    names = {one: 0, two: 1, old: 2}
    found = await search(room, record, **filters)
    kinds = {0, 1} if metadata(sample()).type_code in filters.get("types", ()) else None
    if expected is None:
        row = (await room.rows("SELECT class_code, type_code FROM document WHERE id = $1", one))[0]
        wanted = {row["class_code"], row["type_code"]} & {*filters.get("classes", ()), *filters.get("types", ())}
        expected = {0, 1} if wanted else set()
    assert {names[entry.document] for entry in found.entries} == expected
    assert found.total == len(expected)
    assert kinds is None or kinds == expected


@pytest.mark.parametrize(
    "filters",
    [{"statuses": ["refused"]}, {"statuses": ["staged"]}, {"count": 201}, {"count": -1}, {"offset": -1}],
)
async def test_filters_that_widen_or_overload_are_refused(room, record, filters):
    answer = await room.ask("/search", permit=signed(permit(record, DOCTOR, ALL)), filters=filters)
    assert answer.status_code == 422


@pytest.mark.parametrize("path", ["/search", "/open"])
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"permit": 271828}', b'{"permit": "", "filters": 5, "document": 5}']
)
async def test_a_body_of_another_form_is_refused_and_not_repeated(room, path, body):
    answer = await room.client.post(path, content=body, headers=token())
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert {error["at"].split(".")[0] for error in answer.json()["errors"]} == {"body"}
    assert "271828" not in answer.text


async def test_a_damaged_content_is_never_given_out(room, record):
    stored = await room.stored(record)
    (path,) = room.files()
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    answer = await room.ask("/open", permit=signed(permit(record, DOCTOR, ALL)), document=str(stored))
    assert (answer.status_code, answer.json()["code"]) == (500, "content_unreadable")
    path.unlink()
    answer = await room.ask("/open", permit=signed(permit(record, DOCTOR, ALL)), document=str(stored))
    assert answer.json()["code"] == "content_unreadable"


async def test_details_moved_to_another_row_do_not_open(room, record):
    one, two = await room.stored(record), await room.stored(record, 1)
    await room.rows(
        "UPDATE document SET details = (SELECT details FROM document WHERE id = $1) WHERE id = $2 RETURNING id",
        one,
        two,
    )
    answer = await room.ask("/search", permit=signed(permit(record, DOCTOR, ALL)))
    assert answer.status_code == 500


async def test_without_the_key_encryption_key_nothing_can_be_read(room, record, tmp_path):
    stored = await room.stored(record)
    (tmp_path / "keys" / "kek-1.key").unlink()
    for path in ("/search", "/open"):
        answer = await room.ask(path, permit=signed(permit(record, DOCTOR, ALL)), document=str(stored))
        assert (answer.status_code, answer.json()["code"]) == (410, "key_destroyed")


@pytest.mark.parametrize("documents", [0, 1, 20])
async def test_a_read_takes_a_fixed_number_of_statements(room, record, documents):
    for seed in range(documents):
        await room.stored(record, seed)
    counted = []
    room.database.on_statements = counted.append
    await search(room, record)
    assert counted[0] <= 5  # consulted, rows, key, numbers and outbox
