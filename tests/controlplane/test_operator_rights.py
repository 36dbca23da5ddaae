"""The operator has every right that it uses, and uses every right that it has: config/rbac against the audit log."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from controlplane import ControlPlane, OperatorProcess, Request, bootstrap
from operator_world import own_plane
from stories import (
    CHILDREN,
    CPU,
    DEPLOYMENT,
    JOB,
    MODEL,
    OPERATOR,
    Manifest,
    Place,
    make_namespace,
    model_manifest,
    put_a_job_in_the_way,
)

ROLE = Path(__file__).parents[2] / "config" / "rbac" / "operator.yaml"
MONITOR = "monitoring.coreos.com/v1/PodMonitor"
POD_MONITORS = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: podmonitors.monitoring.coreos.com}
spec:
  group: monitoring.coreos.com
  scope: Namespaced
  names: {kind: PodMonitor, listKind: PodMonitorList, plural: podmonitors, singular: podmonitor}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""
SPECS: dict[str, Manifest] = {
    DEPLOYMENT: {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "old"}},
        "template": {
            "metadata": {"labels": {"app": "old"}},
            "spec": {"containers": [{"name": "main", "image": "image"}]},
        },
    },
    "v1/Service": {"ports": [{"port": 80}]},
    "autoscaling/v2/HorizontalPodAutoscaler": {
        "maxReplicas": 1,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "old"},
    },
    "policy/v1/PodDisruptionBudget": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "old"}}},
    "networking.k8s.io/v1/NetworkPolicy": {"podSelector": {"matchLabels": {"app": "old"}}},
    MONITOR: {"selector": {}},
}
Right = tuple[str, str, str]
"""Group, resource with its subresource, verb."""


@dataclass(frozen=True)
class Played:
    """What the operator has asked for while every story was played, and whether its children's kinds were all there."""

    requests: list[Request]

    @property
    def used(self) -> set[Right]:
        """Return the rights that were used; what is no resource, such as discovery, everybody may read."""
        return {
            (each.group, f"{each.resource}/{each.subresource}".removesuffix("/"), each.verb)
            for each in self.requests
            if each.resource
        }


