"""Stories that one operator lives through side by side: each in a namespace of its own, beside a healthy neighbour.

    @story
    def test_a_pool_that_is_not_there_is_named(place: Place) -> None:
        ...

A test file needs the fixture `outcomes` that calls `told`. All stories that were selected run at once, since nearly all
of their time is waiting; each test then hands on what came of its own. When a story has ended its neighbour must be as
it was: Ready, not one child changed, and nothing written to it by the operator.
"""

import concurrent.futures
import contextlib
import itertools
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from controlplane import Api, ControlPlane, Request, audit, until

MODEL = "trimtab.io/v1alpha1/AIModel"
POOL = "trimtab.io/v1alpha1/InferencePool"
NAMESPACE = "v1/Namespace"
DEPLOYMENT = "apps/v1/Deployment"
SERVICE = "v1/Service"
AUTOSCALER = "autoscaling/v2/HorizontalPodAutoscaler"
BUDGET = "policy/v1/PodDisruptionBudget"
POLICY = "networking.k8s.io/v1/NetworkPolicy"
JOB = "batch/v1/Job"
CHILDREN = (DEPLOYMENT, SERVICE, AUTOSCALER, BUDGET, POLICY)
OPERATOR = "system:serviceaccount:trimtab-system:trimtab-operator"
CPU = {"name": "cpu", "pricePerHour": "0.10"}
NEIGHBOUR = "neighbour"
SIDE_BY_SIDE = 16  # threads that look ten times a second: more would keep the API server from its work
PATIENCE = 150.0  # seconds; measured: 1 to 5 with all stories at once, 30 where the operator has to look again by
# itself; numbers alone are told once a minute where much was told before, which a slow start uses up

Manifest = dict[str, Any]
Story = Callable[["Place"], None]
Outcomes = Mapping[Story, "concurrent.futures.Future[None]"]
T = TypeVar("T")
_numbers = itertools.count(1)


