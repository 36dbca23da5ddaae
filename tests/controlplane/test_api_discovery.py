"""What a person with kubectl alone can find out, see and do."""

import json
import re
import subprocess
from collections.abc import Callable

import pytest

from api_examples import KINDS, SMALLEST, changed, nodes, schema_of
from controlplane import Api, ControlPlane
from controlplane.api import ApiError, until
from trimtab.api.conditions import Reason
from trimtab.api.kinds import Manifest

Kubectl = Callable[..., str]

WIDTH = 120
MODEL = "trimtab.io/v1alpha1/AIModel"
WRITTEN = "2026-11-01T00:00:00Z"


@pytest.fixture(scope="module")
def schemas(api: Api) -> Manifest:
    """Return the schemas that the server publishes: it does so a moment after a CRD is established."""

    def published() -> Manifest:
        try:
            found: Manifest = api.request("GET", "/openapi/v3/apis/trimtab.io/v1alpha1")["components"]["schemas"]
        except ApiError:
            return {}
        return found if all(f"io.trimtab.v1alpha1.{kind}" in found for kind in KINDS) else {}

    return until(published, what="the server to publish the schemas of both kinds")


@pytest.fixture(scope="module")
def kubectl(
    control_plane: ControlPlane,
    schemas: Manifest,  # noqa: ARG001 - kubectl asks once, and remembers that there were none
    tmp_path_factory: pytest.TempPathFactory,
) -> Kubectl:
    """Return a function that runs kubectl as admin and returns what it prints; its failure is an AssertionError."""
    cache = tmp_path_factory.mktemp("kubectl")
    command = [str(control_plane.binaries["kubectl"]), f"--kubeconfig={control_plane.kubeconfig_for('admin')}"]

    def run(*arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            [*command, f"--cache-dir={cache}", *arguments],
            input=stdin, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


SENTENCE = re.compile(r"[A-Za-z].{6,}[.)]|.*https://\S+")
SAMPLE = (
    "aim",
    "aim.spec",
    "aim.spec.serving.env.name",
    "aim.spec.model.source.oci.path",
    "aim.status.conditions",
    "tpool.spec.variants.pricePerHour",
)


def _fields(kind: str) -> list[str]:
    """Return every field of a kind as `kubectl explain` names it, after the kind's own name."""
    return [
        path.replace("[]", "") for path, _ in nodes(schema_of(KINDS[kind]), kind) if not path.endswith(("[]", ".*"))
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_explained(schemas: Manifest, kind: str) -> None:
    """The document that `kubectl explain` prints from has a sentence for each field, ending as a sentence does."""
    served = nodes(schemas[f"io.trimtab.v1alpha1.{kind}"], kind)

    described = {path.replace("[]", ""): node.get("description", "") for path, node in served if path[-2:] != "[]"}

    fields = [field for field in _fields(kind) if field != f"{kind}.metadata"]  # a reference, to Kubernetes' own words
    assert len(fields) > 30
    assert [field for field in fields if not SENTENCE.fullmatch(described[field])] == []


def test_kubectl_explains_a_field(kubectl: Kubectl) -> None:
    """`kubectl explain` prints that sentence, for a kind by its short name, and for the deepest field."""
    for field in SAMPLE:
        text = kubectl("explain", field).partition("DESCRIPTION:")[2].partition("FIELDS:")[0]
        assert SENTENCE.fullmatch(" ".join(text.split())), field


def test_the_whole_tree_is_listed(kubectl: Kubectl) -> None:
    """`kubectl explain --recursive` lists each field of the spec, for both kinds, by their short names too."""
    for short, kind in (("aim", "AIModel"), ("tpool", "InferencePool")):
        listed = kubectl("explain", short, "--recursive")

        names = {path.rpartition(".")[2] for path in _fields(kind) if path.startswith(f"{kind}.spec.")}
        assert {name for name in names if not re.search(rf"^ +{re.escape(name)}\t<", listed, re.MULTILINE)} == set()


def _ready(status: str, reason: str) -> Manifest:
    return {
        "type": "Ready", "status": status, "reason": reason, "message": "What, where, what next.",
        "lastTransitionTime": WRITTEN,
    }  # fmt: skip


def _write_status(api: Api, kind: str, namespace: str, status: Manifest) -> None:
    name = SMALLEST[kind]["metadata"]["name"]
    api.patch(f"trimtab.io/v1alpha1/{kind}", name, {"status": status}, namespace=namespace, part="status")


def _create(api: Api, namespace: str, manifest: Manifest) -> Manifest:
    return api.create({**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}})


def test_columns_fit_a_terminal(api: Api, kubectl: Kubectl, namespace: str) -> None:
    """With the longest reason, a thousand replicas and a price of six figures, 120 columns hold a name of 28."""
    reason = max(Reason, key=len).value
    _create(api, namespace, changed("AIModel", "metadata.name", "n" * 28))
    _create(api, namespace, SMALLEST["AIModel"])
    _create(api, namespace, SMALLEST["InferencePool"])
    _write_status(
        api, "AIModel", namespace,
        {
            "readyReplicas": 1000, "decision": {"desiredReplicas": 1000, "boundBy": "MaxReplicas", "message": "m"},
            "latency": {
                "percentile": "P99", "observed": "10000ms", "target": "80ms", "withinTargetPercent": "99.4",
                "source": "PodSummaries", "resolution": "1ms",
            },
            "cost": {"hourly": "123456.78", "currency": "USD"}, "conditions": [_ready("Unknown", reason)],
        },
    )  # fmt: skip
    _write_status(
        api, "InferencePool", namespace,
        {"models": 1000, "accelerators": 16000, "hourly": "1234567.89", "conditions": [_ready("Unknown", reason)]},
    )  # fmt: skip

    models, pools = kubectl("get", "aim", "-n", namespace), kubectl("get", "tpool", "-n", namespace)

    head, row, fresh = models.splitlines()
    assert head.split() == ["NAME", "READY", "REPLICAS", "DESIRED", "LATENCY", "TARGET", "COST/H", "REASON", "AGE"]
    assert row.split()[1:-1] == ["Unknown", "1000", "1000", "10000ms", "80ms", "123456.78", reason]
    assert fresh.split()[:2] == ["n" * 28, "80ms"]
    head, row = pools.splitlines()
    assert head.split() == ["NAME", "READY", "MODELS", "ACCELERATORS", "COST/H", "REASON", "AGE"]
    assert row.split()[:-1] == ["gpu-main", "Unknown", "1000", "16000", "1234567.89", reason]
    assert max(len(line.rstrip()) for line in (models + pools).splitlines()) <= WIDTH


def test_wide_output_tells_where_and_what(api: Api, kubectl: Kubectl, namespace: str) -> None:
    """`-o wide` adds the variant, the pool and what is served."""
    _create(api, namespace, SMALLEST["AIModel"])
    served = "s3://models/fraud/2026-11-01"
    _write_status(api, "AIModel", namespace, {"variant": "l4", "version": {"serving": served}})

    head, row = kubectl("get", "aim", "-o", "wide", "-n", namespace).splitlines()

    assert head.split()[-3:] == ["VARIANT", "POOL", "VERSION"]
    assert row.split()[-3:] == ["l4", "gpu-main", served]


def test_the_kinds_answer_to_short_names_and_a_category(api: Api, kubectl: Kubectl, namespace: str) -> None:
    """`kubectl get trimtab` shows both kinds, `aim` and `tpool` one each."""
    for manifest in SMALLEST.values():
        _create(api, namespace, manifest)

    found = {
        query: kubectl("get", query, "-o", "name", "-n", namespace).split() for query in ("aim", "tpool", "trimtab")
    }

    model, pool = "aimodel.trimtab.io/fraud", "inferencepool.trimtab.io/gpu-main"
    assert found == {"aim": [model], "tpool": [pool], "trimtab": [model, pool]}


def test_defaults_are_visible_in_what_is_stored(api: Api, namespace: str) -> None:
    """Whoever reads a model of ten lines finds every default that applies to it; `replicas` stays absent."""
    model, pool = (_create(api, namespace, manifest)["spec"] for manifest in SMALLEST.values())

    assert model == {
        **SMALLEST["AIModel"]["spec"],
        "serving": {
            "resources": {"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"memory": "2Gi"}},
            "sharedMemory": "256Mi",
            "triton": {"dynamicBatching": {"maxQueueDelay": "1ms"}, "queuePolicy": "FreshFirst", "warmUp": "None"},
            "startup": {"timeout": "20m"},
            "drain": {"timeout": "60s"},
        },
        "objectives": {"latency": {"target": "80ms", "percentile": "P99"}},
        "scaling": {
            "minReplicas": 1,
            "maxReplicas": 12,
            "autoscaler": "HorizontalPodAutoscaler",
            "mode": "Active",
        },
    }
    assert pool == {
        "currency": "USD",
        "allowedModels": {"namespaces": {"from": "Same"}, "code": "Refuse"},
        "variants": [{"name": "l4"}],
    }


def test_kubectl_apply_takes_a_small_manifest_and_prints_why_it_refuses_another(
    kubectl: Kubectl, namespace: str
) -> None:
    """`kubectl apply` works with the smallest manifest; a wrong one is refused with field, value and next step."""
    wrong = changed("AIModel", "spec.scaling", {"minReplicas": 5, "maxReplicas": 3})
    place = {"metadata": {"name": "fraud"}}

    applied = kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(SMALLEST["AIModel"] | place))
    with pytest.raises(AssertionError) as refused:
        kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(wrong | place))

    assert applied == "aimodel.trimtab.io/fraud created\n"
    assert str(refused.value).startswith(
        'The AIModel "fraud" is invalid: spec.scaling.minReplicas: Invalid value: '
        "scaling.minReplicas must not exceed scaling.maxReplicas: lower it, or raise maxReplicas"
    )


