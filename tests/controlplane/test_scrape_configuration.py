"""config/prometheus/scrape.yaml, loaded by a real Prometheus that discovers real pods."""

import json
import urllib.request
from typing import Any

from controlplane import Api, ControlPlane, until
from samples import SAMPLES, SETTINGS, serving_of
from trimtab.render.deployment import birth, render_deployment
from trimtab.units import Replicas


def ask(url: str, path: str) -> Any:  # noqa: ANN401 - JSON
    """Return the data of an answer of Prometheus' API."""
    with urllib.request.urlopen(f"{url}/api/v1/{path}", timeout=10) as answer:  # noqa: S310 - of loopback
        return json.load(answer)["data"]


def test_prometheus_finds_a_models_pods_and_labels_them(control_plane: ControlPlane, api: Api, namespace: str) -> None:
    """One target for each pod, its metrics port, with the labels that the operator queries by, and no others."""
    serving = serving_of(SAMPLES[1], namespace=namespace)
    deployment = birth(render_deployment(serving, SETTINGS.pod), Replicas(2))
    del deployment["metadata"]["ownerReferences"]  # there is no AIModel here
    api.create(deployment)
    url = control_plane.start_prometheus()

    def targets() -> list[dict[str, str]]:
        found = [target["labels"] for target in ask(url, "targets?state=active")["activeTargets"]]
        mine = [labels for labels in found if labels["namespace"] == namespace]
        return mine if len(mine) == 2 else []

    labels = until(targets, what="both pods to be discovered", seconds=60)

    assert ask(url, "status/runtimeinfo")["reloadConfigSuccess"] is True
    assert {each["trimtab_model"] for each in labels} == {"churn"}
    assert {each["job"] for each in labels} == {"trimtab-models"}
    assert all(set(each) == {"instance", "job", "namespace", "pod", "trimtab_model"} for each in labels)
    assert all(each["instance"].endswith(":8002") for each in labels)
    assert len({each["pod"] for each in labels}) == 2
