"""An altered jar is never run, and the lock names what it should."""

import hashlib
import shutil
from pathlib import Path

import pytest

from deploy.kafka import jars
from deploy.kafka.jars import Jar, JarError


@pytest.fixture
def cached(tmp_path):
    """A folder with one jar that is as it was locked."""
    content = b"PK not really"
    (tmp_path / "part-1.0.jar").write_bytes(content)
    return tmp_path, [Jar("group", "part", "1.0", hashlib.sha256(content).hexdigest())]


def test_what_is_locked_is_taken(cached):
    folder, wanted = cached
    assert jars.ensure(folder, jars=wanted) == [folder / "part-1.0.jar"]


def test_altered_jar_is_refused_with_both_sums_and_next_step(cached):
    folder, wanted = cached
    with (folder / "part-1.0.jar").open("ab") as handle:
        handle.write(b"!")
    with pytest.raises(JarError, match=rf"part-1.0.jar is not the jar that was locked.*{wanted[0].sha256}.*delete it"):
        jars.ensure(folder, jars=wanted)


def test_altered_copy_of_a_real_jar_is_refused(tmp_path):
    one = next(jar for jar in jars.locked() if jar.artifact == "kafka-server-common")
    real = jars.cache_folder() / f"kafka-{jars.KAFKA}" / one.filename
    if not real.exists():
        pytest.skip("the jars are not in the cache yet: any start of the system fetches them")
    copy = Path(shutil.copy(real, tmp_path))
    assert jars.ensure(tmp_path, jars=[one])
    with copy.open("r+b") as handle:
        handle.seek(1000)
        handle.write(b"\0\1\2\3")
    with pytest.raises(JarError, match="not the jar that was locked"):
        jars.ensure(tmp_path, jars=[one])


def test_fetch_that_gives_something_else_leaves_nothing(tmp_path, monkeypatch):
    def other(jar, scratch):
        path = scratch / jar.filename
        path.write_bytes(b"something else")
        return path

    monkeypatch.setattr(jars, "_downloaded", other)
    with pytest.raises(JarError, match="not the jar that was locked"):
        jars.ensure(tmp_path, jars=[Jar("group", "part", "1.0", "0" * 64)])
    assert not list(tmp_path.glob("*.jar"))


def test_fetch_that_fails_says_what_to_do(tmp_path, monkeypatch):
    tries = []

    def failing(jar, scratch):
        tries.append(jar)
        raise OSError("no route")

    monkeypatch.setattr(jars, "_downloaded", failing)
    with pytest.raises(JarError, match=r"group:part:1.0 could not be fetched in 3 tries.*no route.*CARNET_KAFKA"):
        jars.ensure(tmp_path, jars=[Jar("group", "part", "1.0", "0" * 64)])
    assert len(tries) == 3


def test_lock_names_kafka_and_its_logging_and_no_host():
    locked = {jar.artifact: jar for jar in jars.locked()}
    assert locked["kafka_2.13"].version == locked["kafka-clients"].version == jars.KAFKA
    assert locked["log4j-slf4j-impl"].version == locked["log4j-core"].version
    assert "://" not in jars.LOCK.read_text()


def test_broken_line_of_the_lock_is_told(tmp_path):
    lock = tmp_path / "jars.lock"
    lock.write_text("# comment\ngroup:part:1.0:short\n")
    with pytest.raises(JarError, match="line 2"):
        jars.locked(lock)
