"""What the kubelet and Prometheus are answered."""

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from trimtab.api.kinds import AIMODEL
from trimtab.api.objects import ObjectKey
from trimtab.app.probes import Heartbeat, OperatorMetrics, serving
from trimtab.app.settings import Address
from trimtab.reconcile.observer import Ticked
from trimtab.reconcile.queue import Key
from trimtab.reconcile.readings import PagesRead
from trimtab.reconcile.work import Looked
from trimtab.units import Seconds

ANY = Address("127.0.0.1", 0)


async def answers(metrics: OperatorMetrics, *, is_ready: bool, is_alive: bool) -> list[tuple[int, str]]:
    """Return status and text of /healthz, /readyz and /metrics."""
    doors = serving(ANY, ANY, is_ready=lambda: is_ready, is_alive=lambda: is_alive, registry=metrics.registry)
    async with doors as (probes, numbers), aiohttp.ClientSession() as session:
        found = []
        for address, path in ((probes, "healthz"), (probes, "readyz"), (numbers, "metrics")):
            async with session.get(f"http://{address}/{path}") as answer:
                found.append((answer.status, await answer.text()))
        return found


async def test_alive_and_ready_are_two_questions() -> None:
    """An operator that waits for the API server is alive and not ready: it is not restarted, and gets no traffic."""
    metrics = OperatorMetrics(queue_length=lambda: 0, kopf_starts=lambda: 1)
    alive, ready, _ = await answers(metrics, is_ready=False, is_alive=True)

    assert (alive[0], ready[0]) == (200, 503)


async def test_every_metric_that_is_documented_is_there() -> None:
    """docs/metrics.md and /metrics name the same."""
    metrics = OperatorMetrics(queue_length=lambda: 3, kopf_starts=lambda: 1)
    metrics.observe(Looked(Key(AIMODEL, ObjectKey("shop", "fraud")), "done", Seconds(0.01)))
    metrics.observe_tick(Ticked(5, 2, Seconds(0.1)))
    metrics.observe_pages(PagesRead(answered=3, silent=1, step=True))
    metrics.observe_pages(PagesRead(answered=4, silent=0, step=False))
    (_, _, numbers) = await answers(metrics, is_ready=True, is_alive=True)
    values = {
        "/".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(numbers[1])
        for sample in family.samples
        if sample.name.startswith("trimtab_")
    }

    assert values["trimtab_queue_keys"] == 3
    assert values["trimtab_reconciliations_total/AIModel/done"] == 1
    assert (values["trimtab_models"], values["trimtab_models_blind"]) == (5, 2)
    assert values["trimtab_tick_seconds_count"] == 1
    assert values["trimtab_pod_readings_total/answered"] == 7
    assert values["trimtab_pod_readings_total/silent"] == 1
    assert values["trimtab_pod_readings_steps_total"] == 1


def test_a_heart_that_does_not_beat_is_noticed() -> None:
    """A loop that hangs is what liveness is for."""
    assert Heartbeat(patience=10.0).is_beating()
    assert not Heartbeat(patience=0.0).is_beating()
