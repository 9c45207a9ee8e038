"""All SQL of access_control.

Records by batch (`records`, `relations`, `majorities`), and the way from a person to a record (`people`, `delegates`).
"""

from services.access_control.repository.delegates import Delegates
from services.access_control.repository.people import OpposedError, People, RecordExistsError
from services.access_control.repository.records import Decisions, Deposits, Requests

__all__ = ["Decisions", "Delegates", "Deposits", "OpposedError", "People", "RecordExistsError", "Requests"]
