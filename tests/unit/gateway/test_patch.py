"""JSON Patch on a document: one act, said so that no label is lost and none is named by a place that may have moved."""

import contextlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.fhir import systems
from services.gateway.fhir.errors import FhirError
from services.gateway.fhir.patch import MOST_BYTES, MOST_OPERATIONS, act_asked
from services.gateway.fhir.views import document_reference
from shared.contracts.common import FurtherAct
from tests.unit.gateway.test_views import VIEW

TRE_A07 = "https://mos.esante.gouv.fr/NOS/TRE_A07-StatutVisibiliteDocument/FHIR/TRE-A07-StatutVisibiliteDocument"
NORMAL = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "N"}]}
FLAGS = {
    "MASQUE_PS": (FurtherAct.MASK, FurtherAct.UNMASK),
    "INVISIBLE_PATIENT": (FurtherAct.WITHHOLD, FurtherAct.ANNOUNCE),
    "INVISIBLE_REPRESENTANTS_LEGAUX": (FurtherAct.HIDE, FurtherAct.REVEAL),
}


def flag(code="MASQUE_PS", system=TRE_A07):
    return {"coding": [{"system": system, "code": code}]}


def archived(value, url=systems.IS_ARCHIVED):
    return {"url": url, "valueBoolean": value}


def op(name, path, *value):
    return {"op": name, "path": path} | ({"value": value[0]} if value else {})


def asked(*operations):
    return act_asked(orjson.dumps(operations))


def refused(*operations):
    with pytest.raises(FhirError) as error:
        asked(*operations)
    return error.value


@pytest.mark.parametrize("code", FLAGS)
def test_a_flag_is_added_to_the_set(code):
    add, _ = FLAGS[code]
    assert asked(op("add", "/securityLabel/-", flag(code))) is add
    assert asked(op("add", "/securityLabel/1", flag(code)["coding"][0])) is add
    assert asked(op("add", "/securityLabel/-", flag(code, "urn:oid:1.2.250.1.213.1.1.4.13"))) is add


@pytest.mark.parametrize("code", FLAGS)
def test_a_flag_is_taken_from_the_set_by_its_code(code):
    _, remove = FLAGS[code]
    assert asked(op("remove", "/securityLabel", flag(code))) is remove
    assert asked(op("remove", "/securityLabel/1", flag(code))) is remove
    for tested in (
        op("test", "/securityLabel/1", flag(code)),
        op("test", "/securityLabel/1/coding/0", flag(code)["coding"][0]),
        op("test", "/securityLabel/1/coding/0/code", code),
    ):
        assert asked(tested, op("remove", "/securityLabel/1")) is remove


def test_a_flag_is_written_as_a_search_gives_it():
    (label,) = [one for one in document_reference(VIEW)["securityLabel"] if one["coding"][0]["code"] == "MASQUE_PS"]
    assert asked(op("add", "/securityLabel/-", label)) is FurtherAct.MASK
    assert asked(op("remove", "/securityLabel", label)) is FurtherAct.UNMASK


@pytest.mark.parametrize(
    "operations",
    [
        [op("replace", "/securityLabel/0", flag())],
        [op("replace", "/securityLabel/0", "MASQUE_PS")],
        [op("replace", "/securityLabel", [flag()])],
        [op("add", "/securityLabel", [flag()])],
        [op("replace", "/securityLabel/0/coding/0/code", "MASQUE_PS")],
        [op("move", "/securityLabel/0")],
        [op("remove", "/securityLabel/1")],
        [op("remove", "/securityLabel")],
        [op("test", "/securityLabel/0", flag()), op("remove", "/securityLabel/1")],
        [op("remove", "/securityLabel/1"), op("test", "/securityLabel/1", flag())],
        [op("test", "/securityLabel/1", flag())],
        [op("add", "/securityLabel/-", "MASQUE_PS")],
    ],
)
def test_what_could_lose_a_label_is_refused_and_says_how(operations):
    error = refused(*operations)
    assert error.status == 422
    assert '"op": "add", "path": "/securityLabel/-"' in error.diagnostics
    assert '"op": "remove", "path": "/securityLabel"' in error.diagnostics


@pytest.mark.parametrize(
    ("operation", "act"),
    [
        (op("replace", "/status", "entered-in-error"), FurtherAct.DELETE),
        (op("replace", "/status", "urn:asip:ci-sis:2010:StatusType:Deleted"), FurtherAct.DELETE),
        (op("replace", "/status", "urn:asip:ci-sis:2010:StatusType:Archived"), FurtherAct.ARCHIVE),
        (op("replace", "/status", "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"), FurtherAct.UNARCHIVE),
        (op("add", "/extension/-", archived(True)), FurtherAct.ARCHIVE),
        (op("add", "/extension", [archived(True)]), FurtherAct.ARCHIVE),
        (op("replace", "/extension/0", archived(False)), FurtherAct.UNARCHIVE),
        (op("replace", "/extension/0/valueBoolean", False), FurtherAct.UNARCHIVE),
        (op("add", "/extension/-", archived(True, systems.IS_DELETED)), FurtherAct.DELETE),
    ],
)
def test_a_document_is_archived_brought_back_and_deleted(operation, act):
    assert asked(operation) is act


