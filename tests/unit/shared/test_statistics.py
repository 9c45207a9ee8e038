"""What each process tells of itself each second, in `flow.statistics` and as metrics."""

import asyncio
from collections import Counter

import pytest

from shared.messaging import Figures, UnsentError
from shared.observability import REGISTRY
from shared.statistics import publish_statistics

DONE = ("test.in", "test.add.v1", "done")


class Messaging:
    """Handles three messages between two looks, and lags."""

    def __init__(self) -> None:
        self.handled: Counter[tuple[str, str, str]] = Counter()

    def figures(self) -> Figures:
        self.handled[DONE] += 3
        return Figures(
            handled=Counter(self.handled),
            lag={"test.in": 7},
            outbox_pending=4,
            oldest_unsent_s=1.5,
            oldest_gap_s=2.5,
            progress_age_s={"relay": 0.5, "adding": 9.0},
        )


class Sent:
    """Takes what is told; fails at first where it is told to."""

    def __init__(self, *, failures: int = 0, enough: int = 2) -> None:
        self.flows = []
        self.enough = asyncio.Event()
        self._failures = failures
        self._enough = enough

    async def send(self, _topic, flow, **_addressed):
        self.flows.append(flow)
        if len(self.flows) >= self._enough:
            self.enough.set()
        if len(self.flows) <= self._failures:
            raise UnsentError("planted")


@pytest.fixture
def tell(monkeypatch):
    monkeypatch.setattr("shared.statistics.INTERVAL_S", 0.01)

    async def until_enough(producer: Sent, engine) -> list:
        telling = asyncio.create_task(publish_statistics(producer, "teller", "teller-0", engine))
        await producer.enough.wait()
        telling.cancel()
        return producer.flows

    return until_enough


def value(name, **labels):
    return REGISTRY.get_sample_value(name, {"service": "teller"} | labels)


async def test_each_second_tells_what_was_done_in_it_and_what_waits(tell):
    flows = await tell(Sent(), Messaging())
    assert [flow.handled for flow in flows[:2]] == [{"test.in/test.add.v1/done": 3}] * 2
    assert (flows[0].lag, flows[0].outbox_pending, flows[0].oldest_unsent_s) == ({"test.in": 7}, 4, 1.5)


async def test_the_same_figures_stand_in_the_metrics(tell):
    before = value("carnet_messages_handled_total", topic=DONE[0], type=DONE[1], outcome=DONE[2]) or 0
    flows = await tell(Sent(), Messaging())
    done = value("carnet_messages_handled_total", topic=DONE[0], type=DONE[1], outcome=DONE[2])
    assert done - before == 3 * len(flows)
    assert value("carnet_lag_messages", topic="test.in") == 7
    assert value("carnet_outbox_pending_messages") == 4
    assert value("carnet_outbox_oldest_seconds") == 1.5
    assert value("carnet_gap_age_seconds") == 2.5
    assert value("carnet_progress_age_seconds", loop="relay") == 0.5
    assert value("carnet_progress_age_seconds", loop="adding") == 9.0


async def test_a_second_that_can_not_be_told_is_told_with_the_next(tell):
    flows = await tell(Sent(failures=2, enough=4), Messaging())
    assert [flow.handled["test.in/test.add.v1/done"] for flow in flows[:4]] == [3, 6, 9, 3]
    assert flows[1].interval_s > flows[0].interval_s


async def test_a_process_without_a_database_tells_that_it_is_there(tell):
    (flow, *_) = await tell(Sent(enough=1), None)
    assert (flow.service, flow.instance, flow.handled, flow.lag) == ("teller", "teller-0", {}, {})
