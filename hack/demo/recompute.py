"""What Prometheus itself knows of a run: recomputed from the samples that it stores, by nothing of the operator's.

Requests are counted by counters, and how many of them were in time by Triton's summaries: each says which latency a
share of the last 48 to 60 s kept. A pod's time is tiled with such windows from its last sample backwards, so that
every request is in one. Replicas are counted by targets: a pod is one from the moment at which it runs.
"""

from __future__ import annotations

import bisect
import json
import math
import urllib.parse
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

JOB, INTERVAL_S = "trimtab-models", 5.0
"""As config/prometheus/scrape.yaml has them."""
TILE_S = 54.0  # the mean of what a summary covers
FAR = 2.0  # times the latency: between quantiles so far apart lies a gap, and nobody knows where in it
BEFORE_S = 4 * INTERVAL_S  # of the run: what counters stood at when it began
PATIENCE_S = 10.0
US = 1e6
_STRAIGHT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever the environment says

Point = tuple[float, float]
"""A share of requests, and the latency in seconds that it kept."""


@dataclass(frozen=True, kw_only=True)
class Scraped:
    """One scrape of a pod: when, in seconds since 1970; what was counted so far; the quantiles, ascending."""

    at: float
    answered: float
    points: tuple[Point, ...]


@dataclass(frozen=True, kw_only=True)
class Recomputed:
    """A run as Prometheus knows it. Shares are of all answers, 0 to 1; `within` is from `least` to `most`."""

    answered: float
    within: float
    least: float
    most: float
    replica_seconds: float


@dataclass(frozen=True, kw_only=True)
class Run:
    """Which model, what it promises, and from when to when, in seconds since 1970."""

    namespace: str
    model: str
    target_s: float
    began: float
    ended: float


def recompute(prometheus: str, run: Run) -> Recomputed | None:
    """Ask a Prometheus for everything that it has of a run, and add it up; None where it has counted no request.

    Requests count to the very last sample, pods to the end of the run.

    Raises:
        OSError: it does not answer.
    """
    pods = _pods(prometheus, run)
    tiles = [tile for scrapes in pods.values() for tile in tiled(scrapes, since=run.began)]
    answered = sum(number for number, _ in tiles)
    if not answered:
        return None
    shares = [(number, share_within(points, run.target_s)) for number, points in tiles]
    least, within, most = (sum(number * share[each] for number, share in shares) / answered for each in range(3))
    targets = _ranges(prometheus, run, "up")
    times = [[at for at, _ in samples] for _, samples in targets]
    return Recomputed(
        answered=answered,
        within=within,
        least=least,
        most=most,
        replica_seconds=sum(lasted(each, run.began, run.ended) for each in times),
    )


def scraped_since(prometheus: str, run: Run) -> bool:
    """Tell whether every target of a model was scraped after the end of the run."""
    query = f"min(timestamp({_selector(run, 'up')}))"
    return any(float(each["value"][1]) > run.ended for each in _ask(prometheus, query))


# -- arithmetic ------------------------------------------------------------------------------------------------------


def tiled(scrapes: Sequence[Scraped], *, since: float) -> Iterator[tuple[float, tuple[Point, ...]]]:
    """Yield numbers of answers, each with the quantiles of about these; all answers of a pod since a moment.

    A pod whose first sample is later counts from zero, as its Triton did.
    """
    times = [each.at for each in scrapes]
    first = bisect.bisect_right(times, since) - 1
    last = len(scrapes) - 1
    while last > first:
        before = max(first, bisect.bisect_right(times, times[last] - TILE_S) - 1)
        number = scrapes[last].answered - (scrapes[before].answered if before >= 0 else 0.0)
        if number > 0:
            yield number, scrapes[last].points
        last = before


def share_within(points: Sequence[Point], target_s: float) -> tuple[float, float, float]:
    """Return the least, the likeliest and the largest share of requests that a target can have been kept by."""
    below, kept_s = 0.0, 0.0
    for share, latency_s in points:
        if latency_s > target_s:
            gap = kept_s > 0 and latency_s > FAR * kept_s
            part = 0.5 if gap else (target_s - kept_s) / (latency_s - kept_s)
            return below, below + part * (share - below), share
        below, kept_s = share, latency_s
    return below, (below + 1) / 2, 1.0


def lasted(times: Sequence[float], began: float, ended: float) -> float:
    """Return for how many seconds of a run a pod was there, whose target was scraped at these times.

    It ran before its first scrape: discovery tells Prometheus of it within 5 s, and within as many it is scraped; 5 s
    on average. In the end both make up for each other: it is scraped until discovery tells that it is gone.
    """
    if not times:
        return 0.0
    return max(0.0, min(times[-1], ended) - max(times[0] - INTERVAL_S, began))


# -- Prometheus ------------------------------------------------------------------------------------------------------


def _pods(prometheus: str, run: Run) -> dict[str, list[Scraped]]:
    """Return every scrape of every pod that told anything, by pod, in the order of time."""
    quantiles: defaultdict[tuple[str, float], list[Point]] = defaultdict(list)
    for labels, samples in _ranges(prometheus, run, "nv_inference_request_summary_us"):
        for at, value in samples:
            if not math.isnan(value):
                quantiles[labels["pod"], at].append((float(labels["quantile"]), value / US))
    found: dict[str, list[Scraped]] = {}
    for labels, samples in _ranges(prometheus, run, "nv_inference_request_success"):
        pod = labels["pod"]
        found[pod] = [Scraped(at=at, answered=value, points=tuple(sorted(quantiles[pod, at]))) for at, value in samples]
    return found


def _ranges(prometheus: str, run: Run, name: str) -> list[tuple[Mapping[str, str], list[tuple[float, float]]]]:
    """Return the stored samples of each series of a run, and of a little before and after it."""
    span_s = math.ceil(run.ended - run.began + BEFORE_S + 2 * INTERVAL_S)
    query = f"{_selector(run, name)}[{span_s}s]"
    answer = _ask(prometheus, query, at=run.ended + 2 * INTERVAL_S)
    return [(each["metric"], [(float(at), float(value)) for at, value in each["values"]]) for each in answer]


def _selector(run: Run, name: str) -> str:
    return f'{name}{{job="{JOB}",namespace="{run.namespace}",trimtab_model="{run.model}"}}'


def _ask(prometheus: str, query: str, *, at: float | None = None) -> list[dict[str, Any]]:
    asked = {"query": query} | ({} if at is None else {"time": f"{at:.3f}"})
    url = f"{prometheus}/api/v1/query?{urllib.parse.urlencode(asked)}"
    with _STRAIGHT.open(url, timeout=PATIENCE_S) as answer:
        found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found
