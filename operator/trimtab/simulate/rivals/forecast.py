"""The forecasts of Dynamo's planner: what comes in the next interval, of what came in those before.

From ai-dynamo/dynamo, components/src/dynamo/planner/core/load/predictors.py at 260b6ae. `arima` (its default) fits by
pmdarima's search over orders; what stands here for it is a first-order autoregression around a mean, refitted each
time, which is what that search mostly comes to on requests per interval. `prophet` has no stand-in.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

LEAST_POINTS = 5
Q_LEVEL, Q_TREND, R = 1.0, 0.1, 10.0
UNSURE = 1_000.0

Forecast = Callable[[Sequence[float]], float]
"""Of the requests in each interval so far, idle ones before the first request left out: how many come next."""


def constant(seen: Sequence[float]) -> float:
    """Return the last number; 0 of none."""
    return seen[-1] if seen else 0.0


def autoregression(seen: Sequence[float]) -> float:
    """Return mean + phi * (last - mean), phi by least squares within -1 to 1; the last number of fewer than 5.

    A series that never moved stays where it is.
    """
    if len(seen) < LEAST_POINTS:
        return constant(seen)
    mean = sum(seen) / len(seen)
    moved = [number - mean for number in seen]
    spread = sum(each * each for each in moved[:-1])
    if not spread:
        return seen[-1]
    phi = sum(before * after for before, after in pairwise(moved)) / spread
    return max(0.0, mean + min(1.0, max(-1.0, phi)) * moved[-1])


def kalman(seen: Sequence[float]) -> float:
    """Return the level one step ahead of a local linear trend, with q_level 1, q_trend 0.1 and r 10; 0 of nothing.

    It may fall below 0, as theirs may.
    """
    if not seen:
        return 0.0
    level, trend = seen[0], 0.0
    p_level, p_cross, p_trend = UNSURE, 0.0, UNSURE
    for number in seen[1:]:
        level += trend
        p_level, p_cross, p_trend = p_level + 2.0 * p_cross + p_trend + Q_LEVEL, p_cross + p_trend, p_trend + Q_TREND
        surprise, gain = number - level, p_level / (p_level + R)
        gain_trend = p_cross / (p_level + R)
        level, trend = level + gain * surprise, trend + gain_trend * surprise
        p_trend -= gain_trend * p_cross
        p_level, p_cross = p_level * (1.0 - gain), p_cross * (1.0 - gain)
    return level + trend
