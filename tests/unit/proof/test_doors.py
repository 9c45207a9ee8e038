"""Clients at doors that are made up: what they are told is written down as it was, and what is unknown is repeated."""

import base64
import hashlib
import itertools
from collections import Counter
from types import SimpleNamespace
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import httpx2
import orjson
import pytest

from deploy.local.identity.cast import DR_MARTIN, DR_NOIR
from deploy.proof.checker import door_acts
from deploy.proof.checker.clients import Clients, Published
from deploy.proof.load import client as client_module
from deploy.proof.load import doors as module
from deploy.proof.load import insurer as insurer_module
from deploy.proof.load.client import Client
from deploy.proof.load.doors import Doors
from deploy.proof.load.insurer import Insurer
from deploy.proof.load.lines import Kind, batches
from deploy.proof.load.people import person
from deploy.proof.load.visits import Deed, visits
from shared.contracts.reasons import Reason

RECORDS = 3
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"code": "x", "diagnostics": "Why."}]}
PROBLEM = {"code": "x", "detail": "Why."}


class World:
    """Doors that keep what they take; every fifth request is answered 503, before it was done or after."""

    def __init__(self, forgets=()):
        self.turns = itertools.count(1)
        self.forgets, self.masked, self.deleted, self.changes = set(forgets), set(), set(), Counter()
        self.ways = Counter()
        self.records, self.documents, self.deposits, self.versions = {}, {}, {}, Counter()
        self.standings = {}

    def answer(self, request):
        turn = next(self.turns)
        told = (self.act if acts(request) else self.done)(request) if turn % 10 else None
        if turn % 5 == 0:
            return httpx2.Response(503, json=OUTCOME if request.url.path.startswith("/fhir") else PROBLEM)
        return told

    def done(self, request):
        path = request.url.path
        if path == "/records":
            ins = orjson.loads(request.content)["ins"]["matricule"]
            return httpx2.Response(200, json={"record": str(self.records.setdefault(ins, uuid4())), "opened": True})
        if path.startswith("/records/"):
            return self.of_record(request, UUID(path.split("/")[2]))
        if path == "/fhir/DocumentReference" and request.method == "POST":
            return self.deposit(request, orjson.loads(request.content))
        if path.startswith("/fhir/deposits/"):
            deposit = UUID(path.rpartition("/")[2])
            return self.stored(*self.deposits[deposit], deposit)
        if path.startswith("/fhir/Binary/"):
            document = UUID(path[-32:])
            content = self.documents[document][2]
            return httpx2.Response(200, content=content) if self.shown(request, document) else self.unknown(path)
        return self.search(request)

    def act(self, request):
        path = request.url.path
        if path.startswith("/records/"):
            record, document, act = (path.split("/")[place] for place in (2, 4, 5))
        else:
            record = request.url.params["patient"].removeprefix("Patient/")
            document, act = path.rpartition("/")[2], patched(request)
        document, who = UUID(document), request.headers["authorization"]
        assert self.documents[document][0] == UUID(record)
        assert ("patient" in who) is (act != "delete")
        self.ways[act, request.method] += 1
        if document in self.deleted:
            return self.unknown(path)
        if act not in self.forgets:
            {"mask": self.masked.add, "unmask": self.masked.discard, "delete": self.deleted.add}[act](document)
        self.changes[document] += 1
        return httpx2.Response(200, headers={"etag": f'W/"{1 + self.changes[document]}"'}, json={})

    def shown(self, request, document):
        masked = document in self.masked and "patient" not in request.headers["authorization"]
        return document not in self.deleted and not masked

    def unknown(self, path):
        issue = {"code": "x", "diagnostics": "Why.", "details": {"coding": [{"code": "unknown_document"}]}}
        fhir = {"resourceType": "OperationOutcome", "issue": [issue]}
        return httpx2.Response(404, json=fhir if path.startswith("/fhir") else PROBLEM | {"code": "unknown_document"})

    def of_record(self, request, record):
        if request.url.path.endswith("/history"):
            return httpx2.Response(200, json={"sections": [{"lines": [{"label": "L v1"}]}]})
        if request.method == "GET":
            standings = [
                {"professional": who, "standing": how} for (of, who), how in self.standings.items() if of == record
            ]
            rights = {"rights_version": self.versions[record], "professionals": standings}
            return httpx2.Response(200, json=rights, headers={"etag": f'"{self.versions[record]}"'})
        if request.headers["if-match"] != f'"{self.versions[record]}"':
            return httpx2.Response(412, json=PROBLEM)
        self.versions[record] += 1
        verb, who = request.url.path.rpartition("/")[2], orjson.loads(request.content)["professional"]
        self.standings[record, who] = {"block": "interdit", "authorise": "valide"}.get(verb, "expire")
        return httpx2.Response(200, json={"record": str(record), "rights_version": self.versions[record]})

    def deposit(self, request, resource):
        attachment = resource["content"][0]["attachment"]
        content = base64.b64decode(attachment["data"])
        assert attachment["hash"] == base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()
        if (
            not content.endswith(b"</ClinicalDocument>\n")
            or resource["subject"]["reference"][-15:].encode() not in content
        ):
            return httpx2.Response(422, json=OUTCOME)
        record = self.records[resource["subject"]["reference"][-15:]]
        known = next(
            (key for key, one in self.documents.items() if one[0] == record and one[1] == resource["masterIdentifier"]),
            None,
        )
        deposit = known or uuid4()
        self.documents[deposit] = (record, resource["masterIdentifier"], content)
        self.deposits[deposit] = self.documents[deposit][:2]
        if request.headers.get("prefer") == "respond-async":
            return httpx2.Response(202, json=OUTCOME, headers={"carnet-deposit": str(deposit)})
        return self.stored(*self.deposits[deposit], deposit)

    def stored(self, record, identifier, deposit):
        location = f"http://x/fhir/DocumentReference/{deposit}/_history/1"
        shown = {"masterIdentifier": identifier, "subject": {"reference": f"Patient/{record}"}}
        return httpx2.Response(201, json=shown, headers={"carnet-deposit": str(deposit), "location": location})

    def search(self, request):
        asked = parse_qs((request.content or request.url.query).decode())
        record = (
            UUID(asked["patient"][0].removeprefix("Patient/"))
            if "patient" in asked
            else self.records[asked["patient.identifier"][0].rpartition("|")[2]]
        )
        found = [
            {"resource": {"masterIdentifier": one[1]}}
            for document, one in self.documents.items()
            if one[0] == record and self.shown(request, document)
        ]
        return httpx2.Response(200, json={"resourceType": "Bundle", "entry": found, "link": [{"relation": "self"}]})


