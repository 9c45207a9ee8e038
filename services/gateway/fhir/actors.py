"""Who a publication is about and by: references and identifiers of patient, authors and replaced documents."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qsl
from uuid import UUID

from services.gateway.fhir import systems
from services.gateway.fhir.errors import FhirError
from services.gateway.fhir.resources import Contained, DocumentReference, Identifier, Reference
from shared.terminology import Ins, parse_ins

_RPPS_LENGTH: Final = 11
_FINESS_LENGTH: Final = 9
_NUMBER = re.compile(r"[A-Za-z0-9_.:/-]{1,64}", re.ASCII)


class AuthorKind(StrEnum):
    """What kind of author wrote a document."""

    PROFESSIONAL = "professional"
    STRUCTURE = "structure"
    PATIENT = "patient"
    DEVICE = "device"


@dataclass(frozen=True, slots=True)
class Author:
    """An author by directory number; a patient has none, since his identity stays out of metadata."""

    kind: AuthorKind
    number: str | None = None
    """National number (idNat) of a professional or structure; a device's own identifier."""


def patient(resource: DocumentReference) -> Ins:
    """The patient's INS, from `subject` by search, by identifier or contained.

    Raises:
        FhirError: 422 where no INS is found; the sentence never shows a number.
    """
    path = "DocumentReference.subject"
    for identifier in _identifiers(resource, resource.subject):
        try:
            return parse_ins(identifier.system or "", identifier.value)
        except ValueError as error:
            failure = str(error)
            if (identifier.system or "").startswith("urn:oid:1.2.250.1.213.1.4."):
                raise FhirError(422, "value", failure, path) from None
    told = "expected the patient's INS: Patient?identifier=urn:oid:<its OID>|<its number>, or the same as identifier"
    raise FhirError(422, "required", told, path)


def authors(resource: DocumentReference) -> tuple[Author, ...]:
    """Every author that carries a number, in order, without repeats.

    Raises:
        FhirError: 422 where no author can be identified.
    """
    found: dict[Author, None] = {}
    for reference in resource.author:
        found.update(dict.fromkeys(_author(resource, reference)))
    if not found:
        told = "no author carries a national number: expected RPPS (urn:oid:1.2.250.1.71.4.2.1) or that of a structure"
        raise FhirError(422, "required", told, "DocumentReference.author")
    return tuple(found)


def target(reference: Reference) -> tuple[str | None, UUID | None]:
    """The document that a relation names: by unique id, or by the server's own id; (None, None) if neither."""
    if reference.identifier:
        return systems.unique_id(reference.identifier.system, reference.identifier.value), None
    text = reference.reference or ""
    searched = _searched(text, "DocumentReference")
    if searched:
        return systems.unique_id(searched.system, searched.value), None
    kind, _, rest = text.rpartition("/")
    try:
        return (None, UUID(rest)) if kind.endswith("DocumentReference") else (None, None)
    except ValueError:
        return None, None


def _identifiers(resource: DocumentReference, reference: Reference) -> list[Identifier]:
    if reference.identifier:
        return [reference.identifier]
    contained = resource.find(reference.reference)
    if contained:
        return contained.identifier
    searched = _searched(reference.reference or "", "Patient")
    return [searched] if searched else []


def _searched(text: str, resource_type: str) -> Identifier | None:
    """The identifier of a conditional reference `Type?identifier=system|value`."""
    kind, _, query = text.partition("?")
    if kind != resource_type:
        return None
    for name, value in parse_qsl(query.replace("+", "%2B")):
        system, bar, number = value.partition("|")
        if name == "identifier" and bar and system and number:
            return Identifier(system=system, value=number)
    return None


def _author(resource: DocumentReference, reference: Reference) -> list[Author]:
    if reference.identifier:
        return _numbered([reference.identifier])
    contained = resource.find(reference.reference)
    if contained is None:
        return []
    if contained.resourceType == "Patient":
        return [Author(AuthorKind.PATIENT)]
    if contained.resourceType == "Device":
        numbers = [one.value for one in contained.identifier if _NUMBER.fullmatch(one.value)]
        return [Author(AuthorKind.DEVICE, numbers[0] if numbers else None)]
    return _numbered(contained.identifier) + _linked(resource, contained)


def _linked(resource: DocumentReference, role: Contained) -> list[Author]:
    """The person and structure of a PractitionerRole."""
    found: list[Author] = []
    for link in (role.practitioner, role.organization):
        if link:
            inner = resource.find(link.reference)
            found += _numbered([link.identifier] if link.identifier else inner.identifier if inner else [])
    return found


def _numbered(identifiers: list[Identifier]) -> list[Author]:
    """National numbers among identifiers: idNat as it stands, RPPS and FINESS with their prefix."""
    found: list[Author] = []
    for one in identifiers:
        if not _NUMBER.fullmatch(one.value):
            continue
        if one.system == systems.PROFESSIONALS:
            found.append(Author(AuthorKind.PROFESSIONAL, one.value))
        elif one.system == systems.RPPS and _digits(one.value, _RPPS_LENGTH):
            found.append(Author(AuthorKind.PROFESSIONAL, f"8{one.value}"))
        elif one.system == systems.STRUCTURES:
            found.append(Author(AuthorKind.STRUCTURE, one.value))
        elif one.system == systems.FINESS and _digits(one.value, _FINESS_LENGTH):
            found.append(Author(AuthorKind.STRUCTURE, f"1{one.value}"))
    return found


def _digits(text: str, length: int) -> bool:
    return len(text) == length and text.isascii() and text.isdecimal()
