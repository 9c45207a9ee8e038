"""All SQL of access_control: records by batch (`records`), and the way from a person to a record (`people`)."""

from services.access_control.repository.people import OpposedError, People, RecordExistsError
from services.access_control.repository.records import Decisions, Deposits, Requests

__all__ = ["Decisions", "Deposits", "OpposedError", "People", "RecordExistsError", "Requests"]
