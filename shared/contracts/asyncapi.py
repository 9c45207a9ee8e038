"""The AsyncAPI 3.0 document: what flows where, made from the topic registry alone.

Channels are topics with their Kafka bindings, operations say which service sends or receives, messages carry the
CloudEvents headers. The insurers' topics appear once, with the insurer's code as a parameter.
"""

from typing import Any

from pydantic.json_schema import models_json_schema

from shared.contracts.common import Body
from shared.contracts.topics import GATEWAY, SERVICES, Key, Topic, message_types, registry

Json = dict[str, Any]

PARTITIONS = 8
"""Partitions of record-keyed topics in the document: a laptop's number; a deployment sets its own."""
_INSURER = "{insurer}"
_UUID: Json = {"type": "string", "format": "uuid"}
_KEYS: dict[Key, Json] = {
    Key.RECORD: {**_UUID, "description": "Record id, in canonical lower case"},
    Key.INSURER: {"type": "string", "description": "Chosen by the insurer; its lines with one key stay in order"},
    Key.SOURCE: {"type": "string", "description": "The partition that the lines stand in"},
    Key.SERVICE: {"type": "string", "description": "Name of the service that wrote it"},
    Key.REVIEW: {"type": "string", "description": "The review's random id"},
}
_KAFKA = "0.5.0"
"""Version of the AsyncAPI Kafka bindings."""


def document() -> Json:
    """The whole document, ready to be written as JSON; the same code gives the same document."""
    topics = sorted(registry((_INSURER,), PARTITIONS).values(), key=lambda topic: topic.name)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Carnet: the language between services",
            "version": "1.0.0",
            "description": (
                "Messages are CloudEvents 1.0 in Kafka binary mode: attributes as `ce_*` headers, the body as JSON. "
                "A type carries its version in its name; readers ignore fields they do not know."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": _server()},
        "channels": {_identifier(topic): _channel(topic) for topic in topics},
        "operations": dict(operation for topic in topics for operation in _operations(topic)),
        "components": {
            "messages": {name: _message(topic, body) for topic in topics for name, body in _types(topic)},
            "schemas": _schemas(topics),
            "securitySchemes": {"scram": {"type": "scramSha512", "description": "One principal per service"}},
        },
    }


def _server() -> Json:
    return {
        "host": "{bootstrap}",
        "protocol": "kafka-secure",
        "description": "Apache Kafka with SASL/SCRAM and the authorizer on; TLS everywhere but on a laptop's loopback",
        "variables": {"bootstrap": {"default": "127.0.0.1:9092", "description": "Setting CARNET_KAFKA_BOOTSTRAP"}},
        "security": [{"$ref": "#/components/securitySchemes/scram"}],
    }


def _identifier(topic: Topic) -> str:
    return topic.name.removesuffix(f".{_INSURER}")


def _types(topic: Topic) -> list[tuple[str, type[Body]]]:
    return sorted(message_types(topic).items())


def _channel(topic: Topic) -> Json:
    milliseconds = int(topic.retention.total_seconds() * 1000)
    channel: Json = {
        "address": topic.name,
        "description": topic.about,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name, _ in _types(topic)},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": milliseconds},
                "bindingVersion": _KAFKA,
            },
        },
        "x-key": topic.key.value,
        "x-numbered": topic.numbered,
    }
    if _INSURER in topic.name:
        channel["parameters"] = {"insurer": {"description": "Code of the insurer, for example `amo-test`"}}
    return channel


def _operations(topic: Topic) -> list[tuple[str, Json]]:
    sent = [(principal, "send") for principal in topic.writers]
    received = [(principal, "receive") for principal in topic.readers]
    return [
        (f"{principal.replace(f'-{_INSURER}', '')}.{action}.{_identifier(topic)}", _operation(topic, principal, action))
        for principal, action in sent + received
    ]


def _operation(topic: Topic, principal: str, action: str) -> Json:
    channel = f"#/channels/{_identifier(topic)}"
    operation: Json = {
        "action": action,
        "channel": {"$ref": channel},
        "summary": f"{principal} {action}s {topic.name}",
        "security": [{"$ref": "#/components/securitySchemes/scram"}],
        "messages": [{"$ref": f"{channel}/messages/{name}"} for name, _ in _types(topic)],
        "x-principal": principal,
    }
    if action == "receive" and principal in SERVICES and principal != GATEWAY:  # the gateway reads without a group
        group = {"type": "string", "pattern": rf"^{principal}\."}
        operation["bindings"] = {"kafka": {"groupId": group, "bindingVersion": _KAFKA}}
    return operation


def _message(topic: Topic, body: type[Body]) -> Json:
    return {
        "name": body.type_name,
        "title": body.__name__,
        "summary": (body.__doc__ or "").strip().splitlines()[0],
        "contentType": "application/json",
        "headers": {"$ref": f"#/components/schemas/{_headers_name(topic)}"},
        "payload": {"$ref": f"#/components/schemas/{_payload_name(body)}"},
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "bindings": {"kafka": {"key": _KEYS[topic.key], "bindingVersion": _KAFKA}},
    }


def _headers_name(topic: Topic) -> str:
    return "NumberedHeaders" if topic.numbered else "Headers"


def _payload_name(body: type[Body]) -> str:
    return body.type_name


def headers_schema(*, numbered: bool) -> Json:
    """JSON Schema of the headers; those of numbered topics carry their number without gaps."""
    schema: Json = {
        "type": "object",
        "description": "CloudEvents 1.0 attributes as Kafka headers, each a UTF-8 string",
        "required": ["content-type", "ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time"],
        "properties": {
            "content-type": {"type": "string", "const": "application/json"},
            "ce_specversion": {"type": "string", "const": "1.0"},
            "ce_id": _UUID,
            "ce_type": {"type": "string", "pattern": r"^carnet\.[a-z.-]+\.v[0-9]+$"},
            "ce_source": {"type": "string", "pattern": "^/carnet/.+$", "description": "The service that wrote it"},
            "ce_time": {"type": "string", "format": "date-time"},
            "ce_correlationid": {
                **_UUID,
                "description": "The request or deposit at the root of the flow; without it, the message is the root",
            },
            "ce_causeid": {**_UUID, "description": "The message that caused this one"},
        },
    }
    if numbered:
        number = {"type": "string", "pattern": "^[1-9][0-9]*$", "description": "From 1, without gaps, per partition"}
        schema["properties"]["ce_number"] = number
        schema["required"] += ["ce_correlationid", "ce_number"]
    return schema


def _schemas(topics: list[Topic]) -> Json:
    bodies = [body for topic in topics for _, body in _types(topic)]
    references, shared = models_json_schema(
        [(body, "validation") for body in bodies],
        ref_template="#/components/schemas/{model}",
    )
    schemas: Json = dict(shared["$defs"])
    for body in bodies:
        name = references[body, "validation"]["$ref"].removeprefix("#/components/schemas/")
        schemas[_payload_name(body)] = schemas.pop(name)
    headers = {"Headers": headers_schema(numbered=False), "NumberedHeaders": headers_schema(numbered=True)}
    return dict(sorted({**schemas, **headers}.items()))
