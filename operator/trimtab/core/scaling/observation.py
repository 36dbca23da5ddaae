"""What was measured of one model: rates, times and a distribution of latency, each with its age; or why nothing was."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from trimtab.units import RequestsPerSecond, Seconds

EXACT = Seconds(0.0)
FAR = 2.0
"""Times the latency of the point below: what lies between is a gap rather than a slope, as between requests that were
served at once and those that had to wait."""


@dataclass(frozen=True, order=True)
class ModelRef:
    """Whom to measure: `label` is the value of `trimtab.io/model` on the pods of a namespace.

    `pods` is how many of them should answer: Ready, and older than two scrapes.
    """

    namespace: str
    label: str
    pods: int

    def __str__(self) -> str:
        return f"{self.namespace}/{self.label}"


class NoDataReason(StrEnum):
    """Why nothing is known. None of these means zero."""

    NO_SOURCE = "NoSource"
    SOURCE_UNKNOWN = "SourceUnknown"
    UNREACHABLE = "Unreachable"
    MALFORMED = "Malformed"
    EMPTY = "Empty"
    STALE = "Stale"
    PARTIAL = "Partial"


@dataclass(frozen=True)
class NoData:
    """Nothing is known of a model; `message` says what was asked, what came, and what to look at."""

    reason: NoDataReason
    message: str


@dataclass(frozen=True, kw_only=True)
class LatencyPoint:
    """A share of requests (`quantile`, 0 to 1) took at most so long, give or take `error`."""

    quantile: float
    latency: Seconds
    error: Seconds = EXACT


@dataclass(frozen=True, kw_only=True)
class LatencyDistribution:
    """How long requests took, over all pods, by completions.

    `points` rise in both values. `source` is `PodSummaries` (each pod's quantiles, weighted by its completions) or
    `GatewayHistogram`; `resolution` is how far the worst point may be from what the source would say of all requests
    together. How well the source itself measures comes on top: Triton's summaries keep `SUMMARY_QUANTILES`.
    """

    points: tuple[LatencyPoint, ...]
    requests: float
    source: str
    resolution: Seconds

    def at(self, quantile: float) -> Seconds | None:
        """Return the latency that a share of requests kept, interpolated; None outside the known points."""
        for below, above in zip(self.points, self.points[1:], strict=False):
            if below.quantile <= quantile <= above.quantile:
                span = above.quantile - below.quantile
                share = (quantile - below.quantile) / span if span else 0.0
                return Seconds(below.latency + share * (above.latency - below.latency))
        return self.points[0].latency if self.points and self.points[0].quantile == quantile else None

    def within(self, target: Seconds) -> float | None:
        """Return the share of requests that took at most `target`, interpolated between the points; None if unknown.

        Between two points the share of what took longer falls exponentially, as the tail of a queue does. In a gap,
        which may be anywhere between its points, it is half of what they enclose: to interpolate there would tell 1 to
        5 % too little. Beyond the last point at least its share did, and no more is known.
        """
        if not self.points:
            return None
        before = LatencyPoint(quantile=0.0, latency=Seconds(0.0))
        for point in self.points:
            if point.latency > target:
                share = (target - before.latency) / (point.latency - before.latency)
                if 0.0 < FAR * before.latency < point.latency and share > 0.0:
                    return (before.quantile + point.quantile) / 2.0
                if point.quantile >= 1.0:
                    return before.quantile + share * (point.quantile - before.quantile)
                late: float = (1.0 - before.quantile) ** (1.0 - share) * (1.0 - point.quantile) ** share
                return 1.0 - late
            before = point
        return before.quantile


@dataclass(frozen=True, kw_only=True, slots=True)
class RatePoint:
    """Demand at one time of the past."""

    ago: Seconds
    rate: RequestsPerSecond


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What was measured over the last `window`; `age` is that of its oldest part.

    `pods` answered, and `missing` more should have: their share is in none of the numbers. `arrivals` is demand:
    completions, failures and the growth of what is pending, since completions alone stop growing when all replicas are
    busy. `batch_size` is a mean over executions, `batch_time` one over requests, of how long the batch took that each
    was in; `queue_time` is a mean over requests; all are None where nothing was executed. `busiest` is the largest
    pod's requests over the mean of all: 1.0 is even. `history` is the demand of the past, oldest first; times at which
    nothing is known are absent.
    """

    age: Seconds
    window: Seconds
    pods: int
    missing: int = 0
    arrivals: RequestsPerSecond
    completions: RequestsPerSecond
    failures: RequestsPerSecond
    pending: float
    batch_size: float | None = None
    batch_time: Seconds | None = None
    queue_time: Seconds | None = None
    latency: LatencyDistribution | None = None
    busiest: float | None = None
    history: Sequence[RatePoint] = ()


Observation = Sample | NoData
