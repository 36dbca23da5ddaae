"""The traffic that `trimtab simulate` replays: out of a file, generated, or the model's own past in a Prometheus."""

import time
from dataclasses import dataclass
from pathlib import Path

from trimtab.adapters.prometheus import promql
from trimtab.adapters.prometheus.answers import read_ranges
from trimtab.adapters.prometheus.client import Client, QueryError
from trimtab.adapters.prometheus.config import PrometheusConfig
from trimtab.adapters.prometheus.history import STEP_SECONDS
from trimtab.core.scaling.observation import ModelRef
from trimtab.render.names import model_label
from trimtab.simulate.families import FAMILIES
from trimtab.simulate.history import HistoryError, past_of
from trimtab.simulate.setting import Setting
from trimtab.simulate.trace import Trace, TraceError, read_trace
from trimtab.units import RequestsPerSecond, Seconds, seconds

MOST_SCALE = 1_000_000.0
LONGEST_PAST = 14 * 86_400
AT_ONCE = 10_000
"""Steps in one question: Prometheus refuses more than 11,000."""
PATIENCE = Seconds(30.0)
GENERATED_LOAD = 3.0
"""Replicas that generated traffic keeps busy on average, before --scale."""
GENERATED_SECONDS = 3_600


class TrafficError(Exception):
    """There is no traffic to replay; `str()` says what is wrong, where, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where traffic comes from, as the options say: exactly one of the three, and how many times as much."""

    trace: Path | None = None
    family: str | None = None
    prometheus: str | None = None
    token_file: Path | None = None
    since: str = "1d"
    scale: float = 1.0


@dataclass(frozen=True)
class Traffic:
    """What comes: one trace for each seed, what it is called, and what has to be said of it."""

    name: str
    traces: tuple[Trace, ...]
    notes: tuple[str, ...] = ()


def traffic(source: Source, model: str, setting: Setting, seeds: int) -> Traffic:
    """Return the traffic for a model (`namespace/name`).

    Raises:
        TrafficError: see the class.
    """
    given = [each for each in (source.trace, source.family, source.prometheus) if each is not None]
    if len(given) != 1:
        raise TrafficError("say once what to replay: --trace FILE, --family NAME or --prometheus URL")
    if not 0.0 < source.scale <= MOST_SCALE:
        raise TrafficError(f"--scale {source.scale:g}: write a number above 0, such as 2 or 0.5")
    if source.family is not None:
        return _generated(source.family, source.scale, setting, seeds)
    if source.trace is not None:
        try:
            found = Traffic(source.trace.name, (read_trace(source.trace),) * seeds)
        except TraceError as error:
            raise TrafficError(str(error)) from None
    else:
        found = _past(source, model, seeds)
    if source.scale == 1.0:
        return found
    scaled = tuple(found.traces[0].scaled(source.scale, seed=seed) for seed in range(seeds))
    return Traffic(f"{found.name} x {source.scale:g}", scaled, found.notes)


def _generated(family: str, scale: float, setting: Setting, seeds: int) -> Traffic:
    if family not in FAMILIES:
        raise TrafficError(f"--family {family}: there is no such family; there are {', '.join(FAMILIES)}")
    rate = RequestsPerSecond(GENERATED_LOAD * scale * setting.service.capacity)
    made = tuple(FAMILIES[family](rate, GENERATED_SECONDS, seed, setting) for seed in range(seeds))
    note = (
        f"the traffic is generated: {rate:.3g} requests/s on average, to keep {GENERATED_LOAD * scale:g} replicas busy"
    )
    return Traffic(f"{family} (generated)", made, (note,))


def _past(source: Source, model: str, seeds: int) -> Traffic:
    try:
        span = seconds(_in_hours(source.since))
        config = PrometheusConfig(url=source.prometheus or "", bearer_token_file=source.token_file)
    except ValueError as error:
        raise TrafficError(f"--since or --prometheus: {error}") from None
    if span > LONGEST_PAST:
        raise TrafficError(f"--since {source.since} is more than 14 days: ask for less")
    namespace, _, name = model.partition("/")
    ref = ModelRef(namespace, model_label(name), 0)
    try:
        rates = _rates(config, ref, int(span))
        past = past_of(rates, step=STEP_SECONDS, name=model)
    except (QueryError, HistoryError) as error:
        raise TrafficError(str(error)) from None
    notes = (f"{past.unknown:.1%} of the past was not known and is filled in between what was",) if past.unknown else ()
    return Traffic(f"its last {source.since}", (past.trace,) * seeds, notes)


def _in_hours(text: str) -> str:
    """Return a duration that may be in days as one of the API, which knows none."""
    return f"{int(text[:-1]) * 24}h" if text.endswith("d") and text[:-1].isdecimal() else text


def _rates(config: PrometheusConfig, model: ModelRef, span: int) -> dict[int, float]:
    """Return the model's demand by time, asked for in parts that Prometheus answers."""
    end = int(time.time()) // STEP_SECONDS * STEP_SECONDS
    rates: dict[int, float] = {}
    with Client(config, PATIENCE) as client:
        for start in range(end - span, end, AT_ONCE * STEP_SECONDS):
            last = min(end, start + (AT_ONCE - 1) * STEP_SECONDS)
            answer = client.ask_range(promql.demand([model]), start=start, end=last, step=STEP_SECONDS)
            rates |= read_ranges(answer, {(model.namespace, model.label)}).get((model.namespace, model.label), {})
    return rates
