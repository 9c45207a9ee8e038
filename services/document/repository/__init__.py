"""All SQL of the document service, by use: staging a deposit, settling decisions, reading on a permit, collecting."""

from services.document.repository.collection import Collection
from services.document.repository.decisions import Decisions
from services.document.repository.reads import Found, Reads
from services.document.repository.staging import Staging, UnknownTargetError, UsedUniqueIdError, VanishedError

__all__ = [
    "Collection",
    "Decisions",
    "Found",
    "Reads",
    "Staging",
    "UnknownTargetError",
    "UsedUniqueIdError",
    "VanishedError",
]
