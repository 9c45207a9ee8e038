"""Messages that a lane does nothing with, seen from a record's header and bytes: most of what followers see."""

from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import ConsumerRecord

from shared.contracts.topics import Topic
from shared.messaging._decode import is_unread, of_type, passed_over, unread_types
from shared.messaging.effects import Consumer, Raw


class PassedOver:
    """Knows what one lane does nothing with. What can't be read is none of it: somebody has to park it."""

    def __init__(self, consumer: Consumer[Any, Any], topics: Mapping[str, Topic]) -> None:
        wanted = {body.type_name: body for body in consumer.handlers}
        self._raw = Raw in consumer.handlers
        self._types = {name: passed_over(topics[name], wanted) for name in consumer.topics}
        self._unread = {name: unread_types(topics[name], consumer.unread) for name in consumer.topics}

    def everyone(self, records: Iterable[ConsumerRecord]) -> bool:
        """True where the lane does nothing with any of these but to note their numbers; never in a raw one."""
        return not self._raw and all(map(self.one, records))

    def one(self, record: ConsumerRecord) -> bool:
        """True where the lane does nothing with this record but to note its number."""
        unwanted = not self._raw and of_type(record, self._types[record.topic])
        return unwanted or is_unread(record, self._unread[record.topic])
