"""Every metric of Carnet, with its meaning and unit. Labels come from closed lists: no record, person or path.

Numbers of series stay small: a label is a service, a topic, a message type, an outcome, a route's template.
"""

from typing import Final, Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, GCCollector, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

Label = Literal["service", "topic", "type", "outcome", "partition", "method", "route", "status", "reason", "loop"]
LABELS: Final[frozenset[str]] = frozenset(get_args(Label))

REGISTRY: Final = CollectorRegistry(auto_describe=True)
METRICS_CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

ProcessCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

_MESSAGE_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_HTTP_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 1.0, 5.0, 30.0)
_SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def _counter(name: str, meaning: str, *labels: Label) -> Counter:
    return Counter(name, meaning, labels, registry=REGISTRY)


def _gauge(name: str, meaning: str, *labels: Label) -> Gauge:
    return Gauge(name, meaning, labels, registry=REGISTRY)


def _histogram(name: str, meaning: str, buckets: tuple[float, ...], *labels: Label) -> Histogram:
    return Histogram(name, meaning, labels, buckets=buckets, registry=REGISTRY)


MESSAGES_HANDLED: Final = _counter(
    "carnet_messages_handled_total", "Messages handled, by what became of them", "service", "topic", "type", "outcome"
)
BATCH_SIZE: Final = _histogram("carnet_batch_messages", "Messages in one transaction", _SIZES, "service", "loop")
BATCH_SECONDS: Final = _histogram(
    "carnet_batch_seconds", "Time of one batch's transaction, lock included", _MESSAGE_SECONDS, "service", "loop"
)
BATCH_FAILURES: Final = _counter(
    "carnet_batch_failures_total", "Batches rolled back and tried again, by kind of fault", "service", "loop", "reason"
)
LAG: Final = _gauge("carnet_lag_messages", "Messages in the topic and not yet handled", "service", "topic")
GAP_AGE: Final = _gauge("carnet_gap_age_seconds", "Age of the oldest gap in the numbers, 0 where none", "service")
OUTBOX_PENDING: Final = _gauge("carnet_outbox_pending_messages", "Messages in the outbox not yet sent", "service")
OUTBOX_OLDEST: Final = _gauge("carnet_outbox_oldest_seconds", "Age of the oldest message not yet sent", "service")
RELAY_SENT: Final = _counter("carnet_relay_sent_total", "Messages acknowledged by the broker", "service", "topic")
RELAY_REWINDS: Final = _counter(
    "carnet_relay_rewinds_total", "Times a torn or wiped topic was sent again (the epoch rose)", "service", "topic"
)
PARKED_TOTAL: Final = _counter("carnet_parked_total", "Messages parked, by reason code", "service", "topic", "reason")
PROGRESS_AGE: Final = _gauge(
    "carnet_progress_age_seconds", "Time since a loop last reported progress", "service", "loop"
)
HTTP_REQUESTS: Final = _counter(
    "carnet_http_requests_total", "HTTP requests answered", "service", "method", "route", "status"
)
HTTP_SECONDS: Final = _histogram(
    "carnet_http_seconds", "Time from an HTTP request to the end of its answer", _HTTP_SECONDS, "service", "route"
)
HTTP_CALLS: Final = _counter(
    "carnet_http_calls_total", "Internal HTTP calls made, by service called and outcome", "service", "outcome"
)
DEPOSITS_BY_DEADLINE: Final = _counter(
    "carnet_deposits_by_deadline_total",
    "Deposits staged on the day of the act or discharge, or later, by what kind of actor deposits",
    "type",
    "outcome",
)
MAILS: Final = _counter("carnet_mails_total", "E-mails given to the relay, by outcome of SMTP", "outcome")
LOG_REFUSED: Final = _counter("carnet_log_refused_total", "Fields, values or events kept out of the log", "reason")
LOG_SUPPRESSED: Final = _counter("carnet_log_suppressed_total", "Repeated lines of libraries left out")


def exposition() -> bytes:
    """All metrics in Prometheus' text format."""
    return generate_latest(REGISTRY)
