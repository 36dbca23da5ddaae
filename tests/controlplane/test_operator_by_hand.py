"""What people do to a model and its children by hand: edits, removals, deletions of every sort."""

import functools
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from controlplane import ApiError, ControlPlane
from controlplane.operator_process import OperatorProcess
from stories import (
    AUTOSCALER,
    BUDGET,
    CHILDREN,
    DEPLOYMENT,
    MODEL,
    NAMESPACE,
    POLICY,
    SERVICE,
    Manifest,
    Outcomes,
    Place,
    seconds_of_quiet,
    story,
    told,
)


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, control_plane: ControlPlane, operator: OperatorProcess
) -> Iterator[Outcomes]:
    """Return what came of each story of this file."""
    with told(request, control_plane) as running:
        yield running
    assert operator.running
    assert "a bug" not in operator.log


HAND: dict[str, list[tuple[str, Any]]] = {
    DEPLOYMENT: [
        ("spec.template.spec.containers.0.args", ["--model-repository=/tmp"]),
        ("spec.template.spec.containers.0.image", "example.org/other:1"),
        ("spec.template.spec.initContainers.0.env.1.value", "{}"),
        ("spec.template.spec.automountServiceAccountToken", True),
        ("spec.strategy.rollingUpdate.maxSurge", 3),
        ("metadata.annotations", {"trimtab.io/applied": "0000000000"}),
    ],
    SERVICE: [
        ("spec.selector", {"app": "other"}),
        ("spec.ports.0.port", 8080),
        ("spec.ports.0.name", "other"),
        ("metadata.annotations", {}),
    ],
    AUTOSCALER: [("spec.maxReplicas", 100), ("spec.scaleTargetRef.name", "other"), ("spec.metrics", [])],
    BUDGET: [("spec.maxUnavailable", 3), ("spec.selector", {"matchLabels": {"app": "other"}})],
    POLICY: [("spec.ingress", [{}]), ("spec.podSelector", {}), ("spec.policyTypes", ["Ingress"])],
}


@story
def test_what_somebody_edits_deep_inside_a_child_is_put_back(place: Place) -> None:
    """Arguments, images, bounds, selectors, ports, rules, our own annotations: each of them, within a second or two."""
    place.model()
    place.is_ready()
    rendered = {kind: place.get(kind, child_name(kind)) for kind in HAND}

    for at_once in itertools.zip_longest(*([(kind, *each) for each in edits] for kind, edits in HAND.items())):
        for kind, path, value in filter(None, at_once):
            place.until(functools.partial(is_edited, place, kind, path, value), f"an edit of {kind} {path}")
        for kind, path, _ in filter(None, at_once):
            same = functools.partial(is_same, place, rendered[kind], path)
            place.until(same, f"{kind} {path} to be as it was", seconds=30)
    place.is_ready()


def is_same(place: Place, rendered: Manifest, path: str) -> bool:
    """Tell whether a child has at a path what it was rendered with."""
    kind = f"{rendered['apiVersion']}/{rendered['kind']}"
    return bool(inside(place.get(kind, rendered["metadata"]["name"]), path) == inside(rendered, path))


def is_edited(place: Place, kind: str, path: str, value: object) -> bool:
    """Edit a child as `kubectl edit` does, and tell whether nobody else was faster."""
    edited = place.get(kind, child_name(kind))
    assert replaced(edited, path, value) != value
    try:
        place.api.request("PUT", place.api.path(kind, place.namespace, child_name(kind)), edited)
    except ApiError as error:
        if error.reason == "Conflict":
            return False
        raise
    return True


def child_name(kind: str) -> str:
    """Return what the child of a kind of `model` is called."""
    return "model-cpu" if kind in {DEPLOYMENT, AUTOSCALER} else "model"


def inside(manifest: Manifest, path: str) -> Any:  # noqa: ANN401 - JSON
    """Return the value at a path of dots, without what a controller adds to annotations."""
    value: Any = manifest
    for step in path.split("."):
        value = value[int(step)] if isinstance(value, list) else value.get(step)
    if path == "metadata.annotations":
        return {key: each for key, each in (value or {}).items() if key.startswith("trimtab.io/")}
    return value


def replaced(manifest: Manifest, path: str, value: Any) -> Any:  # noqa: ANN401 - JSON
    """Replace the value at a path of dots, and return what was there."""
    way, _, last = path.rpartition(".")
    at = inside(manifest, way) if way else manifest
    before = at[last]
    at[last] = value
    return before


@story
def test_a_child_whose_owner_reference_or_label_is_removed_is_taken_back(place: Place) -> None:
    """It is ours by what it is: without our label it is no longer in our watch, without its owner nobody's."""
    place.model()
    place.is_ready()
    before = identities(place)
    rendered = {kind: place.get(kind, child_name(kind)) for kind in CHILDREN}

    for field in ("ownerReferences", "labels"):
        for kind in CHILDREN:
            place.api.patch(kind, child_name(kind), {"metadata": {field: None}}, namespace=place.namespace)
        for kind in CHILDREN:
            back = functools.partial(is_same, place, rendered[kind], f"metadata.{field}")
            place.until(back, f"{field} of {kind}", seconds=30)

    place.is_ready()
    assert identities(place) == before


