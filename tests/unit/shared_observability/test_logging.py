"""What may leave through the log, and what never does."""

import io
import json
import logging
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.observability import (
    FIELDS,
    LOG_REFUSED,
    LOG_SUPPRESSED,
    REFUSED,
    bind,
    configure_logging,
    correlation,
    logger,
)
from shared.observability._foreign import ForeignLines, RateLimit

CANARIES = [
    "Canari-Lemaître",
    "12 rue de la Sentinelle, 75011 Paris",
    "canari.lemaitre@example.org",
    "279035121518989",
    "2 79 03 5121518 989",
    "279032A21518989",
    "06 12 34 56 78",
    "Compte rendu d'oncologie",
]

NAUGHTY = [
    *CANARIES,
    "",
    "null",
    "\x00",
    '\n{"event":"forged"}',
    "\r\n",
    "\x1b[31mred\x1b[0m",
    "\x7f",
    "\u2028\u2029",
    "\u202eright to left",
    "\ufeff",
    "\ud800",
    "\U0001f4a9",
    "%s%s%n",
    "{0.__class__}",
    "${jndi:ldap://x}",
    "<script>alert(1)</script>",
    "'; DROP TABLE record; --",
    "A" * 100_000,
]


def hostile() -> list[str]:
    """The list above, and a longer one where a folder of samples has it."""
    found = Path(os.environ.get("CARNET_SAMPLES", "/nowhere")) / "hostile" / "blns.json"
    return NAUGHTY + (json.loads(found.read_text("utf-8")) if found.is_file() else [])


class Log:
    def __init__(self, stream: io.StringIO) -> None:
        self.stream = stream
        self.log = logger("tests")

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.split("\n") if line]

    def clear(self) -> None:
        self.stream.seek(0)
        self.stream.truncate()


@pytest.fixture
def log() -> Iterator[Log]:
    handlers, hook = logging.getLogger().handlers[:], sys.excepthook
    stream = io.StringIO()
    configure_logging("document", "2", level="debug", stream=stream, pretty=False)
    yield Log(stream)
    configure_logging("tests", level="critical", stream=io.StringIO(), pretty=False)
    logging.getLogger().handlers[:] = handlers
    sys.excepthook = hook


def refused(reason: str) -> float:
    return float(LOG_REFUSED.labels(reason)._value.get())


def test_a_line_is_one_json_object_with_the_process_and_the_time(log: Log) -> None:
    record = uuid4()
    log.log.info("deposit_stored", record=record, seconds=0.25, partition=3)
    (line,) = log.lines()
    moment = datetime.fromisoformat(line.pop("timestamp"))
    assert moment.tzinfo is not None
    assert abs((datetime.now(UTC) - moment).total_seconds()) < 60
    assert line == {
        "event": "deposit_stored",
        "service": "document",
        "instance": "2",
        "module": "tests",
        "level": "info",
        "record": str(record),
        "seconds": 0.25,
        "partition": 3,
    }


def test_a_field_that_is_not_listed_is_dropped_and_counted(log: Log) -> None:
    before = refused("field")
    log.log.info("deposit_stored", title="Compte rendu", name="Canari", count=1)
    assert log.lines()[0].keys() & {"title", "name"} == set()
    assert log.lines()[0]["count"] == 1
    assert refused("field") == before + 2


def test_an_event_with_a_value_in_it_is_refused(log: Log) -> None:
    before = refused("event")
    for event in ("deposit of Canari", "Canari", "deposit_279035121518989", "", "a" * 65, "deposit\n"):
        log.log.info(event)
    assert {line["event"] for line in log.lines()} == {"log_event_refused"}
    assert refused("event") == before + 6


