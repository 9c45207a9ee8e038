"""Finer reasons than the released ones; their sentences stand in `reason_sentences`.

`Reason` is closed: a wider enum would break readers of the first release. What is said more exactly since then travels
beside it, as codes that a reader may know or not, and each names the released code that says the same less exactly.
"""

from enum import StrEnum
from typing import Final

from shared.contracts.reasons import Reason


class FurtherReason(StrEnum):
    """A finer code. Codes are never renamed: what was stored must stay readable."""

    # permits
    REPRESENTATIVE = "representative"
    APP = "app"
    ADMINISTRATOR = "administrator"
    SESSION_CONSENT = "session_consent"
    CARE_TEAM = "care_team"
    BREAK_GLASS = "break_glass"
    REGULATION = "regulation"
    OPEN_BY_LAW = "open_by_law"
    SPOKEN_CONSENT = "spoken_consent"
    TRUSTED_CONSENT = "trusted_consent"
    VITAL_RISK = "vital_risk"
    COLLECTED = "collected"
    INVITED = "invited"
    INSURANCE_DUTY = "insurance_duty"
    COLLEAGUE = "colleague"
    EXTRACT_APPROVED = "extract_approved"
    AUTHOR = "author"
    # denials of a read or a deposit
    RECORD_DECEASED = "record_deceased"
    RECORD_DELETED = "record_deleted"
    PURPOSE_EXCLUDED = "purpose_excluded"
    CASE_NEEDED = "case_needed"
    COUNSELLOR_READS_NOTHING = "counsellor_reads_nothing"
    NO_RELATION = "no_relation"
    CERTIFICATE_ONLY = "certificate_only"
    STRUCTURE_MISSING = "structure_missing"
    OUTSIDE_DELEGATION = "outside_delegation"
    MAJORITY_REACHED = "majority_reached"
    MAJORITY_UNKNOWN = "majority_unknown"
    APP_NOT_REFERENCED = "app_not_referenced"
    APP_SUSPENDED = "app_suspended"
    APP_NOT_AGREED = "app_not_agreed"
    OPTED_OUT = "opted_out"
    EMERGENCY_OPPOSED = "emergency_opposed"
    EMERGENCY_PROFESSION = "emergency_profession"
    REGULATION_NOT_GRANTED = "regulation_not_granted"
    EMERGENCY_REASON_MISSING = "emergency_reason_missing"
    EMERGENCY_TEXT_MISSING = "emergency_text_missing"
    EMERGENCY_UNCONFIRMED = "emergency_unconfirmed"
    ACTOR_SUSPENDED = "actor_suspended"
    TEAM_CONSENT_ENDED = "team_consent_ended"
    SPOKEN_CONSENT_MISSING = "spoken_consent_missing"
    CONFIDENTIAL_SESSION = "confidential_session"
    NOT_A_MINOR = "not_a_minor"
    CASE_UNKNOWN = "case_unknown"
    CASE_NOT_APPROVED = "case_not_approved"
    CASE_REFUSED = "case_refused"
    HOLDER_ALIVE = "holder_alive"
    HEIRS_OPPOSED = "heirs_opposed"
    OUTSIDE_EXTRACT = "outside_extract"
    # denials of a command
    NOT_ADMINISTRATOR = "not_administrator"
    NOT_NAMEABLE = "not_nameable"
    NOT_IN_TEAM = "not_in_team"
    NOT_HEALTH_PROFESSIONAL = "not_health_professional"
    OWN_EMERGENCY = "own_emergency"
    CONTESTED_ALREADY = "contested_already"
    TRACE_UNKNOWN = "trace_unknown"
    SAME_OPERATOR = "same_operator"
    CASE_APPROVED = "case_approved"
    EXTRACT_TAKEN = "extract_taken"
    CASE_PURPOSE = "case_purpose"
    PAPER_MISSING = "paper_missing"
    END_IN_THE_PAST = "end_in_the_past"
    UNKNOWN_DELEGATION = "unknown_delegation"
    INVITATION_OVER = "invitation_over"
    SCOPE_TOO_WIDE = "scope_too_wide"
    SCOPE_EMPTY = "scope_empty"
    SUBJECT_MISSING = "subject_missing"
    OPINION_MISSING = "opinion_missing"
    NOT_SUSPENDED = "not_suspended"
    OBJECTION_TOO_LATE = "objection_too_late"
    OBJECTION_OPEN = "objection_open"
    NOT_DUE = "not_due"
    # an act on a document
    REQUEST_NOT_RECORDED = "request_not_recorded"
    NOT_THE_AUTHOR = "not_the_author"
    DIRECTIVES_OF_A_MINOR = "directives_of_a_minor"
    UNKNOWN_DOCUMENT = "unknown_document"
    VERSION_CONFLICT = "version_conflict"
    ALREADY_VISIBLE = "already_visible"
    FLAGS_EXCLUDE_EACH_OTHER = "flags_exclude_each_other"
    WRONG_STATE = "wrong_state"

    @property
    def broader(self) -> Reason:
        """The released code that says the same less exactly."""
        return _BROADER[self]


Code = Reason | FurtherReason
"""Any code."""

