"""Simplified publication (ITI-105): a DocumentReference with its document becomes a `Publication`.

What the profile lets a sender leave out is deduced (class from type, ASS_X16) or taken at its default (confidentiality
N). What contradicts the record's rules is refused here, before any service is asked.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import orjson
from pydantic import ValidationError

from services.gateway.fhir import actors, systems
from services.gateway.fhir.actors import Author
from services.gateway.fhir.errors import FhirError
from services.gateway.fhir.labels import label
from services.gateway.fhir.resources import CodeableConcept, DocumentReference
from shared.terminology import KNOWN_FORMATS, Ins, document_type, may_combine

MAX_BODY: Final = 16 * 1024 * 1024
"""Largest request taken, in bytes: 10 MB of document in base64, and its metadata."""
MAX_CONTENT: Final = 10 * 1024 * 1024
"""Largest document taken, in bytes."""
MAX_DEPTH: Final = 32
"""Deepest nesting of JSON taken."""
CONTENT_TYPES: Final = frozenset(
    {
        "application/pdf",
        "application/rtf",
        "application/xml",
        "image/jpeg",
        "image/tiff",
        "text/plain",
        "text/rtf",
        "text/xml",
    }
)
"""Media types of documents that the record takes (JDV_J60): CDA, PDF, RTF, text, JPEG, TIFF."""
_NO_FORMAT = "urn:ihe:iti:xds:2017:mimeTypeSufficient"
_ROOT = "DocumentReference"


@dataclass(frozen=True, slots=True)
class Publication:
    """A document to deposit and what its sender says of it. Its text form shows no title and no content."""

    patient: Ins
    unique_id: str
    """masterIdentifier as XDS writes it: `root` or `root^extension`."""
    type_code: str
    class_code: str
    """Deduced from the type (ASS_X16)."""
    confidentiality: frozenset[str]
    """One to four codes, always one of N, R, V, beside the flags."""
    content_type: str
    content: bytes = field(repr=False)
    sha1: bytes
    """Hash of the content as XDS states it; checked where the sender gives one."""
    authors: tuple[Author, ...]
    """At least one."""
    created: datetime
    format_code: str | None = None
    """None where the sender leaves it to the media type."""
    language: str | None = None
    service_start: datetime | None = None
    service_stop: datetime | None = None
    practice_setting: str | None = None
    facility_type: str | None = None
    title: str = field(default="", repr=False)
    """Empty where the sender gives none; a CDA tells its own."""
    description: str | None = field(default=None, repr=False)
    replaces: str | None = None
    """unique id of the document that this one replaces (RPLC)."""
    replaces_document: UUID | None = None
    """Server id of the document that this one replaces, where the sender names that."""


def publication(body: bytes) -> Publication:
    """Read a publication.

    Args:
        body: The request's body, JSON in UTF-8.

    Raises:
        FhirError: 400 for what is no FHIR, 413 for what is too large, 422 for what the record's rules refuse.
    """
    resource = _resource(body)
    if resource.status != "current":
        raise _refused("invalid", "status must be current: only finished documents are published", "status")
    type_code, class_code = _type(resource)
    content = resource.content[0]
    document = _document(resource)
    replaced, replaced_document = _replaced(resource)
    context = resource.context
    period = context.period if context else None
    attachment = content.attachment
    return Publication(
        patient=actors.patient(resource),
        unique_id=_unique_id(resource),
        type_code=type_code,
        class_code=class_code,
        confidentiality=_confidentiality(resource),
        content_type=_content_type(attachment.contentType),
        content=document,
        sha1=_verified_hash(resource, document),
        authors=actors.authors(resource),
        created=_moment(attachment.creation or resource.date, "content[0].attachment.creation"),
        format_code=_format(content.format.code if content.format else None),
        language=attachment.language,
        service_start=_moment(period.start, "context.period.start") if period and period.start else None,
        service_stop=_moment(period.end, "context.period.end") if period and period.end else None,
        practice_setting=_first_code(context.practiceSetting if context else None),
        facility_type=_first_code(context.facilityType if context else None),
        title=attachment.title or "",
        description=resource.description,
        replaces=replaced,
        replaces_document=replaced_document,
    )


def _refused(code: str, diagnostics: str, path: str, status: int = 422) -> FhirError:
    return FhirError(status, code, diagnostics, f"{_ROOT}.{path}")


def _resource(body: bytes) -> DocumentReference:
    if len(body) > MAX_BODY:
        raise FhirError(413, "too-long", f"the request has {len(body)} bytes; at most {MAX_BODY} are taken")
    try:
        raw = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        told = (
            f"the request is no JSON in UTF-8 at line {error.lineno}, column {error.colno}; send application/fhir+json"
        )
        raise FhirError(400, "structure", told) from None
    if not isinstance(raw, dict) or raw.get("resourceType") != _ROOT:
        raise FhirError(400, "structure", "expected one resource of type DocumentReference (ITI-105)", "resourceType")
    _check_depth(raw)
    try:
        return DocumentReference.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        code = "required" if first["type"] == "missing" else "value"
        raise FhirError(400, code, f"{first['msg']}; see the profile pdsm-simplified-publish", _path(first)) from None


def _check_depth(raw: dict[str, Any]) -> None:
    level: list[Any] = [raw]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise FhirError(400, "structure", f"the JSON is nested deeper than {MAX_DEPTH}; send a plain DocumentReference")


def _path(error: Any) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in error["loc"])
    return _ROOT + "".join(steps)


def _type(resource: DocumentReference) -> tuple[str, str]:
    for coding in resource.type.coding:
        known = document_type(coding.code)
        if known is None or systems.type_system(coding.system or "") != known.system:
            continue
        if known.class_code is None:
            told = f"type {known.code} is not in the DMP's list of types, so it has no class; use a type of the list"
            raise _refused("code-invalid", told, "type")
        stated = {coding.code for concept in resource.category for coding in concept.coding}
        if stated and known.class_code not in stated:
            told = (
                f"the class of type {known.code} is {known.class_code} (ASS_X16); correct the category or leave it out"
            )
            raise _refused("business-rule", told, "category")
        return known.code, known.class_code
    told = (
        "no coding of the type is a typeCode that the record knows; use LOINC or TRE_A05 with a code of the DMP's list"
    )
    raise _refused("code-invalid", told, "type.coding")


def _unique_id(resource: DocumentReference) -> str:
    identifier = resource.masterIdentifier
    found = systems.unique_id(identifier.system, identifier.value)
    if found is None:
        told = (
            "expected a value urn:oid:… or urn:uuid:… with system urn:ietf:rfc:3986, or a system urn:oid:… and a value"
        )
        raise _refused("value", told, "masterIdentifier")
    return found


def _confidentiality(resource: DocumentReference) -> frozenset[str]:
    codes = {coding.code for concept in resource.securityLabel for coding in concept.coding}
    if not all(label(coding) for concept in resource.securityLabel for coding in concept.coding):
        told = "a security label is no code of JDV_J08 under its own system; use N, R, V or a flag of TRE_A07"
        raise _refused("code-invalid", told, "securityLabel")
    if not may_combine(codes):
        told = "MASQUE_PS and INVISIBLE_PATIENT can't stand together (EX_2.1-1050); choose one"
        raise _refused("business-rule", told, "securityLabel")
    return frozenset(codes if codes & {"N", "R", "V"} else codes | {"N"})


def _content_type(stated: str) -> str:
    bare = stated.partition(";")[0].strip().lower()
    if bare not in CONTENT_TYPES:
        told = f"the record does not take this media type; expected one of {', '.join(sorted(CONTENT_TYPES))}"
        raise _refused("not-supported", told, "content[0].attachment.contentType")
    return bare


def _format(code: str | None) -> str | None:
    if code is None or code == _NO_FORMAT:
        return None
    if code not in KNOWN_FORMATS:
        raise _refused(
            "code-invalid", "the format is no code of JDV_J60; correct it or leave it out", "content[0].format"
        )
    return code


def _document(resource: DocumentReference) -> bytes:
    path = "content[0].attachment.data"
    data = resource.content[0].attachment.data
    if not data:
        raise _refused("required", "the document itself is missing; put it here in base64", path, 400)
    try:
        raw = data.encode("ascii").translate(None, b" \t\r\n")
        content = binascii.a2b_base64(raw, strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        raise _refused("value", "the document is no base64; encode it again", path, 400) from None
    if len(content) > MAX_CONTENT:
        raise _refused("too-long", f"the document has {len(content)} bytes; at most {MAX_CONTENT} are taken", path, 413)
    if not content:
        raise _refused("required", "the document is empty; send the document itself", path)
    return content


def _verified_hash(resource: DocumentReference, content: bytes) -> bytes:
    attachment = resource.content[0].attachment
    sha1 = hashlib.sha1(content, usedforsecurity=False).digest()
    if attachment.size is not None and attachment.size != len(content):
        told = f"the size stated is {attachment.size} bytes, the document has {len(content)}; send it again"
        raise _refused("value", told, "content[0].attachment.size")
    if attachment.hash is not None and attachment.hash != base64.b64encode(sha1).decode():
        told = (
            "the hash stated is not the base64 of the document's SHA-1; the document changed on its way, send it again"
        )
        raise _refused("value", told, "content[0].attachment.hash")
    return sha1


def _replaced(resource: DocumentReference) -> tuple[str | None, UUID | None]:
    if not resource.relatesTo:
        return None, None
    path = "relatesTo"
    if len(resource.relatesTo) > 1 or resource.relatesTo[0].code != "replaces":
        raise _refused("not-supported", "one relation is taken, and only replaces (RPLC); leave the others out", path)
    unique, document = actors.target(resource.relatesTo[0].target)
    if unique is None and document is None:
        told = "expected the replaced document by identifier, or by reference DocumentReference/<its id>"
        raise _refused("value", told, f"{path}[0].target")
    return unique, document


def _first_code(concept: CodeableConcept | None) -> str | None:
    return concept.coding[0].code if concept and concept.coding else None


def _moment(text: str, path: str) -> datetime:
    """A FHIR dateTime of any precision; the first instant of it, UTC where it names no zone."""
    full = text + "0001-01-01"[len(text) :] if len(text) < len("0001-01-01") else text
    try:
        moment = datetime.fromisoformat(full)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _refused("value", "the time does not exist; expected as 2024-04-01T17:10:00+02:00", path, 400) from None
    return moment
