import base64
import contextlib
import copy
import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.fhir import systems
from services.gateway.fhir.actors import Author, AuthorKind
from services.gateway.fhir.errors import FhirError
from services.gateway.fhir.publish import MAX_BODY, publication
from shared.terminology import Ins

INS = "279035121518989"
TEST_OID = "1.2.250.1.213.1.4.10"
CONTENT = b'<ClinicalDocument xmlns="urn:hl7-org:v3"/>'
A07 = "https://mos.esante.gouv.fr/NOS/TRE_A07-StatutVisibiliteDocument/FHIR/TRE-A07-StatutVisibiliteDocument"
PS = {"system": "urn:oid:1.2.250.1.71.4.2.1"}
REPLACES = {"code": "replaces", "target": {}}
SUBJECT = f"Patient?identifier=urn:oid:{TEST_OID}|{INS}"
V3 = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"


def minimal():
    return {
        "resourceType": "DocumentReference",
        "contained": [
            {
                "resourceType": "Practitioner",
                "id": "a",
                "identifier": [{"system": "urn:oid:1.2.250.1.71.4.2.1", "value": "801234567897"}],
            }
        ],
        "masterIdentifier": {"system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2.250.9.1"},
        "status": "current",
        "type": {"coding": [{"system": "http://loinc.org", "code": "11502-2"}]},
        "subject": {"reference": SUBJECT},
        "date": "2026-06-12T10:00:00+02:00",
        "author": [{"reference": "#a"}],
        "content": [{"attachment": {"contentType": "text/xml", "data": base64.b64encode(CONTENT).decode()}}],
    }


def changed(**fields):
    return minimal() | fields


def attachment(**fields):
    resource = copy.deepcopy(minimal())
    resource["content"][0]["attachment"] |= fields
    return resource


def typed(code):
    return changed(type={"coding": [{"system": "http://loinc.org", "code": code}]})


def label(*codes, system=None):
    return [{"coding": [{"system": system or (V3 if len(code) == 1 else A07), "code": code}]} for code in codes]


def read(resource):
    return publication(orjson.dumps(resource))


def test_what_a_minimal_publication_says():
    found = read(minimal())
    assert found.patient == Ins(TEST_OID, INS)
    assert found.unique_id == "1.2.250.9.1"
    assert (found.type_code, found.class_code) == ("11502-2", "10")
    assert found.confidentiality == {"N"}
    assert (found.content, found.content_type) == (CONTENT, "text/xml")
    assert found.sha1 == hashlib.sha1(CONTENT).digest()  # noqa: S324 - XDS states SHA-1
    assert found.authors == (Author(AuthorKind.PROFESSIONAL, "801234567897"),)
    assert found.created == datetime(2026, 6, 12, 8, tzinfo=UTC)
    assert (found.format_code, found.replaces, found.replaces_document, found.service_start) == (None,) * 4


def test_everything_that_may_be_stated():
    resource = attachment(
        title="Secret",
        language="fr-FR",
        creation="2026-06-11",
        size=len(CONTENT),
        hash=base64.b64encode(hashlib.sha1(CONTENT).digest()).decode(),  # noqa: S324
    )
    resource["content"][0]["format"] = {"code": "urn:ihe:lab:xd-lab:2008"}
    resource |= {
        "category": [{"coding": [{"code": "10"}]}],
        "securityLabel": label("N", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX"),
        "context": {
            "period": {"start": "2026-06-10T08:00:00Z", "end": "2026-06-10T09:00:00Z"},
            "facilityType": {"coding": [{"code": "SA07"}]},
            "practiceSetting": {"coding": [{"code": "AMBULATOIRE"}]},
        },
        "relatesTo": [{"code": "replaces", "target": {"identifier": {"system": "urn:oid:1.2.3", "value": "X"}}}],
    }
    found = read(resource)
    assert found.created == datetime(2026, 6, 11, tzinfo=UTC)
    assert found.service_stop == datetime(2026, 6, 10, 9, tzinfo=UTC)
    assert (found.facility_type, found.practice_setting) == ("SA07", "AMBULATOIRE")
    assert found.format_code == "urn:ihe:lab:xd-lab:2008"
    assert found.replaces == "1.2.3^X"
    assert found.confidentiality == {"N", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX"}
    assert "Secret" not in repr(found)
    assert INS not in repr(found)


def test_a_flag_alone_stands_beside_n():
    assert read(changed(securityLabel=label("MASQUE_PS"))).confidentiality == {"N", "MASQUE_PS"}


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": f"Patient?identifier=urn%3Aoid%3A{TEST_OID}%7C{INS}"},
        {"identifier": {"system": f"urn:oid:{TEST_OID}", "value": INS}},
        {"reference": "#p"},
    ],
)
def test_the_patient_by_any_reference(subject):
    resource = changed(subject=subject)
    ipp = {"system": "urn:oid:1.2.3", "value": "77"}
    ins = {"system": f"urn:oid:{TEST_OID}", "value": INS}
    resource["contained"].append({"resourceType": "Patient", "id": "p", "identifier": [ipp, ins]})
    assert read(resource).patient == Ins(TEST_OID, INS)


