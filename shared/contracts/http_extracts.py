"""Internal HTTP about extracts for heirs and court experts (AR-058, AR-065), for the gateway.

access_control lists the cases; document gives what a permit of one of them covers, as a ZIP archive.
"""

from typing import Final
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.contracts.common import Actor, Code, Value

LISTING: Final = "extract.json"
"""Name of the archive's list of its documents (`SearchResult`); each other file is a document."""
MOST_DOCUMENTS: Final = 200
MOST_BYTES: Final = 64 * 1024 * 1024
"""What one extract holds at most; a larger one is none, and asks for a case with a narrower scope."""


class ExtractView(Value):
    """One case, as operators see it."""

    case: UUID
    record: UUID
    kind: Code
    purpose: Code
    types: frozenset[Code]
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    opened_by: Code
    opened_at: AwareDatetime
    state: Code
    """`waiting` for an approval, `approved` or `refused`."""
    approved_by: Code | None = None
    """Who gave the last approval."""
    approved_until: AwareDatetime | None = None
    refused_by: Code | None = None
    taken: int = 0
    """How many extracts were taken; an approval names it."""


class ExtractsView(Value):
    """The answer to `GET /extracts`: the last ones first; with `?refused=true` refused ones, too."""

    cases: tuple[ExtractView, ...] = ()


class ReadPaper(Value):
    """`POST /extracts/{case}/paper`: who applied, for an operator; that he read it is traced. 404 `no_case`."""

    reader: Actor


class PaperView(Value):
    """The answer to it."""

    paper: str = Field(repr=False)
    """Who applied, and the reference of the supporting papers."""


class TakeExtract(Value):
    """`POST /extract` of document: one archive on one permit. 413 `extract_too_large`."""

    permit: str = Field(max_length=8192, repr=False)
