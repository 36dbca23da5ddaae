"""Create models at a steady rate, cheaply: the operator and five servers want the same two cores."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from bench.scenario import Scenario
from controlplane import Api

THREADS = 8  # at 50/s each has 160 ms for one request; the API server takes 5 to 40


def create_models(api: Api, scenario: Scenario) -> None:
    """Create every model at its time, and return when all are there.

    Where the server is slower than the rate, it is late and does not hurry to make up for it later than it must.
    """
    api.path(f"{scenario.model(0)['apiVersion']}/AIModel")  # discovered once, not once in each thread
    began = time.monotonic()

    def work(first: int) -> None:
        for number in range(first, scenario.models, THREADS):
            time.sleep(max(0.0, began + number / scenario.per_second - time.monotonic()))
            api.create(scenario.model(number))

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(work, first) for first in range(THREADS)]:
            done.result()
