"""The ahead-of-time cache: made once, used by the next start, and never needed."""

import pytest

from deploy.kafka import aot, train
from deploy.kafka.broker import Broker

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
