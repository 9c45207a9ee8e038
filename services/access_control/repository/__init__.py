"""All SQL of access_control.

Records by batch (`records`, `relations`, `majorities`), what they were (`past`, `snapshots`), the way from a person to
a record (`people`, `delegates`), versions of the matrix (`matrices`), what stands beside records (`oversight`,
`written`), the register of apps (`register`), odd accesses (`reviews`), contested ones (`contests`), suspended actors
(`suspensions`), and what a command of the operator tells (`sending`).
"""

from services.access_control.repository.beside import Asked
from services.access_control.repository.contests import Contests
from services.access_control.repository.delegates import Delegates
from services.access_control.repository.matrices import InForce, Informed, Matrices
from services.access_control.repository.people import OpposedError, People, RecordExistsError
from services.access_control.repository.records import Decisions, Deposits, Requests
from services.access_control.repository.register import Register
from services.access_control.repository.reviews import Reviews
from services.access_control.repository.sending import Sending
from services.access_control.repository.snapshots import Snapshot, Snapshots
from services.access_control.repository.suspensions import Suspensions
from services.access_control.repository.written import NoRecordError, Written

__all__ = [
    "Asked",
    "Contests",
    "Decisions",
    "Delegates",
    "Deposits",
    "InForce",
    "Informed",
    "Matrices",
    "NoRecordError",
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
    "Written",
]
