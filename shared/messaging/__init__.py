"""Kafka as Carnet uses it; the only place that knows FastStream and aiokafka.

An author of a service sees `Consumer`, `Effects`, `Store` and handlers; `Outbox` for the few writers that are HTTP
routes; `Producer` and `Replies` for the gateway, which has no database. `Engine` runs them in a process.
"""

from aiokafka.errors import KafkaError

from shared.messaging._batch import lock_partitions
from shared.messaging._kafka import Kafka, partition_of
from shared.messaging.effects import Consumer, Effects, Emit, Failed, Handler, Handlers, Raw, Store, Unreadable
from shared.messaging.engine import Engine, Figures, TopicMissingError, check_topics, inputs, outputs
from shared.messaging.outbox import Outbox, check_partitions, keep_days, prepare_tables
from shared.messaging.parked import Parked, Sealed
from shared.messaging.precedence import Precedence
from shared.messaging.producer import Producer, UnsentError
from shared.messaging.replay import Fate, ParkedMessages, Told
from shared.messaging.replies import Replies, Waiting
from shared.messaging.tables import MESSAGING_TABLES, PARKED_RESOLUTION

__all__ = [
    "MESSAGING_TABLES",
    "PARKED_RESOLUTION",
    "Consumer",
    "Effects",
    "Emit",
    "Engine",
    "Failed",
    "Fate",
    "Figures",
    "Handler",
    "Handlers",
    "Kafka",
    "KafkaError",
    "Outbox",
    "Parked",
    "ParkedMessages",
    "Precedence",
    "Producer",
    "Raw",
    "Replies",
    "Sealed",
    "Store",
    "Told",
    "TopicMissingError",
    "Unreadable",
    "UnsentError",
    "Waiting",
    "check_partitions",
    "check_topics",
    "inputs",
    "keep_days",
    "lock_partitions",
    "outputs",
    "partition_of",
    "prepare_tables",
]
