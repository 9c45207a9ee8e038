"""What the document service runs: the lane of decisions, the collection, and the routes for the gateway."""

from pathlib import Path

from services.document import handlers
from services.document.api import deposits, extracts, reads
from services.document.content import FileContent
from services.document.repository import Collection, Decisions, Extracts, Openings, Reads, Reminders, Staging
from services.document.settings import Settings
from shared.contracts.access_decisions import Decided
from shared.contracts.common import Owner
from shared.contracts.topics import ACCESS_DECISIONS, GATEWAY
from shared.database.record_keys import RecordKeys
from shared.http import HttpLimits, application, callers
from shared.loops import Loop
from shared.messaging import Consumer
from shared.runtime import Parts, Runtime
from shared.security import PermitVerifier
from shared.service import main

OPEN_EVERY_S = 10.0
"""Seconds between two looks at which withheld documents open."""
REMIND_EVERY_S = 60.0
"""Seconds between two looks at what is to be reminded of: each is two weeks or a year late anyway."""


def compose(runtime: Runtime[Settings]) -> Parts:
    """Put the service together."""
    settings, database = runtime.settings, runtime.database
    content = FileContent(settings.content_dir, settings.content_threads)
    keys = RecordKeys(runtime.keys)
    check = callers(runtime.verifier(GATEWAY), GATEWAY)
    permits = PermitVerifier(runtime.jwks, Owner.DOCUMENT)
    collection = Collection(
        database,
        content,
        refused_s=settings.refused_kept_s,
        orphan_s=settings.orphan_age_s,
        consulted_s=settings.consulted_kept_s,
    )
    claim = runtime.precedence.claim
    reminders = Reminders(database, runtime.outbox, runtime.partition)
    openings = Openings(database, runtime.outbox, runtime.partition)
    return Parts(
        consumers=(
            Consumer(
                "decisions",
                (ACCESS_DECISIONS,),
                handlers.BY_TYPE,
                Decisions(keys),
                unread={Decided: handlers.of_a_read},
            ),
        ),
        loops=(
            Loop("collection", settings.collection_interval_s, collection.turn),
            Loop("openings", OPEN_EVERY_S, openings.once),
            Loop("unannounced", REMIND_EVERY_S, reminders.unannounced),
            Loop("summaries", REMIND_EVERY_S, reminders.summaries),
        ),
        api=application(
            runtime.name,
            deposits(check, database, Staging(keys, runtime.outbox), content, settings),
            reads(check, database, Reads(keys, runtime.outbox), content, permits, claim=claim),
            extracts(check, Extracts(database, keys, runtime.outbox), content, permits, claim=claim),
            limits=HttpLimits(settings.max_request_bytes, settings.request_timeout_s),
        ),
        close=content.close,
    )


if __name__ == "__main__":
    main("document", Settings, compose, migrations=Path(__file__).with_name("migrations"))
