"""What came back: numbers by model, pod and fact; and for each model whose numbers cannot be, why."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trimtab.adapters.prometheus import promql
from trimtab.adapters.prometheus.client import LONGEST_WORDS, QueryError
from trimtab.core.scaling.observation import ModelRef, NoDataReason

LATEST_TIME = 2**33  # seconds since 1970, in the year 2242: what is later is no time
OF_PODS = frozenset({promql.AGE, *promql.COUNTERS_OF_PODS})
OF_MODELS = frozenset(
    {
        *(promql.TARGETS, promql.SAMPLES, promql.BEFORE, promql.PENDING, promql.GROWTH, promql.IMPOSSIBLE),
        promql.DEMAND,
        *promql.COUNTERS_OF_MODELS,
    }
)

Labels = Mapping[str, Any]
Key = tuple[str, str]
"""A model's namespace and label."""


@dataclass
class Numbers:
    """Everything that was told about one model.

    `pods` has facts by pod, `model` those of all together, `latency` microseconds by pod and quantile, NaN for a pod
    without requests. `problem` says what cannot be true in it.
    """

    pods: dict[str, dict[str, float]] = field(default_factory=dict)
    model: dict[str, float] = field(default_factory=dict)
    latency: dict[str, dict[float, float]] = field(default_factory=dict)
    problem: str | None = None

    def spoil(self, problem: str) -> None:
        """Keep the first problem."""
        self.problem = self.problem or problem


def key(model: ModelRef) -> Key:
    """Return what a model's series are known by."""
    return model.namespace, model.label


def read_facts(answer: Sequence[Any], into: Mapping[Key, Numbers]) -> float | None:
    """Sort an answer to `promql.facts` by model, and return when Prometheus gave it, by its own clock.

    Raises:
        QueryError: the answer holds something that is no series, so nothing tells whose it is.
    """
    asked_at = None
    for key_, labels, series in _ours(answer, into):
        numbers = into[key_]
        fact, pod = labels.get(promql.FACT), labels.get("pod")
        sample = series.get("value")
        value = _value(sample)
        if isinstance(sample, list) and sample and _is_time(sample[0]):
            asked_at = float(sample[0])
        if fact in OF_PODS and isinstance(pod, str):
            place = numbers.pods.setdefault(pod, {})
        elif fact in OF_MODELS:
            place = numbers.model
        else:
            numbers.spoil(f"a series has labels that nobody asked for: {_shown(labels)}")
            continue
        if fact in place:
            numbers.spoil(f"{_named(fact, pod)} is there twice")
        elif value is None or not math.isfinite(value):
            numbers.spoil(f"{_named(fact, pod)} is {_shown(sample)}")
        elif value < 0 and fact != promql.GROWTH:
            numbers.spoil(f"{_named(fact, pod)} is below zero: {value:g}")
        else:
            place[fact] = value
    return asked_at


def read_quantiles(answer: Sequence[Any], into: Mapping[Key, Numbers]) -> None:
    """Sort an answer to `promql.quantiles` by model and pod.

    Raises:
        QueryError: the answer holds something that is no series, so nothing tells whose it is.
    """
    for key_, labels, series in _ours(answer, into):
        numbers = into[key_]
        pod, named = labels.get("pod"), labels.get("quantile")
        value = _value(series.get("value"))
        if not isinstance(pod, str) or named not in promql.QUANTILES:
            numbers.spoil(f"a latency has labels that nobody asked for: {_shown(labels)}")
            continue
        place, quantile = numbers.latency.setdefault(pod, {}), float(named)
        if quantile in place:
            numbers.spoil(f"the latency of pod {pod} at {named} is there twice")
        elif value is None or value < 0 or math.isinf(value):
            numbers.spoil(f"the latency of pod {pod} at {named} is {_shown(series.get('value'))}")
        else:
            place[quantile] = value


def read_ranges(answer: Sequence[Any], wanted: Collection[Key]) -> dict[Key, dict[int, float]]:
    """Return each model's numbers by time in whole seconds; what is no rate is left out: it is only of the past.

    Raises:
        QueryError: the answer holds something that is no series.
    """
    found: dict[Key, dict[int, float]] = {}
    for key_, _, series in _ours(answer, wanted):
        samples = series.get("values")
        for sample in samples if isinstance(samples, list) else ():
            value = _value(sample)
            if value is not None and math.isfinite(value) and value >= 0 and _is_time(sample[0]):
                found.setdefault(key_, {})[round(sample[0])] = value
    return found


def _ours(answer: Sequence[Any], wanted: Collection[Key]) -> Iterator[tuple[Key, Labels, Mapping[str, Any]]]:
    """Yield the series of the models that were asked about; others are not ours to read."""
    for series in answer:
        labels = series.get("metric") if isinstance(series, Mapping) else None
        if not isinstance(labels, Mapping):
            message = f"Prometheus answered with something that is no series: {_shown(series)}"
            raise QueryError(NoDataReason.MALFORMED, f"{message}; see that its address is right, and nothing before it")
        key_ = labels.get("namespace"), labels.get("trimtab_model")
        if isinstance(key_[0], str) and isinstance(key_[1], str) and key_ in wanted:
            yield (key_[0], key_[1]), labels, series


def _value(sample: object) -> float | None:
    """Return the number in a pair of a time and a text, None if it is none."""
    if not isinstance(sample, list) or len(sample) != len(("time", "value")) or not isinstance(sample[1], str):
        return None
    try:
        return float(sample[1])
    except ValueError:
        return None


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and 0 < value < LATEST_TIME


def _named(fact: str, pod: object) -> str:
    return f"the number of {fact}" + (f" of pod {pod}" if fact in OF_PODS else "")


def _shown(value: object) -> str:
    return ascii(value)[:LONGEST_WORDS]
