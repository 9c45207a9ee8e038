"""What inspection tells about a deposited file, and the error of a file that can't be taken."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from shared.terminology import Ins


class Kind(StrEnum):
    """What a file is by its bytes, whatever its sender says."""

    CDA = "cda"
    """HL7 CDA R2, the form of professionals' documents (CI-SIS)."""
    PDF = "pdf"
    RTF = "rtf"
    TEXT = "text"
    JPEG = "jpeg"
    TIFF = "tiff"


CONTENT_TYPES: dict[Kind, frozenset[str]] = {
    Kind.CDA: frozenset({"text/xml", "application/xml"}),
    Kind.PDF: frozenset({"application/pdf"}),
    Kind.RTF: frozenset({"text/rtf", "application/rtf"}),
    Kind.TEXT: frozenset({"text/plain"}),
    Kind.JPEG: frozenset({"image/jpeg"}),
    Kind.TIFF: frozenset({"image/tiff"}),
}
"""Media types under which each kind may be sent (JDV_J60)."""


class BrokenContent(Exception):  # noqa: N818 - the service's word for it
    """A file can't be taken.

    `code` is for programs; `sentence` tells people what is wrong, what was expected and what to do. Neither holds
    anything of the file's content or the patient's identity.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a file tells about itself. Only a CDA tells more than its kind."""

    kind: Kind
    content_type: str
    """The media type by which the file is served."""
    unique_id: str | None = None
    """ClinicalDocument/id as XDS writes it: `root` or `root^extension`."""
    type_code: str | None = None
    type_system: str | None = None
    """OID of the typeCode's system."""
    title: str = field(default="", repr=False)
    patients: frozenset[Ins] = frozenset()
    """INS of the one patient: several only where he has several kinds of INS."""
    authors: tuple[str, ...] = ()
    """National numbers (idNat) of the professionals who wrote it; empty for a device's or patient's document."""
    structures: tuple[str, ...] = ()
    """National numbers of the structures on whose behalf they wrote."""
    effective_time: datetime | None = None
    """Time of creation, with its zone; UTC where the file names none."""
    service_start: datetime | None = None
    """Start of the act told of (documentationOf), where known."""
    set_id: str | None = None
    """Identifier shared by all versions of the document."""
    version: int | None = None
    replaces: str | None = None
    """unique id of the document that this one replaces (relatedDocument RPLC)."""
    language: str | None = None
    confidentiality: str | None = None
    level: Literal[1, 3] | None = None
    """CDA level: 1 with an unstructured body, 3 with a structured one."""
    body_media_type: str | None = None
    """Media type of the unstructured body."""
    templates: frozenset[str] = frozenset()
    """templateId of the document: `root` or `root^extension`, from which the format follows."""
    self_presentable: bool = False
    """True where the document comes wrapped in its own stylesheet (autoprésentable)."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a deposit's metadata say, to hold against the file. None means not stated."""

    patient: Ins | None = None
    type_code: str | None = None
    unique_id: str | None = None
    content_type: str | None = None
    cda_only: bool = False
    """True for professionals and structures, whose documents are CDA R2 (level 1 or 3)."""
