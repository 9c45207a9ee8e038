"""A real broker of our own: rights hold, data outlive a kill, partitions can't change unseen."""

import asyncio

import confluent_kafka.admin as kafka
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import GroupAuthorizationFailedError, KafkaConnectionError, TopicAuthorizationFailedError

from deploy.kafka import acls, topics
from deploy.kafka.broker import Broker
from deploy.kafka.topics import Admin, Keep, TopicError, binding
from shared.contracts.topics import ACCESS_DECISIONS, RECORD_REQUESTS, principal_of_insurer, registry

pytestmark = pytest.mark.timeout(120)
TOPICS = registry(("amo-test",), 4)
WANTED = frozenset(map(binding, acls.rights(TOPICS)))
PASSWORDS = {name: f"{name}-password" for name in acls.principals(TOPICS.values())}


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    broker = Broker(tmp_path_factory.mktemp("kafka") / "broker", "admin's own").start()
    Admin(broker.bootstrap, broker.password).ensure(TOPICS, PASSWORDS)
    yield broker
    broker.stop()


@pytest.fixture
def admin(broker):
    return Admin(broker.bootstrap, broker.password)


def _login(broker, principal, password=None):
    return {
        "bootstrap_servers": broker.bootstrap,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": principal,
        "sasl_plain_password": password or PASSWORDS[principal],
    }


async def _send(broker, principal, topic, value=b"value"):
    producer = AIOKafkaProducer(**_login(broker, principal), enable_idempotence=True, acks="all")
    try:
        await producer.start()
        return await producer.send_and_wait(topic, value, key=b"key")
    finally:
        await producer.stop()


async def _first(broker, principal, topic, group):
    consumer = AIOKafkaConsumer(topic, **_login(broker, principal), group_id=group, auto_offset_reset="earliest")
    try:
        await consumer.start()
        return await asyncio.wait_for(consumer.getone(), 20)
    finally:
        await consumer.stop()


def test_rights_in_force_are_the_registry_s(admin):
    assert admin.bindings() == WANTED


async def test_writer_writes_and_reader_reads(broker):
    await _send(broker, "access_control", ACCESS_DECISIONS)
    assert (await _first(broker, "document", ACCESS_DECISIONS, "document.test")).value == b"value"
    assert (await _first(broker, "gateway", ACCESS_DECISIONS, None)).value == b"value"


async def test_writing_to_another_s_topic_is_refused(broker):
    with pytest.raises(TopicAuthorizationFailedError, match=ACCESS_DECISIONS):
        await _send(broker, "document", ACCESS_DECISIONS)


async def test_reading_what_is_not_ones_own_is_refused(broker):
    with pytest.raises(TopicAuthorizationFailedError):
        await _first(broker, "notification", RECORD_REQUESTS, "notification.test")
    with pytest.raises(GroupAuthorizationFailedError):
        await _first(broker, "document", ACCESS_DECISIONS, "audit.test")


async def test_wrong_password_is_refused(broker):
    producer = AIOKafkaProducer(**_login(broker, "gateway", "guess"))
    with pytest.raises(KafkaConnectionError):
        await producer.start()
    await producer.stop()


def _planted(name, operation, **other):
    """A right, or a refusal, that we never give."""
    kinds = {"restype": "topic", "resource_pattern_type": "literal", "host": "*", "permission_type": "allow"} | other
    return kafka.AclBinding(name=name, operation=operation, **{"principal": "User:audit"} | kinds)


OURS = [
    _planted(ACCESS_DECISIONS, "write"),
    _planted(ACCESS_DECISIONS, "all"),
    _planted(ACCESS_DECISIONS, "delete"),
    _planted("record.", "read", resource_pattern_type="prefixed"),
    _planted("*", "read"),
    _planted(ACCESS_DECISIONS, "read", host="10.0.0.1"),
    _planted("document.", "read", restype="group", resource_pattern_type="prefixed"),
    _planted("kafka-cluster", "alter", restype="broker"),
    _planted(ACCESS_DECISIONS, "read", permission_type="deny"),
]
OTHERS = [_planted(ACCESS_DECISIONS, "read", principal=name) for name in ("User:*", "User:their-tool")]


@pytest.fixture
def planted(admin):
    """Rights of every kind that somebody gave, of our principals and of others."""
    admin._done(admin._client.create_acls([*OURS, *OTHERS], request_timeout=30))
    admin._until(lambda: admin.bindings() >= {*OURS, *OTHERS}, "nothing was planted")
    yield
    admin.ensure(TOPICS, PASSWORDS, Keep.NOTHING)


def test_ensure_again_changes_nothing(admin, planted):
    admin.ensure(TOPICS, PASSWORDS)
    assert admin.bindings() == WANTED | {*OURS, *OTHERS}


def test_in_a_broker_of_ours_no_other_right_of_anybody_stays(admin, planted):
    admin.ensure(TOPICS, PASSWORDS, Keep.NOTHING)
    assert admin.bindings() == WANTED


def test_in_somebody_s_broker_what_others_have_stays(admin, planted):
    admin.ensure(TOPICS, PASSWORDS, Keep.OTHERS)
    assert admin.bindings() == WANTED | {*OTHERS}


@pytest.mark.parametrize("keep", [Keep.OTHERS, Keep.NOTHING])
async def test_an_insurer_who_left_keeps_neither_rights_nor_a_password(broker, admin, keep):
    with_him = registry(("amo-test", "gone"), 4)
    gone = principal_of_insurer("gone")
    passwords = PASSWORDS | {gone: "gone-password"}
    admin.ensure(with_him, passwords)
    await _first_metadata(broker, gone, "gone-password")
    for _ in range(2):
        admin.ensure(TOPICS, passwords, keep)
        assert admin.bindings() == WANTED
        with pytest.raises(KafkaConnectionError):
            await _first_metadata(broker, gone, "gone-password")


async def _first_metadata(broker, principal, password):
    """Connects, and that is all."""
    producer = AIOKafkaProducer(**_login(broker, principal, password))
    try:
        await producer.start()
    finally:
        await producer.stop()


def test_a_broker_that_does_not_take_us_is_told_with_the_next_step(broker, monkeypatch):
    monkeypatch.setattr(topics, "_TIMEOUT_S", 3.0)
    with pytest.raises(TopicError, match=rf"Kafka at {broker.bootstrap} .*CARNET_KAFKA_ADMIN_USER"):
        Admin(broker.bootstrap, "guess").ensure(TOPICS, PASSWORDS)


def test_other_number_of_partitions_is_refused(admin):
    with pytest.raises(TopicError, match=r"has 4 partitions, expected 8.*CARNET_PARTITIONS=4"):
        admin.ensure_topics(registry(("amo-test",), 8))


async def test_wiped_topic_is_empty_again(broker, admin):
    topic = "flow.statistics"
    await _send(broker, "gateway", topic, b"old")
    admin.wipe(TOPICS[topic])
    assert (await _send(broker, "gateway", topic, b"new")).offset == 0


async def test_data_and_users_outlive_a_kill(broker):
    """Also where an insurer left before: once a user was removed, a broker refuses the others at its next start."""
    before = await _send(broker, "access_control", ACCESS_DECISIONS)
    port = broker.port
    broker.kill()
    assert not broker.running
    broker.start()
    after = await _send(broker, "access_control", ACCESS_DECISIONS)
    assert (broker.port, after.offset) == (port, before.offset + 1)
