"""Rights follow from the registry: nobody gets more than its part needs."""

import pytest

from deploy.kafka.acls import Operation, Resource, Right, principals, rights
from shared.contracts.topics import ACCESS_DECISIONS, GATEWAY, RECORD_REQUESTS, SERVICES, registry

TOPICS = registry(("amo-test", "other"), 8)
RIGHTS = rights(TOPICS)


def _may(principal: str, operation: Operation, topic: str) -> bool:
    return Right(principal, operation, Resource.TOPIC, topic) in RIGHTS


def test_who_writes_is_exactly_who_the_registry_names():
    for topic in TOPICS.values():
        writers = {
            right.principal for right in RIGHTS if right.name == topic.name and right.operation is Operation.WRITE
        }
        assert writers == set(topic.writers)


def test_who_reads_is_readers_and_the_relay_of_numbered_topics():
    for topic in TOPICS.values():
        readers = {
            right.principal for right in RIGHTS if right.name == topic.name and right.operation is Operation.READ
        }
        assert readers == set(topic.readers) | (set(topic.writers) if topic.numbered else set())


def test_gateway_does_not_read_what_it_asked():
    assert _may("gateway", Operation.WRITE, RECORD_REQUESTS)
    assert not _may("gateway", Operation.READ, RECORD_REQUESTS)
    assert _may("gateway", Operation.READ, ACCESS_DECISIONS)


def test_an_insurer_sees_nothing_of_another_nor_of_records():
    names = {
        right.name for right in RIGHTS if right.principal == "insurer-amo-test" and right.resource is Resource.TOPIC
    }
    assert names == {name for name in TOPICS if name.startswith("insurance.") and name.endswith(".amo-test")}


def test_who_reads_without_a_group_gets_none():
    assert not {right for right in RIGHTS if right.principal == GATEWAY and right.resource is Resource.GROUP}


@pytest.mark.parametrize("principal", [*(one for one in SERVICES if one != GATEWAY), "insurer-other"])
def test_groups_are_ones_own(principal):
    groups = {right for right in RIGHTS if right.principal == principal and right.resource is Resource.GROUP}
    assert groups == {Right(principal, Operation.READ, Resource.GROUP, f"{principal}.")}
    assert all(right.by_prefix for right in groups)


def test_principals_are_all_who_appear():
    assert set(principals(TOPICS.values())) >= {*SERVICES, "insurer-amo-test", "insurer-other", "operator"}
