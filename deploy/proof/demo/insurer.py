"""The insurer in Kafka: publishes lines with its own principal and reads the receipts that answer them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import confluent_kafka

from deploy.proof.demo.day import Line
from deploy.proof.demo.scene import Scene
from shared.contracts.envelope import Envelope, to_headers
from shared.contracts.insurance import LineReceipt, LineReceipts
from shared.contracts.topics import INSURANCE_PARTITIONS, RECEIPTS, REIMBURSEMENTS, of_insurer, principal_of_insurer

SEND_TIMEOUT_S: Final = 30.0
ANSWER_TIMEOUT_S: Final = 60.0
_kafka: Any = confluent_kafka


class UnpublishedError(Exception):
    """Kafka did not confirm every line; the text says how many and why."""


@dataclass
class Published:
    """Where the lines stand, and what was answered."""

    lines: dict[tuple[int, int], Line] = field(default_factory=dict)
    """By partition and offset."""
    ids: frozenset[UUID] = frozenset()
    """Of the messages."""
    receipts: dict[tuple[int, int], LineReceipt] = field(default_factory=dict)
    """By the same."""
    repeats: int = 0
    """Receipts that came more than once; none should."""
    seconds_to_publish: float = 0.0
    seconds_to_answers: float = 0.0
    """From the first line sent to the last receipt read."""


class Insurer:
    """One insurer's software."""

    def __init__(self, scene: Scene) -> None:
        self._principal = principal_of_insurer(scene.insurer)
        self._topic = of_insurer(REIMBURSEMENTS, scene.insurer)
        self._answers = of_insurer(RECEIPTS, scene.insurer)
        self._connection = {
            "bootstrap.servers": scene.sources.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": self._principal,
            "sasl.password": scene.insurer_password,
            "log_level": 0,
        }

    def exchange(self, lines: Sequence[Line]) -> Published:
        """Publish the lines and read receipts until each has one, or the time is over.

        Raises:
            UnpublishedError: Kafka did not take them all.
        """
        settings = {"group.id": f"{self._principal}.demonstration", "enable.auto.commit": False}
        consumer = _kafka.Consumer(self._connection | settings)
        try:
            consumer.assign([self._end(consumer, partition) for partition in range(INSURANCE_PARTITIONS)])
            began = time.monotonic()
            published = self._publish(lines)
            published.seconds_to_publish = time.monotonic() - began
            self._read(consumer, published)
            published.seconds_to_answers = time.monotonic() - began
            return published
        finally:
            consumer.close()

    def _end(self, consumer: Any, partition: int) -> Any:
        place = _kafka.TopicPartition(self._answers, partition)
        _, end = consumer.get_watermark_offsets(place, timeout=SEND_TIMEOUT_S)
        return _kafka.TopicPartition(self._answers, partition, end)

    def _publish(self, lines: Sequence[Line]) -> Published:
        found: dict[tuple[int, int], Line] = {}
        errors: list[str] = []
        settings = {"enable.idempotence": True, "linger.ms": 20, "message.timeout.ms": int(SEND_TIMEOUT_S * 1000)}
        producer = _kafka.Producer(self._connection | settings)

        def confirmed(line: Line, error: Any, message: Any) -> None:
            if error is None:
                found[message.partition(), message.offset()] = line
            else:
                errors.append(str(error))

        ids = [uuid4() for _ in lines]
        for identity, line in zip(ids, lines, strict=True):
            producer.produce(
                self._topic,
                line.value,
                line.body.line.encode(),
                headers=self._headers(line, identity),
                on_delivery=lambda error, message, line=line: confirmed(line, error, message),
            )
            producer.poll(0)
        producer.flush(SEND_TIMEOUT_S)
        if len(found) != len(lines):
            told = errors[0] if errors else f"no answer within {SEND_TIMEOUT_S:g} s"
            raise UnpublishedError(f"{len(lines) - len(found)} of {len(lines)} lines were not confirmed: {told}")
        return Published(found, frozenset(ids))

    def _headers(self, line: Line, identity: UUID) -> list[tuple[str, bytes]]:
        return to_headers(Envelope(identity, line.body.type_name, self._principal, datetime.now(UTC), identity))

    def _read(self, consumer: Any, published: Published) -> None:
        until = time.monotonic() + ANSWER_TIMEOUT_S
        while len(published.receipts) < len(published.lines) and time.monotonic() < until:
            for message in consumer.consume(500, timeout=0.2):
                if message.error() is None:
                    _take(LineReceipts.model_validate_json(message.value()), published)


def _take(body: LineReceipts, published: Published) -> None:
    for receipt in body.receipts:
        place = (body.partition, receipt.offset)
        if place in published.lines:
            published.repeats += place in published.receipts
            published.receipts[place] = receipt
