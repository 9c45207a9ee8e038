"""Checks of a deposit before anything of it is kept: what its sender says, what the file is, whether both agree.

The order is fixed: size, metadata, file, then one against the other. Each refusal has a code for programs and a
sentence for people, and neither holds anything of the patient or the content.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from services.document.domain import cda
from services.document.domain.inspected import BrokenContent, Expected
from services.document.domain.settlement import HOLDERS_SIDE, Flags
from shared.contracts.common import ActorKind
from shared.contracts.http_document import DepositMetadata, Patient
from shared.terminology import KNOWN_FORMATS, Ins, confidentiality, document_type, may_combine, parse_ins

_CDA_ONLY: Final = frozenset({ActorKind.PROFESSIONAL, ActorKind.STRUCTURE})
_CODE: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,64}", re.ASCII)


class RefusedDeposit(Exception):  # noqa: N818 - the service's word for it
    """The metadata of a deposit break a rule."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Accepted:
    """A deposit that may be staged."""

    metadata: DepositMetadata
    class_code: str
    label: str
    """Confidentiality beside the flags: N, R or V."""
    flags: Flags
    content_type: str
    size: int
    sha1: bytes
    sha256: bytes
    title: str = field(repr=False)
    professionals: tuple[str, ...]
    structures: tuple[str, ...]
    language: str | None
    service_start: datetime | None

    @property
    def submitter(self) -> str:
        """Who deposits, as one word."""
        actor = self.metadata.actor
        return f"{actor.kind.value}:{actor.number or ''}"

    @property
    def owners(self) -> tuple[str, ...]:
        """Directory numbers that keep sight of the document (AR-021): depositor, authors, their structures."""
        actor = self.metadata.actor
        named = (actor.number, actor.structure, *self.professionals, *self.structures)
        return tuple(dict.fromkeys(filter(None, named)))


def accept(content: bytes, metadata: DepositMetadata, *, max_bytes: int, max_patient_bytes: int) -> Accepted:
    """Check a deposit whole.

    Raises:
        RefusedDeposit: The metadata break a rule.
        BrokenContent: The file can't be taken, or is not what the metadata say.
    """
    by_holder = metadata.actor.kind in HOLDERS_SIDE
    limit = min(max_bytes, max_patient_bytes) if by_holder else max_bytes
    if len(content) > limit:
        raise BrokenContent("too_large", f"the document has {len(content)} bytes; at most {limit} are taken")
    class_code = check_type(metadata)
    label, flags = check_confidentiality(metadata.confidentiality)
    inspected = cda.inspect(content, limit)
    cda.check(inspected, _expected(metadata))
    sha1 = hashlib.sha1(content, usedforsecurity=False).digest()
    _check_stated(content, sha1, metadata)
    return Accepted(
        metadata=metadata,
        class_code=class_code,
        label=label,
        flags=flags,
        content_type=metadata.content_type,
        size=len(content),
        sha1=sha1,
        sha256=hashlib.sha256(content).digest(),
        title=metadata.title or inspected.title,
        professionals=_united(metadata.professionals, inspected.authors),
        structures=_united(metadata.structures, inspected.structures),
        language=metadata.language or _code(inspected.language),
        service_start=metadata.service_start or inspected.service_start,
    )


def check_type(metadata: DepositMetadata) -> str:
    """The class that follows from the type (ASS_X16); also checks the format.

    Raises:
        RefusedDeposit: unknown_document_type, not_in_dmp, wrong_class, unknown_format_code.
    """
    known = document_type(metadata.type_code)
    if known is None:
        raise RefusedDeposit("unknown_document_type", "the typeCode is in no value set; take one of JDV_J07")
    if known.class_code is None:
        told = f"type {known.code} is not in the list of the shared record (ASS_X16); take a type that has a class"
        raise RefusedDeposit("not_in_dmp", told)
    if metadata.class_code is not None and metadata.class_code != known.class_code:
        told = f"type {known.code} is of class {known.class_code} (ASS_X16); state that class or none"
        raise RefusedDeposit("wrong_class", told)
    if metadata.format_code is not None and metadata.format_code not in KNOWN_FORMATS:
        raise RefusedDeposit("unknown_format_code", "the formatCode is not in JDV_J60; take one of it or state none")
    return known.class_code


def check_confidentiality(codes: Iterable[str]) -> tuple[str, Flags]:
    """Confidentiality apart from the flags, and the flags.

    Raises:
        RefusedDeposit: unknown_confidentiality, no_confidentiality, forbidden_pair (AR-026).
    """
    found = {code: confidentiality(code) for code in codes}
    if None in found.values():
        raise RefusedDeposit(
            "unknown_confidentiality", "a confidentiality code is not in JDV_J08; take N and its flags"
        )
    labels = [code for code, known in found.items() if known is not None and not known.flag]
    if len(labels) != 1:
        raise RefusedDeposit("no_confidentiality", "state exactly one of N, R and V, beside the flags")
    if not may_combine(found):
        told = "MASQUE_PS and INVISIBLE_PATIENT exclude each other: nobody could read the document; take one of them"
        raise RefusedDeposit("forbidden_pair", told)
    flags = Flags("MASQUE_PS" in found, "INVISIBLE_PATIENT" in found, "INVISIBLE_REPRESENTANTS_LEGAUX" in found)
    return labels[0], flags


def _expected(metadata: DepositMetadata) -> Expected:
    return Expected(
        patient=_ins(metadata.patient),
        type_code=metadata.type_code,
        unique_id=metadata.unique_id,
        content_type=metadata.content_type,
        cda_only=metadata.actor.kind in _CDA_ONLY,
    )


def _ins(patient: Patient | None) -> Ins | None:
    if patient is None:
        return None
    try:
        return parse_ins(patient.oid, patient.number)
    except ValueError as error:
        raise RefusedDeposit("wrong_patient", f"the patient expected: {error}") from None


def _check_stated(content: bytes, sha1: bytes, metadata: DepositMetadata) -> None:
    if metadata.size is not None and metadata.size != len(content):
        told = f"{metadata.size} bytes were stated and {len(content)} came; send the document whole"
        raise RefusedDeposit("wrong_size", told)
    if metadata.sha1 is not None and metadata.sha1 != sha1.hex():
        raise RefusedDeposit("wrong_hash", "the content's SHA-1 is not the one stated; send the document again")


def _united(stated: Iterable[str], found: Iterable[str]) -> tuple[str, ...]:
    """Numbers of the metadata, then those that the file adds; what is no directory number is left out."""
    return tuple(dict.fromkeys(number for number in (*stated, *found) if _CODE.fullmatch(number)))


def _code(found: str | None) -> str | None:
    """What a file tells, where it has the form of a code."""
    return found if found and _CODE.fullmatch(found) else None
