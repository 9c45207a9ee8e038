"""One system per folder; nothing that is not ours is removed."""

import json
import socket
import threading

import pytest

from deploy.local.home import AlreadyUpError, Home, NotAHomeError, Told


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def test_second_taker_is_told_that_it_is_up(home):
    home.take()
    other = Home(home.folder)
    assert other.is_up
    with pytest.raises(AlreadyUpError, match="carnet status"):
        other.take()
    home.release()
    assert not other.is_up
    other.take()
    other.release()


def test_state_is_seen_only_while_up(home):
    home.take()
    home.tell([Told("document", "ready", 7, "http://x", 0, "log")], ready=True, addresses={"kafka": "h:1"})
    other = Home(home.folder)
    assert other.state()["addresses"] == {"kafka": "h:1"}
    assert [told.name for told in other.processes()] == ["document"]
    home._lock.close()  # as the kernel does when the supervisor is killed: the state file stays
    home._lock = None
    assert other.state() is None


def test_foreign_folder_is_neither_taken_nor_wiped(tmp_path):
    (tmp_path / "thesis.tex").touch()
    home = Home(tmp_path)
    with pytest.raises(NotAHomeError, match="CARNET_HOME"):
        home.take()
    with pytest.raises(NotAHomeError, match="nothing in it was removed"):
        home.wipe()
    assert (tmp_path / "thesis.tex").exists()


def test_folder_that_cannot_be_made_is_told_with_the_next_step(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotAHomeError, match=r"file/home can't be used .*CARNET_HOME"):
        Home(tmp_path / "file" / "home").take()


def test_wipe_needs_the_system_to_be_down(home):
    home.take()
    with pytest.raises(AlreadyUpError, match="carnet down"):
        Home(home.folder).wipe()
    home.release()
    Home(home.folder).wipe()
    assert not home.folder.exists()


def test_ports_stay_the_same_unless_taken(home):
    home.take()
    first = home.ports(["kafka", "mail"])
    assert home.ports(["mail", "kafka", "gateway"]).items() >= first.items()
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", first["mail"]))
        squatter.listen()
        second = home.ports(["kafka", "mail"])
    assert second["kafka"] == first["kafka"]
    assert second["mail"] not in first.values()
    assert json.loads((home / "ports.json").read_text())["mail"] == second["mail"]
    home.release()


def test_folder_is_private(home):
    home.take()
    assert home.folder.stat().st_mode & 0o777 == 0o700
    home.release()


def test_who_looks_neither_hinders_a_start_nor_another_who_looks(home):
    home.take()
    home.release()
    ended, seen = threading.Event(), []

    def look():
        while not ended.is_set():
            seen.append(Home(home.folder).is_up)

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    try:
        while len(seen) < 2_000:
            pass
        looked = len(seen)
        assert not any(seen), "two who looked took each other for a system that is up"
        for _ in range(300):
            home.take()
            home.release()
        assert len(seen) > looked
    finally:
        ended.set()
        for looker in lookers:
            looker.join()
