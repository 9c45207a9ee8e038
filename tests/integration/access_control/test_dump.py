"""A copy of the whole database, without the keys, tells of nobody: no trait, no reason, no representative.

Every table is dumped as PostgreSQL's own COPY writes it. What identifies is looked for as it is, in other letters, in
base64, in hexadecimal, and as the hash that anybody can compute of a number.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from urllib.parse import quote
from uuid import uuid4

import asyncpg
import pytest

from services.access_control.repository.majorities import identity_context
from shared.contracts.common import AccessMode, Owner
from shared.contracts.record_requests import (
    Answer,
    Authorise,
    AuthoriseFor,
    Block,
    Consult,
    DelegationKind,
    DelegationScope,
    Invite,
)
from shared.database.record_keys import RecordKeys
from shared.security import context, decrypt
from shared.terminology.ins import TEST_NIR
from tests.integration.access_control.conftest import Service, ins, matricule
from tests.unit.access_control.cast import DOCTOR, HOLDER, NURSE, REPRESENTATIVE, changed

pytestmark = pytest.mark.kafka

PATIENT, CARER, OPPOSED, UNKNOWN = 71, 72, 73, 74
TRAITS = {
    "family_name": "KANARIENVOGEL",
    "given_names": ["Żółcień", "Serinus"],
    "sex": "female",
    "birth_date": "1953-11-29",
    "birth_place": "97411",
}
REASON = "Malaise devant la volière, appel du gardien"
WORDS = [TRAITS["family_name"], *TRAITS["given_names"], TRAITS["birth_date"], REASON]
"""Without the place of birth: five digits stand somewhere by chance."""
BYTEA = re.compile(rb"\\\\x((?:[0-9a-f]{2})+)")
HASHES = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "blake2b", "blake2s")


def numbers(person: int) -> list[str]:
    """A person's INS as it may be written: with its key, without, and beside its authority."""
    full = matricule(person)
    return [full, full[:13]]


def hashed(person: int) -> Iterator[bytes]:
    """What anybody can compute of a number."""
    for number in numbers(person):
        for said in (number, *(sep.join(pair) for sep in "|^:" for pair in ((TEST_NIR, number), (number, TEST_NIR)))):
            for name in HASHES:
                yield hashlib.new(name, said.encode()).digest()


