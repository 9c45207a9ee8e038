"""Finds CDA documents in a folder, says what they are, and wraps each in the publication that deposits it."""

import base64
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from services.document.domain import cda
from services.document.domain.inspected import BrokenContent, Inspected
from services.gateway.fhir import systems
from shared.terminology import Ins, class_of, confidentiality

_BODY_FORMATS: Final = {
    "application/pdf": "urn:ihe:iti:xds-sd:pdf:2008",
    "text/plain": "urn:ihe:iti:xds-sd:text:2008",
    "text/rtf": "urn:ihe:iti-fr:xds-sd:rtf:2010",
    "image/jpeg": "urn:ihe:iti-fr:xds-sd:jpeg:2010",
    "image/tiff": "urn:ihe:iti-fr:xds-sd:tiff:2010",
}
_NUMBER = re.compile(r"[A-Za-z0-9_.:/-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Description:
    """What a file is to the record."""

    inspected: Inspected | None
    """Its header; None where the file is broken."""
    refusal: str | None
    """Code of the refusal to expect, or None where the record takes it: `not_in_dmp`, or one of inspection's."""
    sentence: str = ""
    """The same for people."""

    @property
    def patient(self) -> Ins | None:
        """The INS under which the document is deposited, or None where the file is broken."""
        return min(self.inspected.patients, key=lambda ins: ins.oid) if self.inspected else None


def collect(folder: Path) -> list[Path]:
    """Every CDA R2 document anywhere below a folder, recognised by content, in the order of paths.

    Files that can't be read, are no XML or are too large are passed over; links to folders are not followed.
    """
    return sorted(path for path in _files(folder) if cda.is_cda(_read(path)))


def describe(content: bytes) -> Description:
    """What a file is, and whether the record takes it.

    A type outside the DMP's list (ASS_X16) has no class and no column in the habilitation matrix: the deposit is to be
    refused, since nobody but its author and the médecin traitant could ever read it.
    """
    try:
        inspected = cda.inspect(content)
    except BrokenContent as error:
        return Description(None, error.code, error.sentence)
    if class_of(inspected.type_code or "") is None:
        told = f"type {inspected.type_code} is not in the DMP's list, so it has no class; the deposit is refused"
        return Description(inspected, "not_in_dmp", told)
    return Description(inspected, None)


def publication(
    content: bytes, *, author: str | None = None, labels: Sequence[str] = ("N",), replaces: str | None = None
) -> dict[str, Any]:
    """The DocumentReference (ITI-105) that deposits a CDA, with metadata read from its header.

    Args:
        content: The CDA.
        author: National number of the professional to name where the CDA names none.
        labels: Confidentiality codes.
        replaces: unique id of the document that it replaces.

    Raises:
        BrokenContent: The content is no CDA, or a broken one.
    """
    found = cda.inspect(content)
    if found.unique_id is None or found.type_code is None or found.effective_time is None:
        raise BrokenContent("not_cda", "only a CDA tells the metadata of its publication; send a CDA R2 document")
    ins = min(found.patients, key=lambda one: one.oid)
    resource: dict[str, Any] = {
        "resourceType": "DocumentReference",
        "meta": {"profile": [f"{systems.PDSM}/pdsm-simplified-publish"]},
        "contained": _contained(found, author),
        "masterIdentifier": systems.master_identifier(found.unique_id),
        "status": "current",
        "type": {"coding": [{"system": systems.type_uri(found.type_system or ""), "code": found.type_code}]},
        "subject": {"reference": f"Patient?identifier={systems.URN_OID}{ins.oid}|{ins.number}"},
        "date": found.effective_time.isoformat(),
        "securityLabel": [_label(code) for code in labels],
        "content": [_content(found, content)],
    }
    resource["author"] = [{"reference": f"#{one['id']}"} for one in resource["contained"]]
    if found.service_start:
        resource["context"] = {"period": {"start": found.service_start.isoformat()}}
    if replaces:
        resource["relatesTo"] = [{"code": "replaces", "target": {"identifier": systems.master_identifier(replaces)}}]
    return resource


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            if path.is_file():
                yield path


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.stat().st_size <= cda.MAX_BYTES else b""
    except OSError:
        return b""


def _contained(found: Inspected, author: str | None) -> list[dict[str, Any]]:
    professionals = [number for number in found.authors if _NUMBER.fullmatch(number)]
    structures = [number for number in found.structures if _NUMBER.fullmatch(number)]
    if not professionals and author:
        professionals = [author]
    numbered = [("Practitioner", systems.PROFESSIONALS, number) for number in professionals]
    numbered += [("Organization", systems.STRUCTURES, number) for number in structures]
    return [
        {"resourceType": kind, "id": f"author-{place}", "identifier": [{"system": system, "value": number}]}
        for place, (kind, system, number) in enumerate(numbered[:20], 1)
    ]


def _label(code: str) -> dict[str, Any]:
    known = confidentiality(code)
    if known is None:
        message = f"{code!r} is no confidentiality code; expected N, R, V or a flag of TRE_A07"
        raise ValueError(message)
    return {"coding": [{"system": known.fhir_system, "code": code}]}


def _content(found: Inspected, content: bytes) -> dict[str, Any]:
    sha1 = hashlib.sha1(content, usedforsecurity=False).digest()
    attachment: dict[str, Any] = {
        "contentType": found.content_type,
        "data": base64.b64encode(content).decode(),
        "size": len(content),
        "hash": base64.b64encode(sha1).decode(),
        "title": found.title[:1024],
        "creation": found.effective_time.isoformat() if found.effective_time else None,
    }
    if found.language:
        attachment["language"] = found.language
    code = _BODY_FORMATS.get(found.body_media_type or "")
    return {"attachment": attachment} | ({"format": {"system": systems.FORMATS, "code": code}} if code else {})
