"""The sentences that explain codes to whoever reads them, in French and English."""

from typing import Final

from shared.contracts import reasons
from shared.contracts.further_reasons import Code, FurtherReason
from shared.contracts.reasons import Reason

SENTENCES: Final[dict[FurtherReason, tuple[str, str]]] = {
    FurtherReason.REPRESENTATIVE: (
        "Une personne habilitée agit pour le titulaire.",
        "Somebody entitled to it acts for the holder.",
    ),
    FurtherReason.APP: ("Le titulaire a donné son accord à ce service.", "The holder agreed with this service."),
    FurtherReason.ADMINISTRATOR: (
        "Le titulaire a nommé ce professionnel administrateur.",
        "The holder named this professional an administrator.",
    ),
    FurtherReason.SESSION_CONSENT: (
        "Le titulaire a consenti à cette consultation.",
        "The holder consented to this consultation.",
    ),
    FurtherReason.CARE_TEAM: (
        "Le titulaire a consenti à l'accès de l'équipe de soins.",
        "The holder consented to the care team's access.",
    ),
    FurtherReason.BREAK_GLASS: ("Accès en bris de glace, motivé.", "Emergency access, with its reason."),
    FurtherReason.REGULATION: (
        "Accès du médecin régulateur du SAMU, motivé.",
        "Access by the regulating emergency doctor, with its reason.",
    ),
    FurtherReason.OPEN_BY_LAW: (
        "La loi ouvre l'accès à ce médecin sans consentement.",
        "The law gives this doctor access without consent.",
    ),
    FurtherReason.SPOKEN_CONSENT: (
        "La personne a consenti sur place.",
        "The person consented on the spot.",
    ),
    FurtherReason.TRUSTED_CONSENT: (
        "La personne de confiance a consenti sur place.",
        "The trusted person consented on the spot.",
    ),
    FurtherReason.VITAL_RISK: (
        "Aucun consentement possible et risque vital.",
        "No consent was possible and life was at risk.",
    ),
    FurtherReason.COLLECTED: (
        "Un professionnel a recueilli le consentement du titulaire.",
        "A professional collected the holder's consent.",
    ),
    FurtherReason.INVITED: ("La personne invitée a répondu.", "The invited person answered."),
    FurtherReason.INSURANCE_DUTY: ("Acte de l'assurance maladie.", "An act of the health insurance."),
    FurtherReason.RECORD_DECEASED: ("Le titulaire est décédé.", "The holder has died."),
    FurtherReason.RECORD_DELETED: (
        "Le dossier est supprimé, ou sa suppression est en cours.",
        "The record is deleted, or being deleted.",
    ),
    FurtherReason.PURPOSE_EXCLUDED: (
        "L'exploitation secondaire des données est interdite.",
        "Secondary use of the data is forbidden.",
    ),
    FurtherReason.CASE_NEEDED: (
        "Aucun accès direct : une demande est instruite par l'opérateur.",
        "No direct access: ask the operator to open a case.",
    ),
    FurtherReason.EXTRACT_APPROVED: (
        "Un extrait approuvé par un second opérateur.",
        "One extract, approved by a second operator.",
    ),
    FurtherReason.AUTHOR: (
        "L'auteur d'un document, ou sa structure, en dispose.",
        "A document is in the hands of its author, or of the author's structure.",
    ),
    FurtherReason.CASE_UNKNOWN: (
        "Cet opérateur ne dispose d'aucune demande de ce numéro qui porte sur ce dossier ou ce document.",
        "This operator has no such case about this record or document.",
    ),
    FurtherReason.CASE_NOT_APPROVED: (
        "Un autre opérateur doit d'abord donner son accord, qui ne vaut qu'un temps pour un extrait.",
        "Another operator has to agree first; for an extract such an agreement runs out.",
    ),
    FurtherReason.CASE_REFUSED: ("Cette demande a été refusée.", "This case was refused; a refusal is for good."),
    FurtherReason.CASE_APPROVED: (
        "Un extrait est déjà approuvé et n'a pas été pris.",
        "An extract is approved already and was not taken yet.",
    ),
    FurtherReason.EXTRACT_TAKEN: (
        "Un extrait a été pris entre-temps : revoyez la demande.",
        "An extract was taken meanwhile: look at the case again.",
    ),
    FurtherReason.CASE_PURPOSE: (
        "Ce motif n'est pas celui d'un tel demandeur.",
        "That purpose is not one of such an applicant.",
    ),
    FurtherReason.PAPER_MISSING: (
        "La référence de la pièce justificative manque.",
        "The reference of the supporting paper is missing.",
    ),
    FurtherReason.SAME_OPERATOR: (
        "Il faut deux opérateurs : nul n'ouvre et n'approuve, ni n'approuve et n'efface, à lui seul.",
        "It takes two operators: nobody opens and approves a case, or approves and erases by it, alone.",
    ),
    FurtherReason.HOLDER_ALIVE: ("Aucun décès n'est déclaré.", "No death of the holder is declared."),
    FurtherReason.HEIRS_OPPOSED: (
        "Le titulaire s'est opposé de son vivant à l'accès de ses ayants droit.",
        "The holder, while alive, opposed access by heirs.",
    ),
    FurtherReason.OUTSIDE_EXTRACT: (
        "Un extrait ne contient que des documents.",
        "An extract holds documents alone, and is made in the normal mode.",
    ),
    FurtherReason.COUNSELLOR_READS_NOTHING: (
        "Un conseiller de l'assurance maladie ouvre un dossier et n'y lit rien.",
        "A counsellor of the health insurance opens a record and reads nothing in it.",
    ),
    FurtherReason.NO_RELATION: (
        "Aucune délégation valide aujourd'hui.",
        "No delegation that is valid today.",
    ),
    FurtherReason.CERTIFICATE_ONLY: (
        "Un certificat de serveur alimente ; il n'authentifie personne pour consulter ou agir.",
        "A server's certificate may deposit; it is nobody who reads or acts.",
    ),
    FurtherReason.STRUCTURE_MISSING: (
        "L'authentification par une structure exige cette structure.",
        "A person authenticated by a structure has to act in that structure.",
    ),
    FurtherReason.OUTSIDE_DELEGATION: (
        "La délégation ne couvre pas cet acte.",
        "The delegation does not cover this act.",
    ),
    FurtherReason.MAJORITY_REACHED: (
        "Le titulaire est majeur : la représentation a pris fin.",
        "The holder is of age: the representation has ended.",
    ),
    FurtherReason.MAJORITY_UNKNOWN: (
        "La date de majorité du titulaire est inconnue.",
        "The date on which the holder comes of age is not known.",
    ),
    FurtherReason.APP_NOT_REFERENCED: ("Ce service n'est pas référencé.", "This service is not referenced."),
    FurtherReason.APP_SUSPENDED: ("Ce service est suspendu.", "This service is suspended."),
    FurtherReason.APP_NOT_AGREED: (
        "Le titulaire n'a pas donné cet accord à ce service.",
        "The holder has not agreed to this with this service.",
    ),
    FurtherReason.OPTED_OUT: ("Le titulaire ne veut pas de cette fonction.", "The holder does not want this function."),
    FurtherReason.EMERGENCY_OPPOSED: (
        "Le titulaire s'est opposé à ce mode d'urgence.",
        "The holder opposed this emergency mode.",
    ),
    FurtherReason.EMERGENCY_PROFESSION: (
        "Le bris de glace est réservé aux professionnels de santé.",
        "Only health professionals may break the glass.",
    ),
    FurtherReason.REGULATION_NOT_GRANTED: (
        "Ce mode est réservé au médecin régulateur du SAMU.",
        "This mode is for the regulating emergency doctor alone.",
    ),
    FurtherReason.EMERGENCY_REASON_MISSING: (
        "L'accès en urgence exige un motif de la liste.",
        "An emergency access needs a reason from the list.",
    ),
    FurtherReason.EMERGENCY_TEXT_MISSING: (
        "Le motif « autre » exige un texte.",
        "The reason `other` needs a text.",
    ),
    FurtherReason.EMERGENCY_UNCONFIRMED: (
        "Au-delà du nombre du jour, un confrère confirme le bris de glace.",
        "Beyond the number of a day a colleague has to confirm an emergency access.",
    ),
    FurtherReason.ACTOR_SUSPENDED: ("L'opérateur a suspendu cet acteur.", "The operator suspended this actor."),
    FurtherReason.CONTESTED_ALREADY: ("Cet accès est déjà contesté.", "This access is contested already."),
    FurtherReason.TRACE_UNKNOWN: ("Ce dossier n'a pas cet accès.", "This record has no such access."),
    FurtherReason.COLLEAGUE: ("Un confrère a confirmé l'urgence.", "A colleague confirmed the emergency."),
    FurtherReason.OWN_EMERGENCY: (
        "Nul ne confirme sa propre urgence.",
        "Nobody confirms an emergency of their own.",
    ),
    FurtherReason.TEAM_CONSENT_ENDED: (
        "Le consentement donné à l'équipe de soins a pris fin.",
        "The consent given to the care team has ended.",
    ),
    FurtherReason.SPOKEN_CONSENT_MISSING: (
        "Le consentement demandé sur place n'est pas renseigné.",
        "The consent asked for on the spot is not recorded.",
    ),
    FurtherReason.NOT_A_MINOR: (
        "La connexion secrète est réservée aux mineurs.",
        "A secret connection is for minors alone.",
    ),
    FurtherReason.CONFIDENTIAL_SESSION: (
        "Une connexion secrète est faite par un professionnel avec le mineur.",
        "A secret connection is made by a professional with the minor.",
    ),
    FurtherReason.NOT_ADMINISTRATOR: (
        "Seuls le titulaire et ses administrateurs bloquent un professionnel.",
        "Only the holder and administrators block a professional.",
    ),
    FurtherReason.NOT_NAMEABLE: (
        "Le médecin traitant est connu par sa déclaration à l'assurance maladie.",
        "The treating doctor is known from the declaration to the insurance.",
    ),
    FurtherReason.NOT_IN_TEAM: (
        "Ce professionnel n'est pas de l'équipe de soins.",
        "This professional is not of the care team.",
    ),
    FurtherReason.NOT_HEALTH_PROFESSIONAL: (
        "Cet acte est réservé à un professionnel de santé.",
        "Only a health professional may do this.",
    ),
    FurtherReason.END_IN_THE_PAST: ("La date de fin est passée.", "The end lies in the past."),
    FurtherReason.UNKNOWN_DELEGATION: ("Cette délégation n'existe pas.", "This delegation does not exist."),
    FurtherReason.INVITATION_OVER: (
        "L'invitation a expiré ou a déjà sa réponse.",
        "The invitation has expired or was answered.",
    ),
    FurtherReason.SCOPE_TOO_WIDE: (
        "Ce périmètre ne peut pas être délégué ainsi.",
        "This kind of delegation or service can't have that scope.",
    ),
    FurtherReason.SCOPE_EMPTY: ("Le périmètre est vide.", "The scope is empty."),
    FurtherReason.SUBJECT_MISSING: (
        "La demande ne dit pas qui elle concerne.",
        "The request does not say whom it is about.",
    ),
    FurtherReason.OPINION_MISSING: (
        "L'avis de la personne protégée est à recueillir.",
        "The protected person's own opinion has to be recorded.",
    ),
    FurtherReason.NOT_SUSPENDED: ("Le dossier n'est pas suspendu.", "The record is not suspended."),
    FurtherReason.OBJECTION_TOO_LATE: (
        "Le délai de six semaines est passé.",
        "The six weeks for an objection are over.",
    ),
    FurtherReason.OBJECTION_OPEN: (
        "Le délai d'opposition court, ou le titulaire s'est opposé.",
        "The six weeks are not over, or the holder objected.",
    ),
    FurtherReason.NOT_DUE: ("Le moment n'est pas venu.", "It is not the time for this."),
    FurtherReason.REQUEST_NOT_RECORDED: (
        "Un professionnel ne le fait qu'à la demande du titulaire, qu'il doit déclarer.",
        "A professional does this only at the holder's request, and has to record it.",
    ),
    FurtherReason.NOT_THE_AUTHOR: (
        "Seul l'auteur peut le faire.",
        "Only the author may do this.",
    ),
    FurtherReason.DIRECTIVES_OF_A_MINOR: (
        "Une personne mineure ne peut pas rédiger de directives anticipées.",
        "A minor cannot write advance directives.",
    ),
    FurtherReason.UNKNOWN_DOCUMENT: (
        "Aucun document de cet identifiant ne vous est accessible.",
        "There is no document of this id within your reach.",
    ),
    FurtherReason.VERSION_CONFLICT: (
        "Le document a changé depuis sa lecture.",
        "The document changed since it was read.",
    ),
    FurtherReason.ALREADY_VISIBLE: (
        "Ce document a déjà été visible : il ne peut plus être rendu invisible.",
        "This document was visible already: it can't be made invisible any more.",
    ),
    FurtherReason.FLAGS_EXCLUDE_EACH_OTHER: (
        "Ces deux restrictions ne peuvent pas être posées ensemble.",
        "These two restrictions can't be set together.",
    ),
    FurtherReason.WRONG_STATE: (
        "L'état du document ne le permet pas.",
        "The document's state does not allow it.",
    ),
}


def sentence(reason: Code, language: str = "en") -> str:
    """The sentence that explains any code to a person, in French (`fr`) or English."""
    if isinstance(reason, Reason):
        return reasons.sentence(reason, language)
    french, english = SENTENCES[reason]
    return french if language.startswith("fr") else english
