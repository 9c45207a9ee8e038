"""What is written without its empty fields must be readable: no field may be both required and nullable."""

import pytest

from shared.contracts.topics import registry

MESSAGES = sorted(
    {message for topic in registry(("amo-test",), 8).values() for message in topic.messages},
    key=lambda one: one.type_name,
)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: one.type_name)
def test_no_field_is_required_and_nullable(message) -> None:
    for name, field in message.model_fields.items():
        assert not (field.is_required() and type(None) in getattr(field.annotation, "__args__", ())), name