@dataclass
class Place:
    """A namespace with a pool of processors, called `cpu`, and whoever acts in it."""

    plane: ControlPlane
    namespace: str
    others: list[str] = field(default_factory=list)

    @property
    def api(self) -> Api:
        """A client that may do everything."""
        return self.plane.admin

    def another_namespace(self, labels: Mapping[str, str] | None = None) -> str:
        """Make a further namespace, which goes with this one, and return its name."""
        name = f"{self.namespace}-{len(self.others) + 1}"
        self.others.append(name)
        make_namespace(self.api, name, labels)
        return name

    def fate(self, name: str | None, *, exit_code: int = 1, message: str = "") -> None:
        """Decide what becomes of pods that are made here from now on; see hack/controlplane/stages.yaml."""
        decide_fate(self.api, self.namespace, name, exit_code=exit_code, message=message)

    def pool(self, *variants: Manifest, name: str = "cpu", namespace: str | None = None, **spec: Any) -> None:  # noqa: ANN401 - JSON
        """Apply a pool."""
        about = {"name": name, "namespace": namespace or self.namespace}
        made = {"apiVersion": "trimtab.io/v1alpha1", "kind": "InferencePool", "metadata": about}
        self.api.apply({**made, "spec": {"variants": list(variants) or [CPU], **spec}})

    def model(self, name: str = "model", namespace: str | None = None, **spec: Any) -> None:  # noqa: ANN401 - JSON
        """Apply a model as a user writes it, with some fields of its spec said otherwise."""
        self.api.apply(model_manifest(name, namespace or self.namespace, **spec))

    def edit(self, name: str = "model", **spec: Any) -> None:  # noqa: ANN401 - JSON
        """Merge some fields into a model's spec."""
        self.api.patch(MODEL, name, {"spec": spec}, namespace=self.namespace)

    def get(self, kind: str, name: str) -> Manifest:
        """Return an object of this namespace that must be there."""
        found = self.api.get(kind, name, self.namespace)
        if found is None:
            raise AssertionError(f"there is no {kind} {name} in {self.namespace}")
        return found

    def condition(self, kind: str, name: str = "model", namespace: str | None = None) -> Manifest:
        """Return a condition of a model; an empty one where it has none of that type."""
        found = self.api.get(MODEL, name, namespace or self.namespace) or {}
        conditions: list[Manifest] = (found.get("status") or {}).get("conditions") or []
        return next((each for each in conditions if each["type"] == kind), {})

    def until(self, look: Callable[[], T | None], what: str, seconds: float = PATIENCE) -> T:
        """Wait until `look` returns something true, and return that."""
        return until(look, what=f"{what} in {self.namespace}", seconds=seconds)

    def says(self, kind: str, status: str, reason: str, name: str = "model", namespace: str | None = None) -> str:
        """Wait until a condition of a model has a status and a reason, and return its message."""

        def look() -> Manifest | None:
            seen = self.condition(kind, name, namespace)
            return seen if (seen.get("status"), seen.get("reason")) == (status, reason) else None

        try:
            return str(self.until(look, f"{kind}={status} ({reason}) of {name}")["message"])
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it says {self.condition(kind, name, namespace)}") from error

    def is_ready(self, name: str = "model", namespace: str | None = None) -> None:
        """Wait until a model is Ready and nothing is left to do."""
        self.says("Ready", "True", "Serving", name, namespace)
        self.until(lambda: self.is_settled(name, namespace), f"{name} to be settled")

    def is_settled(self, name: str = "model", namespace: str | None = None) -> bool:
        """Tell whether nothing is said to be under way or stalled."""
        return not self.condition("Reconciling", name, namespace) and not self.condition("Stalled", name, namespace)

    def children(self, name: str = "model", namespace: str | None = None) -> dict[str, Manifest]:
        """Return what a model of this name controls, by kind and name."""
        where = namespace or self.namespace
        return {
            f"{kind.rpartition('/')[2]} {each['metadata']['name']}": each
            for kind in CHILDREN
            for each in self.api.list(kind, where)
            if any(
                owner["kind"] == "AIModel" and owner["name"] == name
                for owner in each["metadata"].get("ownerReferences", ())
            )
        }

    def pods(self, name: str = "model") -> list[Manifest]:
        """Return a model's pods that are not on their way out."""
        found = self.api.list("v1/Pod", self.namespace, f"trimtab.io/model={name}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def writes(self, since: int, name: str = "") -> list[Request]:
        """Return what the operator has written here after a mark to objects whose names begin so, Events aside."""
        here = f'"namespace":"{self.namespace}"'.encode()
        requests = (audit.parse(line) for line in self.plane.audit.lines(since) if here in line)
        ours = (each for each in requests if each.user == OPERATOR and each.writes and each.resource != "events")
        return [each for each in ours if each.name.startswith(name)]


def model_manifest(name: str, namespace: str, **spec: Any) -> Manifest:  # noqa: ANN401 - JSON
    """Return a small model on the pool `cpu`, with some fields of its spec said otherwise."""
    amounts = {"memory": "64Mi"}
    return {
        "apiVersion": "trimtab.io/v1alpha1",
        "kind": "AIModel",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "poolRef": {"name": "cpu"},
            "model": {"source": {"uri": "s3://models/fraud/7"}},
            "objectives": {"latency": {"target": "80ms"}},
            "scaling": {"maxReplicas": 3},
            "serving": {"resources": {"requests": {"cpu": "50m", **amounts}, "limits": amounts}},
            **spec,
        },
    }


def decide_fate(api: Api, namespace: str, name: str | None, *, exit_code: int = 1, message: str = "") -> None:
    """Decide what becomes of pods that are made in a namespace, once the API server that makes them knows it."""
    said = {"fate": name, "exit-code": name and str(exit_code), "message": message or None}
    annotations = {f"kwok.trimtab.io/{key}": value for key, value in said.items()}
    api.patch(NAMESPACE, namespace, {"metadata": {"annotations": annotations}})
    wanted = {key: value for key, value in annotations.items() if value is not None}
    until(lambda: _fate_of_a_pod(api, namespace) == wanted, what="the server to know what becomes of pods")


def _fate_of_a_pod(api: Api, namespace: str) -> dict[str, str]:
    """Return what a pod made now would be told: the server learns of a namespace's annotations a little later."""
    container = {
        "name": "main",
        "image": "image",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    safe = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    probe = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "probe"},
        "spec": {"securityContext": safe, "containers": [container]},
    }
    path = api.path("v1/Pod", namespace)
    made: dict[str, Any] = api.request("POST", f"{path}?dryRun=All", probe)
    told: dict[str, str] = made["metadata"].get("annotations") or {}
    return {key: value for key, value in told.items() if key.startswith("kwok.trimtab.io/")}


