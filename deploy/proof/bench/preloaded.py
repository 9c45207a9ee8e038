"""Requests on records that stand in Kafka before anybody decides, and what has to be decided on them."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from confluent_kafka import KafkaError, Message, Producer

from deploy.local.system import LocalSystem
from deploy.proof.bench.bed import BenchError
from deploy.proof.load.people import HOLDER, professional
from shared.contracts.common import Body, Owner
from shared.contracts.envelope import Envelope, to_headers
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import Authorise, Consult
from shared.contracts.topics import GATEWAY, RECORD_REQUESTS
from shared.messaging import partition_of

MIX: Final = {Reason.AUTHORISED: 70, Reason.NOT_AUTHORISED: 15, Reason.HOLDER: 15}
"""Of a hundred requests: reads that are permitted and signed, reads that are denied, and changes of rights."""
AUTHORISED: Final = professional(1)
"""Whom the holder of every record of the stock lets read."""
_STRANGER: Final = professional(999_999)
_NEWCOMERS: Final = 10**6
_PATIENCE: Final = timedelta(hours=1)
_FLUSH_S: Final = 60.0


@dataclass
class Preloaded:
    """A load on these records: the same seed gives the same requests under new ids."""

    records: Sequence[UUID]
    seed: int
    versions: Counter[UUID] = field(default_factory=Counter)
    """Of the rights of each record, as the commands of earlier loads have left them."""
    wanted: Counter[str] = field(default_factory=Counter)
    """How many decisions for each reason there have to be."""

    def requests(self, count: int) -> list[tuple[UUID, Body]]:
        """So many requests with their records, in order."""
        chance = random.Random(f"preloaded {self.seed}")
        deadline = datetime.now(UTC) + _PATIENCE
        made: list[tuple[UUID, Body]] = []
        for reason in chance.choices(list(MIX), list(MIX.values()), k=count):
            record = chance.choice(self.records)
            self.wanted[reason.value] += 1
            if reason is Reason.HOLDER:
                newcomer = professional(_NEWCOMERS + chance.randrange(_NEWCOMERS)).number or ""
                version = self.versions[record]
                made.append((record, Authorise(actor=HOLDER, rights_version=version, professional=newcomer)))
                self.versions[record] += 1
            else:
                actor = AUTHORISED if reason is Reason.AUTHORISED else _STRANGER
                made.append((record, Consult(actor=actor, owner=Owner.DOCUMENT, deadline=deadline)))
        return made


def publish(system: LocalSystem, requests: Sequence[tuple[UUID, Body]]) -> None:
    """Put requests into the topic as the gateway does.

    Raises:
        BenchError: the broker did not confirm all of them.
    """
    places = system.places
    producer = Producer(
        {
            "bootstrap.servers": places.kafka,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": GATEWAY,
            "sasl.password": places.secrets.kafka_password_file(GATEWAY).read_text().strip(),
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 20,
            "queue.buffering.max.messages": len(requests) + 1,
        }
    )
    failed: list[str] = []

    def told(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            failed.append(str(error))

    for record, body in requests:
        identity = uuid4()
        envelope = Envelope(identity, body.type_name, GATEWAY, datetime.now(UTC), identity)
        producer.produce(
            RECORD_REQUESTS,
            body.model_dump_json(exclude_none=True).encode(),
            str(record),
            partition_of(str(record), system.options.partitions),
            on_delivery=told,
            headers=list(to_headers(envelope)),
        )
        producer.poll(0)
    left = producer.flush(_FLUSH_S)
    if failed or left:
        raise BenchError(f"{len(failed) + left} requests could not be published: {failed[:1]}")
