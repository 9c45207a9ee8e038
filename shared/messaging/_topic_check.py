"""Looks into a topic: does it hold a number where the relay's cursor says, and up to where has it no gap."""

import asyncio
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts.envelope import number_of
from shared.messaging._cursors import Cursor
from shared.messaging._kafka import Kafka, started, stopped
from shared.messaging.outbox import Place

READ_TIMEOUT_S = 5.0
POLL_MS = 200


class TopicCheck:
    """Reads topics without a group. Kept open between looks; closed after an error.

    Between looks it fetches nothing. A fetch that waits for news holds up what is asked next on its connection, and
    while the relay waits for that answer it writes no news: each look would last as long as a fetch may wait.
    """

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._reader: AIOKafkaConsumer | None = None

    async def close(self) -> None:
        """Close the reader; the next look opens another."""
        reader, self._reader = self._reader, None
        await stopped(reader)

    async def torn(self, cursors: Sequence[Cursor]) -> list[Cursor]:
        """The cursors whose topic does not hold their number at their offset.

        Raises:
            KafkaError, TimeoutError: the topic can't be read now; nothing is known.
        """
        if not cursors:
            return []
        reader = await self._open()
        partitions = {self._kafka.partition(*cursor.place): cursor for cursor in cursors}
        async with asyncio.timeout(READ_TIMEOUT_S):
            begin = await reader.beginning_offsets(list(partitions))
            end = await reader.end_offsets(list(partitions))
        torn: list[Cursor] = []
        to_read: dict[TopicPartition, Cursor] = {}
        for partition, cursor in partitions.items():
            if cursor.number == 0:
                if end[partition] > 0:
                    torn.append(cursor)  # the topic holds what this database does not know to have sent
            elif end[partition] <= cursor.offset:
                torn.append(cursor)
            elif begin[partition] <= cursor.offset:
                to_read[partition] = cursor
            # else: what stood there has passed its retention
        return torn + await self._differing(reader, to_read)

    async def _differing(self, reader: AIOKafkaConsumer, to_read: dict[TopicPartition, Cursor]) -> list[Cursor]:
        """Read the record at each cursor's offset and compare numbers."""
        if not to_read:
            return []
        reader.assign(list(to_read))
        for partition, cursor in to_read.items():
            reader.seek(partition, cursor.offset)
        found: dict[TopicPartition, int | None] = {}
        deadline = time.monotonic() + READ_TIMEOUT_S
        while len(found) < len(to_read):
            if time.monotonic() > deadline:
                raise TimeoutError
            missing = [partition for partition in to_read if partition not in found]
            for partition, records in (await reader.getmany(*missing, timeout_ms=POLL_MS)).items():
                first = records[0]
                cursor = to_read[partition]
                found[partition] = number_of(first.headers) if first.offset == cursor.offset else None
        reader.pause(*reader.assignment())
        return [cursor for partition, cursor in to_read.items() if found[partition] != cursor.number]

    async def contiguous_prefix(self, place: Place) -> tuple[int, int]:
        """The last number up to which the topic has no gap from its start, and its offset; (0, -1) where empty."""
        reader, partition = await self._open(), self._kafka.partition(*place)
        try:
            return await self._prefix(reader, partition)
        finally:
            reader.pause(*reader.assignment())

    async def _prefix(self, reader: AIOKafkaConsumer, partition: TopicPartition) -> tuple[int, int]:
        begin = (await reader.beginning_offsets([partition]))[partition]
        end = (await reader.end_offsets([partition]))[partition]
        reader.assign([partition])
        reader.seek(partition, begin)
        last, offset = 0, -1
        # what stood before `begin` has passed its retention: the first number that is left begins the count
        expected = 1 if begin == 0 else None
        deadline = time.monotonic() + READ_TIMEOUT_S
        while end > 0 and await reader.position(partition) < end:
            batch = (await reader.getmany(partition, timeout_ms=POLL_MS)).get(partition, [])
            if batch:
                deadline = time.monotonic() + READ_TIMEOUT_S
            elif time.monotonic() > deadline:
                raise TimeoutError
            for record in batch:
                number = number_of(record.headers)
                if number is None:
                    continue
                if expected is None or number == expected:
                    last, offset, expected = number, record.offset, number + 1
                elif number > expected:
                    return last, offset
        return last, offset

    async def _open(self) -> AIOKafkaConsumer:
        if self._reader is None:
            self._reader = await started(self._kafka.reader())
        return self._reader
