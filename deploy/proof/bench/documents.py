"""What the load consists of: test people, CDA documents of 1 KB, and reimbursed lines."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Final
from uuid import UUID, uuid4

from deploy.local.identity.cast import DR_MARTIN
from deploy.proof import samples
from shared.contracts.common import Actor, ActorKind
from shared.contracts.http_document import DEPOSIT_HEADER, DepositMetadata, Patient, to_header
from shared.contracts.insurance import CareSection, ReimbursedCare
from shared.terminology.ins import TEST_NIR, Ins

BODY_BYTES: Final = 1024
TYPE_CODE: Final = "11502-2"
"""Biology report: it has a class, and doctors may read it."""
DOCTOR: Final = Actor(
    kind=ActorKind.PROFESSIONAL,
    number=DR_MARTIN.number,
    role="G15_10",
    sector="SA07",
    structure=DR_MARTIN.structure,
    authenticated=True,
)
_CREATED: Final = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
_CDA: Final = (
    '<?xml version="1.0" encoding="UTF-8"?><ClinicalDocument xmlns="urn:hl7-org:v3"><id root="{unique}"/>'
    '<code code="11502-2" codeSystem="2.16.840.1.113883.6.1"/><title>CR de biologie</title>'
    '<effectiveTime value="20260601080000+0000"/><languageCode code="fr-FR"/>'
    '<recordTarget><patientRole><id root="{oid}" extension="{number}"/></patientRole></recordTarget>'
    '<author><assignedAuthor><id root="1.2.250.1.71.4.2.1" extension="{author}"/></assignedAuthor></author>'
    '<component><nonXMLBody><text mediaType="text/plain">Essai. {filling}</text></nonXMLBody></component>'
    "</ClinicalDocument>"
)
_WORDS: Final = "Valeurs dans les limites habituelles. "


@dataclass(frozen=True, slots=True)
class Person:
    """A test person with an open record."""

    ins: Ins
    record: UUID


def ins_of(number: int) -> Ins:
    """Identity of the test person of this number, with a valid key."""
    digits = f"1{number:012d}"
    return Ins(TEST_NIR, f"{digits}{97 - int(digits) % 97:02d}")


def cda(ins: Ins) -> tuple[UUID, bytes]:
    """A new document of exactly `BODY_BYTES` about a person, and its unique id."""
    unique = uuid4()
    told = {"unique": unique, "oid": ins.oid, "number": ins.number, "author": DR_MARTIN.number}
    bare = len(_CDA.format(**told, filling=""))
    missing = BODY_BYTES - bare
    filling = (_WORDS * (missing // len(_WORDS) + 1))[:missing]
    return unique, _CDA.format(**told, filling=filling).encode()


def staging(person: Person) -> tuple[dict[str, str], bytes]:
    """A document as the gateway hands it to the document service: headers and content."""
    unique, content = cda(person.ins)
    metadata = {
        "deposit": uuid4(),
        "record": person.record,
        "actor": DOCTOR,
        "unique_id": str(unique),
        "type_code": TYPE_CODE,
        "content_type": "text/xml",
        "created": _CREATED,
        "patient": Patient(oid=person.ins.oid, number=person.ins.number),
    }
    header = to_header(DepositMetadata.model_validate(metadata))
    return {DEPOSIT_HEADER: header, "content-type": "application/octet-stream"}, content


def publication(person: Person) -> bytes:
    """A document as a professional's software publishes it (ITI-105)."""
    return json.dumps(samples.publication(cda(person.ins)[1])).encode()


def lines(persons: list[Person], prefix: str) -> Iterator[tuple[str, ReimbursedCare]]:
    """Reimbursed lines without end, each with the key by which it is published; one person after the other."""
    day = date.today() - timedelta(days=30)  # noqa: DTZ011 - a day of care is a local date
    for number in count():
        ins = persons[number % len(persons)].ins
        yield (
            f"{prefix}-{number % len(persons)}",
            ReimbursedCare(
                line=f"{prefix}-{number}",
                version=1,
                matricule=ins.number,
                oid=ins.oid,
                care_date=day,
                section=CareSection.MEDICINES,
                code_system="CIP13",
                code="3400935673220",
                label="PARACETAMOL 1 G COMPRIME",
                quantity=1,
                performer="899700000043",
                prescriber=DR_MARTIN.number,
            ),
        )
