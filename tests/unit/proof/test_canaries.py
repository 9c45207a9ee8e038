"""A leak that is planted into any place is found; what an insurer itself sent is none."""

import base64
import http.server
import threading
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID

import orjson
import pytest

from deploy.proof.checker.canaries import Seen, everywhere, in_topics, search
from deploy.proof.checker.databases import _bytes
from deploy.proof.checker.facts import Mail, Record, Sent, Spot
from deploy.proof.load.people import canary
from services.document.content.segments import Segments
from shared.contracts.topics import FLOW_STATISTICS, registry

TOPICS = registry(("amo-test",), 1)
SOMEBODY = canary(7)
WORDS = SOMEBODY.words
NUMBER, TITLE = SOMEBODY.ins.number, SOMEBODY.title
LINES, ASKED = "insurance.reimbursements.amo-test", "insurance.backfill-requests.amo-test"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PERMIT = base64.urlsafe_b64encode(orjson.dumps({"sub": TITLE})).rstrip(b"=").decode()
EVERY = pytest.mark.parametrize("word", WORDS)


def record(value=b"{}", key=b"key", **headers):
    return Record(0, key, tuple((name, text.encode()) for name, text in headers.items()), value)


def sent(payload=b"{}", key="key"):
    return Sent(1, UUID(int=1), "type", key, UUID(int=2), payload)


def in_topic(topic, *records):
    return search(WORDS, in_topics({(topic, 0): records}))


@pytest.fixture
def system(tmp_path):
    """A system that wrote nothing of anybody: a log, a content, one page of metrics."""
    page = SimpleNamespace(text=b"carnet_handled_total 7")

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(page.text)

        def log_message(self, *_):
            pass

    (tmp_path / "logs" / "deep").mkdir(parents=True)
    (tmp_path / "logs" / "gateway.log").write_text("a line")
    (tmp_path / "content" / "ab").mkdir(parents=True)
    (tmp_path / "content" / "ab" / f"ab{'c' * 30}").write_bytes(b"sealed")
    Segments(tmp_path / "content" / "segments").append([b"sealed", b"sealed"])
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        yield SimpleNamespace(logs=tmp_path / "logs", content=tmp_path / "content", urls=(url,), page=page)
        server.shutdown()
        thread.join()


def seen(system, **planted):
    places = {"topics": {}, "outboxes": {}, "parked": [], "mails": [], "problems": []} | planted
    return search(WORDS, everywhere(system, *places.values()))


@EVERY
@pytest.mark.parametrize("topic", sorted(set(TOPICS) - {LINES, ASKED}))
def test_a_leak_in_any_topic_is_found(topic, word):
    places = {(Spot.TOPICS, f"topic {topic}"): 1}
    assert in_topic(topic, record(orjson.dumps({"told": word}))).found == places
    assert in_topic(topic, record(key=word.encode())).found == places
    assert in_topic(topic, record(ce_type=word)).found == places
    assert in_topic(topic, record(), *[record()] * 999, record(word.encode())).found == places


def test_a_leak_in_the_readable_part_of_a_permit_is_found():
    body = orjson.dumps({"permit": f"head.{PERMIT}.signature"})
    assert in_topic("access.decisions", record(body)).found
    assert not in_topic("access.decisions", record(b'{"permit":"x.?.y"}')).found


def test_an_insurer_s_own_lines_may_name_the_person_and_say_nothing_else():
    line = record(orjson.dumps({"matricule": NUMBER, "label": "PARACETAMOL"}))
    assert (in_topic(LINES, line).found, in_topic(LINES, line).allowed) == ({}, 1)
    cut = record(line.value[:-20])
    assert NUMBER.encode() in cut.value
    assert not in_topic(LINES, cut).found
    for word in set(WORDS) - {NUMBER, NUMBER[:13]}:
        assert in_topic(LINES, record(orjson.dumps({"matricule": NUMBER, "label": word}))).found


def test_an_insurer_is_asked_for_a_person_by_number_there_alone():
    asked = {"request": str(UUID(int=1)), "matricule": NUMBER}
    assert (
        in_topic(ASKED, record(orjson.dumps(asked))).found,
        in_topic(ASKED, record(orjson.dumps(asked))).allowed,
    ) == (
        {},
        1,
    )
    assert in_topic(ASKED, record(orjson.dumps(asked | {"request": NUMBER}))).found
    assert in_topic(ASKED, record(orjson.dumps(asked), key=NUMBER.encode())).found
    assert in_topic(ASKED, record(orjson.dumps(asked | {"oid": TITLE}))).found
    assert in_topic(ASKED, record(NUMBER.encode())).found


