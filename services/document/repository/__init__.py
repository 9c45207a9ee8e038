"""All SQL of document, by use: staging, settling decisions, reading on a permit, extracts, timers, care of contents."""

from services.document.repository.collection import Collection, Removed
from services.document.repository.decisions import Decisions
from services.document.repository.extracts import Extracts, ExtractTooLargeError
from services.document.repository.openings import Openings
from services.document.repository.reads import Asked, Found, Opening, Read, Reads, Search
from services.document.repository.reminders import Reminders
from services.document.repository.staging import Checked, Staging, UsedUniqueIdError, VanishedError
from services.document.repository.verification import State, Verification, Verified

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
    "Removed",
    "Search",
    "Staging",
    "State",
    "UsedUniqueIdError",
    "VanishedError",
    "Verification",
    "Verified",
]