WRONG = {
    "record": ["not-a-uuid", "279035121518989", 5],
    "code": [CANARIES[1], "a@b", "279035121518989", "x" * 161, b"bytes", ["a"]],
    "count": [279035121518989, "5", 10**12],
    "until": [datetime(2026, 1, 1), "1979-03-01"],  # noqa: DTZ001 - the naive one is the point
    "reason": [CANARIES[2], CANARIES[3], CANARIES[4], CANARIES[5], "two\nlines", "x" * 401],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in WRONG.items() for value in values])
def test_a_value_of_another_kind_than_its_field_is_replaced(log: Log, field: str, value: object) -> None:
    before = refused("value")
    log.log.info("x", **{field: value})
    assert log.lines()[0][field] == REFUSED
    assert refused("value") == before + 1


def test_what_a_line_needs_is_let_through(log: Log) -> None:
    values = {
        "topic": "insurance.reimbursements.amo-test",
        "type": "carnet.record.consult.v1",
        "route": "/documents/{document}",
        "host": "127.0.0.1:9092",
        "reason": "document did not answer within 5 s; the outcome is unknown, repeat (or compare the clocks).",
        "partitions": ["0", "7"],
        "caller": "access_control",
        "until": "2026-11-22T08:00:00+00:00",
        "file": "kek-1.key",
        "offset": 999_999_999_999,
    }
    given_as = values | {
        "partitions": frozenset({7, 0}),
        "until": datetime(2026, 11, 22, 8, tzinfo=UTC),
        "file": Path("/secret/folder/kek-1.key"),
    }
    log.log.info("x", **given_as)
    assert log.lines()[0] | values == log.lines()[0]


def test_a_uuid_is_never_taken_for_a_nir(log: Log) -> None:
    numbers = UUID("12345678-1234-4123-8123-123456789012")
    log.log.info("x", record=numbers, code=str(numbers))
    assert (log.lines()[0]["record"], log.lines()[0]["code"]) == (str(numbers), str(numbers))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.text(min_size=1) | st.sampled_from(NAUGHTY), st.text(min_size=1, max_size=12))
def test_nothing_comes_out_through_a_field_that_is_not_listed(log: Log, value: str, field: str) -> None:
    log.clear()
    name = field if field not in FIELDS and field not in {"event", "exc_info", "self"} else "name"
    log.log.info("constant", **{name: f"«{value}»"})
    assert len(log.text.splitlines()) == 1
    assert log.lines()[0].keys() <= {"event", "service", "instance", "module", "level", "timestamp"}
    assert "\\u00ab" not in log.text


@pytest.mark.parametrize("field", [*FIELDS, "event", "exc_info", "name", "nir", "title", "content", "positional"])
def test_no_hostile_text_breaks_a_line_and_no_canary_number_passes_any_field(log: Log, field: str) -> None:
    for value in hostile():
        if field == "event":
            log.log.info(value)
        elif field == "positional":
            log.log.info("x %s", value)
        else:
            log.log.info("x", **{field: value})
    assert log.text.isascii()
    assert len(log.lines()) == len(hostile()) == len(log.text.splitlines())
    assert not any(ord(character) < 32 and character != "\n" for character in log.text)
    assert "\x7f" not in log.text
    for canary in CANARIES[2:6]:
        assert canary not in log.text
    if field not in {"reason", "template"}:
        assert "Sentinelle" not in log.text
        assert "oncologie" not in log.text


def refuse(value: str) -> None:
    raise ValueError(value)


def fail() -> None:
    try:
        refuse(CANARIES[0])
    except ValueError as error:
        raise KeyError(CANARIES[1]) from error


def test_an_error_shows_its_types_and_places_and_never_its_text(log: Log) -> None:
    try:
        fail()
    except KeyError as error:
        log.log.exception("batch_failed")
        log.log.warning("batch_failed", exc_info=error)
    for line in log.lines():
        assert line["error"] == ["builtins.KeyError", "builtins.ValueError"]
        assert line["where"][-1].endswith(":fail")
    assert "anari" not in log.text
    assert "Sentinelle" not in log.text


