"""HTTP of the gateway: the FHIR door below `/fhir`, records and rights as plain JSON beside it."""

from typing import Final

from fastapi import FastAPI

from services.gateway.api.acts import acts
from services.gateway.api.colleagues import colleagues
from services.gateway.api.consents import consents
from services.gateway.api.contacts import contacts
from services.gateway.api.delegations import delegations
from services.gateway.api.deposits import deposits
from services.gateway.api.documents import documents
from services.gateway.api.door import Door
from services.gateway.api.explanations import explanations
from services.gateway.api.extracts import extracts
from services.gateway.api.failures import answer_remote_error
from services.gateway.api.identities import identities
from services.gateway.api.life import life
from services.gateway.api.outcomes import FhirErrors, answer_fhir_error
from services.gateway.api.oversight import oversight
from services.gateway.api.records import records
from services.gateway.api.rights import rights
from services.gateway.api.traces import traces
from services.gateway.fhir.errors import FhirError
from shared.http import HttpLimits, RemoteError, application

__all__ = ["Door", "public_api"]

ROUTES: Final = (
    *(documents, deposits, acts, traces, records, rights, colleagues, consents, delegations, explanations, oversight),
    *(identities, contacts, extracts, life),
)
"""In the order in which an address is looked for: the last one's verbs are any word."""


def public_api(door: Door) -> FastAPI:
    """The application that clients meet."""
    settings = door.settings
    app = application(
        "gateway",
        *(routes(door) for routes in ROUTES),
        limits=HttpLimits(settings.max_request_bytes, settings.request_timeout_s),
        docs=settings.is_local,
    )
    app.add_exception_handler(FhirError, answer_fhir_error)
    app.add_exception_handler(RemoteError, answer_remote_error)
    app.add_middleware(FhirErrors, prefix="/fhir")
    return app
