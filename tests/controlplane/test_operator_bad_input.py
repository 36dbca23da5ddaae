"""What only the operator can tell of a spec: what a user gets, that nobody else is touched, and that it mends itself.

The schema's own refusals are in test_api_bad_input.py; what others do to a model's children is in
test_operator_by_hand.py and test_operator_in_the_way.py.
"""

import datetime as dt
import re
from collections.abc import Iterator

import pytest

from controlplane import Api, ControlPlane
from controlplane.operator_process import OperatorProcess
from stories import CPU, MODEL, NAMESPACE, POOL, Manifest, Outcomes, Place, story, told
from trimtab.render.names import base_name, model_label

DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
LONG = "-".join(["n" * 62] * 4)[:253]


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, control_plane: ControlPlane, operator: OperatorProcess
) -> Iterator[Outcomes]:
    """Return what came of each story of this file."""
    with told(request, control_plane) as running:
        yield running
    assert operator.running
    assert "a bug" not in operator.log


def stalled(place: Place, reason: str, name: str = "model", namespace: str | None = None) -> str:
    """Wait until a model is not Ready for a reason that needs somebody, and return what it says."""
    said = place.says("Ready", "False", reason, name, namespace)
    assert place.says("Stalled", "True", reason, name, namespace) in said
    assert not place.condition("Reconciling", name, namespace)
    return said


@story
def test_a_pool_that_is_not_there_is_named_and_may_come_later(place: Place) -> None:
    """Without its pool a model has no child; it starts by itself when the pool comes."""
    place.model(poolRef={"name": "gpu-main"})

    said = stalled(place, "PoolNotFound")

    assert said == (
        f"InferencePool {place.namespace}/gpu-main is not there: create it, or name another one in spec.poolRef"
    )
    assert not place.children()
    for kind in ("ModelLoaded", "CapacityAvailable", "PricesKnown"):
        assert (place.condition(kind)["status"], place.condition(kind)["reason"]) == ("Unknown", "PoolNotFound")
    assert "url" not in place.get(MODEL, "model")["status"]
    place.pool(name="gpu-main")
    place.is_ready()


@story
def test_a_pool_that_keeps_to_its_own_namespace_says_so(place: Place) -> None:
    """`from: Same`, the default, admits nobody else; consent given later is enough."""
    elsewhere = place.another_namespace()
    place.pool(namespace=elsewhere, name="theirs")
    place.model(poolRef={"name": "theirs", "namespace": elsewhere})

    said = stalled(place, "PoolRefusesNamespace")

    assert f"InferencePool {elsewhere}/theirs admits models of its own namespace alone, not those of" in said
    assert "Ask its administrator to change spec.allowedModels" in said
    assert not place.children()
    place.pool(namespace=elsewhere, name="theirs", allowedModels={"namespaces": {"from": "All"}})
    place.is_ready()


@story
def test_consent_that_is_withdrawn_stops_nothing_that_serves(place: Place) -> None:
    """Without the label that the pool asks for a model is told so; its children stay until the label is back."""
    elsewhere = place.another_namespace()
    consent = {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"team": "search"}}}}
    place.pool(namespace=elsewhere, name="theirs", allowedModels=consent)
    place.model(poolRef={"name": "theirs", "namespace": elsewhere})
    assert "admits namespaces labelled team=search, which" in stalled(place, "PoolRefusesNamespace")

    place.api.patch(NAMESPACE, place.namespace, {"metadata": {"labels": {"team": "search"}}})
    place.is_ready()
    before = identities(place.children())
    place.api.patch(NAMESPACE, place.namespace, {"metadata": {"labels": {"team": None}}})

    assert "1 replica still answers" in place.says("Ready", "False", "PoolRefusesNamespace")
    assert identities(place.children()) == before
    assert len(place.pods()) == 1
    place.api.patch(NAMESPACE, place.namespace, {"metadata": {"labels": {"team": "search"}}})
    place.is_ready()
    assert identities(place.children()) == before


@story
def test_a_pool_that_is_deleted_stops_nothing_that_serves(place: Place) -> None:
    """The model is told; its children stay; a pool of that name that comes back is taken as it is."""
    place.pool(name="mine")
    place.model(poolRef={"name": "mine"})
    place.is_ready()
    before = identities(place.children())

    place.api.delete(POOL, "mine", place.namespace)

    assert "still answers" in stalled(place, "PoolNotFound") + place.says("Ready", "False", "PoolNotFound")
    assert identities(place.children()) == before
    place.pool(name="mine")
    place.is_ready()


