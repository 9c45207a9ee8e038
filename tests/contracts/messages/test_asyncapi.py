"""The AsyncAPI document says what the registry says, and every reference in it leads somewhere."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError, validate

from shared.contracts import artefacts, asyncapi
from shared.contracts.topics import GATEWAY, SERVICES, registry

DOCUMENT = asyncapi.document()
TOPICS = registry(("{insurer}",), asyncapi.PARTITIONS)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def resolve(reference: str) -> Any:
    found: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def channel_of(operation: dict) -> dict:
    return resolve(operation["channel"]["$ref"])


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert len(found) > len(artefacts.messages())
    for reference in found:
        assert resolve(reference)


def test_every_schema_is_valid() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_topic_is_a_channel_with_its_bindings() -> None:
    channels = {channel["address"]: channel for channel in DOCUMENT["channels"].values()}
    assert set(channels) == set(TOPICS)
    for name, topic in TOPICS.items():
        binding = channels[name]["bindings"]["kafka"]
        assert binding["partitions"] == topic.partitions
        assert binding["topicConfiguration"]["retention.ms"] == topic.retention.total_seconds() * 1000
        assert set(channels[name]["messages"]) == {body.type_name for body in topic.messages}


def test_a_record_keyed_channel_has_the_record_id_as_key() -> None:
    for channel in DOCUMENT["channels"].values():
        topic = TOPICS[channel["address"]]
        keys = [resolve(message["$ref"])["bindings"]["kafka"]["key"] for message in channel["messages"].values()]
        assert all((key.get("format") == "uuid") == topic.record_keyed for key in keys)


@pytest.mark.parametrize(("action", "principals"), [("send", "writers"), ("receive", "readers")])
def test_operations_are_those_of_the_registry(action: str, principals: str) -> None:
    told = {
        (operation["x-principal"], channel_of(operation)["address"])
        for operation in DOCUMENT["operations"].values()
        if operation["action"] == action
    }
    assert told == {(principal, name) for name, topic in TOPICS.items() for principal in getattr(topic, principals)}


def test_operations_name_only_messages_of_their_channel() -> None:
    for operation in DOCUMENT["operations"].values():
        prefix = f"{operation['channel']['$ref']}/messages/"
        named = {message["$ref"] for message in operation["messages"]}
        assert named == {prefix + name for name in channel_of(operation)["messages"]}


def test_services_read_in_groups_of_their_own_and_the_gateway_without() -> None:
    for operation in DOCUMENT["operations"].values():
        principal = operation["x-principal"]
        grouped = operation["action"] == "receive" and principal in SERVICES and principal != GATEWAY
        assert ("bindings" in operation) == grouped


def test_servers_and_operations_ask_for_scram() -> None:
    scram = {"$ref": "#/components/securitySchemes/scram"}
    assert resolve(scram["$ref"])["type"] == "scramSha512"
    assert all(server["security"] == [scram] for server in DOCUMENT["servers"].values())
    assert all(operation["security"] == [scram] for operation in DOCUMENT["operations"].values())


@pytest.mark.parametrize("name", artefacts.messages())
def test_payloads_are_the_committed_schemas(name: str) -> None:
    """The document shares definitions that each schema has for itself; apart from that they are the same."""
    message = DOCUMENT["components"]["messages"][name]
    committed = json.loads((artefacts.SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    definitions = committed.pop("$defs", {})
    del committed["$schema"], committed["$id"]
    moved = json.loads(json.dumps(committed).replace("#/$defs/", "#/components/schemas/"))
    assert resolve(message["payload"]["$ref"]) == moved
    assert set(definitions) <= set(DOCUMENT["components"]["schemas"])


def test_headers_schema_refuses_what_is_not_ours() -> None:
    headers = {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_id": "7f1f9f0e-0a4f-4ba5-8d5c-7a43c9c2a001",
        "ce_type": "carnet.record.consult.v1",
        "ce_source": "/carnet/gateway",
        "ce_time": "2026-11-01T08:00:00+00:00",
    }
    validate(headers, asyncapi.headers_schema(numbered=False))
    for broken in ({**headers, "ce_specversion": "0.3"}, {**headers, "ce_type": "consult"}, {**headers, "ce_id": 1}):
        with pytest.raises(ValidationError):
            validate(broken, asyncapi.headers_schema(numbered=False))
    with pytest.raises(ValidationError, match=r"ce_number|ce_correlationid"):
        validate(headers, asyncapi.headers_schema(numbered=True))