@pytest.fixture(scope="module")
def played(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Play every story that asks the operator for something else; then let it end, so that its watches are logged."""
    definition = tmp_path_factory.mktemp("crds") / "podmonitors.yaml"
    definition.write_text(POD_MONITORS)
    with own_plane(control_plane) as plane:
        bootstrap.establish(plane.admin, definition.parent)
        make_namespace(plane.admin, "rights")
        place = Place(plane, "rights")
        with OperatorProcess(plane) as operator:
            for story in (_lives, _is_edited, _is_pruned, _is_scaled, _meets_others, _needs_consent, _is_measured):
                story(place)
            assert operator.stop() == 0
        yield Played(plane.audit.requests(user=OPERATOR))


def _lives(place: Place) -> None:
    place.pool(CPU, {"name": "other"})
    place.model("brief")
    place.model()
    place.is_ready("brief")
    place.is_ready()
    place.api.delete(MODEL, "brief", place.namespace)
    place.until(lambda: not place.children("brief"), "the children of a deleted model to go")


def _is_edited(place: Place) -> None:
    for kind in (*CHILDREN, MONITOR):
        for child in place.api.list(kind, place.namespace, "trimtab.io/model=model"):
            about = child["metadata"]
            place.api.patch(
                kind, about["name"], {"metadata": {"labels": {"trimtab.io/model": "x"}}}, namespace=place.namespace
            )

            def mended(kind: str = kind, name: str = about["name"]) -> bool:
                return bool(place.get(kind, name)["metadata"]["labels"]["trimtab.io/model"] == "model")

            place.until(mended, f"the label of {kind} {about['name']} to come back")


def _is_pruned(place: Place) -> None:
    """A former version of the operator may have made children under other names; a former variant had others too."""
    owner = place.get(MODEL, "model")["metadata"]
    for kind, spec in SPECS.items():
        version, _, short = kind.rpartition("/")
        reference = {"apiVersion": "trimtab.io/v1alpha1", "kind": "AIModel", "controller": True}
        about = {
            "name": "old",
            "namespace": place.namespace,
            "labels": {"app.kubernetes.io/managed-by": "trimtab", "trimtab.io/model": "model"},
            "ownerReferences": [{**reference, "name": owner["name"], "uid": owner["uid"]}],
        }
        place.api.create({"apiVersion": version, "kind": short, "metadata": about, "spec": spec})
    for kind in SPECS:
        place.until(lambda kind=kind: not place.api.get(kind, "old", place.namespace), f"{kind} old to go")  # type: ignore[misc]
    place.edit(serving={"variant": "other"})
    place.until(lambda: not place.api.get(DEPLOYMENT, "model-cpu", place.namespace), "the former variant to go")
    place.is_ready()


def _is_scaled(place: Place) -> None:
    place.edit(replicas=2)
    place.until(lambda: len(place.pods()) == 2, "two replicas")
    place.is_ready()


def _meets_others(place: Place) -> None:
    """Whose an object is that stands in the way has to be asked for each kind, since it is not in the store."""
    for kind, spec in SPECS.items():
        version, _, short = kind.rpartition("/")
        name = "taken-cpu" if short in {"Deployment", "HorizontalPodAutoscaler"} else "taken"
        place.api.create(
            {
                "apiVersion": version,
                "kind": short,
                "metadata": {"name": name, "namespace": place.namespace},
                "spec": spec,
            }
        )
    place.model("taken")
    place.says("Ready", "False", "Conflict", "taken")


def _needs_consent(place: Place) -> None:
    selector = {"matchLabels": {"pool": "shared"}}
    place.pool(CPU, name="shared", allowedModels={"namespaces": {"from": "Selector", "selector": selector}})
    guest = place.another_namespace({"pool": "shared"})
    place.api.apply(model_manifest("guest", guest, poolRef={"name": "shared", "namespace": place.namespace}))
    place.is_ready("guest", guest)
    place.api.patch("v1/Namespace", guest, {"metadata": {"labels": {"pool": None}}})
    place.says("Ready", "False", "PoolRefusesNamespace", "guest", guest)


def _is_measured(place: Place) -> None:
    """A Job comes, is in somebody's way, and goes with the wish; whose it is has to be asked."""
    place.model("measured")
    place.is_ready("measured")
    place.fate("fails")
    place.edit("measured", profile={})
    place.says("Profiled", "False", "ProfileFailed", "measured")
    (job,) = place.api.list(JOB, place.namespace)
    put_a_job_in_the_way(place, job["metadata"]["name"], "measured")
    place.says("Profiled", "False", "ProfileRefused", "measured")
    place.api.delete(JOB, job["metadata"]["name"], place.namespace)
    place.fate(None)
    place.edit("measured", serving={"triton": {"maxBatchSize": 2}})
    place.says("Profiled", "False", "ProfileLost", "measured")
    place.edit("measured", profile=None)
    place.until(lambda: not place.api.list(JOB, place.namespace), "the Job to go")


def granted() -> set[Right]:
    """Return the rights that config/rbac gives the operator."""
    (role,) = (each for each in yaml.safe_load_all(ROLE.read_text()) if each["kind"] == "ClusterRole")
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_every_right_is_used_and_every_use_is_a_right(played: Played) -> None:
    """Not one verb more than is needed, none less."""
    unused, ungranted = granted() - played.used, played.used - granted()
    print(f"{len(played.requests)} requests use {len(played.used)} rights of {len(granted())}")  # noqa: T201 - a figure

    assert sorted(unused) == []
    assert sorted(ungranted) == []


def test_nothing_is_ever_forbidden(played: Played) -> None:
    """Nobody tries what it may not do."""
    assert [each for each in played.requests if each.code in {401, 403}] == []


def test_no_secret_is_ever_asked_for(played: Played) -> None:
    """Credentials are passed on by name."""
    assert len(played.requests) > len(granted())
    assert [each for each in played.requests if each.resource == "secrets"] == []