@pytest.mark.parametrize(
    ("contained", "authors"),
    [
        (
            {"resourceType": "Practitioner", "identifier": [{"system": systems.RPPS, "value": "01234567897"}]},
            (Author(AuthorKind.PROFESSIONAL, "801234567897"),),
        ),
        (
            {"resourceType": "Organization", "identifier": [{"system": systems.FINESS, "value": "750803447"}]},
            (Author(AuthorKind.STRUCTURE, "1750803447"),),
        ),
        (
            {
                "resourceType": "PractitionerRole",
                "practitioner": {"reference": "#a"},
                "organization": {"identifier": {"system": "urn:oid:1.2.250.1.71.4.2.2", "value": "1750803447"}},
            },
            (Author(AuthorKind.PROFESSIONAL, "801234567897"), Author(AuthorKind.STRUCTURE, "1750803447")),
        ),
        ({"resourceType": "Patient"}, (Author(AuthorKind.PATIENT),)),
        ({"resourceType": "Device", "identifier": [{"value": "D-1"}]}, (Author(AuthorKind.DEVICE, "D-1"),)),
    ],
)
def test_authors_of_every_kind(contained, authors):
    resource = changed(author=[{"reference": "#b"}])
    resource["contained"].append({"id": "b"} | contained)
    assert read(resource).authors == authors


def test_types_of_the_french_nomenclature():
    system = "https://mos.esante.gouv.fr/NOS/TRE_A05-TypeDocComplementaire/FHIR/TRE-A05-TypeDocComplementaire"
    for uri in (system, "urn:oid:1.2.250.1.213.1.1.4.12"):
        assert read(changed(type={"coding": [{"system": uri, "code": "SYNTH"}]})).class_code == "11"


def test_the_replaced_document_by_its_id():
    document = "6f1c3a52-0b7c-4f0e-9a51-111111111111"
    relation = [{"code": "replaces", "target": {"reference": f"DocumentReference/{document}"}}]
    assert read(changed(relatesTo=relation)).replaces_document == UUID(document)


def test_base64_may_be_folded():
    data = base64.encodebytes(CONTENT * 20).decode()
    assert read(attachment(data=data)).content == CONTENT * 20


