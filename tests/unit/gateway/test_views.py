from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import orjson
import pytest

from services.gateway.fhir import systems
from services.gateway.fhir.audit import TraceView, audit_event
from services.gateway.fhir.errors import operation_outcome
from services.gateway.fhir.views import DocumentView, document_reference, searchset

DOCUMENT, RECORD, OLD = (UUID(int=number) for number in (1, 2, 3))
NOW = datetime(2026, 6, 12, 10, tzinfo=UTC)
VIEW = DocumentView(
    document=DOCUMENT,
    record=RECORD,
    unique_id="1.2.250.9.1",
    type_code="11502-2",
    class_code="10",
    status="current",
    confidentiality=frozenset({"N", "MASQUE_PS"}),
    content_type="text/xml",
    size=42,
    sha1=bytes(20),
    deposited=NOW,
    created=NOW,
    title="CR",
    version=3,
    format_code="urn:ihe:lab:xd-lab:2008",
    language="fr-FR",
    professionals=("801234567897",),
    structures=("1750803447",),
    service_start=NOW,
    replaces=OLD,
)
TRACE = TraceView(
    trace=UUID(int=4),
    record=RECORD,
    recorded=NOW,
    action="read",
    permitted=True,
    actor_kind="professional",
    actor_number="801234567897",
    structure="1750803447",
    mode="bris_de_glace",
    document=DOCUMENT,
    request=UUID(int=5),
)


@pytest.mark.parametrize("withheld", [True, False])
def test_ar_032_a_professional_is_warned_that_the_holder_does_not_see_the_document(withheld):
    labels = {"N", "INVISIBLE_PATIENT"} if withheld else {"N"}
    found = document_reference(replace(VIEW, confidentiality=frozenset(labels)))
    told = [coding for label in found["securityLabel"] for coding in label["coding"]]
    assert {coding["code"] for coding in told} == labels
    assert all(coding["display"] for coding in told), "a warning is read by people, too"