def acts(request):
    return "/documents/" in request.url.path or request.method in {"PATCH", "DELETE"}


def patched(request):
    if request.method == "DELETE":
        return "delete"
    (operation,) = orjson.loads(request.content)
    return {"add": "mask", "remove": "unmask", "replace": "delete"}[operation["op"]]


@pytest.fixture
def visits_to(monkeypatch):
    """Makes many visits to a world; gives what clients wrote down, and the world."""
    monkeypatch.setattr(client_module, "fetch", lambda _issuer, name, **_: name)
    monkeypatch.setattr(client_module, "AGAIN_S", 0.0)

    async def known(_self, _service, _sql, records):
        return [[len(records)]]

    monkeypatch.setattr(module.Databases, "rows", known)

    async def visit(world):
        clients = Clients()
        both = [
            httpx2.AsyncClient(transport=httpx2.MockTransport(world.answer), base_url=f"http://door-{number}")
            for number in (1, 2)
        ]
        load = Doors(Client(both, "", clients), clients, 3, RECORDS)
        await load.open_records("")
        planned = list(visits(3, records=RECORDS, rate=400, seconds=0.6))
        await load.run(planned)
        return SimpleNamespace(world=world, clients=clients, load=load, planned=planned)

    return visit


@pytest.fixture
async def visited(visits_to):
    """Many visits to a world that does what it is asked for."""
    return await visits_to(World())


async def test_every_deed_is_done_and_told(visited):
    clients, planned = visited.clients, Counter(visit.deed for visit in visited.planned)
    assert planned.keys() == set(Deed)
    assert clients.given_up == []
    assert all(one.answers for one in clients.deposits)
    assert len(clients.opened) == RECORDS + planned[Deed.RECORD]
    assert {attempt.status for attempt in clients.attempts} >= {200, 201, 202, 412, 422, 503}
    assert {attempt.door for attempt in clients.attempts} == {1, 2}
    assert {change.verb for change in clients.changes} == {"authorise", "revoke", "block", "unblock"}
    assert {change.professional for change in clients.changes} == {DR_MARTIN.number, DR_NOIR.number}


