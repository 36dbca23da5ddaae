"""When a child is applied again; tests/controlplane/test_rendered_children.py asks a real API server the same."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from samples import SAMPLES, SETTINGS, serving_of
from trimtab.api.kinds import Manifest
from trimtab.render.children import render_children
from trimtab.render.deployment import birth
from trimtab.render.divergence import needs_apply, overwritten
from trimtab.units import Replicas

Edit = Callable[[Any], object]
RENDERED = render_children(serving_of(SAMPLES[3], pod_monitors=True), SETTINGS)
CHILDREN = {child["kind"]: child for child in reversed(RENDERED)}
"""The first of each kind: of the Services, the one with an address."""


def pod(live: Any) -> Any:  # noqa: ANN401 - JSON values
    """Return the pod spec of a Deployment."""
    return live["spec"]["template"]["spec"]


def after(kind: str, change: Edit) -> tuple[Manifest, Manifest]:
    """Return a child as rendered, and as it would stand after a change."""
    live = copy.deepcopy(CHILDREN[kind])
    change(live)
    return CHILDREN[kind], live


UNIMPORTANT: dict[str, tuple[str, Edit]] = {
    "status and uid": ("Service", lambda it: (it.update(status={}), it["metadata"].update(uid="1", generation=3))),
    "a default": ("Deployment", lambda it: pod(it).update(dnsPolicy="ClusterFirst", restartPolicy="Always")),
    "an address": ("Service", lambda it: it["spec"].update(clusterIPs=["10.0.0.1"], clusterIP="10.0.0.1")),
    "a label of others": ("Deployment", lambda it: it["metadata"]["labels"].update(team="nlp")),
    "an owner of others": ("Service", lambda it: it["metadata"]["ownerReferences"].insert(0, {"uid": "other"})),
    "a sidecar": ("Deployment", lambda it: pod(it)["containers"].insert(0, {"name": "proxy"})),
    "a variable of others": ("Deployment", lambda it: pod(it)["containers"][0]["env"].insert(0, {"name": "PROXY"})),
    "replicas": ("Deployment", lambda it: it["spec"].update(replicas=5)),
    "canonical amounts": (
        "Deployment",
        lambda it: (
            pod(it)["containers"][0]["resources"]["requests"].update(memory="65536Mi", cpu="8000m"),
            pod(it)["volumes"][3]["emptyDir"].update(sizeLimit=17179869184),
            pod(it)["initContainers"][0]["resources"]["requests"].update(cpu="0.25", memory="536870912"),
        ),
    ),
}

IMPORTANT: dict[str, tuple[str, Edit]] = {
    "another hash": ("Service", lambda it: it["metadata"]["annotations"].update({"trimtab.io/applied": "0"})),
    "no annotations": ("Service", lambda it: it["metadata"].pop("annotations")),
    "empty annotations": ("Service", lambda it: it["metadata"].update(annotations=None)),
    "another amount": ("Deployment", lambda it: pod(it)["containers"][0]["resources"]["limits"].update(memory="64G")),
    "no amount": ("Deployment", lambda it: pod(it)["containers"][0]["resources"]["limits"].update(memory="much")),
    "a space in an argument": (
        "Deployment",
        lambda it: pod(it)["initContainers"][0].update(command=["python", "-m", "trimtab_runtime.fetch "]),
    ),
    "an argument gone": ("Deployment", lambda it: pod(it)["containers"][0]["args"].pop()),
    "no arguments": ("Deployment", lambda it: pod(it)["containers"][0].pop("args")),
    "the container gone": ("Deployment", lambda it: pod(it).update(containers=[{"name": "proxy"}])),
    "a variable of ours": ("Deployment", lambda it: pod(it)["containers"][0]["env"][0].update(value="/root")),
    "a section gone": ("Deployment", lambda it: pod(it).pop("securityContext")),
    "one selector more": ("Service", lambda it: it["spec"]["selector"].update(more="1")),
    "a port let in": ("NetworkPolicy", lambda it: it["spec"]["ingress"][0]["ports"].append({"port": 22})),
    "a metric more": (
        "HorizontalPodAutoscaler",
        lambda it: it["spec"]["metrics"].append(copy.deepcopy(it["spec"]["metrics"][0])),
    ),
    "another owner": ("Service", lambda it: it["metadata"].update(ownerReferences=[{"uid": "other"}])),
    "labels kept": (
        "PodMonitor",
        lambda it: it["spec"]["podMetricsEndpoints"][0].update(honorLabels=True),
    ),
    "another kind of volume": (
        "Deployment",
        lambda it: pod(it)["volumes"].__setitem__(0, {"name": "models", "configMap": {"name": "x"}}),
    ),
}


@pytest.mark.parametrize("kind", CHILDREN)
def test_what_stands_as_rendered_needs_nothing(kind: str) -> None:
    """Also in the form that it was born in."""
    rendered = CHILDREN[kind]

    assert not needs_apply(rendered, copy.deepcopy(rendered))
    assert not needs_apply(birth(rendered, Replicas(2)), birth(rendered, Replicas(7)))


@pytest.mark.parametrize("what", UNIMPORTANT)
def test_what_the_server_and_others_add_needs_nothing(what: str) -> None:
    """An apply would leave it as it is, so it would be repeated for ever."""
    rendered, live = after(*UNIMPORTANT[what])

    assert not needs_apply(rendered, live)


@pytest.mark.parametrize("what", IMPORTANT)
def test_what_somebody_changed_of_ours_needs_an_apply(what: str) -> None:
    """Also what only an addition can change: selectors, rules, lists without keys."""
    rendered, live = after(*IMPORTANT[what])

    assert needs_apply(rendered, live)


@pytest.mark.parametrize("gone", [None, "", []])
def test_what_the_server_does_not_store_is_not_missed(gone: object) -> None:
    """Empty lists and texts, and what is null, come back as nothing; an empty map comes back as itself."""
    rendered = {**CHILDREN["Service"], "spec": {"given": gone, "kept": {}}}
    live = {**CHILDREN["Service"], "spec": {"kept": {}}}

    assert not needs_apply(rendered, live)
    assert needs_apply(rendered, {**live, "spec": {"given": "something", "kept": {}}})
    assert needs_apply(rendered, {**live, "spec": {}})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1", "1000m", True),
        ("1", 1, True),
        ("2Gi", "2147483648", True),
        ("1e3", "1k", True),
        ("0.5", "500m", True),
        ("1500u", "1.5m", True),
        ("1Ei", "1024Pi", True),
        ("1.", "1000000000n", True),
        ("1", "1001m", False),
        ("1M", "1Mi", False),
        ("1", "one", False),
        ("one", "uno", False),
    ],
)
def test_amounts_are_compared_as_amounts(one: str, other: object, same: bool) -> None:  # noqa: FBT001 - a table's column
    """However they are written: the server writes them in its own form."""

    def with_limit(amount: object) -> Manifest:
        return {**CHILDREN["Service"], "spec": {"limits": {"cpu": amount}}}

    assert needs_apply(with_limit(one), with_limit(other)) is not same


def test_texts_that_look_like_amounts_are_compared_as_texts() -> None:
    """An environment variable of 1000m is not one of 1."""
    rendered = {**CHILDREN["Service"], "spec": {"env": [{"name": "A", "value": "1000m"}]}}
    live = {**CHILDREN["Service"], "spec": {"env": [{"name": "A", "value": "1"}]}}

    assert needs_apply(rendered, live)


@pytest.mark.parametrize("what", IMPORTANT)
def test_whatever_is_overwritten_needs_nothing_more(what: str) -> None:
    """And what the server and others know of the object itself is kept: it is one object, with its replicas."""
    rendered, live = after(*IMPORTANT[what])
    live["metadata"] |= {"uid": "1", "resourceVersion": "7", "labels": {**live["metadata"]["labels"], "team": "nlp"}}
    live["spec"] |= {"replicas": 5, "clusterIP": "None"}

    written = overwritten(rendered, live)

    assert not needs_apply(rendered, written)
    assert written["metadata"]["resourceVersion"] == "7"
    assert written["metadata"]["labels"]["team"] == "nlp"
    assert written["spec"]["replicas"] == 5
