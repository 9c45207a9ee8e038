"""The parts of FHIR R4 resources that a publication is read from. What is not named here is let through unread."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Short = Annotated[str, StringConstraints(min_length=1, max_length=256)]
"""A code, identifier or URI."""
Line = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
"""A title or a description."""
Instant = Annotated[
    str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$", max_length=40)
]
Moment = Annotated[
    str,
    StringConstraints(pattern=r"^\d{4}(-\d\d(-\d\d(T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d))?)?)?$", max_length=40),
]


class Part(BaseModel):
    """An element: other fields are allowed and ignored, as FHIR wants."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class Identifier(Part):
    """An identifier and the system that gave it."""

    system: Short | None = None
    value: Short


class Reference(Part):
    """A reference: to a contained resource (`#id`), by search (`Patient?identifier=…`), or by identifier."""

    reference: Short | None = None
    identifier: Identifier | None = None


class Coding(Part):
    """A code of a system."""

    system: Short | None = None
    code: Short


class CodeableConcept(Part):
    """A concept, coded once or more."""

    coding: list[Coding] = Field(default=[], max_length=10)


class Contained(Part):
    """A contained author or patient."""

    resourceType: Short  # noqa: N815 - FHIR's name
    id: Short
    identifier: list[Identifier] = Field(default=[], max_length=20)
    practitioner: Reference | None = None
    organization: Reference | None = None


class RelatesTo(Part):
    """A relation to another document."""

    code: Short
    target: Reference


class Attachment(Part):
    """The document itself."""

    contentType: Short  # noqa: N815
    language: Short | None = None
    data: str | None = None
    url: Short | None = None
    size: int | None = Field(default=None, ge=0)
    hash: Short | None = None
    title: Line | None = None
    creation: Moment | None = None


class Content(Part):
    """An attachment and its format."""

    attachment: Attachment
    format: Coding | None = None


class Period(Part):
    """When the act told of took place."""

    start: Moment | None = None
    end: Moment | None = None


class Context(Part):
    """Where and when the act told of took place."""

    period: Period | None = None
    facilityType: CodeableConcept | None = None  # noqa: N815
    practiceSetting: CodeableConcept | None = None  # noqa: N815


class DocumentReference(Part):
    """A publication: one document with its metadata (PDSm simplified publish)."""

    resourceType: Literal["DocumentReference"]  # noqa: N815
    contained: list[Contained | dict[str, Any]] = Field(default=[], max_length=50)
    masterIdentifier: Identifier  # noqa: N815
    status: Short
    type: CodeableConcept
    category: list[CodeableConcept] = Field(default=[], max_length=10)
    subject: Reference
    date: Instant
    author: list[Reference] = Field(min_length=1, max_length=20)
    relatesTo: list[RelatesTo] = Field(default=[], max_length=10)  # noqa: N815
    description: Line | None = None
    securityLabel: list[CodeableConcept] = Field(default=[], max_length=4)  # noqa: N815
    content: list[Content] = Field(min_length=1, max_length=1)
    context: Context | None = None

    def find(self, reference: str | None) -> Contained | None:
        """The contained resource that `#id` names, or None."""
        if not reference or not reference.startswith("#"):
            return None
        wanted = reference.removeprefix("#")
        return next((one for one in self.contained if isinstance(one, Contained) and one.id == wanted), None)
