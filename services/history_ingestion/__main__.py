"""What this process runs: a lane per insurer, the lane of records' life, the daily ageing, HTTP for the gateway."""

from pathlib import Path

from services.history_ingestion.api import Index, Reading, routes
from services.history_ingestion.handlers import Batch, LineChange, life_handlers, line_handlers
from services.history_ingestion.repository.ageing import Ageing
from services.history_ingestion.repository.hashes import Hashes
from services.history_ingestion.repository.lines import ALL, LineStore
from services.history_ingestion.repository.persons import PersonStore
from services.history_ingestion.settings import Settings
from shared.contracts.common import Owner
from shared.contracts.topics import ACCESS_DECISIONS, HISTORY, REIMBURSEMENTS, of_insurer
from shared.database.reads import forgetting
from shared.database.record_keys import RecordKeys
from shared.errors import SettingError
from shared.http import HttpLimits, application
from shared.loops import Loop
from shared.messaging import Consumer
from shared.runtime import Parts, Runtime
from shared.security import PermitVerifier, read_hex_key
from shared.service import main

DAY_S = 86_400.0
GATHER_S = 0.1
"""Nobody waits for a receipt."""
LIFE_GATHER_S = 0.5
LIFE_BATCH = 2000
"""Nearly all decisions are none of this service's business, and nobody waits for a record's life to arrive here: what
they cost is what their batches cost."""


def compose(runtime: Runtime[Settings]) -> Parts:
    """Build the parts from the settings."""
    settings = runtime.settings
    if settings.hash_key_file is None:
        raise SettingError("no hash key: set CARNET_HASH_KEY_FILE to this service's own key of 64 hexadecimal digits")
    hashes = Hashes(read_hex_key(settings.hash_key_file))
    keys = RecordKeys(runtime.keys)
    persons = PersonStore(hashes, keys)
    insurers, oids = settings.insurer_codes, settings.accepted_oids
    index = Index(runtime.database, runtime.outbox, persons, runtime.partition, insurers=insurers, oids=oids)
    reading = Reading(runtime.database, runtime.outbox, keys, PermitVerifier(runtime.jwks, Owner.HISTORY))
    lines = [insurer_lane(insurer, hashes, keys, runtime) for insurer in insurers]
    life = Consumer(
        "decisions",
        (ACCESS_DECISIONS,),
        life_handlers(insurers),
        persons,
        gather_s=LIFE_GATHER_S,
        max_batch=LIFE_BATCH,
    )
    return Parts(
        consumers=[*lines, life],
        loops=[
            Loop("ageing", DAY_S, Ageing(runtime.database, runtime.partition).once),
            Loop("permits", 3600.0, forgetting(runtime.database)),
        ],
        api=application(
            runtime.name,
            routes(index, reading, runtime.verifier("gateway")),
            limits=HttpLimits(settings.max_request_bytes, settings.request_timeout_s),
        ),
    )


def insurer_lane(
    insurer: str, hashes: Hashes, keys: RecordKeys, runtime: Runtime[Settings]
) -> Consumer[Batch, LineChange]:
    """The lane of one insurer: its bad lines never stop another's."""
    store = LineStore(insurer, hashes, keys, runtime.partition)
    return Consumer(
        insurer,
        (of_insurer(REIMBURSEMENTS, insurer),),
        line_handlers(insurer, runtime.settings.accepted_oids),
        store,
        gather_s=GATHER_S,
        max_batch=runtime.settings.history_max_batch,
        state_key=lambda _message: ALL,
    )


if __name__ == "__main__":
    main(HISTORY, Settings, compose, migrations=Path(__file__).with_name("migrations"))
