"""A distribution of latency, asked for a share's time and for a time's share."""

import pytest

from trimtab.core.scaling.observation import LatencyDistribution, LatencyPoint, ModelRef
from trimtab.units import Seconds


def distribution(*points: tuple[float, float]) -> LatencyDistribution:
    """Return a distribution through points of share and seconds."""
    told = tuple(LatencyPoint(quantile=quantile, latency=Seconds(latency)) for quantile, latency in points)
    return LatencyDistribution(points=told, requests=1.0, source="PodSummaries", resolution=Seconds(0.0))


TWO = distribution((0.5, 0.1), (0.9, 0.3))


@pytest.mark.parametrize(("quantile", "latency"), [(0.5, 0.1), (0.7, 0.2), (0.9, 0.3), (0.4, None), (0.95, None)])
def test_a_share_takes_so_long(quantile: float, latency: float | None) -> None:
    """Between points it is interpolated, outside of them unknown."""
    found = TWO.at(quantile)

    assert found == (None if latency is None else pytest.approx(latency))


def test_one_point_is_known_where_it_is() -> None:
    """A single point has nothing beside it, and two at one place are the first."""
    assert distribution((0.5, 0.1)).at(0.5) == 0.1
    assert distribution((0.5, 0.1)).at(0.6) is None
    assert distribution().at(0.5) is None
    assert distribution((0.5, 0.1), (0.5, 0.2)).at(0.5) == 0.1


@pytest.mark.parametrize(
    ("target", "share"), [(0.05, 0.29289), (0.1, 0.5), (0.2, 0.7), (0.3, 0.9), (9.0, 0.9), (0.0, 0.0)]
)
def test_so_many_take_at_most_so_long(target: float, share: float) -> None:
    """Between points it is interpolated; beyond the last, its share is all that is known."""
    assert TWO.within(Seconds(target)) == pytest.approx(share, rel=1e-4)


def test_what_takes_longer_falls_as_a_queue_does() -> None:
    """Half way from one in ten to one in a hundred, one in 32 is late; towards none, which is no such tail, half."""
    assert distribution((0.9, 0.1), (0.99, 0.2)).within(Seconds(0.15)) == pytest.approx(1.0 - 0.1**1.5)
    assert distribution((0.5, 0.1), (1.0, 0.15)).within(Seconds(0.125)) == pytest.approx(0.75)


@pytest.mark.parametrize(("target", "share"), [(0.1, 0.5), (0.11, 0.7), (0.2, 0.7), (3.9, 0.7), (4.0, 0.9)])
def test_in_a_gap_the_share_is_half_of_what_is_enclosed(target: float, share: float) -> None:
    """Some were served at once, the others after seconds: a target between tells nothing of how many each were."""
    gap = distribution((0.5, 0.1), (0.9, 4.0))

    assert gap.within(Seconds(target)) == pytest.approx(share)


def test_the_share_of_nothing_is_unknown() -> None:
    """Without a point there is no share; at a place where it jumps, the lower one counts for less time."""
    assert distribution().within(Seconds(1.0)) is None
    assert distribution((0.5, 0.0), (0.9, 0.0)).within(Seconds(0.0)) == 0.9


def test_a_model_is_called_by_namespace_and_label() -> None:
    """As in messages."""
    assert str(ModelRef("bank", "fraud", 2)) == "bank/fraud"