def forms(word: bytes) -> Iterator[bytes]:
    """Ways in which bytes may stand in a text: hexadecimal, and base64 at each of its three alignments."""
    yield word
    yield word.hex().encode()
    yield word.hex().upper().encode()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + word)
        whole = encoded[-(-before * 8 // 6) :].rstrip(b"=")
        certain = whole[: len(whole) - (1 if (before + len(word)) % 3 else 0)]
        yield certain
        yield certain.translate(bytes.maketrans(b"+/", b"-_"))


def spellings(word: str) -> set[bytes]:
    """One word in other letters, as JSON and addresses write it, and in other encodings."""
    texts = {word, word.lower(), word.upper(), json.dumps(word)[1:-1], quote(word)}
    return {text.encode(code) for text in texts for code in ("utf-8", "utf-16-le")}


def canaries() -> dict[str, set[bytes]]:
    """Everything that may stand nowhere, by what it is."""
    words = WORDS + [number for person in (PATIENT, CARER, OPPOSED, UNKNOWN) for number in numbers(person)]
    found = {word: {form for spelt in spellings(word) for form in forms(spelt)} for word in words}
    for person in (PATIENT, CARER, OPPOSED, UNKNOWN):
        found[f"hash of {person}"] = {form for digest in hashed(person) for form in forms(digest)}
    return found


async def dumped(service: Service, url: str) -> bytes:
    """Every table of the database as COPY writes it, and all that stands in columns of bytes as it is."""
    connection = await asyncpg.connect(url)
    out = BytesIO()
    try:
        tables = await connection.fetch(
            "SELECT oid::regclass::text AS name FROM pg_class WHERE relkind IN ('r', 'm') AND relpersistence <> 't' "
            "AND relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        for table in tables:
            out.write(f"\n-- {table['name']}\n".encode())
            await connection.copy_from_query(f"SELECT * FROM {table['name']}", output=out)
    finally:
        await connection.close()
    text = out.getvalue()
    raw = b"\n".join(bytes.fromhex(found[1].decode()) for found in BYTEA.finditer(text))
    return text + b"\n" + raw


def sightings(dump: bytes, looked_for: Iterable[tuple[str, set[bytes]]]) -> list[str]:
    return [what for what, written in looked_for if any(form in dump for form in written)]


@pytest.fixture
async def lived(service):
    """A record with everything that a record may have of persons, and its database's address."""
    record = await service.opened(PATIENT, traits=TRAITS)
    assert (await service.call("POST", "/oppositions", {"ins": ins(OPPOSED)})).status_code == 204
    nobody = await service.call("POST", "/records/lookup", {"persons": [ins(UNKNOWN)]})
    assert nobody.json()["found"][0]["record"] is None
    delegation = uuid4()
    path = f"/records/{record}/delegates/{delegation}"
    assert (await service.call("PUT", path, {"ins": ins(CARER)})).status_code == 204
    carer = changed(REPRESENTATIVE, delegation=delegation)
    reading = {"kind": DelegationKind.CAREGIVING, "scopes": frozenset({DelegationScope.READ})}
    emergency = Consult(
        actor=changed(DOCTOR, number="810000000099"),
        owner=Owner.DOCUMENT,
        mode=AccessMode.EMERGENCY,
        deadline=datetime.now(UTC) + timedelta(seconds=30),
        reason_code="other",
        reason_told=True,
    )
    commands = [
        Invite(actor=HOLDER, rights_version=0, delegation=delegation, **reading),
        Answer(actor=carer, rights_version=1, delegation=delegation, accepted=True),
        Authorise(actor=HOLDER, rights_version=2, professional=DOCTOR.number),
        AuthoriseFor(actor=DOCTOR, rights_version=3, professional=NURSE.number, reason_code="absence"),
        Block(actor=HOLDER, rights_version=3, professional="810000000098"),
    ]
    for body in (*commands, emergency):
        await service.ask(record, body)
    # a client's mistake: what may not travel stands in a message, which is parked
    told = json.loads(emergency.model_dump_json()) | {"reason_text": REASON, "patient": TRAITS | ins(PATIENT)}
    for body in (json.dumps(told).encode(), json.dumps(told, ensure_ascii=False).encode()[:-2]):
        await service.take(service.message(record, body, kind=Consult.type_name))
    url = service.runtime.settings.database_url
    return record, delegation, url


async def test_a_dump_without_the_keys_tells_of_nobody(service, lived):
    record, _, url = lived
    dump = await dumped(service, url)
    assert str(record).encode() in dump
    assert DOCTOR.number.encode() in dump, "professionals stand there by their numbers"
    for table in (b"identity", b"delegate", b"parked", rb"outbox_\d", b"decision", b"person", b"record_key"):
        assert re.search(rb"\n-- " + table + rb"\S*\n(?!\n-- |$)", dump), f"nothing stands in {table!r}"
    assert sightings(dump, canaries().items()) == []


async def test_it_is_the_keys_that_show_who_it_is(service, lived):
    """The canaries are there: who has the keys reads them."""
    record, delegation, _ = lived
    async with service.runtime.database.transaction() as tx:
        key = (await RecordKeys(service.runtime.keys).get(tx, [record]))[record]
        (identity,) = await tx.fetch("SELECT traits FROM identity WHERE record = $1", record)
        (delegate,) = await tx.fetch("SELECT identity FROM delegate WHERE delegation = $1", delegation)
    told = json.loads(decrypt(key, identity["traits"], identity_context(record)))
    assert told["traits"]["family_name"] == TRAITS["family_name"]
    assert told["ins"]["matricule"] == matricule(PATIENT)
    carer = decrypt(key, delegate["identity"], context("access_control", "delegate", "identity", delegation))
    assert json.loads(carer)["matricule"] == matricule(CARER)


async def test_the_record_key_and_the_key_of_the_index_are_in_no_dump(service, lived):
    record, _, url = lived
    async with service.runtime.database.transaction() as tx:
        key = (await RecordKeys(service.runtime.keys).get(tx, [record]))[record]
    secrets = {"record's key": key}
    for name in ("hash.key", "kek-1.key"):
        secrets[name] = bytes.fromhex((service.runtime.settings.keys_dir / name).read_text())
    dump = await dumped(service, url)
    assert sightings(dump, ((what, set(forms(secret))) for what, secret in secrets.items())) == []


@pytest.mark.parametrize(
    "leak",
    [
        TRAITS["family_name"].lower().encode(),
        base64.b64encode(b"x" + json.dumps(TRAITS).encode()),
        json.dumps(TRAITS).encode().hex().encode(),
        json.dumps(TRAITS, ensure_ascii=False).encode("utf-16-le"),
        hashlib.sha256(matricule(PATIENT).encode()).digest(),
        base64.urlsafe_b64encode(b"xx" + hashlib.sha512(numbers(CARER)[1].encode()).digest()),
        f"{TEST_NIR}|{matricule(OPPOSED)}".encode(),
    ],
)
async def test_what_leaked_would_be_seen(service, lived, leak):
    _, _, url = lived
    await service.rows("UPDATE parked SET original = $1 RETURNING id", leak)
    assert sightings(await dumped(service, url), canaries().items()) != []
