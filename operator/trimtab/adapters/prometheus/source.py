"""Prometheus as a source of metrics: all models of a pool in at most three questions for each 500 of them."""

import asyncio
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence

from trimtab.adapters.prometheus import promql
from trimtab.adapters.prometheus.answers import Numbers, key, read_facts, read_quantiles, read_ranges
from trimtab.adapters.prometheus.client import Client, QueryError
from trimtab.adapters.prometheus.config import PrometheusConfig
from trimtab.adapters.prometheus.history import STEP_SECONDS, History
from trimtab.adapters.prometheus.judge import judge
from trimtab.core.scaling.observation import ModelRef, NoData, NoDataReason, Observation, Sample
from trimtab.units import Seconds

log = logging.getLogger(__name__)

TOTAL_SECONDS = Seconds(5.0)
"""For all questions of one call: a third of a tick, and ten times what they take for 1,000 models."""
GRACE_SECONDS = 0.5  # for a thread to notice that its time is over
AT_A_TIME = 500  # models in a question: 30 kB of names where they are long, which stand in it a dozen times
MOST_CALLS = 4  # at once: calls that hang take up threads that others need


class PrometheusSource:
    """Observes models through one Prometheus. For one event loop; any number of tasks."""

    def __init__(self, config: PrometheusConfig, *, within: Seconds = TOTAL_SECONDS) -> None:
        """Prepare to ask; `within` is how long a call may take."""
        self._config = config
        self._within = within
        self._history = History()
        self._calls = 0

    async def observe(self, models: Collection[ModelRef]) -> Mapping[ModelRef, Observation]:
        """Return what is known of each model; never raises, and takes `within` at the most."""
        asked = sorted(set(models))
        if not asked:
            return {}
        if self._calls >= MOST_CALLS:
            return self._unanswered(asked, "earlier questions still wait for an answer")
        self._calls += 1
        work = asyncio.ensure_future(asyncio.to_thread(self._observe, asked))
        work.add_done_callback(self._end)
        await asyncio.wait((work,), timeout=self._within + GRACE_SECONDS)
        if not work.done():
            return self._unanswered(asked, f"there was no whole answer in {self._within:g} s")
        return work.result()

    def _end(self, work: asyncio.Future[dict[ModelRef, Observation]]) -> None:
        self._calls -= 1
        if not work.cancelled():
            work.exception()  # one that nobody waits for any more has nobody to tell

    def _unanswered(self, models: Collection[ModelRef], why: str) -> dict[ModelRef, Observation]:
        hint = "see whether it runs, and what it is busy with"
        message = f"Prometheus at {self._config.address}: {why}; {hint}"
        return dict.fromkeys(models, NoData(NoDataReason.UNREACHABLE, message))

    def _observe(self, models: Sequence[ModelRef]) -> dict[ModelRef, Observation]:
        """Ask and judge, in a thread."""
        observed: dict[ModelRef, Observation] = {}
        try:
            with Client(self._config, self._within) as client:
                for part in _parts(models):
                    observed |= self._observe_part(client, part)
        except QueryError as error:
            observed |= dict.fromkeys(models[len(observed) :], NoData(error.reason, str(error)))
        return observed

    def _observe_part(self, client: Client, models: Sequence[ModelRef]) -> dict[ModelRef, Observation]:
        numbers = {key(model): Numbers() for model in models}
        now = read_facts(client.ask(promql.facts(models)), numbers)
        if now is None:  # not one series
            return {model: judge(model, numbers[key(model)], ()) for model in models}
        read_quantiles(client.ask(promql.quantiles(models)), numbers)
        self._extend_history(client, models, now)
        observed = {model: judge(model, numbers[key(model)], self._history.of(key(model), now)) for model in models}
        for model, sample in observed.items():
            if isinstance(sample, Sample):
                self._history.note(key(model), now, sample.arrivals)
        return observed

    def _extend_history(self, client: Client, models: Sequence[ModelRef], now: float) -> None:
        """Ask for what is missing of the past; the present does not depend on it."""
        due = self._history.due([key(model) for model in models], now)
        if due is None:
            return
        query = promql.demand([model for model in models if key(model) in due.models])
        try:
            answer = client.ask_range(query, start=due.start, end=due.end, step=STEP_SECONDS)
            self._history.put(due, read_ranges(answer, due.models))
        except QueryError as error:
            log.warning("The demand of the past is not known for %d models: %s", len(due.models), error)


def _parts(models: Sequence[ModelRef]) -> Iterator[Sequence[ModelRef]]:
    for start in range(0, len(models), AT_A_TIME):
        yield models[start : start + AT_A_TIME]
