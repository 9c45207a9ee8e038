"""A real broker of our own: rights hold, data outlive a kill, partitions can't change unseen."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import GroupAuthorizationFailedError, KafkaConnectionError, TopicAuthorizationFailedError

from deploy.kafka import acls
from deploy.kafka.broker import Broker
from deploy.kafka.topics import Admin, TopicError
from shared.contracts.topics import ACCESS_DECISIONS, RECORD_REQUESTS, registry

pytestmark = pytest.mark.timeout(120)
TOPICS = registry(("amo-test",), 4)
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
    await producer.start()
    try:
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
    assert admin.rights() == acls.rights(TOPICS)


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


def test_ensure_again_changes_nothing_and_exact_takes_what_is_too_much(admin):
    surplus = acls.Right("audit", acls.Operation.WRITE, acls.Resource.TOPIC, ACCESS_DECISIONS)
    admin.ensure_rights(frozenset({surplus}))
    admin.ensure(TOPICS, PASSWORDS)
    assert surplus in admin.rights()
    admin.ensure(TOPICS, PASSWORDS, exact=True)
    assert admin.rights() == acls.rights(TOPICS)


def test_other_number_of_partitions_is_refused(admin):
    with pytest.raises(TopicError, match=r"has 4 partitions, expected 8.*CARNET_PARTITIONS=4"):
        admin.ensure_topics(registry(("amo-test",), 8))


async def test_wiped_topic_is_empty_again(broker, admin):
    topic = "flow.statistics"
    await _send(broker, "gateway", topic, b"old")
    admin.wipe(TOPICS[topic])
    assert (await _send(broker, "gateway", topic, b"new")).offset == 0


async def test_data_and_users_outlive_a_kill(broker):
    before = await _send(broker, "access_control", ACCESS_DECISIONS)
    port = broker.port
    broker.kill()
    assert not broker.running
    broker.start()
    after = await _send(broker, "access_control", ACCESS_DECISIONS)
    assert (broker.port, after.offset) == (port, before.offset + 1)
