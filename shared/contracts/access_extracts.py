"""Further messages of `access.decisions`: cases of heirs and court experts (AR-058, AR-065)."""

from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime

from shared.contracts.common import Actor, Body, Code


class ExtractChanged(Body):
    """An operator opened, approved or refused a case; that an extract was taken is told by its decision and its reads.

    Who applied, and by which papers, stands in no topic.
    """

    type_name: ClassVar[str] = "carnet.access.extract-changed.v1"

    act: Code
    """A `FurtherAct`; a reader who does not know it yet passes over it."""
    actor: Actor
    case: UUID
    kind: Code
    """An `ExtractKind`."""
    purpose: Code
    """An `ExtractPurpose`."""
    state: Code
    """`waiting`, `approved` or `refused`."""
    until: AwareDatetime | None = None
    """For an approval: when it runs out, unused."""


MESSAGES = (ExtractChanged,)
