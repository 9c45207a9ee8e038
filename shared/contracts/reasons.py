"""Why a request was permitted, denied, refused or parked: machine codes, and the sentences a person reads.

Codes travel and are stored; sentences are rendered only where someone reads (French and English).
"""

from enum import StrEnum


class Reason(StrEnum):
    """A machine code. Codes are never renamed: what was stored must stay readable."""

    # permits
    HOLDER = "holder"
    FEEDING_DUTY = "feeding_duty"
    TREATING_DOCTOR = "treating_doctor"
    AUTHORISED = "authorised"
    INSURANCE_DECLARATION = "insurance_declaration"
    OPERATOR_DUTY = "operator_duty"
    # denials
    NO_BRANCH = "no_branch"
    NO_RECORD = "no_record"
    RECORD_OPPOSED = "record_opposed"
    RECORD_CLOSED = "record_closed"
    RECORD_SUSPENDED = "record_suspended"
    RECORD_HELD = "record_held"
    NOT_AUTHENTICATED = "not_authenticated"
    NO_ROLE = "no_role"
    EXCLUDED_SECTOR = "excluded_sector"
    EXCLUDED_ACTOR = "excluded_actor"
    BLOCKED = "blocked"
    NOT_AUTHORISED = "not_authorised"
    AUTHORISATION_EXPIRED = "authorisation_expired"
    EMERGENCY_NOT_SERVED = "emergency_not_served"
    CONSENT_NEEDED = "consent_needed"
    MATRIX_DENIES = "matrix_denies"
    LATE = "late"
    STALE_RIGHTS = "stale_rights"
    NOT_BLOCKABLE = "not_blockable"
    NOT_HOLDER = "not_holder"
    UNKNOWN_TYPE = "unknown_type"
    MALFORMED = "malformed"
    INTERNAL_ERROR = "internal_error"
    # refusals by an owner
    DUPLICATE = "duplicate"
    UNKNOWN_TARGET = "unknown_target"
    NOT_STAGED = "not_staged"
    DENIED = "denied"
    # fates of reimbursement lines
    OUTSIDE_WINDOW = "outside_window"
    UNKNOWN_LINE = "unknown_line"
    STALE_VERSION = "stale_version"
    BAD_NIR = "bad_nir"
    BAD_CODE = "bad_code"
    BAD_DATE = "bad_date"
    TOO_LARGE = "too_large"


