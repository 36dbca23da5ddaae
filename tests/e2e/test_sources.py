"""Models come from real servers in the cluster; what goes wrong on the way is named, and what serves keeps serving."""

import itertools
from typing import Any

import pytest

from e2e import servers
from e2e.cluster import Cluster, Manifest, condition
from e2e.images import Images
from e2e.scene import SMALL, Scene
from operator_world import tell

ARCHIVE = f"{servers.WEB}/echo.tar.gz"
KEYS = {
    "store": {"AWS_ENDPOINT_URL": servers.STORE, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"},
    "hub": {"HF_ENDPOINT": servers.HUB, "HF_TOKEN": servers.HUB_TOKEN},
    "stranger": {"HF_ENDPOINT": servers.HUB, "HF_TOKEN": "hf_of-a-stranger"},
}
"""Credentials by the name of their Secret."""
VAST = {"source": {"uri": "hf://acme/vast"}, "credentialsSecretRef": {"name": "hub"}}
REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "DigestMismatch": ({"source": {"uri": ARCHIVE}, "digest": f"sha256:{'0' * 64}"}, "DigestMismatch"),
    "SourceNotFound": ({"source": {"uri": f"{servers.WEB}/nothing.tar.gz"}}, "SourceNotFound"),
    "CutOff": ({"source": {"uri": f"{servers.WEB}/half.tar.gz"}}, "half.tar.gz"),
    "CredentialsRefused": ({"source": {"uri": f"{servers.WEB}/private/echo.tar.gz"}}, "CredentialsRefused"),
    "TokenRefused": (
        {"source": {"uri": "hf://acme/echo"}, "credentialsSecretRef": {"name": "stranger"}},
        "CredentialsRefused",
    ),
    "DiskFull": (VAST, "DiskFull"),
    "AddressRefused": ({"source": {"uri": "http://kubernetes.default.svc:443/echo.tar.gz"}}, "kubernetes.default.svc"),
}
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def place(shared_scene: Scene, cluster: Cluster, images: Images) -> Scene:
    """Run the servers, with a pool and their keys beside them."""
    servers.start(cluster, images)
    shared_scene.pool()
    for name, keys in KEYS.items():
        about = {"name": name, "namespace": shared_scene.namespace}
        cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": about, "stringData": keys})
    return shared_scene


def _model(place: Scene, **model: Any) -> str:  # noqa: ANN401 - JSON
    name = f"model-{next(_numbers)}"
    place.model(name, {}, model=model)
    return name


@pytest.mark.parametrize(
    "model",
    [
        {"source": {"uri": ARCHIVE}},
        {"source": {"uri": "s3://models/echo"}, "credentialsSecretRef": {"name": "store"}},
        {"source": {"uri": "hf://acme/echo"}, "credentialsSecretRef": {"name": "hub"}},
        {"source": {"oci": {"image": "MODEL", "path": "echo"}}},
    ],
    ids=["http", "s3", "hf", "oci"],
)
def test_a_model_is_fetched_and_answers(place: Scene, model: dict[str, Any]) -> None:
    """From a web server as an archive, from a store and a hub as a folder, from an image as a volume."""
    if "oci" in model["source"]:  # its tag is known once it is built
        model = {"source": {"oci": {**model["source"]["oci"], "image": place.images.model}}}
    name = _model(place, **model)

    place.is_serving(name)

    report = place.call(place.load(name, rates=((5, 4),), target_ms=1000)).whole()
    assert report.total.answered == report.total.sent


@pytest.mark.parametrize("case", REFUSALS)
def test_what_goes_wrong_is_named(place: Scene, case: str) -> None:
    """The status has the cause in words, within seconds, and it is not that of a crash."""
    model, word = REFUSALS[case]
    name = _model(place, **model)

    place.until(lambda: word in _messages(place, name), f"a word of {word} from {name}")

    tell(f"{case}: {_messages(place, name)}")
    assert condition(place.get(name), "Ready")[0] == "False"


def test_a_model_that_its_pod_may_not_keep_is_not_fetched(place: Scene) -> None:
    """The kubelet would evict such a pod once a minute, for ever, each after it has served for a while."""
    name = f"model-{next(_numbers)}"
    resources = {"requests": SMALL, "limits": {"ephemeral-storage": "64Mi"}}
    place.model(name, {}, model=VAST, serving={"resources": resources})

    place.says(name, "Ready", "False", "ModelFetchFailed")

    tell(_messages(place, name))
    assert "TooLarge" in _messages(place, name)


@pytest.mark.parametrize(
    ("model", "word"),
    [({"source": {"uri": f"{servers.WEB}/nothing.tar.gz"}}, "nothing.tar.gz"), (VAST, "DiskFull")],
    ids=["missing", "too large for the disk"],
)
def test_what_serves_keeps_serving_when_its_new_version_cannot_be_had(
    place: Scene, model: dict[str, Any], word: str
) -> None:
    """What is wrong with the new one is told, it is tried again ever less often, and the old pod answers on."""
    name = _model(place, source={"uri": ARCHIVE})
    place.is_serving(name)
    before = place.serving(name)

    place.edit(name, model=model)

    place.until(lambda: word in _messages(place, name), f"{word} from {name}")
    place.until(lambda: any(map(_backs_off, place.pods(name))), f"a pod of {name} that backs off")
    tell(_messages(place, name))
    assert place.serving(name) == before
    assert condition(place.get(name), "Ready")[0] == "True"


def _backs_off(pod: Manifest) -> bool:
    """Tell whether the kubelet waits before it lets the pod's model be fetched again."""
    fetching = pod["status"].get("initContainerStatuses", ())
    return any(each["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff" for each in fetching)


def _messages(place: Scene, name: str) -> str:
    return " ".join(each["message"] for each in place.get(name).get("status", {}).get("conditions", ()))
