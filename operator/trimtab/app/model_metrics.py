"""What is known and decided of each model, as gauges beside the operator's own numbers."""

from collections.abc import Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from trimtab.api.objects import ObjectKey
from trimtab.core.health.cost import cost_of
from trimtab.core.live import LiveDeployment, live_deployments
from trimtab.core.scaling.capacity import SHARES
from trimtab.core.scaling.decide import believed
from trimtab.core.scaling.decision import Decision
from trimtab.core.scaling.observation import Sample
from trimtab.core.scaling.proposal import MOST_AGE
from trimtab.core.snapshot import ModelSnapshot
from trimtab.units import seconds

WHO = ("namespace", "model")

FAMILIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "trimtab_model_requests_per_second": ("Demand as it was measured", ()),
    "trimtab_model_latency_seconds": ("Latency at the objective's percentile, as it was measured", ("percentile",)),
    "trimtab_model_latency_target_seconds": ("What that latency must stay below", ("percentile",)),
    "trimtab_model_within_target_ratio": ("Share of requests answered within the target, as it was measured", ()),
    "trimtab_model_replicas": ("Replicas: wanted by demand, decided, existing, ready", ("state",)),
    "trimtab_model_cost_per_hour": ("What the replicas that exist cost", ("currency",)),
}
"""What each tells, and its labels beside namespace and model: each has one value for a model, `state` four."""

Series = dict[tuple[str, str], float]
"""Values by family and the value of its own label."""


class ModelMetrics(Collector):
    """Says of each model what was known at its last decision; nothing of one for which nothing is decided now.

    What is not known is absent: a gauge that stays at its last value would be taken for the present.
    """

    def __init__(self) -> None:
        self._models: dict[ObjectKey, Series] = {}

    def decided(self, snapshot: ModelSnapshot, decision: Decision) -> None:
        """Take note of a decision and what it rests on."""
        key = ObjectKey(snapshot.model.namespace, snapshot.model.name)
        live = live_deployments(snapshot)
        self._models[key] = _measured(snapshot) | _replicas(live, decision) | _cost(snapshot, live)

    def undecided(self, model: ObjectKey) -> None:
        """Forget a model: it is gone, or nothing is decided for it."""
        self._models.pop(model, None)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield every family."""
        families = {name: GaugeMetricFamily(name, text, labels=[*WHO, *own]) for name, (text, own) in FAMILIES.items()}
        for model, series in sorted(self._models.items()):
            for (name, label), value in series.items():
                families[name].add_metric([model.namespace, model.name, *([label] * len(FAMILIES[name][1]))], value)
        yield from families.values()


def _measured(snapshot: ModelSnapshot) -> Series:
    objective, observation = snapshot.spec.objectives.latency, believed(snapshot.observation)
    target = seconds(objective.target)
    found: Series = {("trimtab_model_latency_target_seconds", objective.percentile): target}
    if not isinstance(observation, Sample) or observation.age > MOST_AGE:
        return found
    found["trimtab_model_requests_per_second", ""] = observation.arrivals
    if observation.latency is not None:
        latency, within = observation.latency.at(SHARES[objective.percentile]), observation.latency.within(target)
        if latency is not None and within is not None:
            found["trimtab_model_latency_seconds", objective.percentile] = latency
            found["trimtab_model_within_target_ratio", ""] = within
    return found


def _replicas(live: tuple[LiveDeployment, ...], decision: Decision) -> Series:
    numbers = {
        "decided": decision.replicas,
        "existing": sum(each.exists + each.leaving for each in live),
        "ready": sum(each.ready for each in live),
    }
    if decision.wanted is not None:
        numbers["wanted"] = decision.wanted
    return {("trimtab_model_replicas", state): float(number) for state, number in numbers.items()}


def _cost(snapshot: ModelSnapshot, live: tuple[LiveDeployment, ...]) -> Series:
    cost = cost_of(live, snapshot.pool)
    return {} if cost is None else {("trimtab_model_cost_per_hour", cost.currency): float(cost.hourly)}
