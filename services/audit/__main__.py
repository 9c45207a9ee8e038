"""What this process runs."""

from pathlib import Path

from services.audit.api import routes
from services.audit.handlers import BY_TYPE, one_state
from services.audit.repository import Log, Traces
from shared.contracts.common import Owner
from shared.contracts.topics import (
    ACCESS_DECISIONS,
    AUDIT,
    DOCUMENT_EVENTS,
    GATEWAY,
    HISTORY_EVENTS,
    NOTIFICATION_EVENTS,
)
from shared.database.reads import forgetting
from shared.database.record_keys import RecordKeys
from shared.http import HttpLimits, application
from shared.loops import Loop
from shared.messaging import Consumer
from shared.runtime import Parts, Runtime
from shared.security import PermitVerifier
from shared.service import main
from shared.settings import ServiceSettings

TOPICS = (ACCESS_DECISIONS, DOCUMENT_EVENTS, HISTORY_EVENTS, NOTIFICATION_EVENTS)
BATCH = 2000
"""Leaves in one transaction at most: nobody waits for a trace, and the cost is per batch."""


def compose(runtime: Runtime[ServiceSettings]) -> Parts:
    """Put the parts together."""
    keys = RecordKeys(runtime.keys)
    log = Log(keys)
    events = Consumer(
        "events",
        TOPICS,
        BY_TYPE,
        log,
        gather_s=0.1,
        max_batch=BATCH,
        state_key=one_state,
    )
    router = routes(
        Traces(runtime.database, keys, log),
        PermitVerifier(runtime.jwks, Owner.AUDIT),
        runtime.verifier(GATEWAY),
    )
    limits = HttpLimits(runtime.settings.max_request_bytes, runtime.settings.request_timeout_s)
    loops = [Loop("permits", 3600.0, forgetting(runtime.database))]
    return Parts(consumers=[events], loops=loops, api=application(AUDIT, router, limits=limits))


if __name__ == "__main__":
    main(AUDIT, ServiceSettings, compose, migrations=Path(__file__).with_name("migrations"))
