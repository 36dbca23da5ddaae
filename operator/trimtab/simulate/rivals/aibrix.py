"""AIBrix: its own pod autoscaler (APA), and its copy of Knative's with a linear forecast.

From vllm-project/aibrix, pkg/controller/podautoscaler/{autoscaler,algorithm/apa,algorithm/kpa,context/context,
prediction/predictor}.go at 015a2e5: a look every 10 s at the pods' own metrics; 10 % tolerance; at most twice or half
in one look; a cooldown of 300 s on the way down, 0 s up, in which the highest recommendation holds. APA reads a mean
over 60 s; the copy of KPA a stable window of 180 s and a panic window of 60 s. Pods that start damp the step (the guard
against cascades): on the way up they count as idle, on the way down as at the target.
"""

import math
from collections.abc import Sequence

from trimtab.simulate.rivals.hpa import unready
from trimtab.simulate.rivals.knative import PANIC_THRESHOLD, Wanted
from trimtab.simulate.rivals.rival import Recent, Rival, every, rounded_up
from trimtab.simulate.setting import Setting
from trimtab.simulate.view import Autoscaler, Signal, View

RESYNC = 10
LAG = 1  # the controller asks the pods itself
TOLERANCE = 0.1
RATE = 2.0
COOLDOWN = 300
APA_WINDOW = 60
STABLE_WINDOW, PANIC_WINDOW = 180, 60
HORIZON = 120
LEAST_POINTS, LEAST_COVERAGE, MOST_GROWTH = 3, 0.5, 4.0
SOURCE = "vllm-project/aibrix pkg/controller/podautoscaler at 015a2e5"


def desired(usage: float, target: float, *, replicas: int) -> int:
    """Return what APA wants: in proportion to the usage per pod, beyond a tolerance, at most twice or half."""
    ratio = usage / target
    proportional = rounded_up(replicas * ratio)
    if ratio > 1.0 + TOLERANCE:
        return min(proportional, rounded_up(RATE * replicas))
    if ratio < 1.0 - TOLERANCE:
        return max(proportional, math.floor(replicas / RATE))
    return replicas


def guarded(wanted: int, usage: float, target: float, *, ready: int, replicas: int) -> int:
    """Return what is left of APA's wish while pods start; `replicas` are all of them."""
    starting = replicas - ready
    if starting <= 0 or wanted == replicas:
        return wanted
    if wanted > replicas:
        return min(wanted, max(replicas, rounded_up(usage * ready / target)))
    return max(wanted, min(replicas, rounded_up((usage * ready + target * starting) / target)))


def guarded_copy(wanted: int, total: float, target: float, *, ready: int, replicas: int) -> int:
    """Return what is left of the wish of the copy of KPA; its metric is the total over pods."""
    starting = replicas - ready
    if starting <= 0 or wanted == replicas:
        return wanted
    if wanted > replicas:
        return min(wanted, max(replicas, rounded_up(total * ready / replicas / target)))
    return max(wanted, min(replicas, rounded_up((total * ready + target * starting) / target)))


def desired_copy(stable: float, panic: float, target: float, *, replicas: int) -> Wanted:
    """Return what the copy of KPA wants of its windows: at most twice up (Knative: 1000 times), half down."""
    most, least = max(1, rounded_up(RATE * replicas)), math.floor(replicas / RATE)
    by_stable, by_panic = rounded_up(stable / target), rounded_up(panic / target)
    return Wanted(
        stable=min(max(by_stable, least), most),
        panic=min(max(by_panic, least), most),
        alarming=by_panic / max(1, replicas) >= PANIC_THRESHOLD,
    )


def projected(samples: Sequence[tuple[float, float]], *, window: float, horizon: float) -> float | None:
    """Return the value `horizon` seconds ahead: the mean plus a least squares slope, at most four times the mean.

    None of fewer than 3 samples (moment, value), or of less than half a window.
    """
    if len(samples) < LEAST_POINTS or samples[-1][0] - samples[0][0] < LEAST_COVERAGE * window:
        return None
    middle = sum(at for at, _ in samples) / len(samples)
    mean = sum(value for _, value in samples) / len(samples)
    slope = sum((at - middle) * (value - mean) for at, value in samples) / sum((at - middle) ** 2 for at, _ in samples)
    ahead = max(0.0, mean + slope * horizon)
    return min(ahead, MOST_GROWTH * mean) if mean > 0.0 else ahead


def apa(share: float, setting: Setting) -> Autoscaler:
    """Return APA on the requests inside a pod; `share` is the target's part of its slots."""
    target, recent = share * setting.service.slots, Recent(COOLDOWN)

    def decide(view: View) -> int | None:
        if view.now <= LAG or not view.asked:
            return None
        usage = view.per_replica(Signal.INSIDE, APA_WINDOW, LAG)
        wanted = desired(usage, target, replicas=view.asked)
        wanted = guarded(wanted, usage, target, ready=view.asked - unready(view), replicas=view.asked)
        return cooled(view, max(1, wanted), recent)

    return every(RESYNC, decide)


def copy_of_kpa(share: float, setting: Setting) -> Autoscaler:
    """Return the copy of KPA, with the linear predictor: a forecast may raise what the windows want, never lower it."""
    target, recent = share * setting.service.slots, Recent(COOLDOWN)
    samples: list[tuple[float, float]] = []

    def decide(view: View) -> int | None:
        if view.now <= LAG or not view.asked:
            return None
        samples.append((float(view.now), view.mean(Signal.INSIDE, RESYNC, LAG)))
        del samples[: -STABLE_WINDOW // RESYNC]
        stable = view.mean(Signal.INSIDE, STABLE_WINDOW, LAG)
        ahead = projected(samples, window=STABLE_WINDOW, horizon=HORIZON)
        stable = stable if ahead is None else max(stable, ahead)
        panic = view.mean(Signal.INSIDE, PANIC_WINDOW, LAG)
        both = desired_copy(stable, panic, target, replicas=view.asked)
        wanted = max(both.stable, both.panic) if both.alarming else both.stable
        wanted = guarded_copy(wanted, stable, target, ready=view.asked - unready(view), replicas=view.asked)
        return cooled(view, max(1, wanted), recent)

    return every(RESYNC, decide)


def cooled(view: View, wanted: int, recent: Recent) -> int:
    """Return what may be done now: up at once; down only to the most that was wanted within the cooldown."""
    recent.add(view.now, wanted)
    return max(recent.after(view.now - COOLDOWN))


APA = Rival(
    name="aibrix-apa",
    knob="requests inside a pod, as a share of its slots",
    default=0.7,
    sweep=(0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2),
    make=apa,
    source=SOURCE,
)
COPY = Rival(
    name="aibrix-kpa",
    knob="requests inside a pod, as a share of its slots",
    default=0.7,
    sweep=(0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2),
    make=copy_of_kpa,
    source=f"{SOURCE}, with its linear predictor",
)
