"""Generated traffic: it has the rate, the dispersion and the shape that its name says."""

import numpy as np
import pytest

from trimtab.simulate.families import DISPERSION, FAMILIES, correlated, modulated, sparse, square
from trimtab.simulate.setting import ColdStart, Service, Setting
from trimtab.simulate.trace import dispersion
from trimtab.units import RequestsPerSecond, Seconds

SETTING = Setting(
    service=Service(base=Seconds(0.2)), target=Seconds(1.0), cold_start=ColdStart(mean=Seconds(60.0), variation=0.0)
)
RATE = RequestsPerSecond(15.0)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_a_seed_is_a_traffic(name: str) -> None:
    """The same seed gives the same traffic, another one another; it lasts as long as was said."""
    family = FAMILIES[name]

    assert family(RATE, 1_800, 1, SETTING) == family(RATE, 1_800, 1, SETTING)
    assert family(RATE, 1_800, 1, SETTING) != family(RATE, 1_800, 2, SETTING)
    assert len(family(RATE, 1_800, 1, SETTING).counts) == 1_800
    assert family(RATE, 0, 1, SETTING).counts == ()


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - {"sparse"}))
def test_the_mean_rate_is_what_was_asked_for(name: str) -> None:
    """Over eight hours, within 3 %: the clumps alone move the mean by 1 % or so."""
    mean = np.mean([FAMILIES[name](RATE, 3_600, seed, SETTING).mean for seed in range(8)])

    assert abs(mean / RATE - 1.0) < 0.03


@pytest.mark.parametrize("wanted", [1.0, DISPERSION, 160.0])
def test_the_dispersion_is_what_was_asked_for(wanted: float) -> None:
    """Over 60 s, in the mean of ten times five hours, within 15 %: from chance alone to the most bursty trace."""
    got = np.mean([dispersion(modulated(np.full(18_000, 15.0), seed, wanted).counts) for seed in range(10)])

    assert abs(got / wanted - 1.0) < 0.15


def test_the_square_wave_is_high_for_one_cold_start_and_low_for_one() -> None:
    """Four times as much, by turns of 60 s where replicas take 60 s to start."""
    turns = np.array(square(RequestsPerSecond(100.0), 1_200, 1, SETTING).counts).reshape(20, 60).mean(axis=1)

    assert turns[::2].mean() / turns[1::2].mean() == pytest.approx(4.0, rel=0.15)
    assert turns[::2].min() > turns[1::2].max()


def test_sparse_traffic_leaves_long_times_empty() -> None:
    """Within six hours there are times of ten minutes and more in which nobody comes, and times with the full rate."""
    counts = np.array(sparse(RATE, 6 * 3_600, 1, SETTING).counts)
    busy = np.flatnonzero(counts)

    assert np.diff(busy).max() > 600
    assert counts[busy].mean() == pytest.approx(RATE, rel=0.05)


@pytest.mark.parametrize(("together", "low", "high"), [(0.9, 0.6, 1.0), (0.0, -0.25, 0.25), (-0.9, -1.0, -0.6)])
def test_several_models_go_up_and_down_together_as_was_said(together: float, low: float, high: float) -> None:
    """Of two models, the counts of five minutes over two days have the correlation's sign and size."""
    one, other = correlated((RATE, RATE), 48 * 3_600, 1, together)
    minutes = [np.array(trace.counts).reshape(-1, 300).sum(axis=1) for trace in (one, other)]

    assert low < np.corrcoef(*minutes)[0, 1] < high