@story
def test_a_variant_that_the_pool_does_not_offer_is_answered_with_those_that_it_does(place: Place) -> None:
    """The message lists the pool's variants; the model starts when its own is among them."""
    place.pool(CPU, {"name": "cpu-large"}, name="mine")
    place.model(poolRef={"name": "mine"}, serving={"variant": "h100"})

    said = stalled(place, "VariantNotFound")

    assert "has no variant h100, it offers cpu, cpu-large: change spec.serving.variant, or leave it out" in said
    place.pool(CPU, {"name": "h100"}, name="mine")
    place.is_ready()


@story
def test_every_legal_name_gets_legal_children(place: Place) -> None:
    """Names of 253 characters, with dots, of digits: children's names are legal and distinct, the url resolves."""
    names = (LONG, LONG[:-1] + "m", "fraud.v2.eu", "0", "127.0.0.1", "n" * 63, "n" * 64)
    for name in names:
        place.model(name)

    for name in names:
        place.is_ready(name)
        status = place.get(MODEL, name)["status"]
        host, _, path = status["url"].removeprefix("http://").partition(":8000")
        assert all(DNS_LABEL.fullmatch(label) for label in host.removesuffix(".svc").split(".")), host
        assert path == f"/v2/models/{name}"
        (pod,) = place.pods(model_label(name))
        assert status["selector"] == f"trimtab.io/model={pod['metadata']['labels']['trimtab.io/model']}"
        assert place.get("v1/Service", host.split(".")[0])["spec"]["selector"] == {
            "trimtab.io/model": model_label(name)
        }
    everything = [list(place.children(name)) for name in names]
    assert [len(each) for each in everything] == [6] * len(names)
    assert all(DNS_LABEL.fullmatch(child.partition(" ")[2]) for each in everything for child in each)


@story
def test_models_whose_children_look_alike_share_none(place: Place) -> None:
    """Dots and dashes, a variant in the name, a name that ends as a headless Service's or a hash: each has its own."""
    place.pool(CPU, {"name": "b-c"}, {"name": "c"}, name="three")
    variants = {"a": "b-c", "a-b": "c", "a.b": "c", "a-b-c": "cpu", "a-headless": "cpu", base_name("a.b"): "cpu"}
    for name, variant in variants.items():
        place.model(name, poolRef={"name": "three"}, serving={"variant": variant})

    for name in variants:
        place.is_ready(name)

    children = [child for name in variants for child in place.children(name)]
    assert len(children) == len(set(children)) == 6 * len(variants)


ADDRESSES = (
    "http://2852039166/latest/meta-data", "http://0xa9fea9fe/latest/meta-data", "http://0251.0376.0251.0376/m",
    "http://127.1/m", "http://0x7f.1/m", "https://0/m", "https://[::1]/m", "http://[::ffff:169.254.169.254]/latest/m",
    "http://[::ffff:a9fe:a9fe]/latest/m", "http://[fd00:ec2::254]/latest/m", "http://[fe80::1]/m", "http://localhost./m",
    "http://LOCALHOST/m", "http://metadata.google.internal/m", "http://metadata/m", "https://10.0.0.1/m",
    "http://kubernetes.default.svc/m", "https://kubernetes.default.svc.cluster.local./m", "http://100.100.100.200/m",
)  # fmt: skip


@story
def test_an_address_inside_the_cluster_is_refused_before_anything_is_made(place: Place) -> None:
    """However a host is written, one that is not public gets no pod, and the message says what to do."""
    names = {f"refused-{number}": uri for number, uri in enumerate(ADDRESSES)}
    for name, uri in names.items():
        place.model(name, model={"source": {"uri": uri}})

    for name, uri in names.items():
        said = stalled(place, "SourceRefused", name)
        assert said.startswith(f"spec.model.source: model URI '{uri}': ")
        assert re.search(r"is not public|is not a name of the public internet|in a notation that", said)
        assert re.search(r"use a public host, or ask the administrator to allow .*|write it plainly$", said)
        assert not place.children(name)
    place.edit("refused-0", model={"source": {"uri": "https://models.example.com/m.onnx"}})
    place.is_ready("refused-0")


@story
def test_a_source_that_is_refused_later_leaves_the_served_one_alone(place: Place) -> None:
    """A change to an address inside the cluster is told; the version of before goes on."""
    place.model()
    place.is_ready()
    before = identities(place.children())

    place.edit(model={"source": {"uri": "http://169.254.169.254/latest/m"}})

    assert "still answers" in place.says("Ready", "False", "SourceRefused")
    assert identities(place.children()) == before
    place.edit(model={"source": {"uri": "s3://models/fraud/7"}})
    place.is_ready()


