"""`trimtab render`: children from files alone, and errors that say which field of which object in which file."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from fakes.snapshots import NOW
from trimtab.api.kinds import Manifest
from trimtab.app.offline import OfflineError, dump_manifests, read_files, render_files
from trimtab.app.settings import pod_settings

SETTINGS = pod_settings({})
SMALL = """
apiVersion: trimtab.io/v1alpha1
kind: AIModel
metadata: {name: fraud}
spec:
  poolRef: {name: gpu}
  model: {source: {uri: s3://models/fraud/7}}
  objectives: {latency: {target: 80ms}}
  scaling: {minReplicas: 2, maxReplicas: 12}
---
apiVersion: trimtab.io/v1alpha1
kind: InferencePool
metadata: {name: gpu}
spec:
  variants:
  - {name: l4, resourceName: nvidia.com/gpu}
"""
ELSEWHERE = "metadata: {name: gpu, namespace: platform}\nspec:\n  allowedModels: {namespaces: {from: Selector, "
CONSENT = ELSEWHERE + "selector: {matchLabels: {team: a}}}}"


def rendered_at(text: str, now: datetime = NOW, namespace: str = "shop") -> list[Manifest]:
    """Return what is rendered of a text."""
    return list(render_files([("f", text)], SETTINGS, namespace, now))


def rendered(text: str, namespace: str = "shop") -> list[str]:
    """Return the kinds and names of what is rendered."""
    return [f"{each['kind']} {each['metadata']['name']}" for each in rendered_at(text, namespace=namespace)]


def test_a_model_and_its_pool_in_one_file_are_enough() -> None:
    """Everything that an operator would create, in its order, in the namespace asked for."""
    assert rendered(SMALL)[:2] == ["NetworkPolicy fraud", "Deployment fraud-l4"]
    assert {each["metadata"]["namespace"] for each in rendered_at(SMALL)} == {"shop"}


def test_other_documents_and_comments_do_not_matter() -> None:
    """A file may hold anything else beside our kinds."""
    assert rendered("# nothing\n---\nkind: ConfigMap\n---\njust text\n---" + SMALL) == rendered(SMALL)


def test_consent_by_labels_needs_the_namespace_and_says_so() -> None:
    """Without the namespace's labels it is not known whether the pool admits the model."""
    text = SMALL.replace("poolRef: {name: gpu}", "poolRef: {name: gpu, namespace: platform}")
    text = text.replace("metadata: {name: gpu}\nspec:", CONSENT)
    namespace = "\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: a}}\n"

    with pytest.raises(OfflineError, match="add the Namespace shop too"):
        rendered(text)
    assert rendered(text + namespace) == rendered(SMALL)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no AIModel"),
        ("a: [", "f is no YAML"),
        (SMALL.replace("metadata: {name: fraud}", "metadata: {}"), "AIModel has no metadata.name"),
        (SMALL.partition("---")[0], "InferencePool shop/gpu, which is in none of the files"),
        (SMALL.replace("80ms", "soon"), "spec.objectives.latency.target"),
        (SMALL.replace("  model: {source: {uri: s3://models/fraud/7}}\n", ""), "spec.model: Field required"),
        (SMALL.replace("s3://models/fraud/7", "http://2852039166/model.onnx"), "not public"),
        (SMALL.replace("{name: gpu}\n  model", "{name: gpu}\n  serving: {variant: b200}\n  model"), "b200"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, said: str) -> None:
    """Each error names the object or field and what to do."""
    with pytest.raises(OfflineError) as refused:
        rendered(text)

    assert said in str(refused.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A missing file, and one that is no text."""
    binary = tmp_path / "b.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "missing.yaml", binary):
        with pytest.raises(OfflineError, match=path.name):
            list(read_files([path]))


def test_the_output_is_yaml_without_anchors() -> None:
    """It can be piped to kubectl and read by people."""
    text = dump_manifests(rendered_at(SMALL))

    assert "&id" not in text
    assert text.count("\nkind: ") + text.startswith("kind: ") == len(rendered(SMALL))


def test_what_is_rendered_is_what_the_operator_would_decide() -> None:
    """A pin and a budget bind here as they do there: at 1.00 an hour each, 3.00 holds the autoscaler to three."""
    text = SMALL.replace("resourceName: nvidia.com/gpu", 'pricePerHour: "1.00"')
    text = text.replace("scaling:", 'budget: {hourly: "3.00"}\n  scaling:')

    (bounds,) = (each["spec"] for each in rendered_at(text) if each["kind"] == "HorizontalPodAutoscaler")

    assert (bounds["minReplicas"], bounds["maxReplicas"]) == (2, 3)


def test_what_is_rendered_knows_the_time() -> None:
    """A window that is open has its say, as with the operator."""
    window = "{name: day, start: 0 8 * * *, duration: 4h, minReplicas: 4}"
    text = SMALL.replace("minReplicas: 2", f"minReplicas: 2, schedules: [{window}]")

    born = [
        next(each["spec"]["replicas"] for each in rendered_at(text, now) if each["kind"] == "Deployment")
        for now in (NOW, NOW + timedelta(hours=8))
    ]

    assert born == [4, 2]