def make_namespace(api: Api, name: str, labels: Mapping[str, str] | None = None) -> None:
    """Make a namespace that enforces the restricted Pod Security profile."""
    enforced = {"pod-security.kubernetes.io/enforce": "restricted", **(labels or {})}
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": enforced}})


def put_a_job_in_the_way(place: Place, name: str, model: str = "model") -> None:
    """Put a Job of somebody else in the place of a model's, while that is paused."""
    pause: Manifest = {"metadata": {"annotations": {"trimtab.io/paused": "true"}}}
    place.api.patch(MODEL, model, pause, namespace=place.namespace)
    place.says("Paused", "True", "PausedByAnnotation", model)
    place.api.delete(JOB, name, place.namespace)
    place.until(lambda: not place.api.get(JOB, name, place.namespace), "the Job to go")
    container = {
        "name": "main",
        "image": "image",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    safe = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    template = {"spec": {"restartPolicy": "Never", "securityContext": safe, "containers": [container]}}
    about = {"name": name, "namespace": place.namespace}
    place.api.create({"apiVersion": "batch/v1", "kind": "Job", "metadata": about, "spec": {"template": template}})
    pause["metadata"]["annotations"]["trimtab.io/paused"] = "false"
    place.api.patch(MODEL, model, pause, namespace=place.namespace)


def story(function: Story) -> Callable[[Outcomes], None]:
    """Make a test of a story: it hands on what came of it."""

    def test(outcomes: Outcomes) -> None:
        outcomes[function].result()

    test.__name__, test.__qualname__, test.__doc__ = function.__name__, function.__qualname__, function.__doc__
    test.__module__ = function.__module__
    test.story = function  # type: ignore[attr-defined]
    return test


@contextlib.contextmanager
def told(request: pytest.FixtureRequest, plane: ControlPlane) -> Iterator[Outcomes]:
    """Run every story of a module that was selected, each on a thread of its own, and let their namespaces go."""
    stories: list[Story] = [
        item.function.story
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.module is request.module and hasattr(item.function, "story")
    ]
    places: list[Place] = []
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield {each: pool.submit(_tell, each, plane, places) for each in stories}
    for name in itertools.chain.from_iterable((place.namespace, *place.others) for place in places):
        plane.admin.delete(NAMESPACE, name)


def _tell(function: Story, plane: ControlPlane, places: list[Place]) -> None:
    place = Place(plane, f"story-{os.getpid()}-{next(_numbers)}")
    make_namespace(place.api, place.namespace)
    places.append(place)
    place.pool()
    place.model(NEIGHBOUR)
    place.is_ready(NEIGHBOUR)
    before = _at_rest(place)
    mark = plane.audit.mark()
    function(place)
    if place.api.get(NAMESPACE, place.namespace) is None:
        return  # that was the story
    ready, after = place.condition("Ready", NEIGHBOUR), _ours(place)
    if ready.get("status") != "True" or after != before:
        raise AssertionError(f"the neighbour was touched: {ready}; {before} became {after}")
    written = place.writes(mark, NEIGHBOUR)
    if written:
        raise AssertionError(f"the neighbour was written to: {written}")


def _at_rest(place: Place) -> dict[str, object]:
    """Wait until nobody has anything more to say about the neighbour, and return its children."""
    seen: dict[str, object] = {}

    def look() -> bool:
        nonlocal seen
        last, seen = seen, _ours(place)
        status = place.get(MODEL, NEIGHBOUR)["status"]
        said = status.get("readyReplicas"), (status.get("cost") or {}).get("hourly"), "version" in status
        healthy = place.get(BUDGET, NEIGHBOUR)["status"].get("currentHealthy")
        return last == seen and (healthy, *said) == (1, 1, CPU["pricePerHour"], True)

    place.until(look, "the neighbour to be at rest")
    return seen


def _ours(place: Place) -> dict[str, object]:
    """Return the resource versions of the neighbour's children; an autoscaler's is moved by its own controller."""
    return {
        name: child["spec"] if name.startswith("Horizontal") else child["metadata"]["resourceVersion"]
        for name, child in place.children(NEIGHBOUR).items()
    }


def seconds_of_quiet(seconds: float) -> None:
    """Let time pass in which nothing may happen: the one thing that cannot be waited for."""
    time.sleep(seconds)
