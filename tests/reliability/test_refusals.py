"""Who may not is refused, and the error says which and why: principals in Kafka, callers over internal HTTP."""

import http.client
import json
from urllib.parse import urlsplit

import confluent_kafka
import pytest

from deploy.proof.load import kafka
from shared.contracts.access_decisions import RecordClosed
from shared.contracts.topics import (
    ACCESS_DECISIONS,
    AUDIT,
    DOCUMENT,
    GATEWAY,
    NOTIFICATION_EVENTS,
    RECORD_REQUESTS,
    REIMBURSEMENTS,
    of_insurer,
)
from shared.http import RemoteError
from shared.http.client import InternalClient
from shared.messaging import Producer, UnsentError
from shared.security import ServiceIdentity, read_jwk
from tests.support.acts import DOCTOR, consult

KEY = "00000000-0000-4000-8000-000000000001"


def settings(carnet, principal, password=None):
    return {
        "bootstrap.servers": carnet.places.kafka,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": principal,
        "sasl.password": password or carnet.places.secrets.kafka_password_file(principal).read_text(),
        "log_level": 0,
    }


@pytest.mark.parametrize(
    ("principal", "topic"),
    [
        (GATEWAY, ACCESS_DECISIONS),
        (AUDIT, RECORD_REQUESTS),
        ("insurer-amo-test", RECORD_REQUESTS),
        (DOCUMENT, of_insurer(REIMBURSEMENTS, "amo-test")),
    ],
)
def test_nobody_writes_a_topic_of_others(principal, topic, carnet):
    failed = []
    producer = confluent_kafka.Producer({**settings(carnet, principal), "message.timeout.ms": 10_000})
    producer.produce(topic, b"{}", KEY.encode(), on_delivery=lambda error, _: failed.append(error))
    producer.flush(15)
    assert [error.code() for error in failed] == [confluent_kafka.KafkaError.TOPIC_AUTHORIZATION_FAILED]


def refused_reads(carnet, principal, begin):
    """The errors of a principal's reading, as (code, what it tells), in the order in which they come."""
    group = {"group.id": f"{principal}.curious", "auto.offset.reset": "earliest"}
    consumer = confluent_kafka.Consumer({**settings(carnet, principal), **group})
    try:
        begin(consumer)
        while message := consumer.poll(15):
            yield message.error().code(), f"{message.topic()} {message.error().str()}"
    finally:
        consumer.close()


@pytest.mark.parametrize(
    ("principal", "topic"),
    [
        ("notification", RECORD_REQUESTS),
        (AUDIT, of_insurer(REIMBURSEMENTS, "amo-test")),
        (DOCUMENT, NOTIFICATION_EVENTS),
    ],
)
def test_nobody_reads_a_topic_of_others(principal, topic, carnet):
    code, told = next(refused_reads(carnet, principal, lambda consumer: consumer.subscribe([topic])))
    assert code == confluent_kafka.KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert topic in told


def test_who_writes_a_topic_may_not_read_it(carnet):
    place = confluent_kafka.TopicPartition(RECORD_REQUESTS, 0, 0)
    refusals = refused_reads(carnet, GATEWAY, lambda consumer: consumer.assign([place]))
    # The group is refused as well, on a connection of its own: either refusal may come first.
    told = next(told for code, told in refusals if code == confluent_kafka.KafkaError.TOPIC_AUTHORIZATION_FAILED)
    assert RECORD_REQUESTS in told


def test_a_group_of_another_service_is_closed(carnet):
    consumer = confluent_kafka.Consumer({**settings(carnet, AUDIT), "group.id": "document.decisions"})
    try:
        consumer.subscribe([ACCESS_DECISIONS])
        message = consumer.poll(15)
        assert message is not None
        assert message.error().code() == confluent_kafka.KafkaError.GROUP_AUTHORIZATION_FAILED
    finally:
        consumer.close()


async def test_our_own_producer_says_which_topic_and_that_it_may_not(carnet):
    producer = Producer(GATEWAY, kafka(carnet, GATEWAY))
    try:
        with pytest.raises(UnsentError) as caught:
            await producer.send(ACCESS_DECISIONS, RecordClosed(actor=DOCTOR), key=KEY, partitions=8)
        assert ACCESS_DECISIONS in str(caught.value)
        assert "may not" in str(caught.value)
    finally:
        await producer.stop()


def test_a_caller_without_a_token_is_told_so(carnet):
    address = urlsplit(carnet.places.url(DOCUMENT, 1))
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=5)
    try:
        connection.request("POST", "/search", b"{}", {"content-type": "application/json"})
        answer = connection.getresponse()
        problem = json.loads(answer.read())
    finally:
        connection.close()
    assert answer.status == 401
    assert "token" in problem["detail"]


@pytest.mark.parametrize(
    ("caller", "signs_as", "audience", "refusal", "told"),
    [
        (AUDIT, AUDIT, DOCUMENT, (403, "caller_not_allowed"), "audit"),
        (GATEWAY, GATEWAY, AUDIT, (401, "wrong_audience"), "document"),
        (GATEWAY, AUDIT, DOCUMENT, (401, "bad_signature"), "signature"),
    ],
    ids=["a service that may not call", "a token for another service", "a token signed by another"],
)
async def test_a_caller_with_a_wrong_token_is_told_why(caller, signs_as, audience, refusal, told, carnet, acts):
    jwk = dict(read_jwk(carnet.places.secrets.service_key_file(signs_as)), kid=caller)
    client = InternalClient(carnet.places.url(DOCUMENT, 1), ServiceIdentity(caller, jwk), audience)
    record, _ = await acts.authorised()
    permit = (await acts.ask(record, consult())).permit
    try:
        with pytest.raises(RemoteError) as caught:
            await client.call("POST", "/search", json={"permit": permit})
    finally:
        await client.close()
    assert (caught.value.status, caught.value.code) == refusal
    assert told in caught.value.sentence
