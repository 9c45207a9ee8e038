"""All SQL of document, by use: staging, settling decisions, reading on a permit, extracts, timers, collecting."""

from services.document.repository.collection import Collection
from services.document.repository.decisions import Decisions
from services.document.repository.extracts import Extracts, ExtractTooLargeError
from services.document.repository.openings import Openings
from services.document.repository.reads import Asked, Found, Opening, Read, Reads, Search
from services.document.repository.reminders import Reminders
from services.document.repository.staging import Checked, Staging, UsedUniqueIdError, VanishedError

__all__ = [
    "Asked",
    "Checked",
    "Collection",
    "Decisions",
    "ExtractTooLargeError",
    "Extracts",
    "Found",
    "Opening",
    "Openings",
    "Read",
    "Reads",
    "Reminders",
    "Search",
    "Staging",
    "UsedUniqueIdError",
    "VanishedError",
]