def test_the_guides_next_version_deletes_by_two_elements_at_once():
    superseded, deleted = op("replace", "/status", "superseded"), archived(True, systems.IS_DELETED)
    assert asked(superseded, op("add", "/extension/-", deleted)) is FurtherAct.DELETE
    assert "relatesTo" in refused(superseded).diagnostics
    assert refused(superseded, op("add", "/securityLabel/-", flag())).status == 422


@pytest.mark.parametrize(
    "operation",
    [
        op("replace", "/title", "x"),
        op("replace", "/content/0/attachment/title", "x"),
        op("remove", "/author/0"),
        op("replace", "/statusX", "entered-in-error"),
        op("replace", "", {}),
        op("replace", "status", "entered-in-error"),
        op("replace", "/status/", "entered-in-error"),
        op("add", "securityLabel/-", flag()),
        op("test", "/meta/versionId", "1"),
        op("add", "/securityLabel/-", NORMAL),
        op("remove", "/securityLabel", NORMAL),
        op("add", "/extension/-", archived(True, "https://other.example")),
    ],
)
def test_nothing_else_is_updated(operation):
    error = refused(operation)
    assert (error.status, error.code) == (405, "not-supported")


@pytest.mark.parametrize(
    "operations",
    [
        [],
        [op("add", "/securityLabel/-", flag()), op("add", "/extension/-", archived(True))],
        [op("add", "/securityLabel/-", flag()), op("add", "/securityLabel/-", flag())],
        [op("add", "/securityLabel/-", flag()), op("remove", "/securityLabel", flag())],
        [op("add", "/securityLabel/-", flag())] * (MOST_OPERATIONS + 1),
        [op("replace", "/status", "current")],
        [op("replace", "/status", True)],
        [op("remove", "/status")],
        [op("test", "/status", "current")],
        [op("remove", "/extension/0")],
        [op("replace", "/extension/0/valueBoolean", "true")],
        [op("replace", "/extension/0/url", "x")],
        [op("add", "/extension", [archived(True), archived(True)])],
        [op("add", "/extension/-", archived(False, systems.IS_DELETED))],
        [op("add", "/securityLabel/-", flag("SECRET"))],
        [op("add", "/securityLabel/-", flag(system="https://other.example"))],
        [op("add", "/securityLabel/-", {"coding": [{"code": "MASQUE_PS"}]})],
        [op("add", "/securityLabel/-", {"coding": []})],
        [op("add", "/securityLabel/-", {"coding": flag()["coding"] * 2})],
    ],
)
def test_what_is_not_exactly_one_act_is_none(operations):
    assert refused(*operations).status == 422


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[1]", b'[{"op": "add"}]', b'[{"op": 1, "path": "/status"}]', b"[" * 9999]
)
def test_what_is_no_patch_is_said_to_be_none(body):
    with pytest.raises(FhirError) as error:
        act_asked(body)
    assert (error.value.status, error.value.code) == (400, "structure")


def test_a_patch_has_an_end():
    with pytest.raises(FhirError) as error:
        act_asked(b"[" + b" " * MOST_BYTES + b"]")
    assert error.value.status == 413


PATHS = st.sampled_from(
    [
        *("/securityLabel", "/securityLabel/-", "/securityLabel/0", "/securityLabel/1/coding/0/code"),
        *("/status", "/extension/-", "/title", "", "securityLabel"),
    ]
)
ODD = [None, True, 1, "MASQUE_PS", [], {}, {"coding": 1}, {"url": 1}, NORMAL, "superseded", "entered-in-error"]
VALUES = st.sampled_from([*ODD, *map(flag, FLAGS), archived(True), archived(False)])
OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "test", "move"]), "path": PATHS},
    optional={"value": VALUES},
)


@given(st.lists(OPERATIONS, max_size=3))
def test_any_patch_is_one_act_or_refused(operations):
    with contextlib.suppress(FhirError):
        assert act_asked(orjson.dumps(operations)) in FurtherAct


@given(st.lists(OPERATIONS, min_size=1, max_size=3))
def test_nothing_is_done_silently_less_than_was_said(operations):
    """One act, and of more operations than one, those beside it only say where it stands."""
    with contextlib.suppress(FhirError):
        act_asked(orjson.dumps(operations))
        assert sum(one["op"] != "test" and one.get("value") != "superseded" for one in operations) == 1
