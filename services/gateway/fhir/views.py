"""DocumentReference and searchset as PDSm shows them, made from what the owner of documents gives."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from services.gateway.fhir import systems
from shared.terminology import confidentiality, document_class, document_format, document_type

_BINARY = re.compile(r"[0-9a-f]{64}", re.ASCII)

Status = Literal["current", "superseded", "archived", "deleted"]
_STATUS: Final[dict[str, str]] = {
    "current": "current",
    "superseded": "superseded",
    "archived": "current",
    "deleted": "entered-in-error",
}


@dataclass(frozen=True, slots=True)
class DocumentView:
    """One document as its owner shows it to one reader."""

    document: UUID
    record: UUID
    unique_id: str
    type_code: str
    class_code: str
    status: Status
    """Archived documents are `current` in FHIR, with the extension isArchived."""
    confidentiality: frozenset[str]
    content_type: str
    size: int
    sha1: bytes
    deposited: datetime
    created: datetime
    title: str = field(repr=False)
    version: int = 1
    """Version of the metadata, as in ETag."""
    format_code: str | None = None
    language: str | None = None
    professionals: tuple[str, ...] = ()
    """National numbers of the professionals who wrote it."""
    structures: tuple[str, ...] = ()
    service_start: datetime | None = None
    service_stop: datetime | None = None
    replaces: UUID | None = None


def binary_id(record: UUID, document: UUID) -> str:
    """The id under which a document's content is fetched: opaque, 64 characters as FHIR allows at most.

    It names the record too, since every request on a record goes by the record's id.
    """
    return record.hex + document.hex


def ids_of_binary(text: str) -> tuple[UUID, UUID] | None:
    """Record and document of such an id; None where it is none."""
    if not _BINARY.fullmatch(text):
        return None
    return UUID(text[:32]), UUID(text[32:])


def document_reference(view: DocumentView) -> dict[str, Any]:
    """The DocumentReference of one document; its content is fetched from `Binary/<binary_id>` (ITI-68)."""
    resource: dict[str, Any] = {
        "resourceType": "DocumentReference",
        "id": str(view.document),
        "meta": {
            "versionId": str(view.version),
            "profile": [f"{systems.PDSM}/pdsm-comprehensive-document-reference"],
        },
        "masterIdentifier": systems.master_identifier(view.unique_id),
        "status": _STATUS[view.status],
        "type": _type(view.type_code),
        "category": [_category(view.class_code)],
        "subject": {"reference": f"Patient/{view.record}"},
        "date": view.deposited.isoformat(),
        "author": _authors(view),
        "securityLabel": [_label(code) for code in sorted(view.confidentiality)],
        "content": [_content(view)],
    }
    if view.status == "archived":
        resource["extension"] = [{"url": systems.IS_ARCHIVED, "valueBoolean": True}]
    if view.replaces:
        target = {"reference": f"DocumentReference/{view.replaces}"}
        resource["relatesTo"] = [{"code": "replaces", "target": target}]
    if view.service_start:
        period = {"start": view.service_start.isoformat()}
        if view.service_stop:
            period["end"] = view.service_stop.isoformat()
        resource["context"] = {"period": period}
    return resource


def searchset(
    resources: Sequence[dict[str, Any]],
    *,
    base: str,
    link: str | None = None,
    total: int | None = None,
    following: str | None = None,
) -> dict[str, Any]:
    """A Bundle with the results of a search.

    The total is that of what this reader may see: counts must not give a masked document away.

    Args:
        resources: What was found, already cut to what the reader may see.
        base: Address of the FHIR door, without a slash at its end.
        link: The search as it was understood, without any identity.
        total: How many there are on all pages; None where this is the only one.
        following: Address of the next page.
    """
    entries = [
        {
            "fullUrl": f"{base}/{resource['resourceType']}/{resource['id']}",
            "resource": resource,
            "search": {"mode": "match"},
        }
        for resource in resources
    ]
    count = len(entries) if total is None else total
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": count, "entry": entries}
    links = [{"relation": name, "url": url} for name, url in (("self", link), ("next", following)) if url]
    if links:
        bundle["link"] = links
    if not entries:
        del bundle["entry"]
    return bundle


def _concept(system: str, code: str, display: str | None) -> dict[str, Any]:
    coding = {"system": system, "code": code} | ({"display": display} if display else {})
    return {"coding": [coding]}


def _type(code: str) -> dict[str, Any]:
    known = document_type(code)
    return _concept(systems.type_uri(known.system) if known else systems.LOINC, code, known.label if known else None)


def _category(code: str) -> dict[str, Any]:
    known = document_class(code)
    return _concept(systems.CLASSES, code, known.label if known else None)


def _label(code: str) -> dict[str, Any]:
    known = confidentiality(code)
    return _concept(known.fhir_system if known else systems.URI, code, known.label if known else None)


def _authors(view: DocumentView) -> list[dict[str, Any]]:
    numbered = [("Practitioner", systems.PROFESSIONALS, number) for number in view.professionals]
    numbered += [("Organization", systems.STRUCTURES, number) for number in view.structures]
    return [{"type": kind, "identifier": {"system": system, "value": number}} for kind, system, number in numbered]


def _content(view: DocumentView) -> dict[str, Any]:
    attachment: dict[str, Any] = {
        "contentType": view.content_type,
        "url": f"Binary/{binary_id(view.record, view.document)}",
        "size": view.size,
        "hash": base64.b64encode(view.sha1).decode(),
        "creation": view.created.isoformat(),
    }
    if view.title:
        attachment["title"] = view.title
    if view.language:
        attachment["language"] = view.language
    if not view.format_code:
        return {"attachment": attachment}
    known = document_format(view.format_code)
    coding = {"system": systems.FORMATS, "code": view.format_code} | ({"display": known.label} if known else {})
    return {"attachment": attachment, "format": coding}
