"""What this process runs: the public API, a producer of requests, and a reader of what they cause."""

from services.gateway.api import Door, public_api
from services.gateway.api.requests import Requests
from services.gateway.clients import AccessControl, Contacts, Documents, Histories, Owners, TraceLog
from services.gateway.settings import Settings
from shared.contracts import topics
from shared.http.client import InternalClient
from shared.runtime import Parts, Runtime
from shared.security import ProviderKeys, TokenVerifier
from shared.security.discovery import Discovery
from shared.service import main


def compose(runtime: Runtime[Settings]) -> Parts:
    """Build the gateway's parts."""
    settings = runtime.settings
    access_control = InternalClient(settings.access_control_url, runtime.identity, topics.ACCESS_CONTROL)
    document = InternalClient(settings.document_url, runtime.identity, topics.DOCUMENT)
    history = InternalClient(settings.history_ingestion_url, runtime.identity, topics.HISTORY)
    audit = InternalClient(settings.audit_url, runtime.identity, topics.AUDIT)
    notification = InternalClient(settings.notification_url, runtime.identity, topics.NOTIFICATION)
    replies = runtime.replies(topics.ACCESS_DECISIONS, topics.DOCUMENT_EVENTS)
    door = Door(
        settings=settings,
        verifier=TokenVerifier(settings.issuer, settings.audience, ProviderKeys(Discovery(settings.issuer))),
        owners=Owners(
            AccessControl(access_control),
            Documents(document),
            Histories(history),
            TraceLog(audit),
            Contacts(notification),
        ),
        requests=Requests(runtime.producer, replies, settings.partitions),
    )

    async def close() -> None:
        for client in (access_control, document, history, audit, notification):
            await client.close()

    return Parts(api=public_api(door), close=close)


if __name__ == "__main__":
    main("gateway", Settings, compose)
