"""What a pod says about its Triton is read from the pods that the operator really renders."""

from pathlib import Path
from typing import Any

import pytest

from demo.manifest import read
from demo.service import OnTimeout, Service
from samples import SAMPLES, SETTINGS, changed, serving_of
from trimtab.render.deployment import render_deployment
from trimtab.render.settings import Serving
from trimtab.render.triton import SUMMARY_QUANTILES

USUAL = Service(base_s=0.01, per_item_s=0.002, max_batch_size=16)
RUNNING = {
    "phase": "Running",
    "podIP": "10.0.0.7",
    "conditions": [{"type": "Ready", "status": "True"}],
    "containerStatuses": [{"name": "triton", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}],
}


def pod_of(serving: Serving, **status: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of a pod's status
    """Return a running pod of what the operator renders, with some of its status changed."""
    template = render_deployment(serving, SETTINGS.pod)["spec"]["template"]
    about = {"name": "pod", "namespace": "shop", "uid": "u", "labels": template["metadata"]["labels"]}
    return {"metadata": about, "spec": template["spec"], "status": RUNNING | status}


def test_the_operators_configuration_decides_about_batches_and_queue() -> None:
    """From 02-cpu: two instances, batches of 64, 2 ms for company; late begins within the 25 ms."""
    pod = read(pod_of(serving_of(SAMPLES[1])))
    service = pod.service(USUAL)

    assert (pod.model, pod.triton_name, pod.ip) == ("shop/churn", "churn", "10.0.0.7")
    assert (service.instances, service.max_batch_size) == (2, 64)
    late_us = pod.config["dynamic_batching"]["default_queue_policy"]["default_timeout_microseconds"]
    assert (service.max_queue_delay_s, service.queue_timeout_s) == (0.002, late_us / 1e6)
    assert 0.01 < service.queue_timeout_s <= 0.025
    assert service.on_timeout is OnTimeout.DELAY
    assert (service.base_s, service.per_item_s) == (USUAL.base_s, USUAL.per_item_s)
    assert pod.quantiles == tuple(pair.partition(":")[0] for pair in SUMMARY_QUANTILES.split(","))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_can_be_played(sample: Path) -> None:
    """What the configuration leaves open is as usual."""
    serving = serving_of(sample)
    pod = read(pod_of(serving))
    service = pod.service(USUAL)

    assert pod.works
    assert pod.ready
    assert not pod.terminating
    assert pod.triton_name == serving.triton_name
    assert service.max_batch_size == serving.spec.serving.triton.max_batch_size or USUAL.max_batch_size
    assert service.on_timeout is OnTimeout.DELAY
    assert service.queue_timeout_s < 60


@pytest.mark.parametrize("copies", [1, 2, 3, 4])
def test_there_are_as_many_instances_as_were_asked_for(copies: int) -> None:
    """Triton makes a group's count on each of its GPUs: 04-large-model has two in a replica."""
    serving = changed(serving_of(SAMPLES[3]), "serving.triton.instancesPerReplica", copies)
    assert serving.variant.accelerators_per_replica == 2

    assert read(pod_of(serving)).service(USUAL).instances == copies


@pytest.mark.parametrize(
    ("status", "works", "ready"),
    [
        ({}, True, True),
        ({"conditions": [{"type": "Ready", "status": "False"}]}, True, False),
        ({"phase": "Pending"}, False, True),
        ({"phase": "Failed"}, False, True),
        ({"containerStatuses": []}, False, True),
        ({"containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}, False, True),
    ],
)
def test_a_pod_works_while_its_containers_run(status: dict[str, Any], works: bool, ready: bool) -> None:  # noqa: FBT001 - expectations
    """Ready is another matter."""
    pod = read(pod_of(serving_of(SAMPLES[1]), **status))

    assert (pod.works, pod.ready) == (works, ready)


def test_a_pod_that_says_nothing_is_a_triton_with_its_own_defaults() -> None:
    """A bare pod: no summaries, the usual service, its label for a name; deleted, and without an address."""
    about: dict[str, Any] = {"name": "p", "namespace": "n", "uid": "u", "labels": {"trimtab.io/model": "m"}}
    about |= {"deletionTimestamp": "now", "deletionGracePeriodSeconds": 30}
    bare = {"metadata": about, "spec": {"containers": [{"name": "c"}]}}
    pod = read(bare)

    assert (pod.model, pod.triton_name, pod.ip, pod.quantiles) == ("n/m", "m", "", ())
    assert (pod.works, pod.ready, pod.terminating, pod.drains) == (False, False, True, True)
    assert pod.service(USUAL) == USUAL
    bare["spec"] = {"containers": [{"name": "c", "args": ["--metrics-config=summary_latencies=true"]}]}
    assert read(bare).quantiles == ("0.5", "0.9", "0.95", "0.99", "0.999")
