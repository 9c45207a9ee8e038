"""Topic `flow.statistics`: what dashboards watch; no record and no person in it."""

from typing import ClassVar

from pydantic import AwareDatetime

from shared.contracts.common import Body, Code


class Flow(Body):
    """What one process of a service did in the last interval."""

    type_name: ClassVar[str] = "carnet.flow.statistics.v1"

    service: Code
    instance: Code
    at: AwareDatetime
    interval_s: float
    handled: dict[str, int]
    """Messages handled, by `topic/type/outcome`."""
    lag: dict[str, int]
    """Messages waiting, by topic."""
    outbox_pending: int
    oldest_unsent_s: float
    parked: int


MESSAGES = (Flow,)