@story
def test_a_foreign_finalizer_holds_up_its_child_alone(place: Place) -> None:
    """A child that cannot go is waited for and named, the model serves on; when it is gone it is made again."""
    place.model()
    place.is_ready()
    held = {"metadata": {"finalizers": ["example.com/hold"]}}
    for kind in (BUDGET, DEPLOYMENT):
        name = child_name(kind)
        uid = place.api.patch(kind, name, held, namespace=place.namespace)["metadata"]["uid"]
        place.api.delete(kind, name, place.namespace)

        waits = f"{kind.rpartition('/')[2]} {name} of before is still being deleted; it is made again once it is gone"
        place.until(lambda waits=waits: place.condition("Reconciling").get("message") == waits, waits)  # type: ignore[misc]
        assert place.condition("Reconciling")["reason"] == "WaitingForDeletion"
        assert place.condition("Ready")["status"] == "True"
        place.api.patch(kind, name, {"metadata": {"finalizers": None}}, namespace=place.namespace)
        place.until(lambda kind=kind, name=name, uid=uid: is_another(place, kind, name, uid), f"another {kind}")  # type: ignore[misc]
    place.is_ready()


def is_another(place: Place, kind: str, name: str, uid: str) -> bool:
    """Tell whether an object is there and is not the one of that uid."""
    found = place.api.get(kind, name, place.namespace)
    return found is not None and found["metadata"]["uid"] != uid


@story
def test_a_model_made_again_ten_times_has_the_children_of_the_last(place: Place) -> None:
    """Deleted and made again at once, ten times: the last one serves with children of its own, one of each."""
    for number in range(10):
        place.model(objectives={"latency": {"target": f"{number + 1}0ms"}})
        if number < 9:
            place.api.delete(MODEL, "model", place.namespace)

    place.is_ready()

    uid = place.get(MODEL, "model")["metadata"]["uid"]

    def owners() -> set[str]:
        return {owner["uid"] for child in place.children().values() for owner in child["metadata"]["ownerReferences"]}

    place.until(lambda: owners() == {uid}, "the children of former models to go")
    assert len(place.children()) == 6
    assert len(place.pods()) == 1


@story
def test_a_model_that_goes_in_the_foreground_takes_all_with_it(place: Place) -> None:
    """`kubectl delete --cascade=foreground`: no child is made again while it goes."""
    place.model()
    place.is_ready()

    path = place.api.path(MODEL, place.namespace, "model")
    place.api.request("DELETE", path, {"propagationPolicy": "Foreground"})

    place.until(lambda: not place.children() and not place.pods(), "every child to go")
    assert place.api.get(MODEL, "model", place.namespace) is None


@story
def test_a_model_that_somebody_else_holds_serves_until_it_is_let_go(place: Place) -> None:
    """With a finalizer of a third party a deleted model keeps its children, and nothing of it is written any more."""
    place.model()
    place.is_ready()
    held = {"metadata": {"finalizers": ["example.com/hold"]}}
    place.api.patch(MODEL, "model", held, namespace=place.namespace)
    place.api.delete(MODEL, "model", place.namespace)
    place.edit(scaling={"maxReplicas": 5, "minReplicas": 4})
    mark = place.plane.audit.mark()

    seconds_of_quiet(3)

    assert len(place.children()) == 6
    assert not place.writes(mark, "model")
    place.api.patch(MODEL, "model", {"metadata": {"finalizers": None}}, namespace=place.namespace)
    place.until(lambda: not place.children(), "every child to go")


@story
def test_a_model_orphaned_and_made_again_takes_its_children_back(place: Place) -> None:
    """`kubectl delete --cascade=orphan` leaves the children serving; the model of that name goes on with them."""
    place.model()
    place.is_ready()
    before = identities(place)
    path = place.api.path(MODEL, place.namespace, "model")
    place.api.request("DELETE", path, {"propagationPolicy": "Orphan"})
    place.until(lambda: place.api.get(MODEL, "model", place.namespace) is None, "the model to go")
    assert not place.children()
    assert place.get(DEPLOYMENT, "model-cpu")["status"]["readyReplicas"] == 1

    place.model()

    place.is_ready()
    assert identities(place) == before


def identities(place: Place) -> dict[str, str]:
    """Return the uids of a model's children."""
    return {name: child["metadata"]["uid"] for name, child in place.children().items()}


@story
def test_a_namespace_goes_while_its_models_start(place: Place) -> None:
    """Nothing holds it up, nothing is made in it again."""
    for number in range(8):
        place.model(f"model-{number}")
    place.until(lambda: len(place.api.list(DEPLOYMENT, place.namespace)) > 3, "some to have started")

    place.api.delete(NAMESPACE, place.namespace)

    place.until(lambda: place.api.get(NAMESPACE, place.namespace) is None, "the namespace to go")
    mark = place.plane.audit.mark()
    seconds_of_quiet(2)
    assert not place.writes(mark)
