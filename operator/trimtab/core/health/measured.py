"""What was measured of a model: how fast it answers, whether that is fast enough, and how far it can be trusted."""

import math

from trimtab.api.conditions import ConditionType, Reason
from trimtab.api.model_status import ObservedLatency
from trimtab.core.findings import Finding
from trimtab.core.scaling.capacity import SHARES
from trimtab.core.scaling.decide import believed
from trimtab.core.scaling.observation import LatencyDistribution, NoData, Sample
from trimtab.core.scaling.proposal import MOST_AGE
from trimtab.core.snapshot import ModelSnapshot
from trimtab.core.untrusted import entry, text
from trimtab.units import Seconds, duration_text, seconds

MOST_UNEVEN = 1.5
"""The busiest replica's requests over the mean, from which on spreading them better would spare replicas."""
LEAST_REQUESTS = 100.0
"""Below, chance alone makes one of two replicas half as busy again."""
WELL_BELOW = 0.9
"""Of a limit that was passed: what stays about the limit would else turn the condition with every look."""
MAX_SOURCE = 64


def metrics_fresh(snapshot: ModelSnapshot) -> tuple[Finding, ...]:
    """Say whether demand is known now; nothing where nobody measures."""
    kind, observation = ConditionType.METRICS_FRESH, believed(snapshot.observation)
    if observation is None:
        return ()
    if isinstance(observation, NoData):
        message = f"{observation.message}. Until it is known again, no replica is given back"
        return (Finding(type=kind, status="False", reason=Reason(observation.reason), message=message),)
    if observation.age > MOST_AGE:
        message = f"what was measured last is {observation.age:.0f} s old, {MOST_AGE:.0f} s is too old; see Prometheus"
        return (Finding(type=kind, status="False", reason=Reason.STALE, message=message),)
    message = f"{observation.pods} of {observation.pods + observation.missing} replicas tell what they do"
    return (Finding(type=kind, status="True", reason=Reason.FRESH, message=message),)


def latency_of(snapshot: ModelSnapshot) -> ObservedLatency | None:
    """Return how fast the model answered, None while that is not known now."""
    sample, objective = _now(snapshot), snapshot.spec.objectives.latency
    told = None if sample is None else sample.latency
    observed = None if told is None else _at(told, SHARES[objective.percentile])
    within = None if told is None else told.within(seconds(objective.target))
    if told is None or observed is None or within is None:
        return None
    return ObservedLatency(
        percentile=objective.percentile,
        observed=duration_text(observed),
        target=objective.target,
        within_target_percent=percent(within),
        source=told.source[:MAX_SOURCE],
        resolution=duration_text(told.resolution),
    )


def objectives_met(snapshot: ModelSnapshot) -> tuple[Finding, ...]:
    """Say whether the model answered as fast as it promises; nothing where nobody measures.

    Once missed, it is met again when the latency is well below the target.
    """
    kind, objective = ConditionType.OBJECTIVES_MET, snapshot.spec.objectives.latency
    (fresh,) = metrics_fresh(snapshot) or (None,)
    if fresh is None:
        return ()
    sample = _now(snapshot)
    if sample is None:
        message = "how fast the model answers is not known: see MetricsFresh"
        return (Finding(type=kind, status="Unknown", reason=fresh.reason, message=message),)
    observed = None if sample.latency is None else _at(sample.latency, SHARES[objective.percentile])
    if sample.latency is None or observed is None:
        return (_unmeasured(sample, objective.percentile),)
    target = seconds(objective.target)
    said = (
        f"{objective.percentile} is {duration_text(observed)}, give or take {duration_text(sample.latency.resolution)}"
    )
    if _within(observed, target, kind, snapshot):
        message = f"{said}, of at most {objective.target}"
        return (Finding(type=kind, status="True", reason=Reason.MET, message=message),)
    if observed > target:
        message = f"{said}, above {objective.target}: see status.decision for what is done, and status.decision.hint"
    else:
        enough = duration_text(Seconds(target * WELL_BELOW))
        message = f"{said}, and was above {objective.target}: it counts as met again from {enough} down"
    return (Finding(type=kind, status="False", reason=Reason.MISSED, message=message),)


def traffic_balanced(snapshot: ModelSnapshot) -> tuple[Finding, ...]:
    """Say whether replicas share the requests; nothing where there are too few of either to tell."""
    kind, sample = ConditionType.TRAFFIC_BALANCED, _now(snapshot)
    if sample is None or sample.busiest is None or sample.pods < 2:  # noqa: PLR2004 - one shares with nobody
        return ()
    if not sample.completions * sample.window >= LEAST_REQUESTS or math.isnan(sample.busiest):
        return ()
    said = f"the busiest of {sample.pods} replicas has {sample.busiest:.1f} times the mean of requests"
    if _within(sample.busiest, MOST_UNEVEN, kind, snapshot):
        return (Finding(type=kind, status="True", reason=Reason.EVEN, message=said),)
    message = (
        f"{said}: a Service spreads connections, not requests, so open more of them, close them now and then, "
        "or put a gateway before it"
    )
    return (Finding(type=kind, status="False", reason=Reason.UNEVEN, message=message),)


def percent(share: float) -> str:
    """Return a share, 0 to 1, in percent, rounded down to a tenth; what is beyond counts as the end, no number as 0."""
    tenths = math.floor(min(1.0, max(0.0, share)) * 1_000 + 1e-6)  # 0.29 * 1000 is 290 less a little
    return f"{tenths / 10:.1f}"


def _now(snapshot: ModelSnapshot) -> Sample | None:
    """Return what is known of now."""
    observation = believed(snapshot.observation)
    return observation if isinstance(observation, Sample) and observation.age <= MOST_AGE else None


def _at(told: LatencyDistribution, share: float) -> Seconds | None:
    """Return the latency that a share of requests kept, None where it is not told, or is no time."""
    observed = told.at(share)
    sound = observed is not None and all(0.0 <= each < math.inf for each in (observed, told.resolution))
    return observed if sound else None


def _unmeasured(sample: Sample, percentile: str) -> Finding:
    kind = ConditionType.OBJECTIVES_MET
    if sample.completions > 0.0:
        message = f"the replicas do not tell {percentile}: see whether Triton runs with summaries of latency"
    elif sample.pending > 0.0:
        message = f"{sample.pending:.0f} requests wait, and none was answered in the last {sample.window:.0f} s"
    else:
        message = f"no request was answered in the last {sample.window:.0f} s"
        return Finding(type=kind, status="Unknown", reason=Reason.NO_TRAFFIC, message=message)
    return Finding(type=kind, status="Unknown", reason=Reason.NOT_MEASURED, message=message)


def _within(value: float, limit: float, kind: ConditionType, snapshot: ModelSnapshot) -> bool:
    """Tell whether a value keeps a limit: well, if the condition says that it did not."""
    before = text(entry(snapshot.written_status, "conditions", key="type", named=kind), "status")
    return value <= limit * (WELL_BELOW if before == "False" else 1.0)
