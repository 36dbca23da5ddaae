"""Generated traffic, in families that each ask something else of an autoscaler.

Real requests come in more clumps than chance alone would make. The index of dispersion (variance by mean of the counts
of 60 s; 1 is chance alone) of an hour each of three public traces of language models: code completion 167 (2.6
requests/s), conversation 16.4 (5.5/s), another provider's conversation 2.9 (3.4/s); around the mean of each ten
minutes, so that what a day does is not counted, 161, 7.2 and 1.8. The middle one is the default here. Over 1, 10 and
60 s the code trace has 13, 72 and 167: its clumps last half a minute or so, which is how long they last here.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from trimtab.simulate.setting import Setting
from trimtab.simulate.trace import Trace
from trimtab.units import RequestsPerSecond

DISPERSION = 7.0
CLUMP = 30.0  # seconds that a clump of requests lasts, in the mean
WINDOW = 60.0  # seconds over which dispersion is told
HOLD = 300.0  # seconds for which autoscalers hold what they have once needed: Kubernetes' default
Floats = NDArray[np.float64]

Family = Callable[[RequestsPerSecond, int, int, Setting], Trace]
"""Traffic of a mean rate, for so many seconds, by a seed; some families look at how long the setting's starts take."""


def modulated(rates: Floats, seed: int, dispersion: float = DISPERSION) -> Trace:
    """Return requests that come at these rates, with clumps that give the counts of 60 s that index of dispersion.

    A doubly stochastic Poisson process: each clump's rate is the given one times a gamma variable of mean 1.
    """
    random = np.random.default_rng(seed)
    return Trace(tuple(random.poisson(rates * _clumps(rates, random, dispersion)).astype(float).tolist()))


def _clumps(rates: Floats, random: np.random.Generator, dispersion: float) -> Floats:
    """Return by second what the rates are multiplied with."""
    mean = float(rates.mean()) if len(rates) else 0.0
    if dispersion <= 1.0 or mean <= 0.0:
        return np.ones(len(rates))
    share = CLUMP / WINDOW  # of a clump's variance, what is left in the mean over a window
    left = 2.0 * share * (1.0 - share * -math.expm1(-1.0 / share))
    variance = (dispersion - 1.0) / (mean * WINDOW * left)
    clump = np.cumsum(random.random(len(rates)) < 1.0 / CLUMP)
    return random.gamma(1.0 / variance, variance, len(rates) + 1)[clump]


def steady(rate: RequestsPerSecond, seconds: int, seed: int, _: Setting) -> Trace:
    """Return traffic whose rate stays."""
    return modulated(np.full(seconds, float(rate)), seed)


def diurnal(rate: RequestsPerSecond, seconds: int, seed: int, _: Setting) -> Trace:
    """Return two days, as long as there is time: by night a quarter of what there is by day."""
    turn = 2.0 * math.pi * np.arange(seconds) / max(1.0, seconds / 2.0)
    return modulated(rate * (1.0 - 0.6 * np.cos(turn)), seed)


def step(rate: RequestsPerSecond, seconds: int, seed: int, _: Setting) -> Trace:
    """Return traffic that jumps to another level, a third to three times the mean, every five minutes or so."""
    random = np.random.default_rng((seed, 1))
    level = np.cumsum(random.random(seconds) < 1.0 / HOLD)
    levels = np.exp(random.uniform(-math.log(3.0), math.log(3.0), seconds + 1))[level]
    return modulated(rate * levels / levels.mean() if seconds else levels, seed)


def burst(rate: RequestsPerSecond, seconds: int, seed: int, _: Setting) -> Trace:
    """Return calm traffic with a burst every five minutes or so: three to six times as much, for 20 to 60 s."""
    random = np.random.default_rng((seed, 2))
    levels = np.ones(seconds)
    at = random.exponential(HOLD)
    while at < seconds:
        lasts = random.uniform(20.0, 60.0)
        levels[int(at) : int(at + lasts)] = random.uniform(3.0, 6.0)
        at += lasts + random.exponential(HOLD)
    return modulated(rate * levels / levels.mean() if seconds else levels, seed)


def sparse(rate: RequestsPerSecond, seconds: int, seed: int, _: Setting) -> Trace:
    """Return visits of two minutes or so with a quarter of an hour or so between them, in which nobody comes.

    The rate holds within a visit; the first one begins in the first minutes.
    """
    random = np.random.default_rng((seed, 3))
    rates = np.zeros(seconds)
    at = random.uniform(0.0, 120.0)
    while at < seconds:
        lasts = random.exponential(120.0)
        rates[int(at) : int(at + lasts) + 1] = rate
        at += lasts + random.lognormal(math.log(900.0) - 0.5, 1.0)
    return Trace(tuple(random.poisson(rates).astype(float).tolist()))


def square(rate: RequestsPerSecond, seconds: int, seed: int, setting: Setting) -> Trace:
    """Return a square wave that is high for one cold start and low for one: what was ordered comes when it is over."""
    return _wave(rate, seconds, seed, (setting.cold_start.mean, setting.cold_start.mean))


def square_hold(rate: RequestsPerSecond, seconds: int, seed: int, setting: Setting) -> Trace:
    """Return a square wave that comes back just when what was held for it was let go."""
    return _wave(rate, seconds, seed, (HOLD / 2.0, HOLD + setting.cold_start.mean / 2.0))


def _wave(rate: RequestsPerSecond, seconds: int, seed: int, high_low: tuple[float, float]) -> Trace:
    high, low = high_low
    levels = np.where(np.arange(seconds) % (high + low) < high, 4.0, 1.0)
    return modulated(rate * levels / levels.mean() if seconds else levels, seed)


def correlated(
    rates: tuple[RequestsPerSecond, ...], seconds: int, seed: int, together: float = 0.7
) -> tuple[Trace, ...]:
    """Return traffic of several models, whose levels have that correlation, -1 to 1.

    Each level wanders within a third to three times its mean, in minutes. Negative: every other model falls as the
    others rise.
    """
    random = np.random.default_rng((seed, 4))
    shared = _wander(seconds, random)
    traces = []
    for place, rate in enumerate(rates):
        sign = math.copysign(1.0, together) if place % 2 else 1.0
        share = math.sqrt(abs(together))
        log = sign * share * shared + math.sqrt(1.0 - share * share) * _wander(seconds, random)
        levels = np.exp(np.clip(0.5 * log, -math.log(3.0), math.log(3.0)))
        traces.append(modulated(rate * levels / levels.mean() if seconds else levels, seed * len(rates) + place))
    return tuple(traces)


def _wander(seconds: int, random: np.random.Generator) -> Floats:
    """Return a standard normal process that forgets itself within five minutes."""
    steps = np.arange(0.0, seconds + HOLD / 10.0, HOLD / 10.0)
    keeps = math.exp(-0.1)
    value, values = random.standard_normal(), []
    for _ in steps:
        values.append(value)
        value = keeps * value + math.sqrt(1.0 - keeps * keeps) * random.standard_normal()
    return np.interp(np.arange(seconds), steps, values)


FAMILIES: dict[str, Family] = {
    "steady": steady,
    "diurnal": diurnal,
    "step": step,
    "burst": burst,
    "sparse": sparse,
    "square": square,
    "square-hold": square_hold,
}
"""Those of one model, by name; `correlated` has several."""
