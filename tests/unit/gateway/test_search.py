import contextlib
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.mapping import filters
from services.gateway.fhir.errors import FhirError
from services.gateway.fhir.search import _READERS, DocumentSearch, Range, parse_search
from shared.terminology import Ins

RECORD = "6f1c3a52-0b7c-4f0e-9a51-111111111111"
INS = "urn:oid:1.2.250.1.213.1.4.10|279035121518989"


def get(*parameters):
    return parse_search(parameters, posted=False)


def test_nothing_asked_is_what_a_holder_sees():
    assert get() == DocumentSearch()
    assert get().statuses == {"current"}


def test_the_record_by_its_opaque_id():
    assert get(("patient", f"Patient/{RECORD}")).record == UUID(RECORD)


def test_an_identity_stands_in_a_form_only():
    posted = parse_search([("patient.identifier", INS)], posted=True)
    assert posted.patient == Ins("1.2.250.1.213.1.4.10", "279035121518989")
    for parameter in [("patient.identifier", INS), ("patient", INS)]:
        with pytest.raises(FhirError, match="_search") as refused:
            get(parameter)
        assert "2790351" not in refused.value.diagnostics


def test_filters():
    found = get(
        ("type", "http://loinc.org|11502-2,60591-5,unknown"),
        ("category", "10"),
        ("status", "current,superseded"),
        ("format", "urn:ihe:lab:xd-lab:2008"),
        ("security-label", "MASQUE_PS"),
        ("PDSm-isArchived", "true"),
        ("identifier", "urn:ietf:rfc:3986|urn:oid:1.2.3"),
        ("author.identifier", "urn:oid:1.2.250.1.71.4.2.1|801234567897"),
        ("_count", "10"),
        ("_format", "json"),
    )
    assert found.types == {"11502-2", "60591-5"}
    assert (found.classes, found.formats, found.labels) == ({"10"}, {"urn:ihe:lab:xd-lab:2008"}, {"MASQUE_PS"})
    assert found.statuses == {"current", "superseded"}
    assert (found.archived, found.unique_id, found.author, found.count) == (True, "1.2.3", "801234567897", 10)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["2024"], Range(datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC))),
        (["2024-12"], Range(datetime(2024, 12, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC))),
        (["2024-02-29"], Range(datetime(2024, 2, 29, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC))),
        (["ge2024-01-01", "lt2024-02"], Range(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC))),
        (["gt2024-01-01"], Range(datetime(2024, 1, 2, tzinfo=UTC), None)),
        (["le2024-01-01"], Range(None, datetime(2024, 1, 2, tzinfo=UTC))),
        (["ge2024-01-01T12:00+02:00"], Range(datetime(2024, 1, 1, 10, tzinfo=UTC), None)),
        (["le2024-01-01T12:00:30Z"], Range(None, datetime(2024, 1, 1, 12, 0, 31, tzinfo=UTC))),
    ],
)
def test_ranges_of_dates(values, expected):
    assert get(*[("date", value) for value in values]).deposited == expected
    assert get(*[("creation", value) for value in values]).created == expected


@pytest.mark.parametrize(
    "parameter",
    [
        ("patient", "12"),
        ("type", "unknown"),
        ("category", "99"),
        ("status", "all"),
        ("_count", "0"),
        ("_count", "-1"),
        ("_count", "9" * 40),
        ("date", "yesterday"),
        ("date", "2024-02-30"),
        ("date", "9999"),
        ("date", "0000-01-01"),
        ("date", "2024-01-01T25:00:00Z"),
        ("PDSm-isArchived", "1"),
        ("identifier", "12"),
        ("author.identifier", "x y"),
        ("whatever", "1"),
        ("type:not", "11502-2"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(parameter):
    with pytest.raises(FhirError) as refused:
        get(parameter)
    assert (refused.value.status, refused.value.expression) == (400, parameter[0])


APPROVED, DEPRECATED = (f"urn:oasis:names:tc:ebxml-regrep:StatusType:{name}" for name in ("Approved", "Deprecated"))
ARCHIVED, DELETED = (f"urn:asip:ci-sis:2010:StatusType:{name}" for name in ("Archived", "Deleted"))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ([], {"current"}),
        ([("status", "current,superseded")], {"current", "superseded"}),
        ([("status", f"{APPROVED},{DEPRECATED}")], {"current", "superseded"}),
        ([("status", f"{APPROVED},{ARCHIVED}")], {"current", "archived"}),
        ([("status", ARCHIVED)], {"archived"}),
        ([("PDSm-isArchived", "true")], {"archived"}),
        ([("PDSm-isArchived", "true"), ("status", "current,superseded")], {"archived"}),
        ([("PDSm-isArchived", "false")], {"current"}),
    ],
)
def test_archived_documents_are_found_by_who_asks_for_them_alone(asked, found):
    assert filters(get(*asked)).statuses == found


@pytest.mark.parametrize(
    "asked", [[("status", DELETED)], [("status", "archived")], [("PDSm-isArchived", "true"), ("status", "superseded")]]
)
def test_a_state_in_which_no_document_is_shown_is_no_filter(asked):
    """An empty set of statuses would mean all."""
    with pytest.raises(FhirError) as refused:
        filters(get(*asked))
    assert (refused.value.status, refused.value.expression) == (400, "status")


def test_a_count_has_a_ceiling():
    assert get(("_count", "100000")).count == 200


@given(st.lists(st.tuples(st.sampled_from(sorted(_READERS)), st.text(max_size=30))), st.booleans())
def test_any_values_are_read_or_refused(parameters, posted):
    with contextlib.suppress(FhirError):
        assert parse_search(parameters, posted=posted).count > 0
