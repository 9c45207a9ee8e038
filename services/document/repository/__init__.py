"""All SQL of the document service, by use: staging a deposit, settling decisions, reading on a permit, collecting."""

from services.document.repository.collection import Collection
from services.document.repository.decisions import Decisions
from services.document.repository.reads import Asked, Found, Opening, Read, Reads, Search
from services.document.repository.reminders import Reminders
from services.document.repository.staging import Checked, Staging, UsedUniqueIdError, VanishedError

__all__ = [
    "Asked",
    "Checked",
    "Collection",
    "Decisions",
    "Found",
    "Opening",
    "Read",
    "Reads",
    "Reminders",
    "Search",
    "Staging",
    "UsedUniqueIdError",
    "VanishedError",
]
