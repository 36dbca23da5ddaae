"""Pods' quantiles as one distribution: its points, and a bound of their error that holds."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from trimtab.adapters.prometheus.latency import PodLatency, mix
from trimtab.core.scaling.observation import LatencyDistribution
from trimtab.units import Seconds

SHARES = (0.5, 0.75, 0.9, 0.95, 0.99, 0.999)


def quantile(latencies: list[float], share: float) -> float:
    """Return the smallest latency that such a share of all kept."""
    ordered = sorted(latencies)
    return ordered[max(math.ceil(share * len(ordered) - 1e-9), 1) - 1]


def pod(latencies: list[float], shares: tuple[float, ...] = SHARES) -> PodLatency:
    """Return what a pod with such requests says of itself."""
    told = tuple((share, Seconds(quantile(latencies, share))) for share in shares)
    return PodLatency(completions=len(latencies), quantiles=told)


def mixed(*pods: PodLatency) -> LatencyDistribution:
    """Return the distribution that there has to be."""
    found = mix(pods)
    assert found is not None
    return found


REQUESTS = st.lists(st.integers(0, 10**8).map(lambda us: us / 1e6), min_size=1, max_size=60)
"""Latencies in seconds, of whole microseconds as Triton tells them."""


@settings(deadline=None)
@given(pods=st.lists(REQUESTS, min_size=1, max_size=4))
def test_the_truth_lies_within_the_error_of_each_point(pods: list[list[float]]) -> None:
    """However the requests of each pod are spread between what it tells, the true quantile of all is in the bound."""
    found = mixed(*map(pod, pods))

    everything = [latency for each in pods for latency in each]
    assert found.requests == len(everything)
    for point in found.points:
        assert abs(quantile(everything, point.quantile) - point.latency) <= point.error + 1e-6
    assert found.resolution == max(point.error for point in found.points)


@settings(deadline=None)
@given(pods=st.lists(REQUESTS, min_size=1, max_size=5))
def test_points_rise(pods: list[list[float]]) -> None:
    """A larger share never takes less time."""
    points = mixed(*map(pod, pods)).points

    assert all(a.quantile < b.quantile and a.latency <= b.latency for a, b in pairwise(points))


@settings(deadline=None)
@given(requests=REQUESTS, copies=st.integers(1, 5))
def test_pods_that_are_alike_are_as_one_and_exact(requests: list[float], copies: int) -> None:
    """Where all pods say the same, that is what is true of all."""
    found = mixed(*[pod(requests)] * copies)

    assert [point.latency for point in found.points] == pytest.approx([quantile(requests, share) for share in SHARES])
    assert found.resolution == pytest.approx(0.0, abs=1e-6)


def test_pods_count_by_their_completions() -> None:
    """One request on a slow pod does not make the median slow, a thousand do."""
    fast, slow = tuple((q, Seconds(0.01)) for q in SHARES), tuple((q, Seconds(1.0)) for q in SHARES)
    few = mixed(PodLatency(completions=999, quantiles=fast), PodLatency(completions=1, quantiles=slow))
    many = mixed(PodLatency(completions=1, quantiles=fast), PodLatency(completions=999, quantiles=slow))

    assert few.at(0.9) == pytest.approx(0.01)
    assert many.at(0.9) == pytest.approx(1.0)


def test_pods_that_say_nothing_or_did_nothing_do_not_count() -> None:
    """A pod without requests has no latency; of all such pods there is no distribution."""
    idle = PodLatency(completions=0, quantiles=((0.5, Seconds(9.0)),))
    silent = PodLatency(completions=50, quantiles=())

    found = mixed(idle, silent, pod([1.0, 2.0]))

    assert mix([idle, silent]) is None
    assert mix([]) is None
    assert found.requests == 2
    assert found.at(0.5) == pytest.approx(1.0)


def test_estimates_that_cross_are_put_in_order() -> None:
    """Each quantile of a summary is an estimate of its own; p95 may come out below p90 by a little."""
    crossed = PodLatency(completions=10, quantiles=((0.9, Seconds(0.20)), (0.95, Seconds(0.19)), (0.5, Seconds(0.1))))

    assert [point.latency for point in mixed(crossed).points] == pytest.approx([0.1, 0.2, 0.2])


def test_what_no_pod_knows_is_not_told() -> None:
    """The tail of all is unknown where a pod with much of the load says nothing about its own."""
    coarse = pod([1.0] * 100, shares=(0.5, 0.9))

    found = mixed(coarse, pod([1.0] * 100))

    assert [point.quantile for point in found.points] == [0.5, 0.75, 0.9]
    assert mix([PodLatency(completions=1, quantiles=((0.5, Seconds(1.0)),))]) is not None
