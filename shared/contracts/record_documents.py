"""Further messages of `record.requests`: what is asked to be done to a document that stands in the record.

access_control decides who may, and to which documents; document, which alone knows them, does it or says why not. Who
may do what follows from the domain rules, 4.9.
"""

from collections.abc import Mapping
from typing import ClassVar, Final
from uuid import UUID

from shared.contracts.common import Actor, Body, Code, FurtherAct
from shared.contracts.record_requests import RightsCommand


class DocumentCommand(Body):
    """An act on one document."""

    actor: Actor
    document: UUID
    version: int | None = None
    """Version of its metadata that the author saw (ETag, If-Match); another current one is a conflict. None: any."""
    at_request: bool = False
    """A professional records that the holder asks for it (domain rules, 4.9); without that he masks and unmasks
    nothing after the deposit."""
    opinion: Code | None = None
    """What the protected adult thinks of it: asked of the person in charge of the protection (AR-063)."""


class Mask(DocumentCommand):
    """Add MASQUE_PS: no professional sees it but depositor, médecin traitant and administrators (CSP R.1111-49)."""

    type_name: ClassVar[str] = "carnet.record.mask.v1"


class Unmask(DocumentCommand):
    """Take MASQUE_PS away (AR-024)."""

    type_name: ClassVar[str] = "carnet.record.unmask.v1"


class Withhold(DocumentCommand):
    """Add INVISIBLE_PATIENT, which is too late once the holder's side could see it (CSP R.1111-53, AR-029)."""

    type_name: ClassVar[str] = "carnet.record.withhold.v1"


class Announce(DocumentCommand):
    """Take INVISIBLE_PATIENT away: the holder was told in a consultation (consultation d'annonce)."""

    type_name: ClassVar[str] = "carnet.record.announce.v1"


class Hide(DocumentCommand):
    """Add INVISIBLE_REPRESENTANTS_LEGAUX, which is too late once representatives could see it (AR-041, AR-043)."""

    type_name: ClassVar[str] = "carnet.record.hide.v1"


class Reveal(DocumentCommand):
    """Take INVISIBLE_REPRESENTANTS_LEGAUX away, for ever (AR-043)."""

    type_name: ClassVar[str] = "carnet.record.reveal.v1"


class Archive(DocumentCommand):
    """Put it among the archived documents (Archived), which a search shows to who asks for them."""

    type_name: ClassVar[str] = "carnet.record.archive.v1"


class Unarchive(DocumentCommand):
    """Bring it back from there."""

    type_name: ClassVar[str] = "carnet.record.unarchive.v1"


class Delete(DocumentCommand):
    """Delete it, logically: nobody is shown it any more, its row and content stay (AR-051, AR-052, AR-053)."""

    type_name: ClassVar[str] = "carnet.record.delete.v1"

    case: UUID | None = None
    """For an operator: the case by which the holder contests the deposit of this very document, and which another
    operator found justified (AR-068)."""


class MaskByDefault(RightsCommand):
    """Whether new documents are masked to professionals, whatever their depositors say (AR-025)."""

    type_name: ClassVar[str] = "carnet.record.mask-by-default.v1"

    masked: bool


BY_ACT: Final[Mapping[FurtherAct, type[DocumentCommand]]] = {
    FurtherAct.MASK: Mask,
    FurtherAct.UNMASK: Unmask,
    FurtherAct.WITHHOLD: Withhold,
    FurtherAct.ANNOUNCE: Announce,
    FurtherAct.HIDE: Hide,
    FurtherAct.REVEAL: Reveal,
    FurtherAct.ARCHIVE: Archive,
    FurtherAct.UNARCHIVE: Unarchive,
    FurtherAct.DELETE: Delete,
}
"""The message that asks for each act."""
ON_A_DOCUMENT: Final = tuple(BY_ACT.values())
MESSAGES: tuple[type[Body], ...] = (*ON_A_DOCUMENT, MaskByDefault)