def test_kubectl_wait_sees_the_ready_condition(api: Api, kubectl: Kubectl, namespace: str) -> None:
    """`kubectl wait --for=condition=Ready` ends when the status says so, and fails while it does not."""
    _create(api, namespace, SMALLEST["AIModel"])
    wait = ("wait", "--for=condition=Ready", "aim/fraud", "-n", namespace)
    _write_status(api, "AIModel", namespace, {"conditions": [_ready("False", "Progressing")]})

    with pytest.raises(AssertionError, match="timed out"):
        kubectl(*wait, "--timeout=1s")
    _write_status(api, "AIModel", namespace, {"conditions": [_ready("True", "Serving")]})

    assert kubectl(*wait, "--timeout=20s") == "aimodel.trimtab.io/fraud condition met\n"


def test_kubectl_scale_pins_a_model(api: Api, kubectl: Kubectl, namespace: str) -> None:
    """It writes `spec.replicas` although that is absent; reading the scale is an error until then, and again after."""
    _create(api, namespace, SMALLEST["AIModel"])
    path = f"{api.path(MODEL, namespace, 'fraud')}/scale"

    with pytest.raises(ApiError, match=r"spec replicas field \"\.spec\.replicas\" does not exist"):
        api.request("GET", path)
    kubectl("scale", "aim/fraud", "--replicas=3", "-n", namespace)
    pinned = api.get(MODEL, "fraud", namespace)
    kubectl("scale", "aim/fraud", "--current-replicas=3", "--replicas=0", "-n", namespace)

    assert pinned is not None
    assert pinned["spec"]["replicas"] == 3
    assert api.request("GET", path)["spec"] == {}  # the Scale kind leaves 0 out
    api.patch(MODEL, "fraud", {"spec": {"replicas": None}}, namespace=namespace)
    with pytest.raises(ApiError, match="does not exist"):
        api.request("GET", path)


