"""Start-up caches of the broker: one per Java wherever it lies, and no more of them than are used."""

import os

import pytest

from deploy.kafka import aot, jars
from deploy.kafka.java import Java

FLAGS = ("-XX:+UseSerialGC",)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(jars.CACHE_VARIABLE, str(tmp_path / "cache"))
    return jars.cache_folder()


def _java(folder, version="25.0.2", built=1_700_000_000):
    (folder / "bin").mkdir(parents=True)
    (folder / "lib").mkdir()
    (folder / "bin" / "java").write_bytes(b"a launcher, the same in all versions")
    (folder / "release").write_text(f'JAVA_VERSION="{version}"')
    (folder / "lib" / "modules").write_bytes(b"classes")
    os.utime(folder / "lib" / "modules", (built, built))
    return Java(folder / "bin" / "java", 25)


def test_one_java_in_two_places_has_one_cache(cache, tmp_path):
    assert aot.path(_java(tmp_path / "one"), FLAGS) == aot.path(_java(tmp_path / "other"), FLAGS)


def test_another_java_has_another(cache, tmp_path):
    javas = [_java(tmp_path / "a"), _java(tmp_path / "b", version="25.0.3"), _java(tmp_path / "c", built=1)]
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").touch()
    assert len({aot.path(java, FLAGS) for java in [*javas, Java(tmp_path / "bin" / "java", 25)]}) == 4
    assert aot.path(javas[0], FLAGS) != aot.path(javas[0], (*FLAGS, "-XX:TieredStopAtLevel=1"))


def test_caches_that_were_used_last_stay_and_what_a_killed_training_left_goes(cache, tmp_path):
    java = _java(tmp_path / "java")
    names = [f"kafka-{number}.aot" for number in range(5)]
    for age, name in enumerate([aot.path(java, FLAGS).name, *names]):
        (cache / name).touch()
        os.utime(cache / name, (1_000 + age, 1_000 + age))
    (cache / ".aot-killed" / "broker").mkdir(parents=True)
    (cache / ".aot.lock").touch()
    (cache / "kafka-4.3.0").mkdir()
    assert aot.usable(java, FLAGS) == aot.path(java, FLAGS)  # the oldest, until it is used
    aot.tidy()
    kept = {aot.path(java, FLAGS).name, *names[-2:]}
    assert {path.name for path in cache.iterdir()} == {*kept, ".aot.lock", "kafka-4.3.0"}


def test_a_cache_that_is_not_there_or_of_no_use_is_not_named(cache, tmp_path):
    java = _java(tmp_path / "java")
    assert aot.usable(java, FLAGS) is None
    aot.path(java, FLAGS).touch()
    assert aot.usable(Java(java.path, 21), FLAGS) is None
