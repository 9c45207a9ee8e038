"""Metrics: each has a meaning, and labels from the closed list."""

from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

from shared import observability
from shared.observability import LABELS, REGISTRY, exposition

METRICS = [value for value in vars(observability).values() if isinstance(value, MetricWrapperBase)]


@pytest.mark.parametrize("name", [name for name, value in vars(observability).items() if value in METRICS])
def test_each_metric_is_set_somewhere(name: str) -> None:
    """One that is declared and never set looks like a system where nothing happens."""
    declared = {Path("shared/observability/_metrics.py"), Path("shared/observability/__init__.py")}
    sources = {*Path("shared").rglob("*.py"), *Path("services").rglob("*.py")} - declared
    assert any(f"{name}." in source.read_text() for source in sources)


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
