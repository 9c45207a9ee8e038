"""A private file is whole or not there, however many write it, and stays so when the power goes."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.local import files, secrets
from deploy.local.files import write_private


def test_two_writers_of_one_process_number_leave_one_whole_file(tmp_path):
    path = tmp_path / "services.jwks"
    contents = [letter * 50_000 for letter in "ab"]

    def write(content):
        for _ in range(50):
            write_private(path, content)
            assert path.read_text() in contents

    with ThreadPoolExecutor(2) as pool:  # threads have one process number, as two containers do
        list(pool.map(write, contents))
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_writer_that_fails_leaves_the_old_file_alone(tmp_path, monkeypatch):
    path = tmp_path / "key"
    write_private(path, "old")

    def full(_):
        raise OSError("no space left")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        write_private(path, "new")
    assert (path.read_text(), list(tmp_path.iterdir())) == ("old", [path])


def test_content_is_on_the_disk_before_its_name_is(tmp_path, monkeypatch):
    path, synced = tmp_path / "key", []
    real = os.fsync
    monkeypatch.setattr(files.os, "fsync", lambda number: (synced.append(path.exists()), real(number)))
    write_private(path, "secret")
    assert synced == [False, True]


def test_what_a_killed_writer_left_is_nobody_s_password(tmp_path):
    made = secrets.create(tmp_path, services=["audit"], principals=["audit"])
    for folder in ("kafka", "postgres"):
        (tmp_path / folder / ".audit.x1y2").write_text("")
    assert made.kafka_passwords().keys() == made.postgres_passwords().keys() == {"audit"}
