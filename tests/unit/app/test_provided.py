"""From the settings to what pools are provided with."""

from datetime import date
from pathlib import Path

from trimtab.app.provided import provided_by
from trimtab.app.settings import from_environment
from trimtab.core.provided import NOTHING_PROVIDED

IMAGES = {"TRIMTAB_TRITON_IMAGE": "example.org/triton:1", "TRIMTAB_RUNTIME_IMAGE": "example.org/runtime:1"}
PRICES = Path(__file__).resolve().parents[3] / "config" / "prices" / "prices.yaml"


def test_nothing_is_provided_unless_somebody_says_so() -> None:
    """No list, no names."""
    assert provided_by(from_environment(IMAGES), date(2026, 11, 24)) == NOTHING_PROVIDED


def test_prices_and_the_names_of_sources_are_provided() -> None:
    """The names in order; their addresses are nobody's business."""
    settings = from_environment(
        IMAGES
        | {
            "TRIMTAB_PRICES": str(PRICES),
            "TRIMTAB_PRICES_FOR": "aws/us-east-1",
            "TRIMTAB_PROMETHEUS_SOURCES": "{b: {url: 'http://b:1'}, a: {url: 'http://a:1'}}",
        }
    )

    provided = provided_by(settings, date(2026, 11, 24))

    assert provided.metric_sources == ("a", "b")
    assert ("NVIDIA-L4", "OnDemand") in provided.prices.prices
    assert provided.prices.refused == {}
