"""What an autoscaler sees: sums over windows, as late as their source, and nothing of the future."""

import math

import pytest

from trimtab.simulate.view import Signal, View


def seen(*arrivals: float) -> View:
    """Return a view of seconds in which so many requests came, with two ready replicas."""
    view = View(1, 10)
    for many in arrivals:
        view.record([many, 0, 0, 0, 0, 0, 2, 0, 0, 0])
    return view


def test_a_window_ends_as_long_ago_as_the_source_is_late() -> None:
    """total(window, lag) is the sum over [now - lag - window, now - lag)."""
    view = seen(1, 2, 4, 8)

    assert view.total(Signal.ARRIVALS, 2) == 12
    assert view.total(Signal.ARRIVALS, 2, lag=1) == 6
    assert view.total(Signal.ARRIVALS, 10, lag=3) == 1
    assert view.total(Signal.ARRIVALS, 10, lag=9) == 0


def test_a_mean_is_over_what_there_is_of_its_window() -> None:
    """At the start a window is shorter; without any second the mean is 0."""
    assert seen(1, 2, 6).mean(Signal.ARRIVALS, 60) == 3
    assert seen(1, 2, 6).mean(Signal.ARRIVALS, 60, lag=1) == 1.5
    assert seen().mean(Signal.ARRIVALS, 60) == 0


def test_per_replica_divides_by_ready_replicas_and_seconds() -> None:
    """Twelve requests in two seconds on two replicas are three a second and replica."""
    assert seen(4, 8).per_replica(Signal.ARRIVALS, 2) == 3


@pytest.mark.parametrize(("quantile", "latency"), [(0.0, 1.0), (0.25, 1.0), (0.5, 2.0), (0.51, 3.0), (1.0, 4.0)])
def test_a_quantile_is_the_least_latency_that_such_a_share_kept(quantile: float, latency: float) -> None:
    """The q-quantile of a window is the smallest latency that at least a share q of its completions did not exceed."""
    view = View(1, 10)
    view.record([0.0] * 10, [4.0, 1.0])
    view.record([0.0] * 10, [3.0, 2.0])

    assert view.latency_quantile(quantile, 2) == latency


def test_a_quantile_counts_weights_and_keeps_to_its_window() -> None:
    """A latency with weight 9 is nine; what lies outside the window is not counted; nothing is NaN."""
    view = View(1, 10)
    view.record([0.0] * 10, [100.0])
    view.record([0.0] * 10, [1.0, 2.0], [9.0, 1.0])

    assert view.latency_quantile(0.9, 1) == 1.0
    assert view.latency_quantile(0.95, 1) == 2.0
    assert view.latency_quantile(0.95, 1, lag=1) == 100.0
    assert math.isnan(view.latency_quantile(0.5, 1, lag=2))
