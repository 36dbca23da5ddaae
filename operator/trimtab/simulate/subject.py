"""The model that is simulated: its spec and pool as a setting, and how long it takes, which no spec says."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import yaml

from trimtab.api.aimodel import AIModelSpec
from trimtab.core.prices import price_of
from trimtab.core.scaling.capacity import SHARES, promise_of
from trimtab.core.scaling.memory import from_json
from trimtab.core.snapshot import PoolFound
from trimtab.simulate.setting import ColdStart, Discipline, Service, Setting
from trimtab.units import Seconds

GUESSED_SHARE = 6.0
"""A batch of one is taken to need a sixth of the latency objective: then five sixths are left for the queue."""
GUESSED_PER_ITEM = 0.2
"""... of which each request of a batch adds a fifth, so that a batch of 8 takes 2.4 times as long."""
_TIME = r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(us|ms|s)"
_SERVICE = re.compile(rf"{_TIME}(?:\+{_TIME}\*b)?")
_SECONDS_IN = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


class SubjectError(ValueError):
    """What was said of the model cannot be used; `str()` says what, where, and what next."""


@dataclass(frozen=True, kw_only=True)
class BatchTimes:
    """A batch of b requests takes `base` + b * `per_item`; `source` says who says so."""

    base: Seconds
    per_item: Seconds
    source: str

    def __str__(self) -> str:
        """Return it as it is written on a command line."""
        return f"{_told(self.base)}+{_told(self.per_item)}*b" if self.per_item else _told(self.base)


def _told(time: Seconds) -> str:
    unit = "s" if time >= 1.0 else "ms"
    return f"{time / _SECONDS_IN[unit]:.6g}{unit}"


def parse_times(text: str) -> BatchTimes:
    """Return what `200ms` or `200ms+10ms*b` says.

    Raises:
        SubjectError: it says something else.
    """
    match = _SERVICE.fullmatch(text.replace(" ", ""))
    if match is None:
        raise SubjectError(
            f"--service {text[:60]!r} is no time of a batch: write 200ms, or 200ms+10ms*b for one that takes 10 ms "
            "longer with each request in it; us, ms and s are known"
        )
    base = float(match[1]) * _SECONDS_IN[match[2]]
    per_item = float(match[3]) * _SECONDS_IN[match[4]] if match[3] else 0.0
    if base + per_item <= 0.0:
        raise SubjectError(f"--service {text[:60]!r} takes no time at all: give at least 1us")
    return BatchTimes(base=Seconds(base), per_item=Seconds(per_item), source="as given")


def guessed_times(spec: AIModelSpec) -> BatchTimes:
    """Return a guess from the latency objective alone."""
    one = promise_of(spec).target / GUESSED_SHARE
    return BatchTimes(
        base=Seconds(one * (1.0 - GUESSED_PER_ITEM)),
        per_item=Seconds(one * GUESSED_PER_ITEM),
        source="a guess: a sixth of the objective for a batch of one; say --service to do better",
    )


def learned_times(text: str, model: str, where: str) -> BatchTimes:
    """Return what an operator has learned of a model (`namespace/name`), from the text of its ConfigMaps as JSON.

    Raises:
        SubjectError: nothing of the model is in them.
    """
    times = next((memory.times for memory in map(from_json, _memories(text, model)) if memory.times.known), None)
    if times is None:
        raise SubjectError(
            f"{where} tells no service times of {model}: write into it what `kubectl -n trimtab-system get configmaps "
            "-l app.kubernetes.io/component=memory -o json` says, once the operator has measured the model for a minute"
        )
    one, two = times.batch_time(1.0), times.batch_time(2.0)
    per_item = min(max(0.0, two - one), one)
    return BatchTimes(base=Seconds(one - per_item), per_item=Seconds(per_item), source=f"learned, from {where}")


def _memories(text: str, model: str) -> Iterator[str]:
    """Yield what is stored of a model in a ConfigMap, or a list of them."""
    try:
        told = json.loads(text)
    except ValueError:
        return
    items = told.get("items", [told]) if isinstance(told, dict) else []
    entries = (entry for item in items for entry in (item.get("data") or {}).values())
    for entry in entries:
        with suppress(ValueError, KeyError, TypeError):
            stored = json.loads(entry)
            if stored["model"] == model:
                yield str(stored["memory"])


def setting_of(spec: AIModelSpec, pool: PoolFound, times: BatchTimes, cold_start: Seconds) -> Setting:
    """Return the setting that a model's spec and pool describe.

    What a budget pays for bounds everybody as `maxReplicas` does. A price that is not known counts as 0 here: what is
    told of costs then is that they are unknown.

    Raises:
        SubjectError: no replica could keep the objective, or the bounds are crossed.
    """
    promise, scaling = promise_of(spec), spec.scaling
    if scaling.min_replicas > scaling.max_replicas:
        raise SubjectError(
            f"scaling.minReplicas {scaling.min_replicas} exceeds scaling.maxReplicas {scaling.max_replicas}: lower it"
        )
    price = price_of(pool.variant)
    most = scaling.max_replicas
    if spec.budget is not None and price is not None:
        most = max(scaling.min_replicas, min(most, math.floor(Decimal(spec.budget.hourly) / price)))
    service = Service(
        base=times.base,
        per_item=times.per_item,
        max_batch=promise.max_batch or 1,
        instances=promise.instances,
        max_delay=promise.delay if (promise.max_batch or 1) > 1 else Seconds(0.0),
    )
    if service.batch_time(1) > promise.target:
        raise SubjectError(
            f"a request that nothing hinders takes {_told(service.batch_time(1))} ({times.source}), and "
            f"objectives.latency.target is {_told(promise.target)}: no replica keeps that; raise it, or say --service"
        )
    return Setting(
        service=_fitting(service, promise.target),
        target=promise.target,
        percentile=SHARES[spec.objectives.latency.percentile],
        cold_start=ColdStart(mean=cold_start),
        discipline=Discipline.DELAY if promise.fresh_first else Discipline.FIFO,
        min_replicas=scaling.min_replicas,
        max_replicas=most,
        price=float(price or 0),
    )


def _fitting(service: Service, target: Seconds) -> Service:
    """Return a service whose largest batch is in time at least when it did not wait."""
    size = service.max_batch
    while size > 1 and service.batch_time(size) > target:
        size -= 1
    return replace(service, max_batch=size)


def edited(manifest: Mapping[str, Any], edits: Mapping[str, str]) -> dict[str, Any]:
    """Return a manifest whose spec has these values: `scaling.maxReplicas` -> `20`, each as YAML; null removes a field.

    Raises:
        SubjectError: a path goes through something that has no fields.
    """
    spec = _copied(manifest.get("spec"))
    for path, text in edits.items():
        place = spec
        *parents, last = path.split(".")
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise SubjectError(
                    f"--what-if {path}={text}: spec.{parent} has no fields; name one as `kubectl explain` does"
                )
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            raise SubjectError(f"--what-if {path}={text}: the value is no YAML; put it into quotes") from None
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return {**manifest, "spec": spec}


def _copied(value: Any) -> Any:  # noqa: ANN401 - YAML
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value
