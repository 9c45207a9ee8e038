"""The envelope is CloudEvents as others write and read it."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest
from cloudevents.core.bindings import kafka
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import validate

from shared.contracts.asyncapi import headers_schema
from shared.contracts.envelope import Envelope, MalformedError, derived_id, from_headers, number_of, to_headers

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

names = st.from_regex(r"[a-z][a-z_]{0,20}", fullmatch=True)
envelopes = st.builds(
    Envelope,
    id=st.uuids(),
    type=st.from_regex(r"carnet\.[a-z]{1,9}\.[a-z]{1,9}\.v[1-9]", fullmatch=True),
    source=names,
    time=st.datetimes(
        min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis wants bounds without a zone
        max_value=datetime(2100, 1, 1),  # noqa: DTZ001
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=2)), timezone(timedelta(hours=-11, minutes=-30))]),
    ),
    correlation=st.uuids(),
    cause=st.none() | st.uuids(),
    number=st.none() | st.integers(1, 2**63 - 1),
)


@given(envelopes)
def test_headers_and_back(envelope: Envelope) -> None:
    headers = to_headers(envelope)
    assert from_headers(headers) == envelope
    assert number_of(headers) == envelope.number


@pytest.mark.parametrize(("last", "number"), [(b"18", 18), (b"0", None), (None, None)])
def test_of_a_repeated_number_the_last_counts_for_who_drops_and_for_who_reads(last: bytes | None, number: int | None):
    headers = [*to_headers(ENVELOPE), ("ce_number", last)]
    assert number_of(headers) == number
    if number is None:
        with pytest.raises(MalformedError, match="ce_number"):
            from_headers(headers)
    else:
        assert from_headers(headers).number == number


@given(envelopes)
def test_headers_match_the_published_schema(envelope: Envelope) -> None:
    strings = {name: value.decode() for name, value in to_headers(envelope)}
    validate(strings, headers_schema(numbered=envelope.number is not None))


@given(envelopes)
def test_others_can_read_our_messages(envelope: Envelope) -> None:
    message = kafka.KafkaMessage(headers=dict(to_headers(envelope)), key=str(uuid4()), value=b'{"masked": true}')
    event = kafka.from_kafka_event(message)
    assert event.get_specversion() == "1.0"
    assert event.get_id() == str(envelope.id)
    assert event.get_type() == envelope.type
    assert event.get_source() == f"/carnet/{envelope.source}"
    assert event.get_time() == envelope.time
    assert event.get_datacontenttype() == "application/json"
    assert event.get_extension("correlationid") == str(envelope.correlation)
    assert event.get_extension("causeid") == (str(envelope.cause) if envelope.cause else None)
    assert event.get_extension("number") == (str(envelope.number) if envelope.number else None)
    assert event.get_data() == {"masked": True}


@given(envelopes)
def test_we_can_read_what_others_write(envelope: Envelope) -> None:
    attributes = {
        "specversion": "1.0",
        "id": str(envelope.id),
        "type": envelope.type,
        "source": f"/carnet/{envelope.source}",
        "time": envelope.time,
        "datacontenttype": "application/json",
        "correlationid": str(envelope.correlation),
        **({"causeid": str(envelope.cause)} if envelope.cause else {}),
        **({"number": str(envelope.number)} if envelope.number else {}),
    }
    written = kafka.to_binary_event(CloudEvent(attributes, {"masked": True}))
    assert from_headers(list(written.headers.items())) == envelope


def test_without_a_correlation_a_message_is_its_own_root() -> None:
    headers = [(name, value) for name, value in to_headers(ENVELOPE) if name != "ce_correlationid"]
    assert from_headers(headers).correlation == ENVELOPE.id


def test_a_time_without_a_zone_is_utc() -> None:
    headers = {**dict(to_headers(ENVELOPE)), "ce_time": b"2026-11-01T08:30:15"}
    assert from_headers(list(headers.items())).time.tzinfo is UTC


def test_foreign_headers_are_no_trouble() -> None:
    assert from_headers([("traceparent", b"\xff\x00"), *to_headers(ENVELOPE), ("x", b"")]) == ENVELOPE


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_attribute_is_named(name: str) -> None:
    with pytest.raises(MalformedError, match=name):
        from_headers([(header, value) for header, value in to_headers(ENVELOPE) if header != name])


def test_ids_follow_from_their_cause() -> None:
    first = derived_id(ENVELOPE.id, ENVELOPE.type, 0)
    assert first == derived_id(ENVELOPE.id, ENVELOPE.type, 0)
    assert len({first, derived_id(ENVELOPE.id, ENVELOPE.type, 1), derived_id(ENVELOPE.id, "carnet.x.y.v1", 0)}) == 3