def test_a_pin_cannot_be_removed_through_the_scale_subresource(api: Api, namespace: str) -> None:
    """There, null means 0: who unpins has to patch the model itself, as `trimtab unpin` does."""
    _create(api, namespace, changed("AIModel", "spec.replicas", 3))

    api.patch(MODEL, "fraud", {"spec": {"replicas": None}}, namespace=namespace, part="scale")

    found = api.get(MODEL, "fraud", namespace)
    assert found is not None
    assert found["spec"]["replicas"] == 0


@pytest.mark.parametrize(
    ("kind", "field", "entries", "left"),
    [
        ("AIModel", "spec.serving.env", ({"name": "OMP_A", "value": "1"}, {"name": "OMP_B", "value": "2"}), 2),
        ("AIModel", "spec.serving.imagePullSecrets", ({"name": "a"}, {"name": "b"}), 2),
        ("InferencePool", "spec.variants", ({"name": "l4"}, {"name": "h100", "pricePerHour": "9.80"}), 2),
        ("AIModel", "spec.serving.tolerations", ({"key": "a"}, {"key": "b"}), 1),
        ("AIModel", "spec.serving.allowedClients", ({"namespace": "a"}, {"namespace": "b"}), 1),
    ],
)
def test_lists_merge_by_key_where_entries_have_one(  # noqa: PLR0913, PLR0917 - two fixtures beside the four of a row
    api: Api, namespace: str, kind: str, field: str, entries: tuple[object, object], left: int
) -> None:
    """Two appliers of a keyed list each keep their entries; a list without a key belongs to the last one as a whole."""
    first, second = (changed(kind, field, [entry]) for entry in entries)

    _apply(api, namespace, first, "team-a")
    found = _apply(api, namespace, second, "team-b")

    for part in field.split("."):
        found = found[part]
    assert len(found) == left


def _apply(api: Api, namespace: str, manifest: Manifest, manager: str) -> Manifest:
    return api.apply({**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}}, manager)