@pytest.mark.parametrize(
    ("resource", "status", "code", "expression"),
    [
        (changed(resourceType="Bundle"), 400, "structure", "resourceType"),
        ([], 400, "structure", "resourceType"),
        (changed(status="superseded"), 422, "invalid", "status"),
        (changed(type={"coding": []}), 422, "code-invalid", "type.coding"),
        (typed("0-0"), 422, "code-invalid", "type.coding"),
        (typed("SYNTH"), 422, "code-invalid", "type.coding"),
        (typed("28617-9"), 422, "code-invalid", "type"),
        (changed(category=[{"coding": [{"code": "11"}]}]), 422, "business-rule", "category"),
        (changed(subject={"reference": "Patient/12"}), 422, "required", "subject"),
        (changed(subject={"reference": f"{SUBJECT}0"}), 422, "value", "subject"),
        (changed(author=[]), 400, "value", "author"),
        (changed(author=[{"reference": "#nobody"}]), 422, "required", "author"),
        (changed(author=[{"identifier": PS | {"value": "80 1"}}]), 422, "required", "author"),
        (changed(masterIdentifier={"value": "12"}), 422, "value", "masterIdentifier"),
        (changed(securityLabel=label("N", "MASQUE_PS", "INVISIBLE_PATIENT")), 422, "business-rule", "securityLabel"),
        (changed(securityLabel=label("X")), 422, "code-invalid", "securityLabel"),
        (changed(securityLabel=label("MASQUE_PS", system=V3)), 422, "code-invalid", "securityLabel"),
        (changed(date="2026-06-12"), 400, "value", "date"),
        (changed(date="2026-13-12T10:00:00Z"), 400, "value", "content[0].attachment.creation"),
        (changed(relatesTo=[REPLACES | {"code": "appends"}]), 422, "not-supported", "relatesTo"),
        (changed(relatesTo=[REPLACES | {"target": {"reference": "x"}}]), 422, "value", "relatesTo[0].target"),
        (attachment(contentType="application/zip"), 422, "not-supported", "content[0].attachment.contentType"),
        (attachment(data="%%%"), 400, "value", "content[0].attachment.data"),
        (attachment(data="é"), 400, "value", "content[0].attachment.data"),
        (attachment(data=None), 400, "required", "content[0].attachment.data"),
        (attachment(size=1), 422, "value", "content[0].attachment.size"),
        (attachment(size=-1), 400, "value", "content[0].attachment.size"),
        (attachment(hash="AAAA"), 422, "value", "content[0].attachment.hash"),
        (changed(content=minimal()["content"] * 2), 400, "value", "content"),
    ],
)
def test_what_is_refused_says_where(resource, status, code, expression):
    with pytest.raises(FhirError) as refused:
        read(resource)
    error = refused.value
    full = expression if expression == "resourceType" else f"DocumentReference.{expression}"
    assert (error.status, error.code, error.expression) == (status, code, full)
    assert INS not in error.diagnostics
    assert error.outcome()["issue"][0]["expression"] == [full]


@pytest.mark.parametrize("field", ["masterIdentifier", "type", "subject", "date", "author", "content"])
def test_a_missing_element_is_named(field):
    resource = minimal()
    del resource[field]
    with pytest.raises(FhirError) as refused:
        read(resource)
    assert (refused.value.code, refused.value.expression) == ("required", f"DocumentReference.{field}")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"null", b'"x"', b"[" * 5000])
def test_what_is_no_json_is_refused(body):
    with pytest.raises(FhirError) as refused:
        publication(body)
    assert refused.value.status == 400


def test_limits_of_size_and_depth():
    with pytest.raises(FhirError) as large:
        publication(b" " * (MAX_BODY + 1))
    assert large.value.status == 413
    deep = {"resourceType": "DocumentReference", "x": orjson.loads(b"[" * 100 + b"]" * 100)}
    with pytest.raises(FhirError, match="nested deeper"):
        read(deep)


@given(st.binary(max_size=200))
def test_random_bytes_are_a_fhir_error(body):
    with pytest.raises(FhirError):
        publication(body)


NAMES = st.sampled_from(["reference", "identifier", "coding"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just("urn:oid:1.2.3|x"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner),
    max_leaves=5,
)


@given(st.sampled_from([*minimal(), "category", "securityLabel", "relatesTo", "context", "description"]), JSON)
def test_any_element_may_be_nonsense(field, value):
    body = orjson.dumps(changed(**{field: value}), option=orjson.OPT_PASSTHROUGH_SUBCLASS) if _encodable(value) else b""
    with contextlib.suppress(FhirError):
        assert publication(body).content


def _encodable(value):
    try:
        orjson.dumps(value)
    except (orjson.JSONEncodeError, TypeError):
        return False
    return True


SAMPLES = sorted(Path(os.environ.get("CARNET_SAMPLES", "/nonexistent")).rglob("DocumentReference-*.json"))


@pytest.mark.skipif(not SAMPLES, reason="CARNET_SAMPLES names no folder with publications")
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_published_examples_are_accepted(path):
    found = publication(path.read_bytes())
    assert found.authors[0].number == "899700218896"
    assert found.class_code == "10"