def test_a_group_of_errors_shows_what_is_inside(log: Log) -> None:
    log.log.error("x", exc_info=ExceptionGroup(CANARIES[0], [TimeoutError(CANARIES[1])]))
    assert log.lines()[0]["error"] == ["builtins.ExceptionGroup", "builtins.TimeoutError"]


def test_a_crash_is_logged_without_its_text(log: Log) -> None:
    error = ValueError(CANARIES[0])
    sys.excepthook(ValueError, error, None)
    assert log.lines()[0]["event"] == "process_crashed"
    assert "anari" not in log.text


def test_what_is_bound_follows_into_every_line(log: Log) -> None:
    one = uuid4()
    with bind(correlation=one, topic="access.decisions", name=CANARIES[0]):
        assert correlation() == str(one)
        log.log.info("x")
    log.log.info("y")
    assert log.lines()[0]["correlation"] == str(one)
    assert "correlation" not in log.lines()[1]
    assert correlation() is None
    assert "anari" not in log.text


def test_the_level_is_kept(log: Log) -> None:
    configure_logging("document", level="warning", stream=log.stream, pretty=False)
    log.log.info("quiet")
    log.log.warning("loud")
    assert [line["event"] for line in log.lines()] == ["loud"]


def test_the_lines_for_a_terminal_hold_no_more(log: Log) -> None:
    stream = io.StringIO()
    configure_logging("document", stream=stream, pretty=True)
    log.log.info("deposit_stored", title=CANARIES[7], reason="\x1b[31m")
    assert "deposit_stored" in stream.getvalue()
    assert "oncologie" not in stream.getvalue()


def test_a_librarys_line_is_reduced_to_template_and_place(log: Log) -> None:
    library = logging.getLogger("aiokafka.consumer")
    library.error("Unable to request metadata from %s: %s", CANARIES[1], CANARIES[0])
    (line,) = log.lines()
    assert line["library"] == "aiokafka.consumer"
    assert line["template"] == "Unable to request metadata from %s: %s"
    assert line["level"] == "error"
    assert line["where"][0].startswith("test_logging:")


def test_a_librarys_text_that_may_hold_values_is_left_out(log: Log) -> None:
    library = logging.getLogger("faststream")
    library.error(f"Message {CANARIES[0]} failed")
    try:
        refuse(CANARIES[1])
    except ValueError:
        library.exception(CANARIES[7])
    assert [line.get("template") for line in log.lines()] == [None, None]
    assert log.lines()[1]["error"] == ["builtins.ValueError"]
    for canary in ("anari", "Sentinelle", "oncologie"):
        assert canary not in log.text


def test_a_librarys_own_handlers_are_taken_over(log: Log) -> None:
    library, stream = logging.getLogger("uvicorn.error"), io.StringIO()
    library.addHandler(logging.StreamHandler(stream))
    library.propagate = False
    configure_logging("document", stream=log.stream, pretty=False)
    library.error("%s", CANARIES[0])
    assert stream.getvalue() == ""
    assert len(log.lines()) == 1


def test_a_flood_of_one_line_is_held_back_and_counted(log: Log) -> None:
    now = [100.0]
    logging.getLogger().handlers[:] = [ForeignLines(RateLimit(lambda: now[0]))]
    library, before = logging.getLogger("aiokafka"), LOG_SUPPRESSED._value.get()

    def outage() -> None:
        for _ in range(1000):
            library.error("no connection to node %s", 1)

    outage()
    assert len(log.lines()) == 3
    now[0] += 11
    outage()
    assert len(log.lines()) == 6
    assert log.lines()[3]["repeated"] == 997
    assert LOG_SUPPRESSED._value.get() == before + 1994


def test_different_places_do_not_hold_each_other_back() -> None:
    limit = RateLimit(lambda: 0.0)
    assert [limit.admit(("library", number, "ERROR")) for number in range(5000)] == [0] * 5000
    assert len(limit._seen) <= 1000
