"""Whether a file would be accepted, told before anything is sent: by the rules that staging uses, on the file alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from pydantic import ValidationError

from services.document.domain import cda
from services.document.domain.deposit import Accepted, RefusedDeposit, accept
from services.document.domain.inspected import BrokenContent, Inspected, Kind
from shared.contracts.common import Actor, ActorKind
from shared.contracts.http_document import DepositMetadata
from shared.terminology import confidentiality

_NOBODY: Final = UUID(int=0)
"""Stands for the record and the deposit, which no rule about a file looks at."""
_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Time of creation of a file that tells none."""
OF_PATIENT: Final = "EXPPAT_1"
"""Type of a patient's file where none is stated: only a CDA tells its own."""
_HEADER: Final = "/ClinicalDocument"
PLACES: Final[Mapping[str, str]] = {
    "no_unique_id": f"{_HEADER}/id",
    "no_type": f"{_HEADER}/code/@code",
    "no_title": f"{_HEADER}/title",
    "bad_time": f"{_HEADER}/effectiveTime/@value",
    "no_patient": f"{_HEADER}/recordTarget/patientRole/id",
    "several_patients": f"{_HEADER}/recordTarget",
    "no_author": f"{_HEADER}/author/assignedAuthor",
    "no_body": f"{_HEADER}/component",
    "bad_body": f"{_HEADER}/component/nonXMLBody/text",
    "unknown_document_type": f"{_HEADER}/code/@code",
    "not_in_dmp": f"{_HEADER}/code/@code",
    "dtd_forbidden": "the XML's prolog",
}
"""Where in a CDA the fault is, by its code; what is not here is about the file as a whole."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Largest sizes taken, in bytes."""

    any_file: int
    of_patient: int


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found about one file."""

    found: Inspected | None
    """What the file tells about itself; None where that can't be read."""
    accepted: Accepted | None
    """None where it would be refused."""
    code: str = ""
    """Why it would be refused, for programs."""
    place: str = ""
    sentence: str = ""
    """Why it would be refused and what was expected, for people."""


def check(content: bytes, limits: Limits, depositor: ActorKind | None = None, type_code: str = "") -> Checked:
    """Check a file as a deposit whose metadata say what the file says.

    Args:
        content: The whole file.
        limits: Sizes taken.
        depositor: Whose deposit it would be; None: a professional's for a CDA, the patient's for any other file.
        type_code: The type that the deposit states; empty: that of the CDA, or `OF_PATIENT`.
    """
    found: Inspected | None = None
    try:
        found = cda.inspect(content, limits.any_file)
        by = depositor or (ActorKind.PROFESSIONAL if found.kind is Kind.CDA else ActorKind.PATIENT)
        metadata = _metadata(found, by, type_code)
        accepted = accept(content, metadata, max_bytes=limits.any_file, max_patient_bytes=limits.of_patient)
    except (BrokenContent, RefusedDeposit) as error:
        return Checked(found, None, error.code, PLACES.get(error.code, "the file"), error.sentence)
    return Checked(found, accepted)


def too_large(size: int, limits: Limits) -> Checked:
    """The same of a file that need not be read to know that it has too many bytes."""
    told = f"the file has {size} bytes; at most {limits.any_file} are taken"
    return Checked(None, None, "too_large", "the file", told)


def _metadata(found: Inspected, by: ActorKind, type_code: str) -> DepositMetadata:
    """What a depositor would say who says what the file says.

    Raises:
        RefusedDeposit: No deposit can say that.
    """
    known = confidentiality(found.confidentiality or "")
    patient = min(found.patients, key=lambda ins: ins.oid, default=None)
    stated = {
        "deposit": _NOBODY,
        "record": _NOBODY,
        "actor": Actor(kind=by),
        "unique_id": found.unique_id or "1.2.3",
        "type_code": type_code or found.type_code or OF_PATIENT,
        "content_type": found.content_type,
        "created": found.effective_time or _LONG_AGO,
        "confidentiality": [known.code] if known and not known.flag else ["N"],
        "replaces": found.replaces,
        "patient": patient and {"oid": patient.oid, "number": patient.number},
    }
    try:
        return DepositMetadata.model_validate(stated)
    except ValidationError as error:
        fields = {str(fault["loc"][0]) for fault in error.errors() if fault["loc"]}
        if "type_code" in fields:
            raise RefusedDeposit("unknown_document_type", "the type is no code; take one of JDV_J07") from None
        told = f"the document's {', '.join(sorted(fields))} can't stand in the metadata of a deposit; correct it"
        raise RefusedDeposit("bad_metadata", told) from None
