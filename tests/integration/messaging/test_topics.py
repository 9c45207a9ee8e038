"""A process that finds a topic missing, or otherwise than the registry says it, names it and the next step."""

from dataclasses import replace

import pytest
from aiokafka.errors import KafkaError

from shared.messaging import TopicMissingError, check_topics, engine
from tests.support import counting


async def test_topics_that_are_there_pass(adder):
    await check_topics(adder.kafka, counting.TOPICS)


async def test_a_topic_that_is_not_there_is_named_with_the_next_step(adder, monkeypatch):
    monkeypatch.setattr(engine, "TOPIC_TIMEOUT_S", 2.0)  # waited out: a broker does not say that it lacks a topic
    nowhere = replace(counting.OUT, name="test.nowhere")
    with pytest.raises(TopicMissingError) as caught:
        await check_topics(adder.kafka, [counting.NUMBERED_IN, nowhere])
    assert "the topic test.nowhere is missing" in str(caught.value)
    assert "create topics and ACLs first" in str(caught.value)
    assert isinstance(caught.value.__cause__, (KafkaError, TimeoutError))


async def test_a_topic_with_another_number_of_partitions_is_refused(adder):
    wider = replace(counting.OUT, partitions=counting.PARTITIONS + 1)
    with pytest.raises(TopicMissingError, match="has 4 partitions and 5 are expected"):
        await check_topics(adder.kafka, [wider])
