"""What the operator tells of a model under /metrics: each tick's numbers, where a status has those worth a write."""

from __future__ import annotations

import urllib.request
from collections import defaultdict
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

PATIENCE_S = 2.0  # an operator's page takes some milliseconds
_STRAIGHT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever the environment says
MEASURED = {
    "trimtab_model_requests_per_second": "demand",
    "trimtab_model_within_target_ratio": "within",
    "trimtab_model_cost_per_hour": "hourly",
}


@dataclass(frozen=True, kw_only=True)
class Gauges:
    """A model's gauges; None is what the operator does not say.

    `demand` is in requests per second, over the last half minute. `within` is the share, 0 to 1, of the requests of
    about the last minute. `existing` counts replicas, those that leave included, and `hourly` is their price.
    """

    demand: float | None = None
    within: float | None = None
    existing: float | None = None
    hourly: float | None = None


def gauges_in(page: str) -> dict[str, Gauges]:
    """Return the gauges on a page of the operator's metrics, by the model's namespace and name: `shop/fraud`."""
    found: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            model = f"{sample.labels.get('namespace')}/{sample.labels.get('model')}"
            if sample.name in MEASURED:
                found[model][MEASURED[sample.name]] = sample.value
            elif sample.name == "trimtab_model_replicas" and sample.labels["state"] == "existing":
                found[model]["existing"] = sample.value
    return {model: Gauges(**numbers) for model, numbers in found.items()}


def ask_gauges(url: str) -> dict[str, Gauges]:
    """Return the gauges of an operator's metrics page, none where it does not answer."""
    try:
        with _STRAIGHT.open(url, timeout=PATIENCE_S) as answer:
            return gauges_in(answer.read().decode())
    except OSError:
        return {}
