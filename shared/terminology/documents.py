"""Document types, classes, formats and confidentiality codes of the DMP."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from shared.terminology.tables import read

FLAG_SYSTEM: Final = "1.2.250.1.213.1.1.4.13"
"""OID of TRE_A07: flags that stand beside the confidentiality N (StatutVisibiliteDocument)."""


@dataclass(frozen=True, slots=True)
class DocumentType:
    """Type of a document (typeCode, JDV_J07)."""

    code: str
    system: str
    """OID of the code system: LOINC 2.16.840.1.113883.6.1 or TRE_A05 1.2.250.1.213.1.1.4.12."""
    label: str
    """French label."""
    class_code: str | None
    """Class that follows from the type (ASS_X16); None for types outside the DMP's list."""
    depositor_side: str
    """`PS_OR_STRUCTURE`, `PATIENT` or `ALIM_AM` (the insurance's own feed)."""

    @property
    def in_dmp(self) -> bool:
        """True where the DMP takes documents of this type (ASS_X16 of 2024-02-23)."""
        return self.class_code is not None

    @property
    def patient_side(self) -> bool:
        """True for what patients deposit; professionals' software shows class 90 apart (EX_3.1-1040)."""
        return self.depositor_side == "PATIENT"


@dataclass(frozen=True, slots=True)
class DocumentClass:
    """Class of a document (classCode, TRE_A03): the 11 categories of the matrix."""

    code: str
    label: str


@dataclass(frozen=True, slots=True)
class DocumentFormat:
    """Format of a document (formatCode, JDV_J60)."""

    code: str
    label: str
    level: str
    """`N1 (unstructured body)`, `N3 (structured CDA)`, `DICOM` or `signature`."""


@dataclass(frozen=True, slots=True)
class Confidentiality:
    """One confidentiality code (JDV_J08); a document carries a set of one to four."""

    code: str
    label: str
    system: str
    """OID of the code system."""
    fhir_system: str
    """URI of the code system in FHIR."""

    @property
    def flag(self) -> bool:
        """True for a flag of TRE_A07, which stands beside N and may be added and removed."""
        return self.system == FLAG_SYSTEM


@cache
def document_types() -> Mapping[str, DocumentType]:
    """Every type of the CI-SIS value set by its code: 115, of which 102 are in the DMP's list."""
    found = {
        row["code"]: DocumentType(
            row["code"], row["system"], row["label"], row["class_code"] or None, row["depositor_side"]
        )
        for row in read("document_types")
    }
    return MappingProxyType(found)


@cache
def _classes() -> Mapping[str, DocumentClass]:
    return MappingProxyType({row["code"]: DocumentClass(**row) for row in read("document_classes")})


@cache
def _formats() -> Mapping[str, DocumentFormat]:
    return MappingProxyType({row["code"]: DocumentFormat(**row) for row in read("formats")})


@cache
def _confidentialities() -> Mapping[str, Confidentiality]:
    return MappingProxyType({row["code"]: Confidentiality(**row) for row in read("confidentiality")})


def document_type(code: str) -> DocumentType | None:
    """The type of this typeCode, or None when no value set has it."""
    return document_types().get(code)


def class_of(type_code: str) -> str | None:
    """The classCode that follows from a typeCode (ASS_X16); None where the DMP does not take the type."""
    known = document_types().get(type_code)
    return known.class_code if known else None


def document_class(code: str) -> DocumentClass | None:
    """The class of this classCode, or None."""
    return _classes().get(code)


def document_format(code: str) -> DocumentFormat | None:
    """The format of this formatCode, or None."""
    return _formats().get(code)


def confidentiality(code: str) -> Confidentiality | None:
    """The confidentiality of this code, or None."""
    return _confidentialities().get(code)


def may_combine(codes: Iterable[str]) -> bool:
    """False for MASQUE_PS with INVISIBLE_PATIENT: nobody but the author would see the document (EX_2.1-1050)."""
    return not {"MASQUE_PS", "INVISIBLE_PATIENT"} <= set(codes)


KNOWN_FORMATS: Final[frozenset[str]] = frozenset(_formats())
"""Every formatCode of JDV_J60."""
