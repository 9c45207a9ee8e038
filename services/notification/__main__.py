"""What this process runs."""

from datetime import timedelta
from pathlib import Path

from services.notification.api import routes
from services.notification.clients import mailing
from services.notification.domain.letters import Letters
from services.notification.domain.rules import untold
from services.notification.handlers import by_type
from services.notification.repository import Contacts, Farewells, Ledger, Outbound
from services.notification.settings import Settings
from shared.contracts.access_decisions import Decided
from shared.contracts.topics import ACCESS_DECISIONS, DOCUMENT_EVENTS, GATEWAY, HISTORY_EVENTS, NOTIFICATION
from shared.database.record_keys import RecordKeys
from shared.http import HttpLimits, application
from shared.loops import Loop
from shared.messaging import Consumer
from shared.runtime import Parts, Runtime
from shared.service import main

FOLDER = Path(__file__).parent
GATHER_S = 0.25
"""Seconds that events gather between two transactions: e-mails may wait, the cost is per batch."""
BATCH = 2000
"""Events in one transaction at most, as many as gather in a backlog."""

FAREWELLS_EVERY_S = 5.0


def compose(runtime: Runtime[Settings]) -> Parts:
    """Put the parts together."""
    settings = runtime.settings
    keys = RecordKeys(runtime.keys)
    contacts = Contacts(keys)
    farewells = Farewells(runtime.database, runtime.outbox, keys, runtime.partition)
    letters = Letters(FOLDER, settings.portal_url)
    mails = mailing(settings, runtime.database, Outbound(contacts), runtime.outbox, letters)
    window = timedelta(seconds=settings.access_window_s)
    events = Consumer(
        "events",
        (ACCESS_DECISIONS, DOCUMENT_EVENTS, HISTORY_EVENTS),
        by_type(window),
        Ledger(window),
        gather_s=GATHER_S,
        max_batch=BATCH,
        unread={Decided: untold},
    )
    router = routes(runtime.database, contacts, runtime.outbox, runtime.verifier(GATEWAY), settings.partitions)
    limits = HttpLimits(settings.max_request_bytes, settings.request_timeout_s)
    return Parts(
        consumers=[events],
        loops=[
            Loop("mail", settings.mail_interval_s, mails.round),
            Loop("farewells", FAREWELLS_EVERY_S, farewells.once),
        ],
        api=application(NOTIFICATION, router, limits=limits),
        close=mails.close,
    )


if __name__ == "__main__":
    main(NOTIFICATION, Settings, compose, migrations=FOLDER / "migrations")
