"""The ahead-of-time cache: made once, used by the next start, and never needed."""

import pytest

from deploy.kafka import aot, jars, train
from deploy.kafka.broker import Broker
from deploy.processes import ProcessError

pytestmark = pytest.mark.timeout(180)


def test_failure_to_train_prevents_no_start(tmp_path, monkeypatch):
    def broken(*_, **__):
        raise OSError("no space left")

    monkeypatch.setattr(train, "_trained", broken)
    monkeypatch.setattr(aot, "path", lambda *_: tmp_path / "missing.aot")
    assert train.train() is None
    broker = Broker(tmp_path / "broker", "admin's own")
    try:
        assert broker.start().running
    finally:
        broker.stop()


def test_unusable_cache_prevents_no_start(tmp_path, monkeypatch):
    (tmp_path / "broken.aot").write_bytes(b"no cache" * 1000)
    monkeypatch.setattr(aot, "path", lambda *_: tmp_path / "broken.aot")
    broker = Broker(tmp_path / "broker", "admin's own")
    try:
        assert broker.start().running
    finally:
        broker.stop()


def test_a_cache_is_made_once_and_used_by_the_next_start(tmp_path, monkeypatch):
    jars.ensure()
    (tmp_path / "cache" / ".aot-killed").mkdir(parents=True)
    (tmp_path / "cache" / f"kafka-{jars.KAFKA}").symlink_to(jars.cache_folder() / f"kafka-{jars.KAFKA}")
    monkeypatch.setenv(jars.CACHE_VARIABLE, str(tmp_path / "cache"))
    made = train.train()
    assert {path.name for path in jars.cache_folder().iterdir()} == {".aot.lock", f"kafka-{jars.KAFKA}", made.name}
    monkeypatch.setattr(train, "_trained", lambda _: pytest.fail("trained again"))
    assert train.train() == made
    strict = ("-XX:AOTMode=on",)  # a JVM that can't use the cache ends
    broker = Broker(tmp_path / "broker", "admin's own", extra=strict)
    try:
        assert broker.start().running
    finally:
        broker.stop()
    made.write_bytes(b"no cache" * 1000)
    with pytest.raises(ProcessError):
        Broker(tmp_path / "other", "admin's own", extra=strict).start()
