"""Trimtab can go in any order: nothing hangs, and what served serves until its AIModel is deleted.

These are the last tests of the folder, by its name: they take the operator away.
"""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from controlplane import ApiError
from e2e import install
from e2e.scene import MODEL, Scene
from operator_world import tell
from stories import CHILDREN, NAMESPACE

GONE_S = 120.0
CRDS = "apiextensions.k8s.io/v1/CustomResourceDefinition"


def test_a_namespace_goes_at_once_with_all_that_is_in_it(scene: Scene) -> None:
    """Nothing of ours holds it: there are no finalizers."""
    _serve(scene)

    scene.cluster.api.delete(NAMESPACE, scene.namespace)

    _told("a namespace", scene, lambda: scene.cluster.api.get(NAMESPACE, scene.namespace) is None)


def test_what_serves_serves_on_without_the_operator(scene: Scene) -> None:
    """The operator's Deployment is deleted first; clients notice nothing; the AIModel's end is that of its children."""
    _serve(scene)
    before = {pod["metadata"]["uid"] for pod in scene.pods("echo")}
    scene.cluster.kubectl("delete", "deployment", "-n", install.SYSTEM, install.OPERATOR, "--wait")

    report = scene.call(scene.load("echo", rates=((10, 15),), target_ms=1000)).whole()

    assert (report.total.answered, report.total.sent) == (150, 150)
    assert {pod["metadata"]["uid"] for pod in scene.pods("echo")} == before
    scene.cluster.api.delete(MODEL, "echo", scene.namespace)
    _told("what a model had", scene, lambda: not _left(scene))


def test_all_goes_with_the_installation(scene: Scene, tmp_path: Path) -> None:
    """`kubectl delete -k config/default`, while models serve: the definitions go last, and everything with them."""
    manifests = install.operator_manifests(scene.cluster, scene.images, tmp_path, install.SETTINGS)
    install.install_operator(scene.cluster, manifests)
    _serve(scene)

    scene.cluster.kubectl("delete", "--wait=false", "-f", "-", stdin=manifests)

    def gone() -> bool:
        api = scene.cluster.api
        ours = [each for each in api.list(CRDS) if each["spec"]["group"] == "trimtab.io"]
        return not ours and not _left(scene) and api.get(NAMESPACE, install.SYSTEM) is None

    _told("the whole installation", scene, gone)


def _serve(scene: Scene) -> None:
    scene.pool()
    scene.claim()
    scene.model("echo")
    scene.is_serving("echo")


def _left(scene: Scene) -> list[str]:
    """Return what there still is of any model's in the namespace."""
    api = scene.cluster.api
    found = [each for kind in CHILDREN for each in api.list(kind, scene.namespace)]
    found += api.list("v1/Pod", scene.namespace, "trimtab.io/model")
    with contextlib.suppress(ApiError, KeyError):  # once the definition has gone there is no such kind
        found += api.list(MODEL, scene.namespace)
    return [each["metadata"]["name"] for each in found]


def _told(what: str, scene: Scene, gone: Callable[[], bool]) -> None:
    began = time.monotonic()
    scene.until(gone, f"{what} to go", GONE_S)
    tell(f"{what}: gone after {time.monotonic() - began:.1f} s")
