"""From numbers to what is known of a model: a sample, or why there is none. Plain functions of plain values."""

import math
from collections.abc import Collection, Mapping, Sequence

from trimtab.adapters.prometheus import promql
from trimtab.adapters.prometheus.answers import Numbers
from trimtab.adapters.prometheus.latency import PodLatency, mix
from trimtab.adapters.prometheus.promql import COMPLETIONS, EXECUTIONS, INFERENCES, SCRAPE_SECONDS, WINDOW_SECONDS
from trimtab.core.scaling.observation import (
    LatencyDistribution,
    ModelRef,
    NoData,
    NoDataReason,
    Observation,
    RatePoint,
    Sample,
)
from trimtab.render.monitor import JOB
from trimtab.units import RequestsPerSecond, Seconds

OLDEST_SECONDS = 3 * SCRAPE_SECONDS
"""Two scrapes in a row may be late or lost; after the third nobody knows."""
ODD_REQUESTS = 20.0
"""So many may be counted as completed and not yet as inferred: a scrape reads one counter after the other."""
ODD_SHARE = 1.5  # ... and `increase` extrapolates each counter by itself

MICRO = 1e-6


def judge(model: ModelRef, numbers: Numbers, history: Sequence[RatePoint]) -> Observation:
    """Return what is known of a model; half of the pods that should answer have to, freshly."""
    problem = numbers.problem or _impossible(numbers)
    if problem:
        hint = "see what its pods and Prometheus say"
        return NoData(NoDataReason.MALFORMED, f"{model}: {problem}, so none of it counts; {hint}")
    ages = {pod: facts[promql.AGE] for pod, facts in numbers.pods.items() if promql.AGE in facts}
    telling = {pod for pod, age in ages.items() if age <= OLDEST_SECONDS and COMPLETIONS in numbers.pods[pod]}
    if len(telling) < max(1, math.ceil(model.pods / 2)):
        return _too_few(model, numbers, ages, telling)
    return _sample(model, numbers, {pod: ages[pod] for pod in telling}, history)


def _impossible(numbers: Numbers) -> str | None:
    """Return what no server can have done, whatever its load: answered what it has not inferred."""
    if numbers.model.get(promql.IMPOSSIBLE):
        return "a counter is below zero"
    for pod, facts in sorted(numbers.pods.items()):
        completions, inferences = facts.get(COMPLETIONS, 0.0), facts.get(INFERENCES)
        if inferences is not None and completions > ODD_SHARE * inferences + ODD_REQUESTS:
            return (
                f"pod {pod} completed {completions:.0f} requests in {WINDOW_SECONDS} s by {inferences:.0f} inferences"
            )
        executions = facts.get(EXECUTIONS)
        if executions == 0 and completions > ODD_REQUESTS:
            return f"pod {pod} completed {completions:.0f} requests in {WINDOW_SECONDS} s without an execution"
    return None


def _too_few(model: ModelRef, numbers: Numbers, ages: dict[str, float], telling: Collection[str]) -> NoData:
    fresh = [age for age in ages.values() if age <= OLDEST_SECONDS]
    targets = round(numbers.model.get(promql.TARGETS, 0))
    if not targets and not numbers.pods:
        hint = "see that Prometheus has the scrape job of config/prometheus, and may discover the namespace's pods"
        said = f"there is no series of job {JOB} for {model}"
        return NoData(NoDataReason.EMPTY, f"{said}, where {model.pods} pods should answer; {hint}")
    if len(ages) > len(fresh) and 2 * len(ages) >= model.pods:
        said = f"the last scrape of {model} is {max(ages.values()):.0f} s old, {OLDEST_SECONDS} s is too old"
        return NoData(NoDataReason.STALE, f"{said}; see whether Prometheus keeps up")
    if fresh and not any(COMPLETIONS in facts for facts in numbers.pods.values()):
        hint = "give a pod two scrapes, then see whether its /metrics has the model"
        said = f"{len(fresh)} pods of {model} answer, and tell no nv_inference_request_success"
        return NoData(NoDataReason.EMPTY, f"{said}; {hint}")
    if not model.pods:
        return NoData(NoDataReason.EMPTY, f"no pod of {model} is old enough to have been measured; wait for one")
    said = f"{len(telling)} of {model.pods} pods of {model} answer Prometheus, which has {targets} targets for it"
    return NoData(NoDataReason.PARTIAL, f"{said}; see why the others do not: its page of targets says")


def _sample(model: ModelRef, numbers: Numbers, telling: Mapping[str, float], history: Sequence[RatePoint]) -> Sample:
    """Add it all up. A pod that has gone since is in the sums: it did serve."""
    completions, inferences, executions = (
        sum(facts.get(fact, 0.0) for facts in numbers.pods.values()) for fact in (COMPLETIONS, INFERENCES, EXECUTIONS)
    )
    of_all = numbers.model
    failures = of_all.get(promql.FAILURES, 0.0)
    computing = sum(of_all.get(fact, 0.0) for fact in (promql.INPUT, promql.INFER, promql.OUTPUT))
    window = _window(of_all, telling.values())
    arrived = max(completions + failures + of_all.get(promql.GROWTH, 0.0), 0.0)
    demand = arrived / window
    if promql.BEFORE in of_all:  # else `rate` would divide by more time than was seen
        demand = of_all.get(promql.DEMAND, demand)
    return Sample(
        age=Seconds(max(telling.values())),
        window=window,
        pods=len(telling),
        missing=max(model.pods - len(telling), 0),
        arrivals=RequestsPerSecond(demand),
        completions=RequestsPerSecond(completions / window),
        failures=RequestsPerSecond(failures / window),
        pending=of_all.get(promql.PENDING, 0.0),
        batch_size=inferences / executions if inferences and executions else None,
        batch_time=Seconds(computing * MICRO / completions) if completions and executions else None,
        queue_time=Seconds(of_all.get(promql.QUEUE, 0.0) * MICRO / completions) if completions else None,
        latency=_latency(numbers),
        busiest=_busiest(numbers, telling),
        history=history,
    )


def _window(of_all: Mapping[str, float], ages: Collection[float]) -> Seconds:
    """Return how much of the window was seen: less where Prometheus, or the model, is younger than that.

    Else demand would appear to rise from nothing after each restart of Prometheus. `increase` reaches from half an
    interval before the first of the samples to now.
    """
    samples = of_all.get(promql.SAMPLES)
    if promql.BEFORE in of_all or samples is None:
        return Seconds(WINDOW_SECONDS)
    age = min(sum(ages) / len(ages), SCRAPE_SECONDS)
    return Seconds(min((samples - 0.5) * SCRAPE_SECONDS + age, WINDOW_SECONDS))


def _latency(numbers: Numbers) -> LatencyDistribution | None:
    return mix(
        [
            PodLatency(
                completions=numbers.pods.get(pod, {}).get(COMPLETIONS, 0.0),
                quantiles=tuple(
                    (q, Seconds(value * MICRO)) for q, value in sorted(told.items()) if not math.isnan(value)
                ),
            )
            for pod, told in sorted(numbers.latency.items())
        ]
    )


def _busiest(numbers: Numbers, telling: Collection[str]) -> float | None:
    done = [numbers.pods[pod][COMPLETIONS] for pod in telling]
    return max(done) * len(done) / sum(done) if sum(done) else None
