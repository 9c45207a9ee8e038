"""Finds CDA documents in a folder, and wraps each in the publication that deposits it."""

import base64
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from deploy.proof.judgement import Header, Judged, judge
from services.gateway.fhir import systems
from shared.terminology import confidentiality

MAX_BYTES: Final = 10 * 1024 * 1024
"""Largest document that the record takes, in bytes."""
_BODY_FORMATS: Final = {
    "application/pdf": "urn:ihe:iti:xds-sd:pdf:2008",
    "text/plain": "urn:ihe:iti:xds-sd:text:2008",
    "text/rtf": "urn:ihe:iti-fr:xds-sd:rtf:2010",
    "image/jpeg": "urn:ihe:iti-fr:xds-sd:jpeg:2010",
    "image/tiff": "urn:ihe:iti-fr:xds-sd:tiff:2010",
}
_NUMBER = re.compile(r"[A-Za-z0-9_.:/-]{1,64}", re.ASCII)


class Sample(NamedTuple):
    """A CDA document of a folder, be it a broken one."""

    name: str
    """Path below the folder, as it can be shown."""
    content: bytes
    judged: Judged


class Passed(NamedTuple):
    """A file, a folder or a link that was passed over."""

    name: str
    why: str
    """For people."""


@dataclass(frozen=True)
class Found:
    """What a folder holds: each file below it stands in one of both, in the order of paths."""

    documents: list[Sample] = field(default_factory=list)
    passed: list[Passed] = field(default_factory=list)


class NoHeaderError(ValueError):
    """A file tells no metadata of its publication; the text says why."""


def look(folder: Path) -> Found:
    """Every CDA R2 document anywhere below a folder, recognised by content; links to folders are not followed."""
    found = Found()
    for path, why in sorted(_paths(folder)):
        name = _shown(path.relative_to(folder))
        content, told = (b"", why) if why else _read(path)
        judged = None if told else judge(content)
        if judged is None or judged.no_cda:
            found.passed.append(Passed(name, told or f"no CDA document: {judged.no_cda if judged else ''}"))
        else:
            found.documents.append(Sample(name, content, judged))
    return found


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
        NoHeaderError: The content is no CDA, or a broken one.
    """
    judged = judge(content)
    found = judged.header
    if found is None:
        raise NoHeaderError(f"only a whole CDA R2 document tells its metadata: {judged.no_cda or [*judged.refusals]}")
    ins = found.patient
    resource: dict[str, Any] = {
        "resourceType": "DocumentReference",
        "meta": {"profile": [f"{systems.PDSM}/pdsm-simplified-publish"]},
        "contained": _contained(found, author),
        "masterIdentifier": systems.master_identifier(found.unique_id),
        "status": "current",
        "type": {"coding": [{"system": systems.type_uri(found.type_system), "code": found.type_code}]},
        "subject": {"reference": f"Patient?identifier={systems.URN_OID}{ins.oid}|{ins.number}"},
        "date": found.created.isoformat(),
        "securityLabel": [_label(code) for code in labels],
        "content": [_content(found, content)],
    }
    resource["author"] = [{"reference": f"#{one['id']}"} for one in resource["contained"]]
    if found.service_start:
        resource["context"] = {"period": {"start": found.service_start.isoformat()}}
    if replaces:
        resource["relatesTo"] = [{"code": "replaces", "target": {"identifier": systems.master_identifier(replaces)}}]
    return resource


def _paths(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every file below a folder, and what can't be looked into with the reason."""
    unread: list[tuple[Path, str]] = []

    def note(error: OSError) -> None:
        unread.append((Path(os.fsdecode(error.filename)), f"can't be looked into: {error.strerror}"))

    for parent, folders, names in os.walk(folder, onerror=note):
        yield from ((Path(parent, name), "") for name in names)
        links = (path for name in folders if (path := Path(parent, name)).is_symlink())
        yield from ((path, "a link to a folder, which is not followed") for path in links)
    yield from unread


def _read(path: Path) -> tuple[bytes, str]:
    """The content of a file, or why it is not read."""
    try:
        if not path.is_file():
            return b"", "a link to nothing" if path.is_symlink() else "no plain file"
        size = path.stat().st_size
        if size > MAX_BYTES:
            return b"", f"{size:,} bytes; the record takes at most {MAX_BYTES:,}"
        return path.read_bytes(), ""
    except OSError as error:
        return b"", f"can't be read: {error.strerror}"


def _shown(path: Path) -> str:
    """A path as it can be written anywhere: what is no text stands there escaped."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def _contained(found: Header, author: str | None) -> list[dict[str, Any]]:
    professionals = [number for number in found.professionals if _NUMBER.fullmatch(number)]
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


def _content(found: Header, content: bytes) -> dict[str, Any]:
    sha1 = hashlib.sha1(content, usedforsecurity=False).digest()
    attachment: dict[str, Any] = {
        "contentType": "text/xml",
        "data": base64.b64encode(content).decode(),
        "size": len(content),
        "hash": base64.b64encode(sha1).decode(),
        "title": found.title[:1024],
        "creation": found.created.isoformat(),
    }
    if found.language and _NUMBER.fullmatch(found.language):
        attachment["language"] = found.language
    code = _BODY_FORMATS.get(found.body_media_type or "")
    return {"attachment": attachment} | ({"format": {"system": systems.FORMATS, "code": code}} if code else {})
