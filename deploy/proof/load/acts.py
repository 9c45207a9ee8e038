"""Steps about documents that stand in a record: masking, withholding, archiving, deleting, and the ways back."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID, uuid5

from deploy.proof.load.consents import protector
from deploy.proof.load.people import HOLDER, OPERATOR, professional
from deploy.proof.load.plan import Deed, Step
from shared.contracts import record_documents as on
from shared.contracts.common import Actor, Body
from shared.contracts.record_documents import DocumentCommand

DEEDS: Final[Mapping[Deed, type[DocumentCommand]]] = MappingProxyType(
    {
        Deed.MASK: on.Mask,
        Deed.UNMASK: on.Unmask,
        Deed.WITHHOLD: on.Withhold,
        Deed.ANNOUNCE: on.Announce,
        Deed.HIDE: on.Hide,
        Deed.REVEAL: on.Reveal,
        Deed.ARCHIVE: on.Archive,
        Deed.UNARCHIVE: on.Unarchive,
        Deed.DELETE: on.Delete,
    }
)
_NOWHERE: Final = UUID(int=4 * 10**9, version=4)
_LABELS: Final = {1: "MASQUE_PS", 2: "INVISIBLE_PATIENT", 3: "INVISIBLE_PATIENT", 4: "INVISIBLE_REPRESENTANTS_LEGAUX"}


def request(step: Step, stranger: Actor | None, document: UUID | None) -> Body:
    """The message of a step about a document; where none is known, and now and then, about one that is not there."""
    unknown = document is None or step.number % 13 == 0
    told: dict[str, Any] = {
        "actor": stranger or _author(step),
        "document": uuid5(_NOWHERE, str(step.number)) if unknown else document,
        "at_request": step.number % 5 != 0,
        "version": 1 + step.number % 2 if step.number % 4 == 0 else None,
        "opinion": "agrees" if step.number % 7 else None,
    }
    return DEEDS[step.deed](**told)


def labels(step: Step) -> frozenset[str]:
    """The security labels of a deposit: of every other one no flag."""
    flag = _LABELS.get(step.number % 8)
    return frozenset({"N"} if flag is None else {"N", flag})


def _author(step: Step) -> Actor:
    """Mostly a doctor, who deposited it or not; the holder, who protects him, an operator without a case."""
    match step.number % 9:
        case 0 | 1 | 2:
            return HOLDER
        case 3:
            return protector(step.professional)
        case 4 if step.deed is Deed.DELETE:
            return OPERATOR
        case _:
            return professional(step.professional)