SENTENCES: dict[Reason, tuple[str, str]] = {
    Reason.HOLDER: ("Le titulaire accède à son propre dossier.", "The holder accesses their own record."),
    Reason.FEEDING_DUTY: (
        "Tout professionnel de santé alimente le dossier, sans autorisation.",
        "Every health professional feeds the record; no authorisation is needed.",
    ),
    Reason.TREATING_DOCTOR: ("Le médecin traitant accède de plein droit.", "The treating doctor has access by right."),
    Reason.AUTHORISED: ("Le titulaire a autorisé ce professionnel.", "The holder authorised this professional."),
    Reason.INSURANCE_DECLARATION: (
        "L'assurance maladie déclare le médecin traitant.",
        "The health insurance declares the treating doctor.",
    ),
    Reason.OPERATOR_DUTY: ("Acte d'exploitation tracé.", "A traced act of the operator."),
    Reason.NO_BRANCH: (
        "Aucune règle ne permet cet acte à cet acteur.",
        "No rule allows this kind of actor to do this.",
    ),
    Reason.NO_RECORD: ("Ce dossier n'existe pas.", "This record does not exist."),
    Reason.RECORD_OPPOSED: ("La personne s'est opposée à l'ouverture.", "The person opposed the opening of a record."),
    Reason.RECORD_CLOSED: ("Le dossier est fermé.", "The record is closed."),
    Reason.RECORD_SUSPENDED: ("Le dossier est suspendu.", "The record is suspended."),
    Reason.RECORD_HELD: (
        "Le dossier est retenu jusqu'à la résolution d'une erreur.",
        "The record is held until an error is resolved; ask the operator.",
    ),
    Reason.NOT_AUTHENTICATED: (
        "La consultation exige une personne authentifiée.",
        "Reading needs an authenticated person; a server certificate may only deposit.",
    ),
    Reason.NO_ROLE: ("La profession manque ou est ambiguë.", "The profession is missing or ambiguous in the token."),
    Reason.EXCLUDED_SECTOR: (
        "Ce secteur d'activité n'a pas accès au dossier.",
        "This sector of activity has no access to the record.",
    ),
    Reason.EXCLUDED_ACTOR: (
        "Cet organisme n'a jamais accès au dossier.",
        "Insurers, banks and employers never have access to the record.",
    ),
    Reason.BLOCKED: ("Le titulaire a bloqué ce professionnel.", "The holder blocked this professional."),
    Reason.NOT_AUTHORISED: (
        "Le titulaire n'a pas autorisé ce professionnel.",
        "The holder has not authorised this professional.",
    ),
    Reason.AUTHORISATION_EXPIRED: ("L'autorisation a expiré.", "The authorisation has expired."),
    Reason.EMERGENCY_NOT_SERVED: (
        "Le mode d'accès demandé n'est pas ouvert.",
        "The access mode asked for is not served; ask again in the mode `normal`.",
    ),
    Reason.CONSENT_NEEDED: (
        "Le consentement du titulaire est nécessaire.",
        "This profession needs the holder's consent before it may deposit.",
    ),
    Reason.MATRIX_DENIES: (
        "La matrice d'habilitation ne permet aucun document à cette profession.",
        "The habilitation matrix allows this profession no document.",
    ),
    Reason.LATE: ("La demande est arrivée trop tard.", "The request came after its deadline; send it again."),
    Reason.STALE_RIGHTS: (
        "Les droits ont changé entre-temps.",
        "The rights changed since they were read; read them again and repeat.",
    ),
    Reason.NOT_BLOCKABLE: ("Le médecin traitant ne peut être bloqué.", "The treating doctor can't be blocked."),
    Reason.NOT_HOLDER: ("Seul le titulaire décide des droits.", "Only the holder decides on rights."),
    Reason.UNKNOWN_TYPE: ("Type de demande inconnu.", "This type or version of request is not known here."),
    Reason.MALFORMED: ("Demande illisible.", "The request could not be read; see its type's JSON Schema."),
    Reason.INTERNAL_ERROR: (
        "Erreur interne : l'accès est refusé par sûreté.",
        "An internal error; access is denied to be safe.",
    ),
    Reason.DUPLICATE: ("Ce document est déjà dans le dossier.", "This document is already in the record."),
    Reason.UNKNOWN_TARGET: (
        "Le document à remplacer n'existe pas.",
        "The document to replace does not exist in this record or is not the author's.",
    ),
    Reason.NOT_STAGED: ("Le contenu n'a pas été déposé.", "The content of this deposit was never received."),
    Reason.DENIED: ("Le dépôt n'a pas été permis.", "The deposit was denied."),
    Reason.OUTSIDE_WINDOW: ("Soin de plus de 24 mois.", "The care lies outside the 24 months that are kept."),
    Reason.UNKNOWN_LINE: ("La ligne à modifier est inconnue.", "The line to correct or cancel is not known."),
    Reason.STALE_VERSION: ("Version déjà dépassée.", "A later version of this line was already taken."),
    Reason.BAD_NIR: ("NIR invalide.", "The person's number is malformed or its key is wrong."),
    Reason.BAD_CODE: ("Code inconnu.", "The code or section of the line is not known."),
    Reason.BAD_DATE: ("Date invalide.", "The date of care is malformed or in the future."),
    Reason.TOO_LARGE: ("Message trop grand.", "The message is larger than allowed."),
}


def sentence(reason: Reason, language: str = "en") -> str:
    """The sentence that explains a code to a person, in French (`fr`) or English."""
    french, english = SENTENCES[reason]
    return french if language.startswith("fr") else english
