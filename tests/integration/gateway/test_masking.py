"""Whether a document is there that one may not see can't be told from any answer at the door (AR-022, AR-031).

A professional asks everything that can be asked, before such documents exist and afterwards: the answers are the same
but for ids and times. That the work behind them is the same is counted in `tests/integration/document/test_masking.py`.
"""

import re
from collections.abc import Iterable
from uuid import UUID, uuid4

import httpx2
import orjson
import pytest

from deploy.local.identity.cast import CAST
from deploy.proof.samples import publication
from tests.integration.gateway.conftest import FHIR, Door, reached, somebody

pytestmark = pytest.mark.kafka

NOIR = CAST["dr-noir"].number
MASKED = ("N", "MASQUE_PS")
_ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
_UNIQUE_ID = re.compile(rb'<id root="(2\.25\.\d+)"/>')


def unique_id(content: bytes) -> str:
    return _UNIQUE_ID.search(content).group(1).decode()


def blank(text: str) -> str:
    """Ids, which differ by chance, as blanks of their own length."""
    return _ID.sub(lambda found: "x" * len(found[0]), text)


def seen(answer: httpx2.Response) -> tuple:
    """All that one can see of an answer: status, headers in their order, size, and the body but for ids."""
    headers = [(name, blank(value)) for name, value in answer.headers.items() if name != "date"]
    return answer.status_code, headers, len(answer.content), blank(answer.text)


async def deposit(door: Door, content: bytes, name: str, **more: object) -> httpx2.Response:
    headers = FHIR | more.pop("headers", {})
    body = publication(content) | more.pop("resource", {})
    labelled = publication(content, **more)["securityLabel"]
    return await door.ask(
        name,
        "POST",
        "/fhir/DocumentReference",
        content=orjson.dumps(body | {"securityLabel": labelled}),
        headers=headers,
    )


async def stored(door: Door, seed: int, *labels: str, name: str = "dr-roux") -> tuple[UUID, bytes]:
    content = door.document(seed)
    answer = await deposit(door, content, name, labels=labels or ("N",))
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["id"]), content


def replacing(target: UUID) -> dict:
    return {"relatesTo": [{"code": "replaces", "target": {"reference": f"DocumentReference/{target}"}}]}


def named(unique: str) -> dict:
    value = {"system": "urn:ietf:rfc:3986", "value": f"urn:oid:{unique}"}
    return {"relatesTo": [{"code": "replaces", "target": {"identifier": value}}]}


class Curious:
    """A professional who may read the record and asks for more than he may see."""

    def __init__(self, door: Door, record: str) -> None:
        self._door = door
        self._record = record
        self._tries = iter(range(500, 1000))

    async def everything(self, document: UUID, unique: str) -> dict[str, tuple]:
        """What is seen when the record is searched, and this document is asked for in every way."""
        found = {f"search {query}": await self._search(query) for query in self._queries()}
        found["search by unique id"] = await self._search(f"&identifier=urn:oid:{unique}")
        for accept in ("*/*", "application/fhir+json"):
            found[f"open as {accept}"] = await self._open(document, accept)
        for name, relation in (("id", replacing(document)), ("unique id", named(unique))):
            for prefer in ("return=representation", "return=minimal"):
                found[f"replace by {name}, {prefer}"] = await self._replace(relation, prefer)
        found["taken to be replaced"] = await self._replace(replacing(document), "respond-async")
        return found

    @staticmethod
    def _queries() -> Iterable[str]:
        labels = "security-label=https://mos.esante.gouv.fr/NOS/TRE_A07-StatusVisibiliteDocument/FHIR/"
        pages = [f"&_count=1&_offset={place}" for place in range(4)]
        filtered = ["&status=current", "&status=superseded"]
        return ["", "&_count=1", "&_count=2", *pages, *filtered, f"&{labels}TRE-A07|MASQUE_PS"]

    async def _ask(self, method: str, path: str, **more: object) -> httpx2.Response:
        return await self._door.ask("dr-noir", method, path, **more)

    async def _search(self, query: str) -> tuple:
        return seen(await self._ask("GET", f"/fhir/DocumentReference?patient=Patient/{self._record}{query}"))

    async def _open(self, document: UUID, accept: str) -> tuple:
        path = f"/fhir/Binary/{UUID(self._record).hex}{document.hex}"
        return seen(await self._ask("GET", path, headers={"accept": accept}))

    async def _replace(self, relation: dict, prefer: str) -> tuple:
        content = self._door.document(next(self._tries))
        return seen(await deposit(self._door, content, "dr-noir", resource=relation, headers={"prefer": prefer}))


@pytest.fixture
async def record(door: Door) -> str:
    """The record of the test's patient, with two documents that the curious one may see."""
    found = await door.open()
    for seed in (1, 2):
        await stored(door, seed)
    assert (await door.change("authorise", found, professional=NOIR)).status_code == 200
    return found


def differences(before: dict[str, tuple], after: dict[str, tuple]) -> dict[str, tuple]:
    assert before.keys() == after.keys()
    return {what: (before[what], after[what]) for what in before if before[what] != after[what]}


async def test_ar_022_masked_documents_leave_no_sign_in_any_answer(door, record) -> None:
    curious = Curious(door, record)
    unique = unique_id(door.document(3))
    before = await curious.everything(uuid4(), unique)
    masked, _ = await stored(door, 3, *MASKED)
    await stored(door, 4, *MASKED, name="dr-martin")
    assert differences(before, await curious.everything(masked, unique)) == {}
    replaced = await deposit(door, door.document(5), "dr-roux", resource=replacing(masked))
    assert replaced.status_code == 201, replaced.text
    assert differences(before, await curious.everything(masked, unique)) == {}
    own = (await door.ask("patient", "GET", "/fhir/DocumentReference")).json()
    assert own["total"] == 4, "the holder sees what is masked: two documents, one of them replaced, and two more"
    status, *_ = before["open as */*"]
    assert status == 404
    assert before["search "][0] == 200
    assert '"total":2' in before["search "][3]
    assert {before[what][0] for what in before if "replace" in what} == {422, 202}


async def test_documents_of_another_record_leave_no_sign_in_any_answer(door, record, carnet) -> None:
    curious = Curious(door, record)
    async with reached(carnet, somebody()) as elsewhere:
        await elsewhere.open()
        unique = unique_id(elsewhere.document(3))
        before = await curious.everything(uuid4(), unique)
        foreign, _ = await stored(elsewhere, 3)
    assert differences(before, await curious.everything(foreign, unique)) == {}


async def test_ar_022_a_unique_id_that_is_taken_is_refused_alike_whoever_may_see_its_document(door, record) -> None:
    """Who sends a document again under its own id learns that it is there, masked or not; he has it already."""
    answers = []
    for seed, labels in ((10, ("N",)), (11, MASKED), (12, ("N", "INVISIBLE_PATIENT"))):
        _, content = await stored(door, seed, *labels)
        answers.append(seen(await deposit(door, content, "dr-noir")))
        assert answers[-1][0] == 409, answers[-1]
    assert answers.count(answers[0]) == len(answers)


async def test_the_unique_ids_of_another_record_are_free(door, record, carnet) -> None:
    async with reached(carnet, somebody()) as elsewhere:
        await elsewhere.open()
        _, content = await stored(elsewhere, 3)
    taken = unique_id(content)
    mine = door.document(20)
    answer = await deposit(door, mine.replace(unique_id(mine).encode(), taken.encode()), "dr-noir")
    assert answer.status_code == 201, answer.text
