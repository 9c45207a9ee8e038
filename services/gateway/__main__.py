"""What this process runs: the public API, a producer of requests, and a reader of what they cause."""

from services.gateway.api import Door, public_api
from services.gateway.api.requests import Requests
from services.gateway.clients import AccessControl, Contacts, Documents, Histories, Owners, TraceLog
from services.gateway.settings import Settings
from shared.contracts import topics
from shared.security import Discovery, ProviderKeys, TokenVerifier
from shared.service import Parts, Runtime, main


def compose(runtime: Runtime[Settings]) -> Parts:
    """Build the gateway's parts."""
    settings = runtime.settings
    access_control = runtime.client(settings.access_control_url, topics.ACCESS_CONTROL)
    document = runtime.client(settings.document_url, topics.DOCUMENT)
    history = runtime.client(settings.history_ingestion_url, topics.HISTORY)
    audit = runtime.client(settings.audit_url, topics.AUDIT)
    notification = runtime.client(settings.notification_url, topics.NOTIFICATION)
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
