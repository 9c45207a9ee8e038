"""Which Java runs the broker: the one that CARNET_JAVA names and no other, if it is new enough."""

import pytest

from deploy.kafka import java
from deploy.kafka.java import NoJavaError


@pytest.fixture
def named(tmp_path, monkeypatch):
    """Makes a Java of a version and names it."""

    def make(version):
        program = tmp_path / "java"
        program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2026-01-01' >&2\n")
        program.chmod(0o755)
        monkeypatch.setenv(java.JAVA_VARIABLE, str(program))
        return program

    java.find.cache_clear()
    yield make
    java.find.cache_clear()


@pytest.mark.parametrize(("version", "major"), [("17.0.9", 17), ("25", 25)])
def test_the_one_that_is_named_is_taken(named, version, major):
    program = named(version)
    assert java.find() == java.Java(program, major)
    assert java.find().caches_ahead_of_time is (major >= 25)


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_292"])
def test_one_that_is_too_old_is_refused_though_another_is_there(named, version):
    program = named(version)
    with pytest.raises(NoJavaError, match=rf"{program} .*CARNET_JAVA"):
        java.find()


def test_one_that_does_not_run_is_refused(named, monkeypatch, tmp_path):
    monkeypatch.setenv(java.JAVA_VARIABLE, str(tmp_path / "missing"))
    with pytest.raises(NoJavaError, match=r"missing .does not run"):
        java.find()
