"""Terminology of the shared record: what codes mean, as typed look-ups over data files.

Codes come from the French value sets (ASS_X16, JDV_J07, JDV_J08, JDV_J60, JDV_J65, TRE_R248). The data is read once per
process; every look-up answers `None` for a code that it does not know, and the caller decides what that means.
Who may read what (the habilitation matrix) is not here: it is access control's own versioned data.
"""

from shared.terminology.documents import (
    KNOWN_FORMATS,
    Confidentiality,
    DocumentClass,
    DocumentFormat,
    DocumentType,
    class_of,
    confidentiality,
    document_class,
    document_format,
    document_type,
    document_types,
    may_combine,
)
from shared.terminology.emergency import OTHER_REASON, EmergencyReason, emergency_reason, emergency_reasons
from shared.terminology.ins import INS_OIDS, TEST_INS_OIDS, Ins, parse_ins
from shared.terminology.roles import (
    ACCESS_MODES,
    AccessModeLabel,
    Role,
    access_mode,
    excluded_sector,
    profession_group,
    role,
)

__all__ = [
    "ACCESS_MODES",
    "INS_OIDS",
    "KNOWN_FORMATS",
    "OTHER_REASON",
    "TEST_INS_OIDS",
    "AccessModeLabel",
    "Confidentiality",
    "DocumentClass",
    "DocumentFormat",
    "DocumentType",
    "EmergencyReason",
    "Ins",
    "Role",
    "access_mode",
    "class_of",
    "confidentiality",
    "document_class",
    "document_format",
    "document_type",
    "document_types",
    "emergency_reason",
    "emergency_reasons",
    "excluded_sector",
    "may_combine",
    "parse_ins",
    "profession_group",
    "role",
]