@story
def test_odd_labels_reach_the_pods_as_they_are(place: Place) -> None:
    """What the schema admits works: empty and longest values, capitals, a label that a controller uses itself."""
    domain = ".".join(["d" * 62] * 4)[:253]
    odd = {"EMPTY": "", f"{domain}/{'K' * 63}": "V" * 63, "a_b.c": "0_.-9", "pod-template-hash": "mine", "true": "no"}
    place.model(serving={"labels": odd})

    place.is_ready()

    (pod,) = place.pods()
    found = pod["metadata"]["labels"]
    assert {key: found[key] for key in odd} == odd | {"pod-template-hash": found["pod-template-hash"]}
    assert place.get(MODEL, "model")["status"]["readyReplicas"] == 1


@story
def test_a_status_that_somebody_else_wrote_is_replaced(place: Place) -> None:
    """Whoever may write a status can lie for some seconds: nothing is believed, nothing stays, nothing follows."""
    place.model()
    place.is_ready()
    place.until(lambda: is_complete(place), "a status that says all there is to say")
    honest = timeless(place)
    before = identities(place.children())
    liar = may_write_status(place)

    for lie in lies():
        path = f"{liar.path(MODEL, place.namespace, 'model')}/status"
        liar.request("PUT", path, place.get(MODEL, "model") | {"status": lie})
        place.until(lambda: timeless(place) == honest, "the honest status")
        now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert all(each["lastTransitionTime"] <= now for each in place.get(MODEL, "model")["status"]["conditions"])

    assert identities(place.children()) == before


def timeless(place: Place) -> Manifest:
    """Return a model's status without its times, and how its decision was come to, which tells of a moment too."""
    status: Manifest = place.get(MODEL, "model")["status"]
    bare = [{**each, "lastTransitionTime": ""} for each in status.get("conditions", ())]
    return {**status, "conditions": bare, "decision": {**status.get("decision", {}), "trail": []}}


def is_complete(place: Place) -> bool:
    """Tell whether a model's status has the numbers and the version that may come some seconds after it is ready."""
    status = place.get(MODEL, "model")["status"]
    return status.get("readyReplicas") == 1 and "version" in status and "cost" in status


def lies() -> Iterator[Manifest]:
    """Yield statuses that the schema lets pass."""
    yield {}
    early = "2026-11-01T00:00:00Z"
    foreign = {"status": "True", "reason": "Fine", "message": "m" * 30_000, "lastTransitionTime": early}
    yield {"conditions": [{"type": f"example.com/T{number}", **foreign} for number in range(30)]}
    numbers = {"replicas": 2**31 - 1, "readyReplicas": 2**31 - 1, "observedGeneration": 2**31 - 1}
    bill = {"cost": {"hourly": "9" * 15, "currency": "XXX"}, "url": "http://evil.example/", "selector": "a=b,c in (d)"}
    decision = {"desiredReplicas": 1000, "boundBy": "Pin", "message": "\x1b[2J\x00"}
    yield {**numbers, **bill, "decision": decision, "variant": "h100", "version": {"serving": "x" * 1100}}
    ready = {"type": "Ready", "reason": "Lie", "message": "", "lastTransitionTime": "9999-12-31T23:59:59Z"}
    yield {"conditions": [{**ready, "status": "True"}]}
    yield {"conditions": [{**ready, "status": "False"}]}


def may_write_status(place: Place) -> Api:
    """Return a client that may write the status of models here, and nothing else."""
    group = "rbac.authorization.k8s.io"
    about = {"name": "liar", "namespace": place.namespace}
    rules = [{"apiGroups": ["trimtab.io"], "resources": ["aimodels/status"], "verbs": ["update", "patch"]}]
    place.api.apply({"apiVersion": f"{group}/v1", "kind": "Role", "metadata": about, "rules": rules})
    place.api.apply(
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": about,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "liar"},
            "subjects": [{"apiGroup": group, "kind": "User", "name": "tenant-b"}],
        }
    )
    return place.plane.api_as("tenant-b")


def identities(children: dict[str, Manifest]) -> dict[str, tuple[str, int | None]]:
    """Return by what children are known to be the same and unchanged: what a controller counts is left out."""
    return {
        name: (child["metadata"]["uid"], child["metadata"].get("generation", 0)) for name, child in children.items()
    }
