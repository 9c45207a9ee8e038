"""What this process runs: two lanes of requests, the gateway's routes, and the forgetting of old decisions."""

from pathlib import Path

from services.access_control import handlers
from services.access_control.api import routes
from services.access_control.domain import matrix
from services.access_control.repository import Decisions, Deposits, People, Requests
from services.access_control.settings import Settings
from shared.contracts.topics import ACCESS_CONTROL, GATEWAY, RECORD_DEPOSITS, RECORD_REQUESTS
from shared.database.record_keys import RecordKeys
from shared.http import HttpLimits, application
from shared.loops import Loop
from shared.messaging import Consumer
from shared.security import PermitSigner, read_hex_key, read_jwk
from shared.service import Parts, Runtime, main

DATA = Path(__file__).with_name("data")
MAX_BODY_BYTES = 64 * 1024
"""A person's traits are far below; content does not come here."""
GATHER_DEPOSITS_S = 0.015
GATHER_REQUESTS_S = 0.01
"""A person waits for each request: a lone one is decided at once, and of many few wait longer than a decision takes."""
FORGET_EVERY_S = 600.0


def compose(runtime: Runtime[Settings]) -> Parts:
    """Put the parts together."""
    settings = runtime.settings
    rules = load_matrix()
    requests = Requests()
    people = People(runtime.database, runtime.outbox, RecordKeys(runtime.keys), _hash_key(settings), runtime.partition)
    return Parts(
        consumers=[
            Consumer(
                "requests",
                (RECORD_REQUESTS,),
                handlers.requests(rules, _signer(settings)),
                requests,
                gather_s=GATHER_REQUESTS_S,
                max_batch=settings.requests_max_batch,
                done=requests.done,
            ),
            Consumer(
                "deposits",
                (RECORD_DEPOSITS,),
                handlers.deposits(rules),
                Deposits(),
                gather_s=GATHER_DEPOSITS_S,
                max_batch=settings.deposits_max_batch,
            ),
        ],
        loops=[Loop("old-decisions", FORGET_EVERY_S, Decisions(runtime.database).forget_old)],
        api=application(
            ACCESS_CONTROL,
            routes(people, runtime.verifier(GATEWAY), settings),
            limits=HttpLimits(min(MAX_BODY_BYTES, settings.max_request_bytes), settings.request_timeout_s),
        ),
    )


def load_matrix() -> matrix.Matrix:
    """The habilitation matrix that this release carries.

    Raises:
        MatrixError: it can't be used; the process does not start with half of its rules.
    """
    cells = (DATA / "habilitation_matrix.csv").read_text(encoding="utf-8")
    return matrix.load(cells, (DATA / "habilitation_matrix.toml").read_text(encoding="utf-8"))


def _signer(settings: Settings) -> PermitSigner:
    if settings.permit_key_file is None:
        raise ValueError("no key for permits: set CARNET_PERMIT_KEY_FILE to the private JWK that signs them")
    return PermitSigner(read_jwk(settings.permit_key_file))


def _hash_key(settings: Settings) -> bytes:
    if settings.hash_key_file is None:
        raise ValueError("no key for the index of persons: set CARNET_HASH_KEY_FILE to a file of 64 hexadecimal digits")
    return read_hex_key(settings.hash_key_file)


if __name__ == "__main__":
    main(ACCESS_CONTROL, Settings, compose, migrations=Path(__file__).with_name("migrations"))