def test_a_document_reference():
    found = document_reference(VIEW)
    assert found["id"] == str(DOCUMENT)
    assert found["masterIdentifier"] == {"system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2.250.9.1"}
    assert found["status"] == "current"
    assert found["type"]["coding"] == [
        {"system": "http://loinc.org", "code": "11502-2", "display": "CR d'examens biologiques"}
    ]
    assert found["category"][0]["coding"][0]["code"] == "10"
    assert found["subject"] == {"reference": f"Patient/{RECORD}"}
    assert [one["coding"][0]["code"] for one in found["securityLabel"]] == ["MASQUE_PS", "N"]
    attachment = found["content"][0]["attachment"]
    assert attachment["url"] == f"Binary/{RECORD.hex}{DOCUMENT.hex}"
    assert (attachment["size"], attachment["hash"]) == (42, "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    assert found["content"][0]["format"]["code"] == "urn:ihe:lab:xd-lab:2008"
    assert [one["identifier"]["value"] for one in found["author"]] == ["801234567897", "1750803447"]
    assert found["relatesTo"][0]["target"]["reference"] == f"DocumentReference/{OLD}"
    assert found["meta"]["versionId"] == "3"
    assert orjson.dumps(found)


@pytest.mark.parametrize(
    ("status", "fhir"), [("superseded", "superseded"), ("archived", "current"), ("deleted", "entered-in-error")]
)
def test_states_of_a_document(status, fhir):
    found = document_reference(replace(VIEW, status=status))
    assert found["status"] == fhir
    assert ("extension" in found) is (status == "archived")


def test_what_is_not_known_is_left_out():
    found = document_reference(replace(VIEW, format_code=None, language=None, replaces=None, service_start=None))
    assert not {"relatesTo", "context", "extension"} & set(found)
    assert set(found["content"][0]) == {"attachment"}


@pytest.mark.parametrize("unique", ["1.2.3", "1.2.3^AB-1", "6f1c3a52-0b7c-4f0e-9a51-111111111111"])
def test_a_unique_id_survives_the_way_there_and_back(unique):
    identifier = systems.master_identifier(unique)
    assert systems.unique_id(identifier["system"], identifier["value"]) == unique


def test_a_searchset_counts_what_it_shows():
    bundle = searchset([document_reference(VIEW)], base="https://host/fhir", link="https://host/fhir/DocumentReference")
    assert (bundle["type"], bundle["total"]) == ("searchset", 1)
    assert bundle["entry"][0]["fullUrl"] == f"https://host/fhir/DocumentReference/{DOCUMENT}"
    empty = searchset([], base="https://host/fhir")
    assert (empty["total"], "entry" in empty, "link" in empty) == (0, False, False)


def test_the_trace_of_a_read():
    event = audit_event(TRACE)
    assert (event["action"], event["outcome"]) == ("R", "0")
    assert [one["type"]["coding"][0]["code"] for one in event["agent"]] == ["IRCP", "110152", "110153"]
    user = event["agent"][0]
    assert user["who"]["identifier"]["value"] == "801234567897"
    assert user["purposeOfUse"][0]["coding"][0]["code"] == "bris_de_glace"
    assert [one["what"].get("reference") for one in event["entity"]] == [
        f"Patient/{RECORD}",
        f"DocumentReference/{DOCUMENT}",
        None,
    ]
    assert len(audit_event(TRACE, tde=True)["agent"]) == 2


def test_client_and_server_change_roles_where_data_flows_in():
    event = audit_event(replace(TRACE, action="create"))
    assert [one["type"]["coding"][0]["code"] for one in event["agent"]] == ["IRCP", "110153", "110152"]


def test_the_trace_of_a_refusal():
    event = audit_event(replace(TRACE, action="decide", permitted=False, reason="blocked", sentence="Blocked."))
    assert (event["action"], event["outcome"], event["outcomeDesc"]) == ("E", "8", "Blocked.")
    assert event["type"]["code"] == "110113"


@pytest.mark.parametrize(
    ("kind", "number", "who"),
    [
        ("patient", None, {"reference": f"Patient/{RECORD}"}),
        ("representative", None, {"display": "representative"}),
        ("insurer", "amo-test", {"identifier": {"system": "urn:carnet:insurer", "value": "amo-test"}}),
        ("structure", "1750803447", {"identifier": {"system": systems.STRUCTURES, "value": "1750803447"}}),
        ("operator", "op-1", {"identifier": {"system": "urn:carnet:operator", "value": "op-1"}}),
    ],
)
def test_actors_of_a_trace(kind, number, who):
    assert audit_event(replace(TRACE, actor_kind=kind, actor_number=number))["agent"][0]["who"] == who


@pytest.mark.parametrize(
    ("mode", "codes"),
    [
        ("normal", ["normal"]),
        ("bris_de_glace", ["bris_de_glace", "BTG"]),
        ("centre_15", ["centre_15", "ETREAT"]),
    ],
)
def test_ar_037_the_purpose_of_a_trace_is_its_mode(mode, codes):
    purposes = audit_event(replace(TRACE, mode=mode))["agent"][0]["purposeOfUse"]
    assert [[one["code"] for one in purpose["coding"]] for purpose in purposes] == [codes]


def test_ar_039_the_reason_of_an_emergency_stands_beside_its_mode():
    view = replace(TRACE, emergency_reason="unconscious", emergency_label="Unconscious")
    _, reason = audit_event(view)["agent"][0]["purposeOfUse"]
    assert (reason["coding"][0]["code"], reason["text"]) == ("unconscious", "Unconscious")
    assert reason["coding"][0]["system"] == "urn:carnet:emergency-reason"


def test_who_acts_for_the_holder_appears_by_the_delegation():
    delegation = UUID(int=9)
    carer = audit_event(replace(TRACE, actor_kind="representative", actor_number=None, delegation=delegation))
    assert carer["agent"][0]["who"] == {
        "identifier": {"system": "urn:carnet:delegation", "value": str(delegation)},
        "display": "representative",
    }
    helper = audit_event(replace(TRACE, actor_kind="representative", delegation=delegation))
    assert helper["agent"][0]["who"]["identifier"] == {"system": systems.PROFESSIONALS, "value": "801234567897"}
    assert [one["agent"][0]["policy"] for one in (carer, helper)] == [[f"urn:uuid:{delegation}"]] * 2
    assert "policy" not in audit_event(TRACE)["agent"][0]


def test_ar_067_an_app_is_the_software_of_the_trace():
    assert audit_event(replace(TRACE, app="app-1"))["agent"][1]["who"] == {
        "identifier": {"system": "urn:carnet:app", "value": "app-1"}
    }


def test_whom_a_trace_is_about():
    about = audit_event(replace(TRACE, about="810000000002"))["entity"][2]
    assert about["what"] == {"identifier": {"value": "810000000002"}}


def test_an_operation_outcome():
    outcome = operation_outcome("forbidden", "No.", severity="error", reason="blocked")
    assert outcome["issue"] == [
        {
            "severity": "error",
            "code": "forbidden",
            "diagnostics": "No.",
            "details": {"coding": [{"system": "urn:carnet:reason", "code": "blocked"}]},
        }
    ]
