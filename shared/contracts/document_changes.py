"""Further messages of `document.events`: what was done to documents that stand in the record."""

from typing import ClassVar
from uuid import UUID

from shared.contracts.common import Actor, Body, Code


class DocumentChanged(Body):
    """Flags or state of a document changed, by somebody's act or by the clock; as it is from now on."""

    type_name: ClassVar[str] = "carnet.document.changed.v1"

    act: Code
    """A `FurtherAct`: `mask` … `delete`, or `open_by_time` (CSP R.1111-53, AR-031)."""
    document: UUID
    actor: Actor
    request: UUID | None = None
    """The request that asked for it; None where the clock did it."""
    changed: bool = True
    """False where it was so before: the request is answered, and there is nothing to tell."""
    version: int
    """Of the document's metadata, after it."""
    masked: bool
    withheld: bool
    """From the holder's side; with `masked` at the same time, it will be masked when it opens (AR-025)."""
    hidden_from_representatives: bool
    came_into_view: bool = False
    """The holder's side sees it from now on, and did not before: it is told of it as of a new one.

    Never so for a version that was replaced: the one that replaced it is told of.
    """
    version_of: UUID | None = None
    """The document that was named, where this is an older version of it, changed along with it.

    That document's own event, which comes first, answers the request and tells of it. None where this is the document
    that was named, and where the clock acts: each version opens by itself.
    """


class ActRefused(Body):
    """A permitted act was not done to the document: there is none that its author may do it to, or it is too late."""

    type_name: ClassVar[str] = "carnet.document.act-refused.v1"

    act: Code
    document: UUID
    """As it was asked for: there need not be such a document."""
    actor: Actor
    request: UUID
    reason: Code
    """A `FurtherReason`: `unknown_document` whether there is none or it may not be known; `version_conflict`,
    `already_visible`, `flags_exclude_each_other`, `wrong_state`."""


MESSAGES = (DocumentChanged, ActRefused)
