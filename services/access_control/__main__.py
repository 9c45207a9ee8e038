"""What this process runs: two lanes of requests, the gateway's routes, and what it reads and forgets by the clock."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from services.access_control import handlers
from services.access_control.api import Stores, routes
from services.access_control.domain import matrix
from services.access_control.domain.changes import Change
from services.access_control.domain.record import Record
from services.access_control.repository import (
    DECLARATIONS,
    OPT_OUTS,
    Announcements,
    Confirmations,
    Contests,
    Decisions,
    Delegates,
    Deposits,
    Extracts,
    InForce,
    Informed,
    Moves,
    Openings,
    People,
    Requests,
    Reviews,
    Sending,
    Snapshots,
    Timers,
    Untold,
    Written,
)
from services.access_control.settings import Settings
from shared.contracts.common import Body
from shared.contracts.envelope import Message
from shared.contracts.topics import ACCESS_CONTROL, AUDIT_EVENTS, GATEWAY, RECORD_DEPOSITS, RECORD_REQUESTS
from shared.database.record_keys import RecordKeys
from shared.errors import SettingError
from shared.http import HttpLimits, application
from shared.loops import Loop
from shared.messaging import Consumer, Effects, Handler, Handlers
from shared.runtime import Parts, Runtime
from shared.security import PermitSigner, read_hex_key, read_jwk
from shared.service import main

DATA = Path(__file__).with_name("data")
MAX_BODY_BYTES = 64 * 1024
"""A person's traits are far below; content does not come here."""
GATHER_DEPOSITS_S = 0.015
GATHER_REQUESTS_S = 0.01
"""A person waits for each request: a lone one is decided at once, and of many few wait longer than a decision takes."""
GATHER_CONFIRMATIONS_S = 0.5
FORGET_EVERY_S = 600.0
COUNT_EVERY_S = 15.0
TELL_EVERY_S = 5.0
TIMERS_EVERY_S = 60.0
MAJORITIES_EVERY_S = 6 * 3600.0
"""A pause between two looks at all records on which something ends at majority; decisions compare it by themselves."""
MATRIX_EVERY_S = 3.0
"""How often the versions in force are read; see `InForce` for why no process decides by one that was replaced."""


def compose(runtime: Runtime[Settings]) -> Parts:
    """Put the parts together."""
    settings = runtime.settings
    signer, in_force = _signer(settings), InForce(runtime.database)
    policy, keys = settings.policy, RecordKeys(runtime.keys)
    requests = Requests(keys, count_today=policy.colleague_confirms)
    hash_key = _hash_key(settings)
    openings = Openings(
        runtime.database, runtime.outbox, keys, runtime.partition, window=timedelta(days=settings.opposition_days)
    )
    timers = Timers(runtime.database, runtime.outbox, keys, runtime.partition, policy=policy)
    announcements = Announcements(
        runtime.database, runtime.outbox, runtime.partition, every=timedelta(hours=settings.deletion_repeat_h)
    )
    untold = [
        Untold(runtime.database, runtime.outbox, runtime.partition, notice=notice)
        for notice in (DECLARATIONS, OPT_OUTS)
    ]
    reviews = Reviews(runtime.database, runtime.outbox, settings.usual)
    written = Written(runtime.database, keys)
    stores = Stores(
        People(runtime.database, runtime.outbox, keys, hash_key, openings),
        Moves(runtime.database, runtime.outbox, keys, hash_key, runtime.partition),
        Delegates(runtime.database, keys, hash_key),
        Snapshots(runtime.database, keys, policy),
        written,
        Contests(runtime.database, keys),
        Extracts(runtime.database, written, Sending(runtime.outbox, runtime.partition)),
    )
    return Parts(
        consumers=[
            Consumer(
                "requests",
                (RECORD_REQUESTS,),
                by_version(in_force.at, lambda version: handlers.requests(version, signer, policy)),
                Informed(requests, in_force),
                gather_s=GATHER_REQUESTS_S,
                max_batch=settings.requests_max_batch,
                done=requests.done,
                waited_for=True,
            ),
            Consumer(
                "deposits",
                (RECORD_DEPOSITS,),
                handlers.deposits(matrix.NOTHING, policy),  # a deposit never asks the matrix (AR-003)
                Deposits(keys),
                gather_s=GATHER_DEPOSITS_S,
                max_batch=settings.deposits_max_batch,
            ),
            Consumer(
                "confirmations",
                (AUDIT_EVENTS,),
                handlers.CONFIRMATIONS,
                Confirmations(keys),
                gather_s=GATHER_CONFIRMATIONS_S,
            ),
        ],
        loops=[
            Loop("old-decisions", FORGET_EVERY_S, Decisions(runtime.database).forget_old),
            Loop("matrix", MATRIX_EVERY_S, in_force.reload),
            Loop("odd-accesses", COUNT_EVERY_S, reviews.count),
            Loop("reviews", TELL_EVERY_S, reviews.tell),
            Loop("deletions", TIMERS_EVERY_S, announcements.once),
            Loop("openings", TIMERS_EVERY_S, openings.once),
            *(Loop(one.name, TIMERS_EVERY_S, one.once) for one in untold),
            Loop("timers", TIMERS_EVERY_S, timers.once),
            Loop("majorities", MAJORITIES_EVERY_S, timers.majorities),
        ],
        api=application(
            ACCESS_CONTROL,
            *routes(stores, runtime.verifier(GATEWAY), settings),
            limits=HttpLimits(min(MAX_BODY_BYTES, settings.max_request_bytes), settings.request_timeout_s),
        ),
    )


def by_version(
    in_force: Callable[[datetime], matrix.Matrix], build: Callable[[matrix.Matrix], Handlers[Record, Change]]
) -> Handlers[Record, Change]:
    """Handlers that decide by the version of the matrix in force when they decide, and name that one.

    Args:
        in_force: The version at a moment of the database's clock.
        build: The handlers over one version; built once for each.
    """
    built: dict[str, Handlers[Record, Change]] = {}

    def over(version: matrix.Matrix) -> Handlers[Record, Change]:
        if version.version not in built:
            built[version.version] = build(version)
        return built[version.version]

    def handler(body: type[Body]) -> Handler[Record, Change]:
        def handle(message: Message[Any], record: Record, now: datetime) -> Effects[Record, Change]:
            return over(in_force(now))[body](message, record, now)

        return handle

    return {body: handler(body) for body in over(matrix.NOTHING)}


def load_matrix() -> matrix.Matrix:
    """The habilitation matrix that this release carries: the first version of every database.

    Raises:
        MatrixError: it can't be used.
    """
    cells = (DATA / "habilitation_matrix.csv").read_text(encoding="utf-8")
    return matrix.load(cells, (DATA / "habilitation_matrix.toml").read_text(encoding="utf-8"))


def _signer(settings: Settings) -> PermitSigner:
    if settings.permit_key_file is None:
        raise SettingError("no key for permits: set CARNET_PERMIT_KEY_FILE to the private JWK that signs them")
    return PermitSigner(read_jwk(settings.permit_key_file))


def _hash_key(settings: Settings) -> bytes:
    if settings.hash_key_file is None:
        raise SettingError(
            "no key for the index of persons: set CARNET_HASH_KEY_FILE to a file of 64 hexadecimal digits"
        )
    return read_hex_key(settings.hash_key_file)


if __name__ == "__main__":
    main(ACCESS_CONTROL, Settings, compose, migrations=Path(__file__).with_name("migrations"))
