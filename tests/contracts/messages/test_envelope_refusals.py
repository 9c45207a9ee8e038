"""A header that can't be read is refused by its attribute's name, without its value; nothing else is raised."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.envelope import Envelope, MalformedError, from_headers, number_of, to_headers

ENVELOPE = Envelope(
    id=UUID("7f1f9f0e-0a4f-4ba5-8d5c-7a43c9c2a001"),
    type="carnet.record.consult.v1",
    source="gateway",
    time=datetime(2026, 11, 1, 8, 30, 15, 123456, tzinfo=UTC),
    correlation=UUID("7f1f9f0e-0a4f-4ba5-8d5c-7a43c9c2a002"),
    cause=UUID("7f1f9f0e-0a4f-4ba5-8d5c-7a43c9c2a003"),
    number=17,
)
REQUIRED = ("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time")
OPTIONAL = ("ce_correlationid", "ce_causeid", "ce_number")


def replaced(name: str, value: bytes | None) -> list[tuple[str, bytes | None]]:
    """Good headers, one of which has another value."""
    return [(header, value if header == name else good) for header, good in to_headers(ENVELOPE)]


UNREADABLE = [
    ("ce_specversion", b"0.3-SECRET"),
    ("ce_id", b"SECRET"),
    ("ce_id", b"\xff\xfeSECRET"),
    ("ce_type", b"\xff\xfeSECRET"),
    ("ce_type", b"SECRET\x00"),
    ("ce_type", b""),
    ("ce_source", b"SECRET\x00"),
    ("ce_source", b"\xffSECRET"),
    ("ce_time", b"SECRET"),
    ("ce_time", b"0001-01-01T00:00:00+14:00"),
    ("ce_correlationid", b"SECRET"),
    ("ce_causeid", b"SECRET"),
    ("ce_number", b"SECRET"),
    ("ce_number", b"-5"),
    ("ce_number", b"0"),
    ("ce_number", b"1_000"),
    ("ce_number", b"9" * 30),
    ("ce_number", b"9" * 9000),
]


@pytest.mark.parametrize(("name", "value"), UNREADABLE, ids=[f"{name}={value[:12]!r}" for name, value in UNREADABLE])
def test_an_unreadable_attribute_is_named_and_its_value_is_not_shown(name: str, value: bytes) -> None:
    with pytest.raises(MalformedError, match=name) as caught:
        from_headers(replaced(name, value))
    assert "SECRET" not in str(caught.value)
    assert "999" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize("name", REQUIRED)
def test_a_null_header_is_refused_like_a_missing_one(name: str) -> None:
    with pytest.raises(MalformedError, match=name):
        from_headers(replaced(name, None))


def refusal(headers: list[tuple[str, bytes | None]]) -> str | None:
    """What the refusal says, or None where the headers were read; any other exception fails the test."""
    number_of(headers)
    try:
        from_headers(headers)
    except MalformedError as error:
        return str(error)
    return None


@given(st.sampled_from(REQUIRED + OPTIONAL), st.none() | st.binary(max_size=40))
def test_whatever_stands_in_a_header_is_read_or_refused_by_name(name: str, value: bytes | None) -> None:
    assert name in (refusal(replaced(name, value)) or name)


@given(st.lists(st.tuples(st.sampled_from(REQUIRED + OPTIONAL), st.none() | st.binary(max_size=20)), max_size=12))
def test_any_headers_are_read_or_refused(headers: list[tuple[str, bytes | None]]) -> None:
    assert "ce_" in (refusal(headers) or "ce_")


@pytest.mark.parametrize("value", [b"", b"-1", b"x", b"0", b"9" * 30, None])
def test_a_number_that_cannot_be_read_is_none(value: bytes | None) -> None:
    assert number_of(replaced("ce_number", value)) is None
