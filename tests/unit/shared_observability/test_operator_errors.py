"""An error made for operators shows its sentence in the log, with the next step; every other error shows none."""

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from shared.errors import OperatorError, SettingError
from shared.messaging import TopicMissingError
from shared.messaging._failures import StoppedLineError
from shared.messaging.relay import OutboxError
from shared.observability import REFUSED, configure_logging, logger
from shared.security import FileKeyProvider, KeyUnreadableError

CANARIES = ["Canari Jaune", "279035121518989", "2 79 03 51 215 189 89"]
SECRET = "hunter2-quite-secret"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    handlers, hook = logging.getLogger().handlers[:], sys.excepthook
    stream = io.StringIO()
    configure_logging("document", stream=stream, pretty=False)
    yield stream
    configure_logging("tests", level="critical", stream=io.StringIO(), pretty=False)
    logging.getLogger().handlers[:] = handlers
    sys.excepthook = hook


def logged(stream: io.StringIO, error: BaseException) -> dict[str, object]:
    stream.seek(0)
    stream.truncate()
    logger("tests").error("x", exc_info=error)
    line: dict[str, object] = json.loads(stream.getvalue())
    return line


@pytest.mark.parametrize(
    "kind", [OperatorError, SettingError, TopicMissingError, StoppedLineError, OutboxError, KeyUnreadableError]
)
def test_an_error_for_operators_shows_its_sentence(stream: io.StringIO, kind: type[OperatorError]) -> None:
    assert logged(stream, kind("no keys: set CARNET_KEYS_DIR"))["reason"] == "no keys: set CARNET_KEYS_DIR"


def test_the_sentence_is_found_behind_what_wraps_it(stream: io.StringIO) -> None:
    wrapped = RuntimeError(CANARIES[0])
    wrapped.__cause__ = OutboxError("the outbox has no number 7")
    assert logged(stream, wrapped)["reason"] == "the outbox has no number 7"
    assert logged(stream, ExceptionGroup(CANARIES[0], [wrapped]))["reason"] == "the outbox has no number 7"


@pytest.mark.parametrize("kind", [ValueError, OSError, RuntimeError, KeyError])
def test_any_other_error_shows_no_text(stream: io.StringIO, kind: type[Exception]) -> None:
    assert "reason" not in logged(stream, kind("no keys: set CARNET_KEYS_DIR"))


@pytest.mark.parametrize("text", [CANARIES[1], CANARIES[2], "a@b.example", "two\nlines", "x" * 401])
def test_the_sentence_passes_the_allow_list_like_any_other(stream: io.StringIO, text: str) -> None:
    assert logged(stream, OperatorError(text))["reason"] == REFUSED


def test_a_crash_tells_the_next_step(stream: io.StringIO) -> None:
    sys.excepthook(SettingError, SettingError("no keys: set CARNET_KEYS_DIR"), None)
    line = json.loads(stream.getvalue())
    assert (line["event"], line["reason"]) == ("process_crashed", "no keys: set CARNET_KEYS_DIR")


def test_a_reason_that_is_given_stays(stream: io.StringIO) -> None:
    logger("tests").error("x", reason="given", exc_info=OperatorError("of the error"))
    assert json.loads(stream.getvalue())["reason"] == "given"


def test_a_folder_without_the_key_is_told(stream: io.StringIO, tmp_path) -> None:
    with pytest.raises(OperatorError) as caught:
        FileKeyProvider(tmp_path, "kek-1")
    assert "kek-1" in str(logged(stream, caught.value)["reason"])


FAULTS = [
    ({}, "CARNET_HASH_KEY_FILE"),
    ({"CARNET_KAFKA_PASSWORD_FILE": "/nowhere/kafka.password"}, "CARNET_KAFKA_PASSWORD_FILE"),
    ({"CARNET_DATABASE_PASSWORD_FILE": "/nowhere/database.password"}, "database.password"),
    ({"CARNET_PARTITIONS": SECRET}, "CARNET_PARTITIONS"),
    (
        dict.fromkeys(("CARNET_MAX_BATCH", "CARNET_HTTP_PORT", "CARNET_DATABASE_POOL", "CARNET_INSTANCE"), SECRET)
        | dict.fromkeys(("CARNET_MAX_REQUEST_BYTES", "CARNET_STALL_TIMEOUT_S", "CARNET_REQUEST_TIMEOUT_S"), SECRET),
        "CARNET_DATABASE_POOL",
    ),
    ({"CARNET_HTTP_HOST": "192.0.2.7"}, "set CARNET_HTTP_HOST=127.0.0.1"),
]


@pytest.mark.parametrize(("environment", "told"), FAULTS, ids=[told for _, told in FAULTS])
def test_a_process_that_is_set_up_wrongly_names_the_setting_in_its_last_line(
    environment: dict[str, str], told: str
) -> None:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("CARNET_")}
    ended = subprocess.run(
        [sys.executable, "-m", "services.history_ingestion"],
        env=plain | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    line = json.loads(ended.stdout.splitlines()[-1])
    assert line["event"] == "process_crashed"
    assert told in line["reason"]
    assert SECRET not in ended.stdout + ended.stderr
