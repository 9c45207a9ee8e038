"""Acts in words (French and English): what was asked or done, for who reads a trace or an answer.

Codes travel; sentences are rendered only where someone reads. None names a person, a document or what is masked.
"""

from typing import Final

from shared.contracts.common import Act, FurtherAct

AnyAct = Act | FurtherAct
"""Any act: a released one, or one added since."""

SENTENCES: Final[dict[AnyAct, tuple[str, str]]] = {
    Act.OPEN: ("Ouverture du dossier.", "Opening of the record."),
    Act.DEPOSIT: ("Dépôt d'un document.", "Deposit of a document."),
    Act.CONSULT: ("Consultation.", "Consultation."),
    Act.AUTHORISE: ("Autorisation d'un professionnel.", "Authorisation of a professional."),
    Act.REVOKE: ("Retrait d'une autorisation.", "An authorisation is taken back."),
    Act.BLOCK: ("Blocage d'un professionnel.", "A professional is blocked."),
    Act.UNBLOCK: ("Fin d'un blocage.", "A block is ended."),
    Act.CLOSE: ("Fermeture du dossier.", "Closing of the record."),
    Act.REOPEN: ("Réouverture du dossier.", "The record is opened again."),
    Act.DECLARE: ("Déclaration du médecin traitant.", "Declaration of the treating doctor."),
    Act.RELEASE: (
        "Fin de la retenue du dossier après une erreur.",
        "The hold on the record after an error is ended.",
    ),
    Act.UNKNOWN: ("Demande inconnue.", "A request that is not known."),
    FurtherAct.AUTHORISE_FOR: (
        "Consentement recueilli pour un autre professionnel.",
        "Consent collected for another professional.",
    ),
    FurtherAct.CONSENT_SESSION: (
        "Consentement à une consultation du dossier.",
        "Consent to one consultation of the record.",
    ),
    FurtherAct.CONSENT_TEAM: ("Consentement à une équipe de soins.", "Consent to a care team."),
    FurtherAct.END_TEAM: (
        "Fin du consentement à une équipe de soins.",
        "The consent to a care team is ended.",
    ),
    FurtherAct.NAME_ADMINISTRATOR: (
        "Nomination d'un professionnel administrateur.",
        "A professional is named administrator.",
    ),
    FurtherAct.REMOVE_ADMINISTRATOR: (
        "Fin du rôle d'un professionnel administrateur.",
        "A professional is administrator no longer.",
    ),
    FurtherAct.WISH: ("Choix pour les accès en urgence.", "Wishes for emergency access."),
    FurtherAct.OPT_OUT: ("Choix des fonctions du dossier.", "Choice of the record's functions."),
    FurtherAct.INVITE: (
        "Invitation à agir pour le titulaire.",
        "Invitation to act for the holder.",
    ),
    FurtherAct.ANSWER: ("Réponse à une invitation.", "Answer to an invitation."),
    FurtherAct.END_DELEGATION: ("Fin d'une délégation.", "End of a delegation."),
    FurtherAct.AGREE_APP: ("Accord avec un service numérique.", "Agreement with a digital service."),
    FurtherAct.WITHDRAW_APP: (
        "Retrait de l'accord avec un service numérique.",
        "The agreement with a digital service is withdrawn.",
    ),
    FurtherAct.ACTIVATE: ("Activation du dossier.", "Activation of the record."),
    FurtherAct.SUSPEND: ("Suspension du dossier.", "Suspension of the record."),
    FurtherAct.OBJECT: ("Opposition à la suspension du dossier.", "Objection to the record's suspension."),
    FurtherAct.LIFT: ("Fin de la suspension du dossier.", "The record's suspension is lifted."),
    FurtherAct.CLOSE_UNCONTESTED: (
        "Fermeture du dossier suspendu, sans opposition.",
        "The suspended record is closed, without an objection.",
    ),
    FurtherAct.DECEASE: ("Déclaration de décès, ou son retrait.", "A death is declared, or that is taken back."),
    FurtherAct.REQUEST_DELETION: (
        "Demande de suppression du dossier.",
        "Request that the record be deleted.",
    ),
    FurtherAct.CONFIRM_EMERGENCY: (
        "Confirmation d'un accès en urgence par un confrère.",
        "A colleague confirms an emergency access.",
    ),
    FurtherAct.FORESEE_DELETION: (
        "Fin prochaine de la conservation du dossier fermé.",
        "The time for which the closed record is kept is ending.",
    ),
    FurtherAct.DELETE_ARCHIVED: (
        "Suppression du dossier après dix ans d'archivage.",
        "Deletion of the record after ten years in the archive.",
    ),
    FurtherAct.FORESEE_MAJORITY: ("Majorité prochaine du titulaire.", "The holder will soon be of age."),
    FurtherAct.COME_OF_AGE: ("Majorité du titulaire.", "The holder is of age."),
    FurtherAct.CONTEST: ("Contestation d'un accès.", "An access is contested."),
    FurtherAct.OPPOSE_HEIRS: (
        "Opposition à l'accès des ayants droit, ou son retrait.",
        "Access by heirs is opposed, or that is taken back.",
    ),
    FurtherAct.REQUEST_EXTRACT: (
        "Demande d'un extrait pour un ayant droit ou un expert judiciaire.",
        "An extract is asked for an heir or a court expert.",
    ),
    FurtherAct.ANSWER_EXTRACT: (
        "Réponse à une demande d'extrait.",
        "The request for an extract is answered.",
    ),
    FurtherAct.MASK: (
        "Masquage d'un document aux professionnels.",
        "A document is masked to professionals.",
    ),
    FurtherAct.UNMASK: ("Fin du masquage d'un document.", "A document is masked no longer."),
    FurtherAct.WITHHOLD: (
        "Document rendu invisible au titulaire jusqu'à son annonce.",
        "A document is withheld from the holder until it is announced.",
    ),
    FurtherAct.ANNOUNCE: (
        "Document annoncé au titulaire, qui peut le voir.",
        "A document is announced to the holder, who can see it.",
    ),
    FurtherAct.HIDE: (
        "Document rendu invisible aux représentants légaux.",
        "A document is hidden from legal representatives.",
    ),
    FurtherAct.REVEAL: (
        "Document rendu visible aux représentants légaux.",
        "A document is made visible to legal representatives.",
    ),
    FurtherAct.ARCHIVE: ("Archivage d'un document.", "A document is archived."),
    FurtherAct.UNARCHIVE: ("Retour d'un document archivé.", "An archived document is brought back."),
    FurtherAct.DELETE: ("Suppression d'un document.", "A document is deleted."),
    FurtherAct.OPEN_BY_TIME: (
        "Document devenu visible un mois après son dépôt.",
        "A document became visible one month after its deposit.",
    ),
    FurtherAct.MASK_BY_DEFAULT: (
        "Choix de masquer ou non les nouveaux documents.",
        "Choice whether new documents are masked.",
    ),
}


def act(value: str) -> AnyAct | None:
    """The act that was stored or sent as this text; None for one that this version does not know."""
    for kind in (Act, FurtherAct):
        if value in kind.__members__.values():
            return kind(value)
    return None


def sentence(one: AnyAct, language: str = "en") -> str:
    """What the act is, for a person, in French (`fr`) or English."""
    french, english = SENTENCES[one]
    return french if language.startswith("fr") else english
