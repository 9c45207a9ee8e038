"""Metrics: each has a meaning, and labels from the closed list."""

import pytest
from prometheus_client.metrics import MetricWrapperBase

from shared import observability
from shared.observability import LABELS, REGISTRY, exposition

METRICS = [value for value in vars(observability).values() if isinstance(value, MetricWrapperBase)]


def test_the_metrics_of_messaging_http_and_mail_are_there() -> None:
    assert len(METRICS) >= 20


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric._name)
def test_each_metric_says_what_it_counts_and_has_labels_of_the_list(metric: MetricWrapperBase) -> None:
    assert metric._name.startswith("carnet_")
    assert len(metric._documentation) > 15
    assert set(metric._labelnames) <= LABELS


def test_no_label_can_hold_a_record_or_a_person() -> None:
    assert LABELS.isdisjoint({"record", "patient", "actor", "path", "key", "message", "correlation", "number"})


def test_the_exposition_holds_every_metric_with_its_help() -> None:
    text = exposition().decode()
    for family in REGISTRY.collect():
        assert f"# HELP {family.name}" in text
