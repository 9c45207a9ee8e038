"""The broker's settings: closed by default, one machine, no surprise topics."""

from pathlib import Path

from deploy.kafka import config

SETTINGS = config.settings(config.Node(Path("/data"), 9092, 9093, "secret"))


def test_nobody_connects_without_a_password():
    assert "PLAINTEXT" not in SETTINGS["listener.security.protocol.map"].replace("SASL_PLAINTEXT", "")
    assert SETTINGS["sasl.enabled.mechanisms"] == "SCRAM-SHA-512"
    assert SETTINGS["allow.everyone.if.no.acl.found"] == "false"
    assert SETTINGS["super.users"] == "User:admin"


def test_listens_on_loopback_only():
    for name in ("listeners", "advertised.listeners", "controller.quorum.bootstrap.servers"):
        assert all("127.0.0.1:" in part for part in SETTINGS[name].split(","))


def test_topics_come_from_the_registry_alone():
    assert SETTINGS["auto.create.topics.enable"] == "false"


def test_properties_keep_a_backslash():
    assert config.text({"name": "a\\b"}) == "name=a\\\\b\n"
