"""Internal HTTP of the document service, for the gateway: deposits, searches and readings of documents.

A deposit's content is the request's body; its metadata travel beside it in a header (JSON in base64), as do those of
a document that is opened. What describes a person stands in bodies and headers only, never in a URL.
"""

import base64
import binascii
from enum import StrEnum
from typing import Annotated, Final, Literal, TypeVar
from uuid import UUID, uuid4

from pydantic import AwareDatetime, Field, StringConstraints, ValidationError

from shared.contracts.common import AccessMode, Actor, Code, RecordId, Value
from shared.contracts.reasons import Reason

DEPOSIT_HEADER: Final = "Carnet-Deposit"
"""`DepositMetadata` of the content in the body of `POST /deposits`."""
DOCUMENT_HEADER: Final = "Carnet-Document"
"""`DocumentEntry` of the content in the answer of `POST /open`."""
MAX_COUNT: Final = 200
"""Entries at most in one answer."""

UniqueId = Annotated[str, StringConstraints(min_length=1, max_length=522, pattern=r"^\S(?:[^\x00-\x1f]*\S)?$")]
"""uniqueId as XDS writes it: `root` or `root^extension`."""
Status = Literal["current", "superseded", "archived"]
"""Of what may be shown; nothing shows a deleted document."""

ModelT = TypeVar("ModelT", bound=Value)


class HeaderError(ValueError):
    """A header holds no such value. The text names fields, never what they hold."""


def to_header(value: Value) -> str:
    """A value as it stands in a header."""
    return base64.b64encode(value.model_dump_json(exclude_defaults=True).encode()).decode()


def from_header(model: type[ModelT], text: str) -> ModelT:
    """The value of a header.

    Raises:
        HeaderError: It is no base64, no JSON, or not what the model expects.
    """
    try:
        return model.model_validate_json(base64.b64decode(text, validate=True))
    except binascii.Error:
        raise HeaderError("the header is no base64") from None
    except ValidationError as error:
        faults = error.errors(include_input=False, include_context=False, include_url=False)
        fields = sorted({".".join(map(str, fault["loc"])) or "(all)" for fault in faults})
        raise HeaderError(f"wrong or missing: {', '.join(fields)}") from None


class Patient(Value):
    """Whom a deposit is about. Compared with the document, and neither stored nor logged."""

    oid: Code
    number: str = Field(repr=False, max_length=15)
    """INS of 15 characters."""


class DepositMetadata(Value):
    """What a depositor says of a document (XDS DocumentEntry)."""

    deposit: UUID = Field(default_factory=uuid4)
    """The deposit's id, chosen by the caller so that it can wait for the outcome before it hands the document over."""
    record: RecordId
    actor: Actor
    mode: AccessMode = AccessMode.NORMAL
    """In which the depositor acts (AR-033)."""
    unique_id: UniqueId
    type_code: Code
    class_code: Code | None = None
    """None: deduced from the type (ASS_X16)."""
    format_code: Code | None = None
    content_type: str = Field(max_length=64)
    """Media type stated for the content."""
    title: str = Field("", max_length=512, repr=False)
    """Empty where the document tells its own."""
    description: str | None = Field(None, max_length=4096, repr=False)
    created: AwareDatetime
    service_start: AwareDatetime | None = None
    service_stop: AwareDatetime | None = None
    practice_setting: Code | None = None
    facility_type: Code | None = None
    language: Code | None = None
    confidentiality: frozenset[Code] = frozenset({"N"})
    """One of N, R, V and the flags of TRE_A07."""
    professionals: tuple[Code, ...] = Field((), max_length=32)
    """Directory numbers of the professionals who wrote it."""
    structures: tuple[Code, ...] = Field((), max_length=32)
    """Directory numbers of the structures on whose behalf they wrote."""
    replaces: UniqueId | None = None
    """uniqueId of the document that this one replaces (RPLC)."""
    replaces_document: UUID | None = None
    """The same by the id of the document, where the depositor names that."""
    patient: Patient | None = Field(None, repr=False)
    sha1: str | None = Field(None, pattern=r"^[0-9a-f]{40}$")
    """Hash of the content as the depositor states it, in hexadecimal."""
    size: int | None = Field(None, ge=0)
    """Size of the content as the depositor states it, in bytes."""


class DepositState(StrEnum):
    """How far a deposit is."""

    STAGED = "staged"
    """Acknowledged; its decision is awaited."""
    STORED = "stored"
    """Part of the record."""
    REFUSED = "refused"
    HELD = "held"
    """An unexpected error hurt it; an operator looks at it."""


class DepositView(Value):
    """A deposit and its outcome; a repeat is given the first one's."""

    deposit: UUID
    state: DepositState
    reason: Reason | None = None
    """Why it was refused."""
    because: tuple[Reason, ...] = ()
    """Where it was denied: the reasons of the decision."""
    document: UUID | None = None
    """Id of the document, once stored."""
    version: int = 1
    """Version of the document's metadata."""
    record: UUID | None = None
    """Where the outcome is asked for: the record that it goes into."""
    submitter: str | None = None
    """Where the outcome is asked for: who deposited, as `kind:number`; the gateway tells it to nobody else."""


class Range(Value):
    """A half-open range of time; None means open."""

    start: AwareDatetime | None = None
    end: AwareDatetime | None = None


class DocumentFilters(Value):
    """What is looked for; an empty set means all. Nothing here widens what the permit lets be seen."""

    unique_id: UniqueId | None = None
    types: frozenset[Code] = frozenset()
    classes: frozenset[Code] = frozenset()
    formats: frozenset[Code] = frozenset()
    labels: frozenset[Code] = frozenset()
    """Confidentiality codes, one of which the document carries."""
    statuses: frozenset[Status] = frozenset({"current"})
    """Approved only, unless asked otherwise (EX_3.1-1030)."""
    deposited: Range = Range()
    created: Range = Range()
    period: Range = Range()
    """When the act told of took place."""
    author: Code | None = None
    """Directory number of an author, his structure or the depositor."""
    count: int = Field(20, ge=0, le=MAX_COUNT)
    offset: int = Field(0, ge=0, le=100_000)


class SearchRequest(Value):
    """A search, and the permit to make it."""

    permit: str = Field(max_length=8192, repr=False)
    filters: DocumentFilters = DocumentFilters()


class DocumentEntry(Value):
    """One document as it is shown to one reader."""

    document: UUID
    record: RecordId
    unique_id: str
    type_code: Code
    class_code: Code
    status: Status
    confidentiality: frozenset[Code]
    content_type: str
    size: int
    """Of the content, in bytes."""
    sha1: str
    """Of the content, in hexadecimal; XDS metadata know no other hash."""
    deposited: AwareDatetime
    created: AwareDatetime
    title: str = Field("", repr=False)
    description: str | None = Field(None, repr=False)
    version: int = 1
    format_code: Code | None = None
    language: Code | None = None
    professionals: tuple[str, ...] = ()
    structures: tuple[str, ...] = ()
    practice_setting: Code | None = None
    facility_type: Code | None = None
    service_start: AwareDatetime | None = None
    service_stop: AwareDatetime | None = None
    replaces: UUID | None = None
    """Id of the document that this one replaced."""


class SearchResult(Value):
    """The entries asked for, latest deposit first, and how many there are in all; both after filtering (AR-023)."""

    total: int
    entries: tuple[DocumentEntry, ...]


class OpenRequest(Value):
    """One document to open, and the permit to do it."""

    permit: str = Field(max_length=8192, repr=False)
    document: UUID
