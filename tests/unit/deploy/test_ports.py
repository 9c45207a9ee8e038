"""Ports of a local system: free ones, of the range that was asked for."""

import socket

import pytest

from deploy.processes import LOOPBACK, PORTS_VARIABLE, ProcessError, free_ports, port_range


def test_ports_are_different_and_of_the_range(monkeypatch):
    monkeypatch.setenv(PORTS_VARIABLE, "31000-31049")
    found = free_ports(20)
    assert len(set(found)) == 20
    assert set(found) <= set(range(31_000, 31_050))


def test_a_port_in_use_is_left_out(monkeypatch):
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv(PORTS_VARIABLE, f"{port}-{port}")
        with pytest.raises(ProcessError, match=f"0 of 1 ports are free in {port}-{port}"):
            free_ports(1)


@pytest.mark.parametrize("said", ["20000", "a-b", "2-1", "0-5", "1-65536", "20000-", "-5"])
def test_what_names_no_range_is_told(monkeypatch, said):
    monkeypatch.setenv(PORTS_VARIABLE, said)
    with pytest.raises(ProcessError, match="expected is first-last"):
        port_range()


def test_the_default_lies_below_outgoing_ports(monkeypatch):
    monkeypatch.delenv(PORTS_VARIABLE, raising=False)
    assert port_range() == range(20_000, 32_000)
