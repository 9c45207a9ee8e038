"""All SQL of access_control.

Records by batch (`records`, `relations`, `majorities`), their deletion (`deletions`), the way from a person to a record
(`people`, `identities`, `openings`, `moves`, `delegates`), what the clock does (`timers`), versions of the matrix
(`matrices`).
"""

from services.access_control.repository.delegates import Delegates
from services.access_control.repository.deletions import Announcements, Confirmations
from services.access_control.repository.matrices import InForce, Informed, Matrices
from services.access_control.repository.moves import IdentityTakenError, Moves, NoRecordError
from services.access_control.repository.openings import Openings
from services.access_control.repository.people import (
    BeingDeletedError,
    MovedError,
    OpposedError,
    People,
    RecordExistsError,
)
from services.access_control.repository.records import Decisions, Deposits, Requests
from services.access_control.repository.timers import Timers

__all__ = [
    "Announcements",
    "BeingDeletedError",
    "Confirmations",
    "Decisions",
    "Delegates",
    "Deposits",
    "IdentityTakenError",
    "InForce",
    "Informed",
    "Matrices",
    "MovedError",
    "Moves",
    "NoRecordError",
    "Openings",
    "OpposedError",
    "People",
    "RecordExistsError",
    "Requests",
    "Timers",
]
