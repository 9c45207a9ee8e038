"""All SQL of access_control.

Records by batch (`records`, `rights`, `relations`, `majorities`), what they were (`past`, `snapshots`), their deletion
(`deletions`), the way from a person to a record (`people`, `identities`, `openings`, `moves`, `delegates`), what the
clock does (`timers`), versions of the matrix (`matrices`), what stands beside records (`oversight`, `beside`,
`written`), the register of apps (`register`), odd accesses (`reviews`), contested ones (`contests`), cases of heirs and
experts (`extracts`), suspended actors (`suspensions`), what a command of the operator tells (`sending`), and what is
still to be told of before (`untold`).
"""

from services.access_control.repository.beside import Asked
from services.access_control.repository.contests import Contests
from services.access_control.repository.delegates import Delegates
from services.access_control.repository.deletions import Announcements, Confirmations
from services.access_control.repository.extracts import Extracts
from services.access_control.repository.identities import NoRecordError
from services.access_control.repository.matrices import InForce, Informed, Matrices
from services.access_control.repository.moves import IdentityTakenError, Moves
from services.access_control.repository.openings import Openings
from services.access_control.repository.people import (
    BeingDeletedError,
    MovedError,
    OpposedError,
    People,
    RecordExistsError,
)
from services.access_control.repository.records import Decisions, Deposits, Requests
from services.access_control.repository.register import Register
from services.access_control.repository.reviews import Reviews
from services.access_control.repository.sending import Sending
from services.access_control.repository.snapshots import Snapshot, Snapshots
from services.access_control.repository.suspensions import Suspensions
from services.access_control.repository.timers import Timers
from services.access_control.repository.untold import DECLARATIONS, OPT_OUTS, Untold
from services.access_control.repository.written import Written

__all__ = [
    "DECLARATIONS",
    "OPT_OUTS",
    "Announcements",
    "Asked",
    "BeingDeletedError",
    "Confirmations",
    "Contests",
    "Decisions",
    "Delegates",
    "Deposits",
    "Extracts",
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
    "Register",
    "Requests",
    "Reviews",
    "Sending",
    "Snapshot",
    "Snapshots",
    "Suspensions",
    "Timers",
    "Untold",
    "Written",
]
