"""Models come from real servers in the cluster; what goes wrong on the way is named, and what serves keeps serving."""

import itertools
from typing import Any

import pytest

from e2e import servers
from e2e.cluster import Cluster, condition
from e2e.images import Images
from e2e.scene import Scene
from operator_world import tell

ARCHIVE = f"{servers.WEB}/echo.tar.gz"
KEYS = {"AWS_ENDPOINT_URL": servers.STORE, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "DigestMismatch": ({"source": {"uri": ARCHIVE}, "digest": f"sha256:{'0' * 64}"}, "DigestMismatch"),
    "SourceNotFound": ({"source": {"uri": f"{servers.WEB}/nothing.tar.gz"}}, "SourceNotFound"),
    "CutOff": ({"source": {"uri": f"{servers.WEB}/half.tar.gz"}}, "half.tar.gz"),
    "CredentialsRefused": ({"source": {"uri": f"{servers.WEB}/private/echo.tar.gz"}}, "CredentialsRefused"),
    "AddressRefused": ({"source": {"uri": "http://kubernetes.default.svc:443/echo.tar.gz"}}, "kubernetes.default.svc"),
}
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def place(shared_scene: Scene, cluster: Cluster, images: Images) -> Scene:
    """Run the servers, with a pool and the store's keys beside them."""
    servers.start(cluster, images)
    shared_scene.pool()
    about = {"name": "keys", "namespace": shared_scene.namespace}
    cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": about, "stringData": KEYS})
    return shared_scene


def _model(place: Scene, **model: Any) -> str:  # noqa: ANN401 - JSON
    name = f"model-{next(_numbers)}"
    place.model(name, {}, model=model)
    return name


@pytest.mark.parametrize(
    "model",
    [
        {"source": {"uri": ARCHIVE}},
        {"source": {"uri": "s3://models/echo"}, "credentialsSecretRef": {"name": "keys"}},
        {"source": {"oci": {"image": "MODEL", "path": "echo"}}},
    ],
    ids=["http", "s3", "oci"],
)
def test_a_model_is_fetched_and_answers(place: Scene, model: dict[str, Any]) -> None:
    """From a web server as an archive, from a store as a folder, from an image as a volume."""
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


def test_what_serves_keeps_serving_when_its_new_version_cannot_be_had(place: Scene) -> None:
    """A source that is not there is told, while the old pod answers on."""
    name = _model(place, source={"uri": ARCHIVE})
    place.is_serving(name)
    before = place.serving(name)

    place.edit(name, model={"source": {"uri": f"{servers.WEB}/nothing.tar.gz"}})

    place.until(lambda: "nothing.tar.gz" in _messages(place, name), "word of what is missing")
    assert place.serving(name) == before
    assert condition(place.get(name), "Ready")[0] == "True"


def _messages(place: Scene, name: str) -> str:
    return " ".join(each["message"] for each in place.get(name).get("status", {}).get("conditions", ()))