@EVERY
@pytest.mark.parametrize("topic", sorted(set(TOPICS) - {FLOW_STATISTICS, LINES}))
def test_a_leak_in_any_outbox_is_found(topic, word, system):
    for row in (sent(key=word), sent(orjson.dumps({"told": word}))):
        found = seen(system, outboxes={(topic, 0): [row]})
        assert found.found == {(Spot.OUTBOXES, f"outbox {topic}"): 1}
    assert not seen(system, outboxes={(ASKED, 0): [sent(orjson.dumps({"matricule": NUMBER}))]}).found


@EVERY
def test_a_leak_in_what_is_parked_is_found(word, system):
    row = [UUID(int=1), "record.requests", 0, 5, None, f"value {word} is none", b"\0sealed", NOW]
    assert seen(system, parked=[("audit", b"\n".join(map(_bytes, row)))]).found == {(Spot.PARKED, "parked by audit"): 1}
    unsealed = b"\n".join(map(_bytes, [*row[:5], "malformed", f'{{"told":"{word}"}}'.encode(), NOW]))
    assert seen(system, parked=[("audit", unsealed)]).found


@EVERY
def test_a_leak_in_an_e_mail_is_found_and_its_address_is_none(word, system):
    assert seen(system, mails=[Mail("a@b", "<1@c>", f"Bonjour {word}")]).found == {(Spot.MAILS, "e-mails"): 1}
    assert seen(system, mails=[Mail("a@b", f"<{word}@c>", "Bonjour")]).found
    named = f'"{word}" <{SOMEBODY.email}>'
    assert bool(seen(system, mails=[Mail(named, "<1@c>", "Bonjour")]).found) is (word != SOMEBODY.email)


@EVERY
def test_a_leak_in_a_problem_answered_is_found(word, system):
    found = seen(system, problems=[b'{"detail":"no"}', orjson.dumps({"detail": f"{word} has no record"})])
    assert found.found == {(Spot.PROBLEMS, "a problem answered"): 1}
    assert found.searched[Spot.PROBLEMS] == 2


@EVERY
def test_a_leak_in_a_log_is_found(word, system):
    (system.logs / "deep" / "kafka.log").write_text(f"no such key: {word}\n")
    assert seen(system).found == {(Spot.LOGS, "log kafka.log"): 1}


@EVERY
def test_a_leak_in_a_page_of_metrics_is_found(word, system):
    system.page.text = f'carnet_handled_total{{who="{word}"}} 1'.encode()
    assert seen(system).found == {(Spot.METRICS, f"metrics of {system.urls[0]}"): 1}


def test_a_page_of_metrics_that_is_not_shown_is_an_error(system):
    system.urls = ("http://127.0.0.1:1",)
    with pytest.raises(OSError):
        seen(system)


@EVERY
def test_a_leak_in_the_content_store_is_found(word, system):
    (system.content / "ab" / "ef").write_bytes(b"sealed" + word.encode())
    assert seen(system).found == {(Spot.CONTENT, "content store"): 1}


def test_what_was_looked_at_is_counted(system):
    found = seen(
        system,
        topics={("record.requests", 0): [record()] * 1200},
        outboxes={("access.reviews", 0): [sent()] * 3},
        parked=[("audit", b"row")],
        mails=[Mail("a@b", "<1@c>", "Bonjour")],
        problems=[b"no"],
    )
    assert not found.found
    assert found.searched == dict.fromkeys(Spot, 1) | {Spot.TOPICS: 1200, Spot.OUTBOXES: 3, Spot.CONTENT: 3}
    assert found.numbers == 1


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("Zéphyrine Été", b"Z\\u00e9phyrine \\u00c9t\\u00e9"),
        ("Zéphyrine Été", b"?name=Z%C3%A9phyrine%20%C3%89t%C3%A9"),
        ("a@b.test", b"?to=a%40b.test"),
        (NUMBER, b"0" + NUMBER.encode() + b"1"),
        (f'{{"matricule":"{NUMBER}"', f'{{"matricule":"{NUMBER}"'.encode()),
    ],
)
def test_a_word_is_found_in_the_forms_in_which_it_is_written(word, text):
    assert search([word], [Seen(Spot.LOGS, "log", text)]).found


def test_without_words_nothing_was_looked_at():
    found = search([], [Seen(Spot.LOGS, "log", b"text")])
    assert (found.words, found.searched, found.found) == (0, {}, {})
    assert search([""], [Seen(Spot.LOGS, "log", b"text")]).words == 0
