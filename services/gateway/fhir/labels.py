"""Security labels of a document: the codes of JDV_J08, each under its own system."""

from services.gateway.fhir import systems
from services.gateway.fhir.resources import Coding
from shared.terminology import Confidentiality, confidentiality


def label(coding: Coding) -> Confidentiality | None:
    """The confidentiality code that a coding names; None where it is none, or stands under another system."""
    known = confidentiality(coding.code)
    if known is None or coding.system not in {known.fhir_system, f"{systems.URN_OID}{known.system}"}:
        return None
    return known
