"""The operator's gauges, as its own page has them."""

from dataclasses import replace

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from demo.gauges import Gauges, ask_gauges, gauges_in
from fakes.measured import timed
from fakes.snapshots import deployment, snapshot
from trimtab.app.model_metrics import ModelMetrics
from trimtab.core.scaling.decide import decide


def page(numbers: ModelMetrics) -> str:
    """Return what a scrape of the operator gets."""
    registry = CollectorRegistry()
    registry.register(numbers)
    return generate_latest(registry).decode()


def test_what_the_operator_tells_is_what_is_read() -> None:
    """The operator's own page is parsed, so that a name which changes there is missed here."""
    numbers = ModelMetrics()
    seen = replace(snapshot(deployment(asked=3, exists=3)), observation=timed(31.0, within=0.9))
    numbers.decided(seen, decide(seen))

    assert gauges_in(page(numbers)) == {
        "payments/fraud": Gauges(demand=31.0, within=0.9, existing=3.0, hourly=2.4),
    }


def test_what_the_operator_does_not_say_is_not_zero() -> None:
    """A blind one still counts replicas; one that is away says nothing of anybody."""
    numbers = ModelMetrics()
    seen = snapshot(deployment(asked=3, exists=3))
    numbers.decided(seen, decide(seen))

    assert gauges_in(page(numbers)) == {"payments/fraud": Gauges(existing=3.0, hourly=2.4)}
    assert gauges_in(page(ModelMetrics())) == {}
    assert ask_gauges("http://127.0.0.1:1/metrics") == {}