_BROADER: Final[dict[FurtherReason, Reason]] = {
    FurtherReason.REPRESENTATIVE: Reason.HOLDER,
    FurtherReason.APP: Reason.HOLDER,
    FurtherReason.INVITED: Reason.HOLDER,
    FurtherReason.INSURANCE_DUTY: Reason.INSURANCE_DECLARATION,
    **dict.fromkeys(
        (
            FurtherReason.ADMINISTRATOR,
            FurtherReason.SESSION_CONSENT,
            FurtherReason.CARE_TEAM,
            FurtherReason.BREAK_GLASS,
            FurtherReason.REGULATION,
            FurtherReason.OPEN_BY_LAW,
            FurtherReason.SPOKEN_CONSENT,
            FurtherReason.TRUSTED_CONSENT,
            FurtherReason.VITAL_RISK,
            FurtherReason.COLLECTED,
            FurtherReason.COLLEAGUE,
        ),
        Reason.AUTHORISED,
    ),
    FurtherReason.EXTRACT_APPROVED: Reason.OPERATOR_DUTY,
    FurtherReason.AUTHOR: Reason.FEEDING_DUTY,
    FurtherReason.RECORD_DECEASED: Reason.RECORD_CLOSED,
    FurtherReason.RECORD_DELETED: Reason.RECORD_CLOSED,
    FurtherReason.PURPOSE_EXCLUDED: Reason.EXCLUDED_ACTOR,
    FurtherReason.ACTOR_SUSPENDED: Reason.EXCLUDED_ACTOR,
    FurtherReason.COUNSELLOR_READS_NOTHING: Reason.EXCLUDED_ACTOR,
    FurtherReason.CERTIFICATE_ONLY: Reason.NOT_AUTHENTICATED,
    FurtherReason.STRUCTURE_MISSING: Reason.NOT_AUTHENTICATED,
    FurtherReason.TEAM_CONSENT_ENDED: Reason.AUTHORISATION_EXPIRED,
    FurtherReason.SPOKEN_CONSENT_MISSING: Reason.NOT_AUTHORISED,
    **dict.fromkeys(
        (
            FurtherReason.EMERGENCY_OPPOSED,
            FurtherReason.EMERGENCY_PROFESSION,
            FurtherReason.REGULATION_NOT_GRANTED,
            FurtherReason.EMERGENCY_REASON_MISSING,
            FurtherReason.EMERGENCY_TEXT_MISSING,
            FurtherReason.EMERGENCY_UNCONFIRMED,
        ),
        Reason.EMERGENCY_NOT_SERVED,
    ),
    **dict.fromkeys(
        (
            FurtherReason.NOT_ADMINISTRATOR,
            FurtherReason.NOT_IN_TEAM,
            FurtherReason.NOT_HEALTH_PROFESSIONAL,
            FurtherReason.OWN_EMERGENCY,
        ),
        Reason.NOT_HOLDER,
    ),
    **dict.fromkeys(
        (
            FurtherReason.CASE_NEEDED,
            FurtherReason.CASE_UNKNOWN,
            FurtherReason.CASE_NOT_APPROVED,
            FurtherReason.CASE_REFUSED,
            FurtherReason.CASE_APPROVED,
            FurtherReason.EXTRACT_TAKEN,
            FurtherReason.CASE_PURPOSE,
            FurtherReason.PAPER_MISSING,
            FurtherReason.SAME_OPERATOR,
            FurtherReason.HOLDER_ALIVE,
            FurtherReason.HEIRS_OPPOSED,
            FurtherReason.OUTSIDE_EXTRACT,
            FurtherReason.NO_RELATION,
            FurtherReason.OUTSIDE_DELEGATION,
            FurtherReason.MAJORITY_REACHED,
            FurtherReason.MAJORITY_UNKNOWN,
            FurtherReason.APP_NOT_REFERENCED,
            FurtherReason.APP_SUSPENDED,
            FurtherReason.APP_NOT_AGREED,
            FurtherReason.OPTED_OUT,
            FurtherReason.CONFIDENTIAL_SESSION,
            FurtherReason.NOT_A_MINOR,
            FurtherReason.NOT_NAMEABLE,
            FurtherReason.END_IN_THE_PAST,
            FurtherReason.UNKNOWN_DELEGATION,
            FurtherReason.INVITATION_OVER,
            FurtherReason.SCOPE_TOO_WIDE,
            FurtherReason.SCOPE_EMPTY,
            FurtherReason.SUBJECT_MISSING,
            FurtherReason.OPINION_MISSING,
            FurtherReason.NOT_SUSPENDED,
            FurtherReason.OBJECTION_TOO_LATE,
            FurtherReason.OBJECTION_OPEN,
            FurtherReason.CONTESTED_ALREADY,
            FurtherReason.TRACE_UNKNOWN,
            FurtherReason.NOT_DUE,
            FurtherReason.REQUEST_NOT_RECORDED,
            FurtherReason.NOT_THE_AUTHOR,
            FurtherReason.DIRECTIVES_OF_A_MINOR,
            FurtherReason.UNKNOWN_DOCUMENT,
            FurtherReason.VERSION_CONFLICT,
            FurtherReason.ALREADY_VISIBLE,
            FurtherReason.FLAGS_EXCLUDE_EACH_OTHER,
            FurtherReason.WRONG_STATE,
        ),
        Reason.NO_BRANCH,
    ),
}


def code(value: str) -> Code | None:
    """The code that was stored or sent as this text; None for one that this version does not know."""
    for kind in (Reason, FurtherReason):
        if value in kind.__members__.values():
            return kind(value)
    return None
