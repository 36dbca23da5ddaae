"""A Prometheus whose answers a test writes: it knows our three questions, and tells all it has to any of them."""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from trimtab.adapters.prometheus import promql

Series = dict[str, Any]
Fault = Callable[[web.Request, str], Awaitable[web.StreamResponse | None]]

QUANTILES = {"0.5": 0.010, "0.75": 0.014, "0.9": 0.020, "0.95": 0.024, "0.99": 0.040, "0.999": 0.080}


@dataclass
class Pod:
    """What there is of one pod: counters over the window, latencies in seconds; `up` is False where it is silent."""

    name: str
    completions: float | None = 300.0
    executions: float = 100.0
    inferences: float | None = None
    age: float = 2.0
    up: bool = True
    latency: dict[str, float] = field(default_factory=lambda: dict(QUANTILES))


@dataclass
class Model:
    """What there is of one model; times in microseconds, over the window; `history` is a rate by time."""

    namespace: str
    label: str
    pods: list[Pod] = field(default_factory=list)
    facts: dict[str, float] = field(default_factory=dict)
    history: Callable[[int], float | None] = lambda _: 30.0


@dataclass
class FakePrometheus:
    """Serve `answer` with `fakes.httpserver.serve`.

    `fault` may answer in its place, `spoil` changes an answer's series before they are sent. `asked` has the path and
    the question of each request, `headers` its headers.
    """

    models: list[Model] = field(default_factory=list)
    now: float = 1_900_000_000.0
    fault: Fault | None = None
    spoil: Callable[[list[Any]], Any] = lambda series: series
    asked: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        query = str(form["query"])
        timeout = str(form["timeout"])
        if not re.fullmatch(r"[0-9]+ms", timeout):  # Prometheus takes no fraction of a unit
            return web.Response(status=400, text=f"cannot parse {timeout}")
        self.asked.append((request.path, query))
        self.headers.append(dict(request.headers))
        if self.fault is not None and (response := await self.fault(request, query)) is not None:
            return response
        if request.path.endswith("/query_range"):
            start, end = int(str(form["start"])), int(str(form["end"]))
            kind, series = "matrix", self._ranges(range(start, end + 1, int(str(form["step"]).rstrip("s"))))
        else:
            kind, series = "vector", self._quantiles() if "quantile" in query else self._facts()
        body = {"status": "success", "data": {"resultType": kind, "result": self.spoil(series)}}
        return web.Response(text=json.dumps(body), content_type="application/json")

    def _facts(self) -> list[Series]:
        found = []
        for model in self.models:
            of_model = {promql.FAILURES: 0.0, promql.PENDING: 0.0, promql.GROWTH: 0.0} if _tell(model) else {}
            if model.pods:
                of_model[promql.TARGETS] = float(len(model.pods))
            found += [self._series(model, value, fact=fact) for fact, value in (of_model | model.facts).items()]
            for pod in model.pods:
                of_pod: dict[str, float] = {promql.AGE: pod.age} if pod.up else {}
                if pod.up and pod.completions is not None:
                    inferences = pod.completions if pod.inferences is None else pod.inferences
                    of_pod[promql.COMPLETIONS] = pod.completions
                    of_pod |= {promql.INFERENCES: inferences, promql.EXECUTIONS: pod.executions}
                found += [self._series(model, value, fact=fact, pod=pod.name) for fact, value in of_pod.items()]
        return found

    def _quantiles(self) -> list[Series]:
        return [
            self._series(model, seconds * 1e6, pod=pod.name, quantile=quantile)
            for model in self.models
            for pod in model.pods
            for quantile, seconds in pod.latency.items()
        ]

    def _ranges(self, times: range) -> list[Series]:
        found = []
        for model in self.models:
            rates = ((at, model.history(at)) for at in times)
            values = [[at, str(rate)] for at, rate in rates if rate is not None]
            found.append({"metric": _labels(model), "values": values})
        return found

    def _series(self, model: Model, value: float, **labels: str) -> Series:
        return {"metric": _labels(model) | labels, "value": [self.now, str(value)]}


def _labels(model: Model) -> dict[str, str]:
    return {"namespace": model.namespace, "trimtab_model": model.label}


def _tell(model: Model) -> bool:
    return any(pod.up and pod.completions is not None for pod in model.pods)
