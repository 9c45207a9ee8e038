"""Reads topics whole, from their first record to their end of this moment, as the super user and without a group."""

import time
from collections.abc import Mapping
from typing import Any, Final

import confluent_kafka

from deploy.proof.checker.facts import Place, Record
from shared.contracts.topics import Topic

_kafka: Any = confluent_kafka
_TIMEOUT_S: Final = 10.0
_AT_ONCE: Final = 5000
_PATIENCE_S: Final = 30.0


class TopicReadError(Exception):
    """A topic could not be read to its end; the text says which and how far."""


class Reader:
    """Reads topics of one broker."""

    def __init__(self, bootstrap: str, password: str, username: str = "admin") -> None:
        self._consumer = _kafka.Consumer(
            {
                "bootstrap.servers": bootstrap,
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": username,
                "sasl.password": password,
                "group.id": "nobody",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": False,
                "log_level": 0,
            }
        )

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()

    def ends(self, topics: Mapping[str, Topic]) -> dict[Place, tuple[int, int]]:
        """First offset and end of every partition.

        Raises:
            TopicReadError: the broker does not answer.
        """
        places = [(topic.name, number) for topic in topics.values() for number in range(topic.partitions)]
        try:
            return {place: self._ends(place) for place in places}
        except _kafka.KafkaException as error:
            raise TopicReadError(f"the broker does not tell the ends of its topics: {error}; is it up?") from error

    def _ends(self, place: Place) -> tuple[int, int]:
        begin, end = self._consumer.get_watermark_offsets(
            _kafka.TopicPartition(*place), timeout=_TIMEOUT_S, cached=False
        )
        return begin, end

    def read(self, topics: Mapping[str, Topic]) -> dict[Place, list[Record]]:
        """Every record of these topics.

        Raises:
            TopicReadError: a topic did not give all its records in time.
        """
        ends = self.ends(topics)
        found: dict[Place, list[Record]] = {place: [] for place in ends}
        missing = {place: end for place, (begin, end) in ends.items() if end > begin}
        self._consumer.assign([_kafka.TopicPartition(*place, ends[place][0]) for place in missing])
        patience = time.monotonic() + _PATIENCE_S
        while missing:
            messages = self._consumer.consume(_AT_ONCE, timeout=0.5)
            if messages:
                patience = time.monotonic() + _PATIENCE_S
            elif time.monotonic() > patience:
                raise TopicReadError(f"not read to the end within {_PATIENCE_S:g} s: {sorted(missing)[:3]}; repeat")
            for message in messages:
                if message.error() is None:
                    _take(message, found, missing)
        self._consumer.unassign()
        return found


def _take(message: Any, found: dict[Place, list[Record]], missing: dict[Place, int]) -> None:
    place = (message.topic(), message.partition())
    end = missing.get(place)
    if end is None:
        return
    headers = tuple((name, value) for name, value in message.headers() or ())
    if message.offset() < end:
        found[place].append(Record(message.offset(), message.key(), headers, message.value() or b""))
    if message.offset() >= end - 1:
        del missing[place]
