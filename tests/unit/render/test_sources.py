"""Where a model comes from: how it reaches its pods, and which sources are refused."""

import json
from dataclasses import replace
from typing import Any

import pytest

from samples import SAMPLES, SETTINGS, changed, serving_of
from trimtab.api.aimodel import ModelSource, OciSource, PersistentVolumeClaimSource
from trimtab.api.fetch import DEFAULT_MAX_BYTES, FETCH_PLAN_VARIABLE
from trimtab.api.kinds import Manifest
from trimtab.render.children import render_children
from trimtab.render.fetch import fetch_plan
from trimtab.render.pod import pod_template
from trimtab.render.settings import Serving, UnrenderableError

GPU, CPU, MOUNTED, LARGE, MEASURED = SAMPLES
POD = SETTINGS.pod


def with_source(source: dict[str, Any]) -> Serving:
    """Return a serving of a model from elsewhere."""
    return changed(serving_of(CPU), "model.source", source)


def pod_of(serving: Serving) -> Manifest:
    """Return the pod spec."""
    spec: Manifest = pod_template(serving, POD)["spec"]
    return spec


def test_credentials_reach_the_container_that_fetches_and_no_other() -> None:
    """By reference; Triton, which runs the model's code, has neither the Secret nor the other's files."""
    pod = pod_of(serving_of(LARGE))
    (fetch,) = pod["initContainers"]

    assert fetch["envFrom"] == [{"secretRef": {"name": "hugging-face"}}]
    assert "hugging-face" not in json.dumps(pod["containers"])
    assert "fetch-tmp" not in json.dumps(pod["containers"])


def test_the_plan_carries_what_the_administrator_allows() -> None:
    """A source that is downloaded is judged again where it is fetched; one that is mounted needs no such rules."""
    pod = POD.model_copy(update={"allow_private_addresses": True, "allowed_endpoints": ("minio.minio.svc:9000",)})

    downloaded, mounted = fetch_plan(serving_of(GPU), pod), fetch_plan(serving_of(MOUNTED), pod)

    assert downloaded.allow_private_addresses
    assert downloaded.allowed_endpoints == ("minio.minio.svc:9000",)
    assert not mounted.allow_private_addresses
    assert mounted.source.sub_path == "repository/ranker"


@pytest.mark.parametrize(
    ("disk", "largest"), [(None, DEFAULT_MAX_BYTES), ("20Gi", 20 << 30), ("1Ti", DEFAULT_MAX_BYTES), ("1m", 1)]
)
def test_no_model_is_fetched_that_its_pod_may_not_keep(disk: str | None, largest: int) -> None:
    """The kubelet would evict every pod that has it; no limit of the disk is none of the fetch's but its own."""
    serving = changed(serving_of(GPU), "serving.resources.limits", {"ephemeral-storage": disk} if disk else {})

    assert fetch_plan(serving, POD).limits.max_bytes == largest


def test_a_volume_of_the_users_own_is_mounted_read_only() -> None:
    """Both containers see it: what was fetched may be links to it."""
    serving = with_source({"persistentVolumeClaim": {"claimName": "models", "path": "churn/7"}})

    pod = pod_of(serving)

    assert pod["volumes"][-1] == {
        "name": "source",
        "persistentVolumeClaim": {"claimName": "models", "readOnly": True},
    }
    for container in (*pod["initContainers"], *pod["containers"]):
        assert {"name": "source", "mountPath": "/source", "readOnly": True} in container["volumeMounts"]
    (plan,) = (each["value"] for each in pod["initContainers"][0]["env"] if each["name"] == FETCH_PLAN_VARIABLE)
    assert json.loads(plan)["source"] == {"path": "/source", "subPath": "churn/7"}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"uri": "http://169.254.169.254/latest/model.onnx"}, "Metadata"),
        ({"uri": "http://2852039166/model.onnx"}, "169.254.169.254"),
        ({"uri": "https://10.0.0.7/model.onnx"}, "ask the administrator to allow 10.0.0.7:443"),
        ({"uri": "s3://models/a/../b"}, "'..'"),
        ({"uri": "https://models.example.com/a%2e%2e/m.onnx%2f%2e%2e"}, "percent-encoded"),
        ({"oci": {"image": "registry.example.com:99999999/model"}}, "registry"),
        ({"oci": {"image": "model", "path": "a" * 256}}, "at most 255 bytes"),
        ({"persistentVolumeClaim": {"claimName": "models", "path": "a/" + "b" * 256}}, "at most 255 bytes"),
        ({}, "exactly one of"),
        ({"uri": "s3://models/a", "persistentVolumeClaim": {"claimName": "models"}}, "exactly one of"),
    ],
)
def test_a_source_that_must_not_be_used_is_refused(source: dict[str, Any], words: str) -> None:
    """Also one that an older schema let in; the message says what, where and what next."""
    base = serving_of(CPU)
    model = base.spec.model.model_copy(update={"source": _unchecked(source)})
    serving = replace(base, spec=base.spec.model_copy(update={"model": model}))

    with pytest.raises(UnrenderableError, match=r"spec\.model\.source") as caught:
        render_children(serving, SETTINGS)

    assert words in str(caught.value)


def _unchecked(source: dict[str, Any]) -> ModelSource:
    """Return a source that no pattern was asked about."""
    oci, claim = source.get("oci"), source.get("persistentVolumeClaim")
    return ModelSource.model_construct(
        uri=source.get("uri"),
        oci=None if oci is None else OciSource.model_construct(image=oci["image"], path=oci.get("path")),
        persistent_volume_claim=None
        if claim is None
        else PersistentVolumeClaimSource.model_construct(claim_name=claim["claimName"], path=claim.get("path")),
    )


def test_a_source_that_the_administrator_allows_is_not_refused() -> None:
    """Also if it is private."""
    pod = POD.model_copy(update={"allowed_endpoints": ("minio.minio.svc:9000",)})
    serving = with_source({"uri": "http://minio.minio.svc:9000/models/churn.onnx"})

    assert render_children(serving, replace(SETTINGS, pod=pod))


def test_an_image_is_refused_where_the_cluster_cannot_mount_it() -> None:
    """The message says what else to use, and what to ask for."""
    with pytest.raises(UnrenderableError, match=r"needs image volumes.*use a uri or a persistentVolumeClaim"):
        render_children(serving_of(MOUNTED), replace(SETTINGS, image_volumes=False))
