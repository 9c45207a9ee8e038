"""Why a record is opened in an emergency (motif d'accès en urgence): the closed list of AR-039.

No public nomenclature was found; the codes are this project's own. They travel; the text beside them never does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from shared.terminology.tables import read

OTHER_REASON: Final = "other"
"""The code that needs a text beside it."""


@dataclass(frozen=True, slots=True)
class EmergencyReason:
    """One reason of the list."""

    code: str
    label_fr: str
    label_en: str


@cache
def emergency_reasons() -> Mapping[str, EmergencyReason]:
    """The whole list by code, for a form that offers it."""
    return MappingProxyType({row["code"]: EmergencyReason(**row) for row in read("emergency_reasons")})


def emergency_reason(code: str) -> EmergencyReason | None:
    """The reason of this code, or None."""
    return emergency_reasons().get(code)