async def test_what_was_told_is_what_the_doors_keep(visited):
    clients, world = visited.clients, visited.world
    good = [one for one in clients.deposits if one.good]
    kept = {(record, known["value"].removeprefix("urn:oid:")) for record, known, _ in world.documents.values()}
    assert {(one.record, one.unique_id) for one in good} <= kept
    for one in good:
        assert {answer.deposit for answer in one.answers} <= world.deposits.keys()
        assert len({answer.deposit for answer in one.answers}) == 1
        assert any(answer.stored for answer in one.answers)
    shown = [look for look in clients.looks if look.attempt.answered and look.attempt.what == Deed.SEARCH]
    assert shown
    assert all(clients.marks.get(mark) == look.record for look in shown for mark in look.shown if mark in clients.marks)
    assert all(look.shown == (look.wanted,) for look in clients.looks if look.wanted and look.attempt.answered)
    told = [change for change in clients.changes if change.attempt.answered]
    assert told
    assert all(change.told == change.version + 1 and change.about == change.record for change in told)


async def test_acts_on_documents_are_asked_for_in_every_way_and_repeated(visited):
    ways, clients = visited.world.ways, visited.clients
    patched_or_posted = set(itertools.product(("mask", "unmask", "delete"), ("PATCH", "POST")))
    assert ways.keys() == patched_or_posted | {("delete", "DELETE")}
    told = [one for one in clients.acted if one.attempt.answered]
    assert {one.act for one in told} == {"mask", "unmask", "delete"}
    assert all(one.version is not None and one.version > 1 for one in told)
    assert {one.attempt.status for one in clients.acted} == {200, 404, 503}
    gone = [one for one in clients.attempts if one.status == 404 and one.code == "unknown_document"]
    assert gone
    assert all(one.refusable for one in gone), "who is told 404 knows that somebody deletes"
    whole = [attempt for attempt in clients.attempts if attempt.what == Deed.SEARCH and not attempt.refusable]
    assert whole, "the holder is never refused a search"


def found_after(clients):
    """The claims that do not hold of what was shown after acts, and over how much they were looked at."""
    facts = SimpleNamespace(outboxes={}, documents={})
    shown = [one for one in door_acts.check(facts, clients) if one.code == "C4"]
    return {one.claim.split()[6] for one in shown if not one.ok}, [one.looked_at for one in shown]


@pytest.mark.parametrize("forgotten", [(), ("mask",), ("delete",), ("mask", "delete")])
async def test_a_door_that_told_what_is_not_so_is_found_by_what_it_shows(visits_to, forgotten):
    clients = (await visits_to(World(forgotten))).clients
    wrong, counts = found_after(clients)
    assert wrong == {{"mask": "masked", "delete": "deleted"}[act] for act in forgotten}
    assert min(counts) > 0


class Producer:
    """A Kafka client that does not confirm the last message of its first try."""

    def __init__(self, _settings):
        self.sent, self.waiting, self.tries = [], [], 0

    def produce(self, topic, value, key, headers, on_delivery):
        self.waiting.append((topic, key, value, headers, on_delivery))

    def flush(self, _timeout):
        self.tries += 1
        for place, (*sent, told) in enumerate(self.waiting):
            lost = self.tries == 1 and place == len(self.waiting) - 1
            self.sent += [] if lost else [sent]
            told("timed out" if lost else None, None)
        self.waiting = []


async def test_a_batch_that_was_not_confirmed_is_sent_again_whole(monkeypatch):
    monkeypatch.setattr(insurer_module, "kafka", lambda *_: None)
    monkeypatch.setattr(insurer_module, "settings", lambda _: {})
    monkeypatch.setattr(insurer_module, "_kafka", SimpleNamespace(Producer=Producer))
    monkeypatch.setattr(insurer_module, "AGAIN_S", 0.0)
    people = [person(1, number).ins for number in range(3)]
    today = person(1, 1).opening().traits.birth_date
    days = list(batches(5, people, today, seconds=40, every_s=1.0))
    published = Published("amo-test")
    insurer = Insurer(None, published)
    monkeypatch.setattr(insurer_module.asyncio, "sleep", lambda _: _nothing())
    await insurer.run(days)
    producer = insurer._producer
    lines = sum(len(batch.lines) * (1 + batch.again) for batch in days)
    assert len(producer.sent) == lines + len(days[0].lines) - 1
    assert published.again == sum(batch.again for batch in days) > 0
    assert published.given_up == []
    bare = sum(not headers for _, _, _, headers in producer.sent)
    assert bare > 0
    ids = {dict(headers)["ce_id"].decode() for _, _, _, headers in producer.sent if headers}
    assert {str(one) for one in published.confirmed} == ids
    assert set(published.wrong.values()) >= {Reason.BAD_NIR, Reason.BAD_DATE, Reason.BAD_CODE, Reason.MALFORMED}
    wrong = {str(one) for one in published.wrong}
    counts = Counter(line.kind for batch in days for line in batch.lines)
    assert counts[Kind.NEW] and len(ids - wrong) > len(ids & wrong) > 0


async def _nothing():
    return None
